"""Every writable attribute of every kind: undeclared, unreadable, deferred, equal, different.

Generated from the models: an attribute without values here fails the first test.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler.apply.applier import apply
from reconciler.apply.controllers import Controllers
from reconciler.apply.known import KnownValues
from reconciler.apply.ledger import Ledger
from reconciler.apply.tools import Tools
from reconciler.exchange.port import Command, Connection, Credential, Endpoint
from reconciler.exchange.refresh import read_edge_server, read_first
from reconciler.plan.change import Action, Plan
from reconciler.plan.planner import plan
from reconciler.plan.situation import Situation
from state.address import Address
from state.lock import LockInfo
from state.record import StateRecord
from state.resources import Certificate, Kind, ReceiveConnector, Resource, SendConnector, Server
from state.snapshot import LiveState, Snapshot
from state.stores.memory import MemoryStore
from state.values import (
    UNKNOWN,
    AddressSpace,
    Binding,
    ByteSize,
    CredentialReference,
    Deferred,
    DomainPattern,
    Fqdn,
    IpAddress,
    IpRange,
    Limit,
    Name,
    SmartHost,
    TlsCertificateName,
)
from tests.contoso import unheard
from tests.direct import DirectLab, direct_lab
from tests.rules import rule
from tests.situations import (
    EX1,
    NOW,
    live_certificate,
    live_connector,
    live_receive_connector,
    live_server,
    plan_of,
    recorded,
)

MBX1, EDGE1 = Name("MBX1"), Name("EDGE1")
RELAYED = {"dns_routing_enabled": False, "smart_hosts": frozenset({SmartHost("relay.contoso.com")})}
PROTECTED = {"require_tls": True, "ignore_starttls": False}


@dataclass(frozen=True)
class Values:
    """Two values of one attribute that Exchange takes, and what must be declared beside them.

    Attributes:
        beside: With either value.
        beside_second: With the second alone.
    """

    first: Any
    second: Any
    beside: Mapping[str, Any] = field(default_factory=dict)
    beside_second: Mapping[str, Any] = field(default_factory=dict)
    server: Name = MBX1


ON_OFF = Values(True, False)
SEND: Mapping[str, Values] = {
    "name": Values(Name("One"), Name("Two")),
    "enabled": ON_OFF,
    "address_spaces": Values(
        frozenset({AddressSpace("a.example")}),
        frozenset({AddressSpace("*.b.example", 7), AddressSpace("c.example")}),
    ),
    "source_transport_servers": Values(frozenset({MBX1}), frozenset({MBX1, Name("MBX2")})),
    "is_scoped_connector": ON_OFF,
    "require_tls": Values(True, False, {"ignore_starttls": False}),
    "ignore_starttls": Values(True, False, {"require_tls": False}),
    "tls_auth_level": Values("CertificateValidation", "EncryptionOnly", PROTECTED),
    "tls_domain": Values(
        DomainPattern("mail.example"),
        DomainPattern("*.mail.example"),
        {**PROTECTED, "tls_auth_level": "DomainValidation"},
    ),
    "tls_certificate_name": Values(TlsCertificateName("CN=CA", "CN=a"), None),
    "domain_secure_enabled": Values(True, False, {"dns_routing_enabled": True, "ignore_starttls": False}),
    "fqdn": Values(Fqdn("mail.contoso.com"), None),
    "dns_routing_enabled": Values(True, False, beside_second={"smart_hosts": RELAYED["smart_hosts"]}),
    "smart_hosts": Values(
        frozenset({SmartHost("relay.contoso.com")}),
        frozenset({SmartHost("192.0.2.9")}),
        {"dns_routing_enabled": False},
    ),
    "smart_host_auth_mechanism": Values("ExternalAuthoritative", "None", RELAYED),
    "authentication_credential": Values(
        CredentialReference("env:RELAY"),
        CredentialReference("env:OTHER"),
        {**RELAYED, "smart_host_auth_mechanism": "BasicAuth"},
    ),
    "use_external_dns_servers_enabled": ON_OFF,
    "source_ip_address": Values(IpAddress("192.0.2.1"), IpAddress("0.0.0.0"), server=EDGE1),  # noqa: S104
    "port": Values(26, 25),
    "frontend_proxy_enabled": ON_OFF,
    "cloud_services_mail_enabled": ON_OFF,
    "connector_type": Values("XPremises", "Default"),
    "force_helo": ON_OFF,
    "max_message_size": Values(ByteSize.parse("40 MB"), ByteSize(None)),
    "connection_inactivity_timeout": Values(timedelta(minutes=3), timedelta(hours=1)),
    "smtp_max_messages_per_connection": Values(5, 20),
    "protocol_logging_level": Values("Verbose", "None"),
    "error_policies": Values(frozenset({"DowngradeDnsFailures", "UpgradeCustomFailures"}), frozenset()),
    "comment": Values("a note", ""),
}
NOT_AUTHENTICATED = {"auth_mechanism": frozenset({"Tls"})}
RECEIVE: Mapping[str, Values] = {
    "name": Values(Name("Default Frontend MBX1"), Name("Default Frontend MBX1")),
    "enabled": ON_OFF,
    "bindings": Values(frozenset({Binding("0.0.0.0", 25)}), frozenset({Binding("0.0.0.0", 2626)})),  # noqa: S104
    "remote_ip_ranges": Values(
        frozenset({IpRange.parse("192.0.2.0/24")}), frozenset({IpRange.parse("0.0.0.0-255.255.255.255")})
    ),
    "fqdn": Values(Fqdn("mail.contoso.com"), None, NOT_AUTHENTICATED),
    "tls_certificate_name": Values(TlsCertificateName("CN=CA", "CN=a"), None),
    "require_tls": ON_OFF,
    "domain_secure_enabled": ON_OFF,
    "auth_mechanism": Values(frozenset({"Tls"}), frozenset({"Tls", "Integrated"})),
    "permission_groups": Values(
        frozenset({"AnonymousUsers"}), frozenset({"AnonymousUsers", "ExchangeUsers"})
    ),
    "tls_domain_capabilities": Values(frozenset({"fabrikam.com:AcceptCloudServicesMail"}), frozenset()),
    "banner": Values("220 contoso", ""),
    "default_domain": Values(Name("contoso.com"), None),
    "service_discovery_fqdn": Values(Fqdn("autodiscover.contoso.com"), None),
    "transport_role": Values("HubTransport", "FrontendTransport"),
    "max_message_size": Values(ByteSize.parse("40 MB"), ByteSize.parse("36 MB")),
    "max_header_size": Values(ByteSize.parse("512 KB"), ByteSize.parse("256 KB")),
    "max_hop_count": Values(20, 60),
    "max_recipients_per_message": Values(100, 200),
    "max_inbound_connection": Values(Limit(100), Limit(None)),
    "max_inbound_connection_per_source": Values(Limit(10), Limit(None)),
    "max_inbound_connection_percentage_per_source": Values(50, 2),
    "max_local_hop_count": Values(12, 8),
    "max_logon_failures": Values(5, 3),
    "max_protocol_errors": Values(Limit(3), Limit(None)),
    "message_rate_limit": Values(Limit(600), Limit(None)),
    "message_rate_source": Values("User", "IPAddress"),
    "connection_timeout": Values(timedelta(minutes=20), timedelta(minutes=10)),
    "connection_inactivity_timeout": Values(timedelta(minutes=2), timedelta(minutes=5)),
    "tarpit_interval": Values(timedelta(seconds=10), timedelta(seconds=5)),
    "auth_tarpit_interval": Values(timedelta(seconds=10), timedelta(seconds=5)),
    "max_acknowledgement_delay": Values(timedelta(seconds=10), timedelta(seconds=30)),
    "protocol_logging_level": Values("Verbose", "None"),
    "size_enabled": Values("Disabled", "Enabled"),
    "chunking_enabled": Values(False, True, {"binary_mime_enabled": False}),
    "pipelining_enabled": Values(False, True),
    "binary_mime_enabled": Values(False, True, {"chunking_enabled": True}),
    "eight_bit_mime_enabled": Values(False, True),
    "require_ehlo_domain": ON_OFF,
    "suppress_x_anonymous_tls": ON_OFF,
    "advertise_client_settings": ON_OFF,
    "bare_linefeed_rejection_enabled": ON_OFF,
    "delivery_status_notification_enabled": Values(False, True),
    "enable_auth_gssapi": ON_OFF,
    "enhanced_status_codes_enabled": Values(False, True),
    "extended_protection_policy": Values("Allow", "None"),
    "long_addresses_enabled": ON_OFF,
    "orar_enabled": ON_OFF,
    "reject_reserved_second_level_recipient_domains": ON_OFF,
    "reject_reserved_top_level_recipient_domains": ON_OFF,
    "reject_single_label_recipient_domains": ON_OFF,
    "smtp_utf8_enabled": Values(False, True),
    "comment": Values("a note", ""),
}
CERTIFICATE: Mapping[str, Values] = {
    "subject": Values("CN=mail.contoso.com", "C=US, O=Contoso Ltd, CN=mail.contoso.com"),
    "domains": Values(
        frozenset({DomainPattern("mail.contoso.com")}),
        frozenset({DomainPattern("mail.contoso.com"), DomainPattern("smtp.contoso.com")}),
    ),
    "friendly_name": Values("One", "Two"),
    "key_size": Values(2048, 4096),
    "exportable": Values(False, True),
    "services": Values(frozenset({"SMTP"}), frozenset({"SMTP", "IMAP"})),
}
KINDS: Mapping[type[Resource], Mapping[str, Values]] = {
    SendConnector: SEND,
    ReceiveConnector: RECEIVE,
    Certificate: CERTIFICATE,
}
ALL = [(kind, name) for kind, values in KINDS.items() for name in values]
IDS = [f"{kind.kind}.{name}" for kind, name in ALL]
CONNECTORS = [(kind, name) for kind, name in ALL if kind is not Certificate]
CONNECTOR_IDS = [f"{kind.kind}.{name}" for kind, name in CONNECTORS]


@pytest.mark.parametrize("kind", KINDS)
def test_every_writable_attribute_is_walked(kind: type[Resource]) -> None:
    writable = {name for name, attribute in kind.attributes().items() if attribute.kind is Kind.WRITABLE}
    assert set(KINDS[kind]) == writable


# On the lab: different, then equal


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> DirectLab:
    """One organization for all: each attribute has objects of its own, or puts them back."""
    return direct_lab(tmp_path_factory.mktemp("attributes") / "lab")


def connection(server: str) -> Connection:
    endpoint = Endpoint.WINRM if server == "EDGE1" else Endpoint.EXCHANGE
    return Connection(server, "https://unused/", endpoint, "admin", "secret")


@dataclass
class Run:
    """Plans and applies resources against a lab without a wire."""

    lab: DirectLab
    server: Name
    store: MemoryStore = field(default_factory=MemoryStore)

    def situation(self, desired: Mapping[Address, Resource]) -> Situation:
        edge = self.server == EDGE1
        with self.lab.reader(connection(str(self.server))) as session:
            if edge:
                live = LiveState({self.server: read_edge_server(session, self.server)})
            else:
                organization, itself = read_first(session, self.server)
                live = LiveState({self.server: itself}, organization)
        role = Server(role="edge" if edge else "mailbox")
        snapshot = Snapshot({Address.of("server", str(self.server)): role, **desired})
        record = self.store.read().record or StateRecord("contoso", "lineage")
        return Situation(snapshot, live, record, self.lab.now)

    def apply(self, desired: Mapping[Address, Resource]) -> Plan:
        situation = self.situation(desired)
        made = plan(situation)
        assert not [one for one in made.diagnostics if one.severity.value == "error"], made.diagnostics
        tools = Tools(
            writer=lambda name: self.lab.writer(connection(name)),
            issuers={},
            credential=lambda reference: Credential("user", "password"),
            existing={},
            listener=unheard,
            now=lambda: self.lab.now,
            new_id=lambda: str(uuid.uuid4()),
            controllers=Controllers(situation.live.organization.domain_controller),
        )
        with self.store.lock(LockInfo("1", "test", "nobody", NOW)) as fence:
            ledger = Ledger(self.store, fence, situation.record)
            applied = apply(made, ledger, tools, KnownValues())
            assert applied.is_complete, applied.diagnostics
            ledger.close(lambda record: replace(record, serial=record.serial + 1))
        return made


def base(kind: type[Resource], name: str, values: Values) -> dict[str, Any]:
    """What is declared beside the attribute."""
    home = (values.server,)
    if kind is ReceiveConnector:
        return {"name": Name("Default Frontend MBX1"), "home": home, **values.beside}
    spaces = frozenset({AddressSpace(f"{name.replace('_', '-')}.example")})
    local = {"local": True} if values.server == EDGE1 else {}
    return {"name": Name(f"Test {name}"), "address_spaces": spaces, "home": home, **local, **values.beside}


@rule("4-8")
@pytest.mark.parametrize(("kind", "name"), CONNECTORS, ids=CONNECTOR_IDS)
def test_a_different_attribute_is_set_and_then_equal(
    kind: type[Resource], name: str, template: DirectLab
) -> None:
    """Plan, apply, plan empty: at the first value, at the second, and back."""
    values = KINDS[kind][name]
    run = Run(template, values.server)
    if name == "suppress_x_anonymous_tls":  # Exchange wants the transport service to be ready for it [4-8]
        with template.writer(connection("MBX1")) as session:
            ready = {"Identity": "MBX1", "UseDowngradedExchangeServerAuth": True}
            session.run(Command("Set-TransportService", ready))
    address = (
        Address.of("receive_connector", "MBX1", "Default Frontend MBX1")
        if kind is ReceiveConnector
        else Address.of("send_connector", f"Test {name}")
    )
    for value in (values.first, values.second, values.first):
        also = values.beside_second if value == values.second else {}
        desired = {address: kind(**{**base(kind, name, values), **also, name: value})}
        run.apply(desired)
        assert plan(run.situation(desired)).is_empty
    if kind is SendConnector:
        run.apply({})


# On situations: undeclared, unreadable, deferred


def live_of(kind: type[Resource], **values: Any) -> Iterator[tuple[Address, Any, dict[str, Any]]]:
    """The live object of a kind with some attributes set, in the list where it is found."""
    makers: dict[type[Resource], tuple[str, Any, str]] = {
        SendConnector: ("send_connector.EX1.tls_required", live_connector, "send_connectors"),
        ReceiveConnector: (
            'receive_connector.EX1."Default Frontend EX1"',
            live_receive_connector,
            "receive_connectors",
        ),
        Certificate: ("certificate.EX1.public", live_certificate, "certificates"),
    }
    text, maker, key = makers[kind]
    live = maker(**values)
    yield Address.parse(text), live, {key: [live]}


def declared(kind: type[Resource], live: Any, **values: Any) -> Resource:
    """The least declaration that means the live object."""
    least: dict[str, Any] = {"home": (Name("EX1"),)}
    if kind is Certificate:
        least |= {"domains": live.domains, "issuer": "house"}
    else:
        least["name"] = live.name
    return kind(**{**least, **values})


@pytest.mark.parametrize(("kind", "name"), ALL, ids=IDS)
def test_an_undeclared_attribute_is_not_touched(kind: type[Resource], name: str) -> None:
    """Whatever Exchange has there, readable or not."""
    values = KINDS[kind][name]
    if name in ("name", "domains"):
        return  # what an object is found by is always declared
    for have in (values.first, values.second, UNKNOWN):
        for address, live, lists in live_of(kind, **{name: have}):
            was = recorded(declared(kind, live, **identity(live)))
            made = plan_of({address: declared(kind, live)}, live_server(**lists), record={address: was})
            assert made.is_empty, (have, made.changes)
            assert name not in {key for drift in made.drift for key in drift.attributes}


@pytest.mark.parametrize(("kind", "name"), ALL, ids=IDS)
def test_an_unreadable_attribute_is_set_once(kind: type[Resource], name: str) -> None:
    """Never compared with what could not be read, never repeated once it is recorded."""
    value = KINDS[kind][name].first
    if name == "name" or (kind is Certificate and name != "services"):
        return  # found by it; or decided by the request, and read from the certificate itself
    beside = NOT_AUTHENTICATED if (kind, name) == (ReceiveConnector, "fqdn") else {}
    for address, live, lists in live_of(kind, **{**beside, name: UNKNOWN}):
        at = EDGE1 if KINDS[kind][name].server == EDGE1 else EX1
        desired = {address: declared(kind, live, **{name: value}, home=(at,))}
        was = recorded(declared(kind, live, **identity(live), home=(at,)))
        made = plan_of(desired, live_server(at, **lists), record={address: was})
        assert [change.action for change in made.changes] == [Action.UPDATE]
        learned = made.changes[0].learned
        assert learned is not None
        assert learned.recorded is not None
        again = plan_of(desired, live_server(at, **lists), record={address: learned.recorded})
        assert again.is_empty, again.changes


@pytest.mark.parametrize(("kind", "name"), CONNECTORS, ids=CONNECTOR_IDS)
def test_a_deferred_attribute_is_planned_as_such(kind: type[Resource], name: str) -> None:
    value = Deferred(Address.parse("certificate.EX1.public"), "tls_certificate_name")
    if name in ("name", "comment"):
        return  # found by it; carries our mark, so it is a text
    for address, live, lists in live_of(kind):
        at = EDGE1 if KINDS[kind][name].server == EDGE1 else EX1
        was = recorded(declared(kind, live, **identity(live), home=(at,)))
        desired = {address: declared(kind, live, **{name: value}, home=(at,))}
        made = plan_of(desired, live_server(at, **lists), record={address: was})
        [change] = made.changes
        assert change.invocations[0].parameters[kind.attributes()[name].exchange] == value


def identity(live: Any) -> dict[str, Any]:
    """What the record finds an object again by."""
    if isinstance(live, Certificate):
        return {"public_key": live.public_key, "thumbprint": live.thumbprint}
    return {"guid": live.guid}
