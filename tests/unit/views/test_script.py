"""The script of a plan: what it says, and that nothing in it can end a quote or a comment."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.cmdlets.domain_controller import at_domain_controller
from reconciler.cmdlets.invocation import Answer, Invocation
from reconciler.plan.change import Action, Change, Plan
from reconciler.views.script import render_script, text_literal
from state.address import Address
from state.record import Learned, Recorded
from state.resources import Build
from state.values import CredentialReference, Deferred
from tests.situations import NOW, certificate

PUBLIC = Address.parse("certificate.EX1.public")
SENDER = Address.parse("send_connector.internet.tls_required")
NAME = Deferred(PUBLIC, "tls_certificate_name")
LITERAL = re.compile(r"'(?P<quoted>(?:[^']|'')*)'(?!')|\[char\]0x(?P<unit>[0-9A-F]{4})")
WHOLE = re.compile(r"'(?:[^']|'')*'|\(''(?: \+ (?:'(?:[^']|'')*'|\[char\]0x[0-9A-F]{4}))*\)")
EVIL = (
    "'; Remove-Item C:\\ -Recurse; '",
    "a\n'; Remove-Item C:\\; #",
    "\u2019; Remove-Item C:\\; \u2018",
    '$(Remove-Item C:\\) `n "x"',
    "#> Remove-Item C:\\ <#",
    "\r\nRemove-Item C:\\\r\n",
    "\x85Remove-Item\u2028Remove-Item",
)


def read_back(literal: str) -> str:
    """What PowerShell makes of a literal: a text in single quotes, or texts and characters added up."""
    assert WHOLE.fullmatch(literal), literal
    units = b""
    for found in LITERAL.finditer(literal):
        if found["unit"]:
            units += bytes.fromhex(found["unit"])
        else:
            units += found["quoted"].replace("''", "'").encode("utf-16-be")
    return units.decode("utf-16-be", "surrogatepass")


def of(*changes: Change, **values: Any) -> str:
    return render_script(Plan(organization="contoso", changes=changes, **values))


def change(*invocations: Invocation, address: Address = SENDER, **values: Any) -> Change:
    return Change(address=address, action=Action.UPDATE, invocations=invocations, **values)


def requested(server: str = "EX1", issuer: str = "house") -> Change:
    """A certificate from its request to its service."""
    return change(
        Invocation(server, "New-ExchangeCertificate", {"GenerateRequest": True, "SubjectName": "CN=a"}),
        Invocation(server, "Import-ExchangeCertificate", {"FileData": Deferred(PUBLIC, "certificate")}),
        Invocation(
            server,
            "Enable-ExchangeCertificate",
            {"Thumbprint": Deferred(PUBLIC, "thumbprint"), "Services": "SMTP"},
            (Answer("default_smtp", "no"),),
        ),
        address=PUBLIC,
        learned=Learned(PUBLIC, Recorded(certificate(issuer=issuer), True, NOW)),
    )


def commands(script: str) -> list[str]:
    """The lines that PowerShell would run."""
    return [line for line in script.splitlines() if line and not line.startswith("#")]


class TestAText:
    @given(
        st.text(alphabet=st.characters(exclude_categories=["Cs"]) | st.sampled_from("'\u2019\u201b`$\n\0"))
    )
    def test_is_read_back_as_it_is(self, text: str) -> None:
        literal = text_literal(text)
        assert re.fullmatch("[ -~]*", literal)
        assert not set("\u2018\u2019\u201a\u201b\n") & set(literal)
        assert read_back(literal) == text

    @pytest.mark.parametrize("text", [*EVIL, "M\u00fcnchen", "\U0001f512", "\ud800", ""], ids=repr)
    def test_stays_inside_its_quotes(self, text: str) -> None:
        assert read_back(text_literal(text)) == text

    def test_is_readable_where_it_can_be(self) -> None:
        assert text_literal("it's mail") == "'it''s mail'"
        assert text_literal("M\u00fcnchen") == "('' + 'M' + [char]0x00FC + 'nchen')"


class TestAScript:
    def test_of_nothing_runs_nothing(self) -> None:
        assert not commands(of())

    @pytest.mark.parametrize("text", EVIL, ids=repr)
    def test_runs_nothing_that_a_name_says(self, text: str) -> None:
        """Wherever strangers' text stands: addresses, reasons, servers, values, lists, issuers."""
        address = Address.of("send_connector", text)
        script = of(
            change(
                Invocation(text, "Set-SendConnector", {"Identity": text, "AddressSpaces": (text, text)}),
                Invocation(text, "Set-SendConnector", {"TlsCertificateName": Deferred(address, text)}),
                address=address,
                reason=text,
            ),
            requested(issuer=text),
        )
        for line in commands(script):
            without = re.sub(r"'(?:[^']|'')*'", "''", line)
            assert "Remove-Item" not in without, line
            assert "'" not in without.replace("''", "")
        assert script.isascii()

    def test_uses_what_a_command_before_gave(self) -> None:
        lines = commands(of(requested()))
        assert lines == [
            "$ErrorActionPreference = 'Stop'",
            "$request1 = New-ExchangeCertificate `",
            "    -GenerateRequest `",
            "    -SubjectName 'CN=a'",
            "Set-Content -Path 'certificate.EX1.public.req' -Value $request1 -Encoding Ascii",
            "Read-Host 'Press Enter when certificate.EX1.public.p7b is there' | Out-Null",
            "$certificate1 = Import-ExchangeCertificate `",
            "    -FileData ([System.IO.File]::ReadAllBytes("
            "(Resolve-Path 'certificate.EX1.public.p7b').ProviderPath))",
            "$thumbprint1 = $certificate1.Thumbprint",
            "$name1 = '<I>' + $certificate1.Issuer + '<S>' + $certificate1.Subject",
            "Write-Host 'certificate.EX1.public#tls_certificate_name:' $name1",
            "Enable-ExchangeCertificate `",
            "    -Thumbprint $thumbprint1 `",
            "    -Services 'SMTP'",
        ]

    def test_tells_what_to_answer_and_who_signs(self) -> None:
        script = of(requested())
        assert "# Exchange asks to replace the default SMTP certificate: answer No." in script
        assert 'The request goes to "house"' in script

    def test_asks_for_what_another_part_gave_where_it_is_not_there(self) -> None:
        """Parts for two servers may be run in two shells."""
        script = of(requested(), change(Invocation("EX2", "Set-SendConnector", {"TlsCertificateName": NAME})))
        assert "=== Part 2: EX2" in script
        assert (
            "if (-not $name1) { $name1 = Read-Host "
            "'certificate.EX1.public#tls_certificate_name, as an earlier part told it' }"
        ) in script

    def test_comes_back_to_a_server(self) -> None:
        one, two = (change(Invocation(name, "Set-SendConnector", {"Port": 25})) for name in ("EX1", "EX2"))
        assert re.findall(r"Part \d: (\w+)", of(one, two, one)) == ["EX1", "EX2", "EX1"]

    def test_keeps_to_one_domain_controller(self) -> None:
        asked = at_domain_controller(Invocation("EX1", "Set-SendConnector", {"Port": 25}), "contoso")
        lines = commands(of(change(asked, asked)))
        assert lines.count("    -DomainController $domainController1") == 2
        assert [line for line in lines if "OriginatingServer" in line] == [
            "if (-not $domainController1) { $domainController1 = (Get-OrganizationConfig).OriginatingServer }"
        ]

    def test_asks_for_credentials_and_names_none(self) -> None:
        secret = CredentialReference("command:vault read -token=hunter2")
        script = of(change(Invocation("EX1", "Set-SendConnector", {"AuthenticationCredential": secret})))
        assert "if (-not $credential1) { $credential1 = Get-Credential }" in script
        assert "-AuthenticationCredential $credential1" in script
        assert "hunter2" not in script

    @pytest.mark.parametrize(
        ("build", "is_early"),
        [
            (Build(15, 2, 2562, 17), False),
            (Build(15, 2, 1118, 7), False),
            (Build(15, 2, 986, 5), True),
            (Build(15, 1, 2375, 7), True),
            (Build(15, 0, 1497, 2), True),
            (Build(14, 3, 123, 4), False),
        ],
        ids=str,
    )
    def test_marks_the_file_parameters_of_early_builds(self, build: Build, is_early: bool) -> None:
        script = of(requested(), builds={"EX1": build})
        for parameter in ("-RequestFile", "-FileName"):
            assert (parameter in script) is is_early
            assert parameter not in "\n".join(commands(script))

    def test_names_the_build_of_each_part(self) -> None:
        script = of(requested(), builds={"EX1": Build(15, 2, 1748, 10)})
        assert "# === Part 1: EX1, Exchange 2019 CU15 (15.2.1748.10) ===" in script

    def test_has_every_item_of_a_list(self) -> None:
        """The text that people review is cut; a script must not be."""
        spaces = tuple(f"SMTP:partner{number}.example;1" for number in range(500))
        script = of(change(Invocation("EX1", "Set-SendConnector", {"AddressSpaces": spaces, "Port": 25})))
        assert all(f"'{space}'" in script for space in spaces)

    def test_gives_two_addresses_two_files(self) -> None:
        one, two = Address.of("certificate", "EX1", "a b"), Address.of("certificate", "EX1", "a+b")
        made = [
            change(Invocation("EX1", "New-ExchangeCertificate", {"GenerateRequest": True}), address=address)
            for address in (one, two)
        ]
        files = re.findall(r"-Path '([^']+)'", of(*made))
        assert len(set(files)) == 2


