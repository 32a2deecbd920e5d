"""Kinds, sets and groups: what becomes of them as resources."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Protocol

import pytest

from reconciler.config import Desired, Loaded, load
from state.address import Address
from state.resources import Certificate, ReceiveConnector, SendConnector
from state.resources.attribute import ADDRESS_SPACE, SetOf
from state.values import (
    UNSET,
    AddressSpace,
    ByteSize,
    CredentialReference,
    Deferred,
    DomainPattern,
    Fqdn,
    IpAddress,
    Name,
    SmartHost,
)
from tests.rules import rule

HEAD = """
version: 1
organization: contoso
issuers: {house: {type: local, certificate: ca.pem, key: ca.key}}
partners:
  trusted: [fabrikam.com, "*.adatum.com"]
  hosted:
    - {domain: woodgrovebank.com, tls_auth_level: DomainValidation, tls_domain: mail.protection.outlook.com}
    - {domain: relayed.example, via: {smart_hosts: [relay2.example, relay1.example]}}
servers:
  EX1: {role: mailbox}
  EX2: {role: mailbox}
"""


class Loader(Protocol):
    """Loads the head of a file with more below it."""

    def __call__(self, text: str, head: str = HEAD) -> Loaded: ...


@pytest.fixture(name="load_text")
def _load_text(tmp_path: Path) -> Loader:
    def load_text(text: str, head: str = HEAD) -> Loaded:
        file = tmp_path / "tls.yaml"
        file.write_text(head + text)
        return load(file, today=date(2026, 7, 1))

    return load_text


def desired(outcome: Loaded) -> Desired:
    assert outcome.desired is not None, outcome.diagnostics
    return outcome.desired


def sent(outcome: Loaded) -> Mapping[str, SendConnector]:
    return {str(address): connector for address, connector in desired(outcome).snapshot.of(SendConnector)}


def declared(connector: SendConnector) -> dict[str, object]:
    return {attribute.name: value for attribute, value in connector.declared()}


class TestTheKinds:
    SET = "send_connectors: {internet: {servers: [EX1, ex2], %s}}"

    def test_tls_required_declares_encryption(self, load_text: Loader) -> None:
        """RequireTLS and nothing that Exchange would refuse beside it."""
        outcome = load_text(self.SET % "tls_required: {to: trusted, cost: 5}")
        assert declared(sent(outcome)["send_connector.internet.tls_required"]) == {
            "name": Name("internet TLS required"),
            "address_spaces": frozenset({AddressSpace("fabrikam.com", 5), AddressSpace("*.adatum.com", 5)}),
            "source_transport_servers": frozenset({Name("EX1"), Name("EX2")}),
            "require_tls": True,
            "ignore_starttls": False,
            "declared_in": "internet",
            "role": "tls_required",
            "home": (Name("EX1"), Name("EX2")),
            "local": False,
        }

    @rule("3-12")
    def test_tls_never_declares_none(self, load_text: Loader) -> None:
        """TlsAuthLevel is cleared: Exchange refuses it without TLS [3-12]."""
        connector = sent(load_text(self.SET % "tls_never: {to: [old.example]}"))[
            "send_connector.internet.tls_never"
        ]
        assert (connector.require_tls, connector.ignore_starttls) == (False, True)
        assert connector.tls_auth_level is None
        assert connector.tls_domain is UNSET

    def test_opportunistic_is_for_everybody_unless_it_says_otherwise(self, load_text: Loader) -> None:
        """Its address space is the asterisk, which is nobody's accepted domain."""
        outcome = load_text(self.SET % "opportunistic: {}")
        connector = sent(outcome)["send_connector.internet.opportunistic"]
        assert connector.address_spaces == frozenset({AddressSpace("*")})
        assert (connector.require_tls, connector.ignore_starttls) == (False, False)
        assert connector.tls_auth_level is None
        assert not desired(outcome).partners

    def test_take_their_friendly_keys(self, load_text: Loader) -> None:
        """Each key is one attribute of Exchange; what is left out stays UNSET."""
        keys = (
            "tls_required: {to: trusted, scoped: false, frontend_proxy: true, max_message_size: 35 MB, "
            "enabled: true, protocol_logging: verbose, external_dns: false, "
            "fqdn: mail.contoso.com, comment: Partners, connection_inactivity_timeout: 00:05:00, "
            "error_policies: [Default], name: 'Partners of {set}'}"
        )
        connector = sent(load_text(self.SET % keys))["send_connector.internet.tls_required"]
        assert connector.is_scoped_connector is False
        assert connector.frontend_proxy_enabled is True
        assert connector.max_message_size == ByteSize(35 * 1024**2)
        assert connector.protocol_logging_level == "Verbose"
        assert connector.use_external_dns_servers_enabled is False
        assert connector.fqdn == Fqdn("mail.contoso.com")
        assert connector.comment == "Partners"
        assert connector.connection_inactivity_timeout == timedelta(minutes=5)
        assert connector.error_policies == frozenset()
        assert str(connector.name) == "Partners of internet"
        assert connector.port is UNSET
        assert connector.dns_routing_enabled is UNSET

    @rule("3-8")
    def test_route_by_dns_or_through_smart_hosts(self, load_text: Loader) -> None:
        """One key declares what Exchange wants on one command line [3-8]."""
        outcome = load_text(
            self.SET % "tls_required: {to: trusted, via: {smart_hosts: [a.example, 192.0.2.1], "
            "auth: BasicAuthRequireTLS, credential: 'env:RELAY'}}, tls_never: {to: [old.example], via: dns}"
        )
        relayed = sent(outcome)["send_connector.internet.tls_required"]
        assert relayed.dns_routing_enabled is False
        assert relayed.smart_hosts == frozenset({SmartHost("a.example"), SmartHost("192.0.2.1")})
        assert relayed.smart_host_auth_mechanism == "BasicAuthRequireTLS"
        assert relayed.authentication_credential == CredentialReference("env:RELAY")
        assert desired(outcome).credentials == {"env:RELAY": desired(outcome).path.parent}
        routed = sent(outcome)["send_connector.internet.tls_never"]
        assert (routed.dns_routing_enabled, routed.smart_hosts) == (True, UNSET)

    def test_null_is_a_value(self, load_text: Loader) -> None:
        """Cleared is not the same as not declared."""
        connector = sent(
            load_text(self.SET % "tls_required: {to: trusted, fqdn: null, tls_auth_level: null}")
        )
        assert connector["send_connector.internet.tls_required"].fqdn is None
        assert connector["send_connector.internet.tls_required"].tls_auth_level is None


