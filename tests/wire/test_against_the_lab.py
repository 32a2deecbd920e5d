"""Sessions with the lab, which was written without knowing our reader: two readings of one protocol meet."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.cmdlets.invocation import Answer
from reconciler.exchange.clixml import Object, Primitive
from reconciler.exchange.errors import (
    AuthenticationFailed,
    CmdletFailed,
    CmdletMissing,
    UnexpectedPrompt,
    UntrustedCertificate,
    WrongEndpoint,
)
from reconciler.exchange.port import Command, Connection, Credential, Endpoint, Timeouts, Value
from reconciler.exchange.refresh import read_edge_server, read_first
from reconciler.exchange.session import Sessions
from reconciler.lab.control import ThreadedLab, open_threaded
from state.resources import SendConnector
from state.snapshot import LiveServer
from state.values import UNKNOWN, AddressSpace, Name
from tests.rules import rule

FLOOR = 5
"""Open 2, pipeline 2, close 1."""

Lab = tuple[ThreadedLab, Path]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("lab")
    with open_threaded(folder, servers=2, edges=1) as running:
        yield running, folder


def connections(folder: Path, file: str = "connections.yaml") -> dict[str, Connection]:
    found = {}
    for name, declared in json.loads((folder / file).read_text())["servers"].items():
        user, _, password = (folder / declared["credential"].removeprefix("file:")).read_text().partition(":")
        found[name] = Connection(
            name,
            declared["url"],
            Endpoint(declared["endpoint"]),
            user,
            password.strip(),
            folder / declared["ca"],
            Timeouts(connect=5, read=20, operation=10, invocation=30),
        )
    return found


def read(connection: Connection) -> LiveServer:
    edge = connection.endpoint is Endpoint.WINRM
    with Sessions().reader(connection) as reader:
        name = Name(connection.server)
        return read_edge_server(reader, name) if edge else read_first(reader, name)[1]


def listings(live: LiveServer) -> list[tuple[int, object]]:
    lists = (
        live.server,
        live.certificates,
        live.send_connectors,
        live.receive_connectors,
        live.accepted_domains,
    )
    return [(len(found.objects), found.unreadable) for found in lists]


class TestReadingAServer:
    @pytest.mark.parametrize("name", ["MBX1", "MBX2", "EDGE1"])
    def test_takes_the_fewest_requests_there_can_be(self, lab: Lab, name: str) -> None:
        running, folder = lab
        before = running.status()["requests"][name]
        read(connections(folder)[name])
        assert running.status()["requests"][name] - before == FLOOR

    def test_gives_every_list(self, lab: Lab) -> None:
        live = read(connections(lab[1])["MBX1"])
        assert [unreadable for _, unreadable in listings(live)] == [None] * 5
        assert [str(found.name) for found in live.server.objects] == ["MBX1"]
        assert {str(found.server) for found in live.receive_connectors.objects} == {"MBX1"}
        assert live.unread == ()

    def test_gives_certificates_with_their_services(self, lab: Lab) -> None:
        live = read(connections(lab[1])["MBX1"])
        (own,) = [found for found in live.certificates.objects if found.subject == "CN=MBX1"]
        assert own.services == frozenset({"IMAP", "POP", "IIS", "SMTP"})
        assert (own.status, own.has_private_key, own.exportable) == ("Valid", True, False)

    @rule("5-1")
    def test_of_an_edge_server_leaves_unknown_what_it_does_not_tell(self, lab: Lab) -> None:
        """[5-1]: nobody has seen what a certificate's services look like there."""
        live = read(connections(lab[1])["EDGE1"])
        assert [unreadable for _, unreadable in listings(live)] == [None] * 5
        assert live.certificates.objects[0].services is UNKNOWN
        assert live.certificates.objects[0].thumbprint is not UNKNOWN

    def test_needs_no_more_than_get(self, lab: Lab) -> None:
        """The plan's account has a role that hides every other cmdlet."""
        viewer = connections(lab[1], "connections-viewer.yaml")["MBX1"]
        assert listings(read(viewer)) == listings(read(connections(lab[1])["MBX1"]))

    def test_sends_nothing_that_changes_anything(self, lab: Lab) -> None:
        running, folder = lab
        before = len(running.status()["cmdlets"])
        for connection in connections(folder).values():
            read(connection)
        received = running.status()["cmdlets"][before:]
        assert received
        assert not [found for found in received if found["mutating"]]

    def test_runs_in_threads_without_a_shell_too_many(self, lab: Lab) -> None:
        running, folder = lab
        with ThreadPoolExecutor(6) as threads:
            lives = list(threads.map(read, [*connections(folder).values()] * 2))
        assert all(live.server.unreadable is None for live in lives)
        assert set(running.status()["shells_open"].values()) == {0}


