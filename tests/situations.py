"""Small organizations for the planner's tests: one Mailbox server EX1, one Edge server EDGE1."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.cmdlets.mark import mark_of, request_mark_of
from reconciler.plan.change import Change, Plan
from reconciler.plan.planner import plan
from reconciler.plan.situation import Situation
from state.address import Address
from state.record import Recorded, Request, StateRecord
from state.resources import Build, Certificate, ReceiveConnector, Resource, SendConnector, Server
from state.snapshot import Listing, LiveServer, LiveState, Snapshot, Unreadable
from state.values import (
    UNKNOWN,
    AddressSpace,
    DomainPattern,
    Fqdn,
    Name,
    Thumbprint,
    TlsCertificateName,
)

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
EX1, EDGE1 = Name("EX1"), Name("EDGE1")
TRUSTED = Address.parse("send_connector.EX1.tls_required")
BOUND = TlsCertificateName("CN=House CA", "CN=mail.contoso.com")
UNTOLD = Unreadable("access denied", "CommandNotFoundException")


def connector(**values: Any) -> SendConnector:
    """A send connector of EX1 as it would be declared."""
    declared: dict[str, Any] = {
        "name": Name("EX1 TLS required"),
        "address_spaces": frozenset({AddressSpace("fabrikam.com")}),
        "require_tls": True,
        "ignore_starttls": False,
        "home": (EX1,),
        "declared_in": "EX1",
        "role": "tls_required",
    }
    return SendConnector(**{**declared, **values})


def live_connector(**values: Any) -> SendConnector:
    """The same connector as Exchange would return it: every attribute read."""
    read: dict[str, Any] = {
        "name": Name("EX1 TLS required"),
        "enabled": True,
        "address_spaces": frozenset({AddressSpace("fabrikam.com")}),
        "require_tls": True,
        "ignore_starttls": False,
        "tls_auth_level": None,
        "tls_domain": None,
        "tls_certificate_name": None,
        "dns_routing_enabled": True,
        "smart_hosts": frozenset(),
        "authentication_credential": UNKNOWN,
        "comment": "",
        "guid": "11111111-1111-1111-1111-111111111111",
    }
    return SendConnector(**{**read, **values})


def receive_connector(**values: Any) -> ReceiveConnector:
    declared: dict[str, Any] = {"name": Name("Default Frontend EX1"), "home": (EX1,), "banner": "220 contoso"}
    return ReceiveConnector(**{**declared, **values})


def live_receive_connector(**values: Any) -> ReceiveConnector:
    read: dict[str, Any] = {
        "name": Name("Default Frontend EX1"),
        "server": EX1,
        "banner": "",
        "fqdn": Fqdn("ex1.contoso.local"),
        "auth_mechanism": frozenset({"Tls", "Integrated", "ExchangeServer"}),
        "tls_certificate_name": None,
        "guid": "22222222-2222-2222-2222-222222222222",
    }
    return ReceiveConnector(**{**read, **values})


def certificate(**values: Any) -> Certificate:
    """A certificate of EX1 as it would be declared."""
    declared: dict[str, Any] = {
        "subject": "CN=mail.contoso.com",
        "domains": frozenset({DomainPattern("mail.contoso.com")}),
        "key_size": 2048,
        "services": frozenset({"SMTP"}),
        "issuer": "house",
        "home": (EX1,),
    }
    return Certificate(**{**declared, **values})


def live_certificate(**values: Any) -> Certificate:
    """An issued certificate as Exchange would return it."""
    read: dict[str, Any] = {
        "subject": "CN=mail.contoso.com",
        "domains": frozenset({DomainPattern("mail.contoso.com")}),
        "friendly_name": "",
        "key_size": 2048,
        "exportable": False,
        "services": frozenset({"SMTP"}),
        "thumbprint": Thumbprint("A" * 40),
        "public_key": "k1",
        "tls_certificate_name": BOUND,
        "not_before": NOW - timedelta(days=10),
        "not_after": NOW + timedelta(days=80),
        "self_signed": False,
        "renewal_id": "key.serial",
        "has_private_key": True,
        "status": "Valid",
    }
    return Certificate(**{**read, **values})


def live_server(name: Name = EX1, **lists: Any) -> LiveServer:
    """A server that answered; each list is objects, or why it could not be read."""

    def listing(key: str) -> Listing[Any]:
        given = lists.get(key, ())
        return Listing(unreadable=given) if isinstance(given, Unreadable) else Listing(tuple(given))

    itself = Server(name=name, fqdn=Fqdn(f"{name}.contoso.local".lower()), build=Build(15, 2, 1544, 4))
    return LiveServer(
        name=name,
        server=Listing((lists.get("itself", itself),)),
        certificates=listing("certificates"),
        send_connectors=listing("send_connectors"),
        receive_connectors=listing("receive_connectors"),
        accepted_domains=listing("accepted_domains"),
    )


def recorded(resource: Resource, *, created: bool = True) -> Recorded:
    return Recorded(resource, created, NOW)


def situation(
    desired: Mapping[Address, Resource],
    *servers: LiveServer,
    record: Mapping[Address, Recorded] | None = None,
    requests: Mapping[Address, Request] | None = None,
    now: datetime = NOW,
) -> Situation:
    roles = {EDGE1: "edge"}
    live = servers or (live_server(),)
    declared: dict[Address, Resource] = {
        Address.of("server", str(server.name)): Server(role=roles.get(server.name, "mailbox"))
        for server in live
    }
    return Situation(
        Snapshot({**declared, **desired}),
        LiveState({server.name: server for server in live}),
        StateRecord("contoso", "lineage", 1, dict(record or {}), dict(requests or {})),
        now,
    )


def plan_of(
    desired: Mapping[Address, Resource],
    *servers: LiveServer,
    record: Mapping[Address, Recorded] | None = None,
    requests: Mapping[Address, Request] | None = None,
    now: datetime = NOW,
) -> Plan:
    return plan(situation(desired, *servers, record=record, requests=requests, now=now))


def the_change(made: Plan) -> Change:
    """The only change of a plan."""
    assert len(made.changes) == 1, [f"{change.action} {change.address}" for change in made.changes]
    return made.changes[0]


def summaries(made: Plan) -> list[str]:
    return [diagnostic.summary for diagnostic in made.diagnostics]


def marked(address: Address, text: str = "") -> str:
    return f"{text} {mark_of('contoso', address)}".strip()


def request_marked(address: Address, asked: Certificate | None = None, text: str = "") -> str:
    """A FriendlyName that carries the mark of a request for what is declared."""
    return f"{text} {request_mark_of('contoso', address, asked or certificate())}".strip()


def parameters(change: Change, position: int = 0) -> dict[str, Any]:
    return dict(change.invocations[position].parameters)


def cmdlets(changes: Iterable[Change]) -> list[str]:
    return [invocation.cmdlet for change in changes for invocation in change.invocations]