class TestGroups:
    def test_have_an_address_made_of_what_sets_them_apart(self, load_text: Loader) -> None:
        """Not of their members: a group keeps its connector when members change."""
        outcome = load_text(
            "send_connectors: {internet: {servers: [EX1], tls_required: {to: [trusted, hosted]}}}"
        )
        spaces = {
            address: SetOf(ADDRESS_SPACE).to_json(connector.address_spaces)
            for address, connector in sent(outcome).items()
            if isinstance(connector.address_spaces, frozenset)
        }
        assert spaces == {
            "send_connector.internet.tls_required": ["SMTP:*.adatum.com;1", "SMTP:fabrikam.com;1"],
            'send_connector.internet.tls_required."DomainValidation mail.protection.outlook.com"': [
                "SMTP:woodgrovebank.com;1"
            ],
            'send_connector.internet.tls_required."via relay1.example,relay2.example"': [
                "SMTP:relayed.example;1"
            ],
        }

    def test_are_one_connector_where_they_ask_for_the_same(self, load_text: Loader) -> None:
        """What is asked for counts, not how it is written."""
        outcome = load_text(
            "send_connectors: {internet: {servers: [EX1], tls_required: {to: hosted, "
            "tls_auth_level: DomainValidation, tls_domain: mail.protection.outlook.com}}}"
        )
        assert list(sent(outcome)) == [
            "send_connector.internet.tls_required",
            'send_connector.internet.tls_required."via relay1.example,relay2.example"',
        ]

    @rule("3-13")
    def test_that_lower_the_level_do_not_inherit_the_tls_domain(self, load_text: Loader) -> None:
        """TlsDomain goes with DomainValidation only [3-13]."""
        outcome = load_text(
            "send_connectors: {internet: {servers: [EX1], tls_required: {to: [trusted, lower], "
            "tls_auth_level: DomainValidation, tls_domain: a.example}}}",
            HEAD.replace(
                "partners:", "partners:\n  lower: [{domain: b.example, tls_auth_level: EncryptionOnly}]"
            ),
        )
        group = sent(outcome)["send_connector.internet.tls_required.EncryptionOnly"]
        assert (group.tls_auth_level, group.tls_domain) == ("EncryptionOnly", UNSET)
        default = sent(outcome)["send_connector.internet.tls_required"]
        assert default.tls_domain == DomainPattern("a.example")

    def test_have_names_that_exchange_takes(self, load_text: Loader) -> None:
        """64 characters; a longer one of ours is cut, and kept apart by a digest of the whole."""
        outcome = load_text(
            "send_connectors: {internet-mail-outbound: {servers: [EX1], tls_required: {to: [l1, l2]}}}",
            HEAD.replace(
                "partners:",
                "partners:\n"
                "  l1: [{domain: b.com, tls_auth_level: DomainValidation, tls_domain: a-name.example.com}]\n"
                "  l2: [{domain: c.com, tls_auth_level: DomainValidation, tls_domain: a-name.example.org}]",
            ),
        )
        names = [str(connector.name) for connector in sent(outcome).values()]
        assert len(set(names)) == 2
        assert all(len(name) <= 64 for name in names)
        assert all(name.startswith("internet-mail-outbound TLS required DomainValidation") for name in names)

    def test_put_what_sets_them_apart_where_a_template_says(self, load_text: Loader) -> None:
        """And the default group leaves no gap."""
        outcome = load_text(
            "send_connectors: {internet: {servers: [EX1], tls_required: {to: [trusted, hosted], "
            "name: '{set} {group} required'}}}"
        )
        assert [str(connector.name) for connector in sent(outcome).values()] == [
            "internet required",
            "internet DomainValidation mail.protection.outlook.com required",
            "internet via relay1.example,relay2.example required",
        ]

    def test_whose_name_is_too_long_by_the_users_template_are_told(self, load_text: Loader) -> None:
        """A name that a person chose is not changed behind their back."""
        name = "x" * 65
        outcome = load_text(
            f"send_connectors: {{internet: {{servers: [EX1], tls_required: {{to: trusted, name: {name}}}}}}}"
        )
        assert [diagnostic.summary for diagnostic in outcome.diagnostics] == ["Name too long"]