class TestAKeyThatGoesToAnotherServer:
    HERE = Address.parse("certificate.EX2.public")

    def journey(self, **on: str) -> Change:
        """From EX1 to EX2, which an Edge server would not name."""
        password = Deferred(self.HERE, "password")
        source = {"Server": "EX1"} if on else {}
        return change(
            Invocation(
                "EX1",
                "Export-ExchangeCertificate",
                {"Thumbprint": "A" * 40, "BinaryEncoded": True, "Password": password, **source},
            ),
            Invocation(
                "EX2",
                "Import-ExchangeCertificate",
                {"FileData": Deferred(PUBLIC, "pkcs12"), "Password": password, **on},
            ),
            address=self.HERE,
            learned=Learned(self.HERE, Recorded(certificate(), True, NOW)),
        )

    def test_is_in_no_file_where_one_shell_can_do_both(self) -> None:
        script = of(self.journey(Server="EX2"))
        assert commands(script)[1:8] == [
            "if (-not $password1) { $password1 = Read-Host -AsSecureString "
            "'certificate.EX2.public#password, a long one of your own choice' }",
            "$exported1 = Export-ExchangeCertificate `",
            f"    -Thumbprint '{'A' * 40}' `",
            "    -BinaryEncoded `",
            "    -Password $password1 `",
            "    -Server 'EX1'",
            "$certificate1 = Import-ExchangeCertificate `",
        ]
        assert "    -FileData $exported1.FileData `" in script
        assert "Part 2" not in script
        assert "Set-Content" not in script

    def test_is_carried_by_hand_where_a_server_knows_only_itself(self) -> None:
        script = of(self.journey())
        assert "# === Part 2: EX2" in script
        assert (
            "Set-Content -Path 'certificate.EX2.public.pfx' -Value $exported1.FileData -Encoding Byte"
            in script
        )
        assert (
            "-FileData ([System.IO.File]::ReadAllBytes((Resolve-Path 'certificate.EX2.public.pfx')" in script
        )
        assert "delete it on both" in script.replace("\n# ", " ")
        assert script.count("Read-Host -AsSecureString") == 2
        assert "Write-Host 'certificate.EX2.public#password" not in script


class TestAKeyThatIsUsedAgain:
    def test_is_kept_in_a_file_for_its_request_and_comes_back_in_another(self) -> None:
        password = Deferred(PUBLIC, "password")
        export = {"Thumbprint": "A" * 40, "BinaryEncoded": True, "Password": password, "Server": "EX1"}
        script = of(
            change(
                Invocation("EX1", "Export-ExchangeCertificate", export),
                Invocation(
                    "EX1",
                    "Import-ExchangeCertificate",
                    {"FileData": Deferred(PUBLIC, "renewed"), "Password": password, "Server": "EX1"},
                ),
                address=PUBLIC,
                learned=Learned(PUBLIC, Recorded(certificate(), True, NOW)),
            )
        )
        file = f"{PUBLIC}.pfx"
        assert f"Set-Content -Path '{file}' -Value $exported1.FileData -Encoding Byte" in script
        assert f"(Resolve-Path '{PUBLIC}-renewed.pfx')" in script
        assert "delete both files when it is imported" in script.replace("\n# ", " ")