class TestChangingAServer:
    def test_is_seen_by_the_next_reading(self, lab: Lab) -> None:
        connection = connections(lab[1])["MBX1"]
        with Sessions().writer(connection) as writer:
            outcome = writer.run(
                Command(
                    "New-SendConnector",
                    {
                        "Name": "To partners",
                        "AddressSpaces": ("fabrikam.com", "SMTP:contoso.net;5"),
                        "SourceTransportServers": ("MBX1",),
                        "RequireTLS": True,
                        "TlsAuthLevel": "CertificateValidation",
                        "Comment": 'a "quoted" $text; _x0041_ ü',
                    },
                )
            )
            assert isinstance(outcome.outputs[0], Object)
            assert outcome.outputs[0].to_string == "To partners"
            made = self.connector(connection)
            assert made.address_spaces == frozenset(
                {AddressSpace("fabrikam.com"), AddressSpace("contoso.net", 5)}
            )
            assert made.comment == 'a "quoted" $text; _x0041_ ü'
            assert made.tls_auth_level == "CertificateValidation"
            writer.run(
                Command(
                    "Set-SendConnector",
                    {"Identity": "To partners", "TlsAuthLevel": None, "RequireTLS": False},
                )
            )
            assert self.connector(connection).tls_auth_level is None
            writer.run(Command("Remove-SendConnector", {"Identity": "To partners", "Confirm": False}))
        assert read(connection).send_connectors.objects == ()

    def connector(self, connection: Connection) -> SendConnector:
        (found,) = read(connection).send_connectors.objects
        return found

    def test_that_exchange_refuses_is_told_by_its_facts(self, lab: Lab) -> None:
        with Sessions().writer(connections(lab[1])["MBX1"]) as writer:
            with pytest.raises(CmdletFailed) as caught:
                writer.run(Command("Set-SendConnector", {"Identity": "nobody", "Port": 26}))
            assert caught.value.record.activity == "Set-SendConnector"
            assert caught.value.record.reason == "ManagementObjectNotFoundException"
            assert caught.value.record.fully_qualified_id.endswith("SetSendConnector")
            with pytest.raises(CmdletFailed) as caught:
                writer.run(Command("Set-SendConnector", {"Identity": "nobody", "NoSuchParameter": 26}))
            assert caught.value.record.fully_qualified_id.startswith("NamedParameterNotFound")

    def test_with_a_reader_s_account_finds_no_cmdlet(self, lab: Lab) -> None:
        viewer = connections(lab[1], "connections-viewer.yaml")["MBX1"]
        with Sessions().writer(viewer) as writer, pytest.raises(CmdletMissing):
            writer.run(Command("Set-SendConnector", {"Identity": "nobody", "Port": 26}))

    @rule("1-9")
    def test_that_asks_for_confirmation_is_stopped(self, lab: Lab) -> None:
        """Remove-* asks unless -Confirm:$false [1-9]; nothing is removed by not answering."""
        with Sessions().writer(connections(lab[1])["MBX2"]) as writer:
            writer.run(
                Command(
                    "New-SendConnector", {"Name": "Kept", "AddressSpaces": ("a.example",), "Custom": True}
                )
            )
            with pytest.raises(UnexpectedPrompt):
                writer.run(Command("Remove-SendConnector", {"Identity": "Kept"}))
            writer.run(Command("Set-SendConnector", {"Identity": "Kept", "Port": 26}))
            writer.run(Command("Remove-SendConnector", {"Identity": "Kept", "Confirm": False}))

    def test_on_an_edge_server_works_the_same(self, lab: Lab) -> None:
        connection = connections(lab[1])["EDGE1"]
        with Sessions().writer(connection) as writer:
            writer.run(
                Command("New-SendConnector", {"Name": "Out", "AddressSpaces": ("*",), "Internet": True})
            )
            writer.run(Command("Set-SendConnector", {"Identity": "Out", "Port": 26}))
            (made,) = read(connection).send_connectors.objects
            assert made.port == 26
            writer.run(Command("Remove-SendConnector", {"Identity": "Out", "Confirm": False}))

    def test_may_carry_a_password(self, lab: Lab) -> None:
        """It travels under the session key, and the lab's own record masks it."""
        running, folder = lab
        secret = Credential("relay", "correct horse")
        with Sessions().writer(connections(folder)["MBX1"]) as writer:
            writer.run(
                Command(
                    "New-SendConnector",
                    {
                        "Name": "Relay",
                        "AddressSpaces": ("*",),
                        "SmartHosts": ("relay.example",),
                        "DNSRoutingEnabled": False,
                        "SmartHostAuthMechanism": "BasicAuthRequireTLS",
                        "AuthenticationCredential": secret,
                    },
                )
            )
            writer.run(Command("Remove-SendConnector", {"Identity": "Relay", "Confirm": False}))
        (sent,) = [c for c in running.status()["cmdlets"] if c["parameters"].get("Name") == "Relay"]
        assert "secret" in json.dumps(sent["parameters"]["AuthenticationCredential"])
        assert "correct horse" not in json.dumps(running.status())


