"""Objects as they are not shown by a full session of today's build, and what a role hides."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from reconciler.lab.appearance import HidesRule, ShowsRule, view_of
from reconciler.lab.call import Look, View
from reconciler.lab.exchange.certificate_blob import read_facts
from reconciler.lab.exchange.clixml import Collection, Obj, Scalar, text_of, texts_of
from tests.lab.exchange.conftest import Lab, Result
from tests.rules import rule

NewLab = Callable[..., Lab]


@pytest.fixture
def lab(new_lab: NewLab) -> Lab:
    """One Mailbox server with a send connector to two addresses."""
    made = new_lab(edges=1)
    made.run(
        "New-SendConnector",
        Name="Out",
        AddressSpaces=["a.example", "b.example;7"],
        SmartHosts=["192.0.2.1", "2001:db8::1", "relay.example"],
        DNSRoutingEnabled=False,
    )
    return made


def seen(lab: Lab, cmdlet: str, view: View, on: str = "MBX1", **named: Any) -> Result:
    """Run a cmdlet in the sight of somebody."""
    real = lab.exchange.run
    lab.exchange.run = lambda call: real(replace(call, view=view))
    try:
        return lab.run(cmdlet, on=on, endpoint="winrm" if on == "EDGE1" else "exchange", **named)
    finally:
        lab.exchange.run = real


def looking(*looks: Look) -> View:
    return View(looks=frozenset(looks))


def connector(lab: Lab, *looks: Look) -> Obj:
    return seen(lab, "Get-SendConnector", looking(*looks)).one


def blob_of(value: object) -> bytes | None:
    assert isinstance(value, Obj)
    found = (value.notes or {}).get("SerializationData")
    return b64decode(found.text) if isinstance(found, Scalar) else None


class TestCertificates:
    @rule("6.1-1")
    @pytest.mark.parametrize(
        "look",
        [Look.NO_SERIALIZATION_DATA, Look.MISSING_AUTH_CERTIFICATE, Look.EXPIRED_AUTH_CERTIFICATE],
    )
    def test_have_raw_data_alone(self, lab: Lab, look: Look) -> None:
        found = seen(lab, "Get-ExchangeCertificate", looking(look)).objects
        assert found
        for each in found:
            assert isinstance(each, Obj)
            assert list(each.properties or {}) == ["RawData"]
            assert blob_of(each) is None

    @pytest.mark.parametrize(
        ("look", "lists_it"), [(Look.MISSING_AUTH_CERTIFICATE, False), (Look.EXPIRED_AUTH_CERTIFICATE, True)]
    )
    def test_may_lack_the_one_that_get_auth_config_names(self, lab: Lab, look: Look, lists_it: bool) -> None:
        named = seen(lab, "Get-AuthConfig", looking(look))["CurrentCertificateThumbprint"]
        texts = [
            each.text or ""
            for each in seen(lab, "Get-ExchangeCertificate", looking(look)).objects
            if isinstance(each, Obj)
        ]
        assert any(str(named) in text for text in texts) is lists_it
        assert named != lab.run("Get-AuthConfig")["CurrentCertificateThumbprint"] or not lists_it

    @rule("6.2-2")
    @pytest.mark.parametrize(("look", "is_signed"), [(Look.SIGNED, True), (Look.UNSIGNED, False)])
    @pytest.mark.parametrize("build", ["2016-cu22", "SE"])
    def test_are_signed_or_not(self, new_lab: NewLab, look: Look, is_signed: bool, build: str) -> None:
        lab = new_lab(build=build)
        for each in seen(lab, "Get-ExchangeCertificate", looking(look)).objects:
            blob = blob_of(each)
            assert blob is not None
            assert blob.startswith(b"#sig#") is is_signed
            assert read_facts(blob).status == 1

    @rule("6.4-2")
    def test_have_numbers_that_nobody_knows(self, lab: Lab) -> None:
        found = seen(lab, "Get-ExchangeCertificate", looking(Look.UNKNOWN_NUMBERS)).objects
        for each in found:
            facts = read_facts(blob_of(each) or b"")
            assert facts.status > 100
            assert facts.root_ca_type > 100
            assert facts.services > 1 << 19


class TestAConnector:
    @rule("6.1-5")
    def test_is_made_of_texts(self, lab: Lab) -> None:
        shown = connector(lab, Look.PLAIN_VALUES)
        assert (shown.properties or {})["MaxMessageSize"] == Scalar("S", "35 MB (36,700,160 bytes)")
        assert blob_of(shown) is None

    def test_may_have_lists_as_one_text(self, lab: Lab) -> None:
        spaces = (connector(lab, Look.JOINED_LISTS).properties or {})["AddressSpaces"]
        assert spaces == Scalar("S", "SMTP:a.example;1, SMTP:b.example;7")

    def test_may_print_types_instead_of_values(self, lab: Lab) -> None:
        properties = connector(lab, Look.TYPE_NAMES).properties or {}
        assert (text_of(properties["AddressSpaces"]) or "").startswith("Microsoft.Exchange.Data.MultiValued")
        assert text_of(properties["Name"]) == "Out"

    def test_has_enum_values_without_a_text(self, lab: Lab) -> None:
        level = (connector(lab, Look.NUMBERS).properties or {})["ProtocolLoggingLevel"]
        assert isinstance(level, Obj)
        assert (level.text, level.body) == (None, Scalar("I32", "0"))

    def test_has_enum_values_that_nobody_knows(self, lab: Lab) -> None:
        assert (
            text_of((connector(lab, Look.UNKNOWN_NUMBERS).properties or {})["ProtocolLoggingLevel"]) == "1000"
        )

    @rule("3-9")
    @pytest.mark.parametrize(
        ("look", "hosts"),
        [
            (Look.BRACKETED_SMART_HOSTS, ("[192.0.2.1]", "[2001:db8::1]", "relay.example")),
            (Look.BARE_SMART_HOSTS, ("192.0.2.1", "2001:db8::1", "relay.example")),
        ],
    )
    def test_has_addresses_in_brackets_or_not(self, lab: Lab, look: Look, hosts: tuple[str, ...]) -> None:
        properties = connector(lab, look).properties or {}
        assert texts_of(properties["SmartHosts"]) == hosts
        assert text_of(properties["SmartHostsString"]) == ",".join(hosts)

    def test_may_lack_properties(self, lab: Lab) -> None:
        shown = seen(lab, "Get-SendConnector", View(missing=frozenset({"comment", "serializationdata"}))).one
        assert "Comment" not in (shown.properties or {})
        assert "Name" in (shown.properties or {})
        assert blob_of(shown) is None

    def test_may_hold_something_else(self, lab: Lab) -> None:
        spaces = seen(lab, "Get-SendConnector", View(mistyped=frozenset({"addressspaces"}))).one.properties
        shown = (spaces or {})["AddressSpaces"]
        assert isinstance(shown, Obj)
        assert not isinstance(shown.body, Collection)
        assert text_of(shown) is None

    def test_is_itself_again_for_the_next_one(self, lab: Lab) -> None:
        """What is written is kept; nobody gets what another one saw."""
        before = lab.run("Get-SendConnector").xml
        assert seen(lab, "Get-SendConnector", looking(Look.PLAIN_VALUES)).xml != before
        assert lab.run("Get-SendConnector").xml == before


LANGUAGES = {Look.GERMAN: "Der Vorgang", Look.JAPANESE: "操作を実行", Look.MOJIBAKE: "\x91\x80\x8d\xec"}


class TestAnError:
    @pytest.mark.parametrize("look", LANGUAGES)
    @pytest.mark.parametrize(
        ("cmdlet", "named"),
        [
            ("Set-SendConnector", {"Identity": "Nobody", "Port": 26}),
            ("Set-SendConnector", {"Identity": "Out", "Wrong": 1}),
            ("Get-Nothing", {}),
        ],
    )
    def test_differs_by_its_words_alone(
        self, lab: Lab, look: Look, cmdlet: str, named: dict[str, Any]
    ) -> None:
        """Id, category, type and target are the same in every language; a name in the message as well."""
        english, told = lab.run(cmdlet, **named).error, seen(lab, cmdlet, looking(look), **named).error
        assert LANGUAGES[look] in told.message
        assert told.fully_qualified_id.rpartition("]")[2] == english.fully_qualified_id.rpartition("]")[2]
        assert replace(told, message="", fully_qualified_id="") == replace(
            english, message="", fully_qualified_id=""
        )

    def test_may_be_a_question(self, lab: Lab) -> None:
        result = seen(lab, "Remove-SendConnector", looking(Look.GERMAN), Identity="Out", answer=2)
        (prompt,) = result.prompts
        assert [label for label, _ in prompt.choices] == ["&Ja", "Ja, &alle", "&Nein", "Nein, &keine"]
        assert lab.run("Get-SendConnector").objects


class TestARole:
    @rule("5-4")
    def test_hides_a_cmdlet_as_if_it_were_not_there(self, lab: Lab) -> None:
        told = seen(lab, "Get-SendConnector", View(is_hidden=True)).error
        assert told.fully_qualified_id == lab.run("Get-Nothing").error_id

    @rule("5-4")
    def test_hides_a_parameter_as_if_it_were_not_there(self, lab: Lab) -> None:
        """Whatever the casing of the rule; the other parameters stay."""
        view = View(hidden=frozenset({"TLSCertificateName"}))
        told = seen(lab, "Set-SendConnector", view, Identity="Out", TlsCertificateName=None)
        assert told.error_id.startswith("NamedParameterNotFound,")
        assert not seen(lab, "Set-SendConnector", view, Identity="Out", Port=27).errors


class TestRules:
    def view(self, *rules: ShowsRule | HidesRule, **given: Any) -> View:
        asked = {"server": "MBX1", "account": "admin", "cmdlet": "Get-SendConnector", "has_roles": True}
        return view_of(rules, **{**asked, **given})

    def test_are_for_a_server_and_a_cmdlet(self) -> None:
        one = ShowsRule(server="mbx1", shows=Look.PLAIN_VALUES, cmdlet="get-sendconnector")
        assert self.view(one).looks == {Look.PLAIN_VALUES}
        assert self.view(one, server="MBX2") == View()
        assert self.view(one, cmdlet="Get-ReceiveConnector") == View()

    def test_add_up(self) -> None:
        missing = ShowsRule(shows=Look.MISSING, properties=("Guid",))
        mistyped = ShowsRule(shows=Look.MISTYPED, properties=("Comment", "Port"))
        hides = HidesRule(hides="Get-SendConnector -DomainController")
        seen = self.view(missing, mistyped, hides)
        assert (seen.missing, seen.mistyped) == ({"guid"}, {"comment", "port"})
        assert (seen.hidden, seen.is_hidden) == ({"DomainController"}, False)

    def test_are_for_an_account(self) -> None:
        viewers = HidesRule(hides="Get-SendConnector", account="viewer")
        assert not self.view(viewers).is_hidden
        assert self.view(viewers, account="viewer").is_hidden

    def test_hide_nothing_on_an_edge_server(self) -> None:
        """It knows no roles [5-1]."""
        assert self.view(HidesRule(hides="Get-SendConnector"), has_roles=False) == View()

    @pytest.mark.parametrize(
        "wrong",
        [
            {"shows": "missing"},
            {"shows": "signed", "properties": ["Guid"]},
            {"shows": "nonsense"},
            {"hides": "everything"},
            {"hides": "Get-X", "account": "somebody"},
        ],
    )
    def test_that_make_no_sense_are_refused(self, wrong: dict[str, Any]) -> None:
        kind = ShowsRule if "shows" in wrong else HidesRule
        with pytest.raises(ValidationError):
            kind.model_validate(wrong)
