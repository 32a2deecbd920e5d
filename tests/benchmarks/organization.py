"""An organization of any size for the planner: one Mailbox server, one certificate, many send connectors."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from reconciler.plan.situation import Situation
from state.address import Address
from state.record import Recorded
from state.resources import AcceptedDomain, Resource, SendConnector
from state.values import AddressSpace, ByteSize, DomainPattern, Fqdn, Name, SmartHost
from tests.situations import (
    BOUND,
    EX1,
    certificate,
    live_certificate,
    live_server,
    marked,
    recorded,
    situation,
)

CERTIFICATE = Address.of("certificate", "EX1", "public")


def organization(connectors: int, *, changed: bool) -> Situation:
    """Recorded connectors of one server, with their live twins, all bound to one certificate.

    Args:
        connectors: How many.
        changed: Each of the 16 attributes of each connector is declared anew; else all is as it was left.
    """
    asked, found = certificate(), live_certificate()
    desired: dict[Address, Resource] = {CERTIFICATE: asked}
    known = asked.with_(public_key=found.public_key, thumbprint=found.thumbprint)
    record: dict[Address, Recorded] = {CERTIFICATE: recorded(known)}
    live = []
    for number in range(connectors):
        address = Address.of("send_connector", "EX1", "tls_required", f"group{number}")
        was = _written(number, fresh=False)
        settings: dict[str, Any] = {"home": (EX1,), "certificates": (CERTIFICATE,)}
        read: dict[str, Any] = {
            "tls_certificate_name": BOUND,
            "guid": f"00000000-0000-0000-0000-{number:012}",
        }
        desired[address] = SendConnector(
            **_written(number, fresh=changed), **settings, declared_in="EX1", role="tls_required"
        )
        record[address] = recorded(SendConnector(**was, **settings, **read))
        live.append(SendConnector(**{**was, "comment": marked(address, was["comment"])}, **read))
    names = ("contoso.com", *(f"own{number}.example" for number in range(49)))
    own = [AcceptedDomain(domain=name) for name in names]
    server = live_server(certificates=[found], send_connectors=live, accepted_domains=own)
    return situation(desired, server, record=record)


def _written(number: int, *, fresh: bool) -> dict[str, Any]:
    """Sixteen attributes as the YAML gives them; none is the same when ``fresh``."""
    word = "new" if fresh else "old"
    return {
        "name": Name(f"EX1 TLS required {word} {number}"),
        "enabled": not fresh,
        "address_spaces": frozenset({AddressSpace(f"{word}{each}.p{number}.example") for each in range(3)}),
        "source_transport_servers": frozenset({Name(word), EX1}),
        "require_tls": not fresh,
        "ignore_starttls": fresh,
        "tls_auth_level": None if fresh else "DomainValidation",
        "tls_domain": None if fresh else DomainPattern(f"p{number}.example"),
        "fqdn": Fqdn(f"{word}.contoso.example"),
        "dns_routing_enabled": not fresh,
        "smart_hosts": frozenset({SmartHost(f"{word}.relay.example")}) if fresh else frozenset(),
        "protocol_logging_level": "Verbose" if fresh else "None",
        "port": 26 if fresh else 25,
        "max_message_size": ByteSize(20 * 1024 * (2 if fresh else 1)),
        "connection_inactivity_timeout": timedelta(minutes=20 if fresh else 10),
        "comment": f"{word} partner {number}",
    }