class TestTheDefaultSmtpCertificate:
    NO = Answer("default_smtp", "no")

    def certificate(self, connection: Connection) -> str:
        """Make a self-signed one for no service; gives its thumbprint."""
        with Sessions().writer(connection) as writer:
            outcome = writer.run(
                Command(
                    "New-ExchangeCertificate",
                    {"SubjectName": "CN=extra.example", "DomainName": ("extra.example",), "Services": "None"},
                )
            )
        (made,) = outcome.outputs
        assert isinstance(made, Object)
        return next(
            str(found.thumbprint)
            for found in read(connection).certificates.objects
            if found.subject == "CN=extra.example"
        )

    @rule("2.3-3")
    def test_is_kept_by_answering_no(self, lab: Lab) -> None:
        """[2.3-3]: there is no switch for it; -Force would mean yes."""
        connection = connections(lab[1])["MBX2"]
        enable: dict[str, Value] = {"Thumbprint": self.certificate(connection), "Services": "SMTP"}
        with Sessions().writer(connection) as writer:
            with pytest.raises(UnexpectedPrompt):
                writer.run(Command("Enable-ExchangeCertificate", enable))
            outcome = writer.run(Command("Enable-ExchangeCertificate", enable, (self.NO,)))
        assert outcome.answered == (self.NO,)


class TestARequest:
    def test_is_text_or_bytes(self, lab: Lab) -> None:
        request: dict[str, Value] = {
            "GenerateRequest": True,
            "SubjectName": "CN=mail.example",
            "DomainName": ("mail.example",),
        }
        with Sessions().writer(connections(lab[1])["MBX1"]) as writer:
            (text,) = writer.run(Command("New-ExchangeCertificate", request)).outputs
            assert isinstance(text, Primitive)
            assert "CERTIFICATE REQUEST" in text.text
            (made,) = writer.run(
                Command("New-ExchangeCertificate", {**request, "BinaryEncoded": True})
            ).outputs
            assert isinstance(made, Object)
            data = made.get("FileData")
            assert isinstance(data, Primitive)
            assert isinstance(data.value, bytes)
            assert data.value.startswith(b"\x30\x82")


class TestAConnection:
    def test_with_a_wrong_password_is_told_so(self, lab: Lab) -> None:
        with pytest.raises(AuthenticationFailed) as caught:
            read(replace(connections(lab[1])["MBX1"], password="wrong"))
        assert caught.value.offered == ("Negotiate", "NTLM", "Basic")

    def test_with_the_public_roots_does_not_trust_the_lab(self, lab: Lab) -> None:
        with pytest.raises(UntrustedCertificate):
            read(replace(connections(lab[1])["MBX1"], ca=None))

    def test_with_a_wrong_path_is_told_so(self, lab: Lab) -> None:
        connection = connections(lab[1])["MBX1"]
        with pytest.raises(WrongEndpoint):
            read(replace(connection, url=connection.url.replace("/PowerShell/", "/owa/")))

    def test_with_the_wrong_configuration_is_told_so(self, lab: Lab) -> None:
        """A Mailbox server asked for Windows' own PowerShell, and the other way round."""
        with pytest.raises(WrongEndpoint):
            read(replace(connections(lab[1])["EDGE1"], endpoint=Endpoint.EXCHANGE))


@rule("5-6")
def test_a_real_connector_is_read_whole_over_the_wire(tmp_path: Path) -> None:
    """The export of a real organization, played back: pypsrp alone loses this object [5-6]."""
    for corpus in filter(None, [os.environ.get("EXCHANGE_CORPUS")]):
        with open_threaded(tmp_path / "lab", edges=0, from_clixml=Path(corpus)):
            lives = [read(connection) for connection in connections(tmp_path / "lab").values()]
        for live in lives:
            assert [str(found.name) for found in live.send_connectors.objects] == ["Mail to O365"]
            thumbprints = {str(found.thumbprint) for found in live.certificates.objects}
            assert {each.object for each in live.unread} <= thumbprints
        assert sorted(len(live.certificates.objects) for live in lives) == [0, 3, 14]
        assert sorted(len(live.receive_connectors.objects) for live in lives)[-1] == 3