class TestAnEdgeServer:
    HEAD = "version: 1\norganization: contoso\nservers:\n  EDGE1:\n    role: edge\n"

    @rule("1-4")
    def test_has_send_connectors_of_its_own(self, load_text: Loader) -> None:
        """Local, without source servers, which are invalid there [1-4]."""
        outcome = load_text("    send_connectors: {opportunistic: {source_ip: 192.0.2.1}}\n", self.HEAD)
        connector = sent(outcome)["send_connector.EDGE1.opportunistic"]
        assert connector.local is True
        assert connector.home == (Name("EDGE1"),)
        assert connector.source_transport_servers is UNSET
        assert connector.source_ip_address == IpAddress("192.0.2.1")

    def test_may_hold_a_connector_of_another_kind(self, load_text: Loader) -> None:
        """Local there too."""
        outcome = load_text("send_connectors: {To us: {kind: other, source_servers: [EDGE1]}}\n", self.HEAD)
        connector = sent(outcome)['send_connector."To us"']
        assert (connector.local, connector.source_transport_servers) == (True, UNSET)


class TestSourceServersElsewhere:
    def test_are_compared_and_nothing_is_run_there(self, load_text: Loader) -> None:
        """A server that is gone is still a source until somebody takes it out."""
        said = "send_connectors: {out: {kind: other, source_servers: [EX1], other_source_servers: [OLD1]}}"
        connector = sent(load_text(said))["send_connector.out"]
        assert connector.source_transport_servers == frozenset({Name("EX1"), Name("OLD1")})
        assert connector.home == (Name("EX1"),)

    def test_are_not_declared_ones(self, load_text: Loader) -> None:
        outcome = load_text("send_connectors: {out: {kind: other, other_source_servers: [EX1]}}")
        assert [one.summary for one in outcome.diagnostics] == ["Source server is declared"]


class TestAnotherKind:
    def test_declares_what_is_written_and_no_more(self, load_text: Loader) -> None:
        """An existing connector is taken over attribute by attribute."""
        outcome = load_text(
            'send_connectors: {"Mail to O365": {kind: other, source_servers: [EX1], comment: HCW, '
            "address_spaces: [contoso.mail.onmicrosoft.com], smart_hosts: [a.example], "
            "dns_routing_enabled: false, "
            'tls_certificate_name: "<I>CN=CA<S>CN=mail.contoso.com"}}'
        )
        connector = sent(outcome)['send_connector."Mail to O365"']
        assert set(declared(connector)) == {
            "name", "address_spaces", "source_transport_servers", "tls_certificate_name", "smart_hosts",
            "dns_routing_enabled", "comment", "declared_in", "role", "home", "local",
        }  # fmt: skip
        assert connector.role == "other"
        assert str(connector.name) == "Mail to O365"

    def test_needs_no_source_servers(self, load_text: Loader) -> None:
        """Then its source servers are not compared, and its commands run on any Mailbox server."""
        connector = sent(load_text("send_connectors: {out: {kind: other, enabled: true}}"))[
            "send_connector.out"
        ]
        assert connector.source_transport_servers is UNSET
        assert connector.home == (Name("EX1"), Name("EX2"))

    def test_may_be_renamed(self, load_text: Loader) -> None:
        """Its address stays the key."""
        connector = sent(load_text("send_connectors: {out: {kind: other, name: Outbound}}"))[
            "send_connector.out"
        ]
        assert str(connector.name) == "Outbound"


class TestCertificates:
    TEXT = """
certificates:
  internet: {servers: [EX1, EX2], subject: "CN=mail.contoso.com", issuer: house}
send_connectors:
  out: {servers: [EX2, EX1], opportunistic: {certificate: internet}}
"""

    def test_of_several_servers_are_one_resource_each(self, load_text: Loader) -> None:
        """A key on each server, so an address for each."""
        certificates = dict(desired(load_text(self.TEXT)).snapshot.of(Certificate))
        assert [str(address) for address in certificates] == [
            "certificate.EX1.internet",
            "certificate.EX2.internet",
        ]
        assert [certificate.home for certificate in certificates.values()] == [(Name("EX1"),), (Name("EX2"),)]

    @rule("2.3-3")
    def test_that_are_requested_are_for_smtp_and_keep_the_default(self, load_text: Loader) -> None:
        """Unless the declaration says otherwise; Exchange itself proposes to replace it [2.3-3]."""
        certificates = dict(desired(load_text(self.TEXT)).snapshot.of(Certificate))
        asked = certificates[Address.of("certificate", "EX1", "internet")]
        assert (asked.services, asked.default_smtp) == (frozenset({"SMTP"}), "keep")
        assert (asked.key_size, asked.exportable, asked.domains) == (UNSET, UNSET, UNSET)

    def test_that_are_watched_are_left_as_they_are(self, load_text: Loader) -> None:
        """Without issuer nothing is asked of them."""
        outcome = load_text("certificates: {old: {servers: [EX1], domains: [mail.contoso.com]}}")
        assert (
            next(certificate for _, certificate in desired(outcome).snapshot.of(Certificate)).services
            is UNSET
        )

    @rule("3-15")
    def test_give_a_connector_its_name_once_they_are_there(self, load_text: Loader) -> None:
        """The first server's certificate names it; each source server must have its own [3-15]."""
        connector = sent(load_text(self.TEXT))["send_connector.out.opportunistic"]
        first, second = (
            Address.of("certificate", "EX2", "internet"),
            Address.of("certificate", "EX1", "internet"),
        )
        assert connector.tls_certificate_name == Deferred(first, "tls_certificate_name")
        assert connector.certificates == (first, second)


class TestReceiveConnectors:
    def test_declare_their_attributes_under_the_name_they_have(self, load_text: Loader) -> None:
        """The object is not ours: what is not written stays as it is."""
        head = HEAD.replace(
            "EX1: {role: mailbox}", "EX1: {role: mailbox, receive_connectors: {Default EX1: %s}}"
        )
        keys = "{auth_mechanism: 'Tls, Integrated', remote_ip_ranges: [10.0.0.0/8], protocol_logging: None}"
        outcome = load_text("", head % keys)
        [(address, connector)] = desired(outcome).snapshot.of(ReceiveConnector)
        assert str(address) == 'receive_connector.EX1."Default EX1"'
        assert connector.auth_mechanism == frozenset({"Tls", "Integrated"})
        assert connector.protocol_logging_level == "None"
        assert {attribute.name for attribute, _ in connector.declared()} == {
            "name", "remote_ip_ranges", "auth_mechanism", "protocol_logging_level", "home",
        }  # fmt: skip


class TestPlaces:
    def test_are_known_for_every_attribute_that_is_written(self, load_text: Loader) -> None:
        """A plan shows the line that asks for a change."""
        outcome = load_text(
            "send_connectors:\n  internet:\n    servers: [EX1]\n    tls_required:\n"
            "      to: [trusted, hosted]\n      scoped: false\n"
        )
        state = desired(outcome)
        plain = Address.of("send_connector", "internet", "tls_required")
        group = Address.of("send_connector", "internet", "tls_required", "via relay1.example,relay2.example")
        assert str(state.where(plain)).endswith(":16:5")
        assert str(state.where(plain, "is_scoped_connector")).endswith(":18:7")
        assert str(state.where(plain, "address_spaces")).endswith(":17:7")
        assert str(state.where(plain, "comment")).endswith(":16:5")
        assert str(state.where(group, "smart_hosts")).endswith(":9:33")
        assert state.where(Address.of("send_connector", "nowhere")) is None
        assert {domain: where.line for domain, where in state.partners.items()} == {
            "fabrikam.com": 6, "*.adatum.com": 6, "woodgrovebank.com": 8, "relayed.example": 9,
        }  # fmt: skip

    def test_take_no_part_in_equality(self, load_text: Loader) -> None:
        """Two files that say the same in other lines desire the same."""
        text = "send_connectors: {internet: {servers: [EX1], tls_required: {to: trusted}}}"
        assert desired(load_text(text)).snapshot == desired(load_text("\n\n" + text)).snapshot


class TestAnAcknowledgement:
    def test_is_kept_with_its_resource(self, load_text: Loader) -> None:
        """Whoever plans may silence the same warning."""
        outcome = load_text(
            "certificates: {old: {servers: [EX1], domains: [a.example], key_size: 1024, "
            "acknowledge: [{rule: key-size, reason: old client}]}}"
        )
        assert desired(outcome).acknowledged == {
            Address.of("certificate", "EX1", "old"): frozenset({"key-size"})
        }


class TestItsMode:
    def test_is_that_of_its_server(self, load_text: Loader) -> None:
        text = (
            "  EX3:\n    role: mailbox\n    mode: observe\n    send_connectors: {opportunistic: {}}\n"
            "    receive_connectors: {Default EX3: {banner: 220 hello}}\n"
            "    certificates: {public: {domains: [mail.contoso.com]}}\n"
        )
        found = desired(load_text(text))
        modes = {
            str(address): getattr(resource, "mode", None)
            for address, resource in found.snapshot.resources.items()
            if "EX3" in str(address)
        }
        assert set(modes.values()) == {"observe"}
        assert len(modes) == 4

    @pytest.mark.parametrize(
        ("said", "mode"),
        [("", "observe"), ("mode: certificates, ", "certificates"), ("mode: manage, ", UNSET)],
    )
    def test_is_the_most_careful_of_its_servers_where_the_set_says_none(
        self, load_text: Loader, said: str, mode: object
    ) -> None:
        """EX3 is only looked at, so what it shares with EX1 is."""
        text = (
            "  EX3: {role: mailbox, mode: observe}\n  EX4: {role: mailbox, mode: certificates}\n"
            f"send_connectors:\n  shared: {{{said}servers: [EX1, EX4, EX3], opportunistic: {{}}}}\n"
        )
        found = desired(load_text(text))
        assert {connector.mode for _, connector in found.snapshot.of(SendConnector)} == {mode}

    @pytest.mark.parametrize(("said", "mode"), [("", "observe"), ("mode: manage, ", UNSET)])
    def test_is_its_own_where_one_connector_says_it(self, load_text: Loader, said: str, mode: object) -> None:
        text = (
            "  EX3: {role: mailbox, mode: observe}\n"
            f"send_connectors: {{Other: {{{said}kind: other, source_servers: [EX3]}}}}\n"
        )
        found = desired(load_text(text))
        assert {connector.mode for _, connector in found.snapshot.of(SendConnector)} == {mode}

    def test_is_left_out_where_everything_is_managed(self, load_text: Loader) -> None:
        """Said or not said, it is the same: nothing of it may differ in the record."""
        text = "  EX3: {role: mailbox, mode: manage, send_connectors: {opportunistic: {}}}\n"
        found = desired(load_text(text))
        assert {connector.mode for _, connector in found.snapshot.of(SendConnector)} == {UNSET}
