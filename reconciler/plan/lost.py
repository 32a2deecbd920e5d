"""A server that has lost certificates: it was rebuilt, or its store was emptied.

What Active Directory holds is back then, connectors and their bindings; keys and pending requests are not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from reconciler.cmdlets.capabilities import lacks
from reconciler.diagnostics import Diagnostic, Severity
from state.address import Address
from state.resources import Certificate, ReceiveConnector, SendConnector
from state.snapshot import LiveServer
from state.values import UNKNOWN, Name, TlsCertificateName

from .situation import Situation

CERTIFICATES_LOST: Final = "Certificates lost"
"""Its summary: who shows a plan shows it first, for it explains the rest."""

_BINDING: Final = "TlsCertificateName"


def lost_certificates(situation: Situation) -> Iterator[Diagnostic]:
    """One fact for each server: what it is known to have had, and what is bound to what it has not.

    A server whose certificates could not be read has lost nothing that is known. One of which
    nothing is recorded looks rebuilt when it has none but those that signed themselves, as setup makes them.
    """
    recorded = _recorded(situation)
    for name, server in situation.live.servers.items():
        if server.unreachable or server.certificates.unreadable:
            continue
        if any(one.public_key is UNKNOWN for one in server.certificates.objects):
            continue
        keys: set[object] = {one.public_key for one in server.certificates.objects}
        gone = [*_gone(recorded.get(name, ()), keys, situation), *_requested(name, keys, situation)]
        is_bare = all(one.self_signed is True for one in server.certificates.objects)
        if not gone and (name in recorded or not is_bare):
            continue
        dangling = list(_dangling(name, server, situation))
        if gone or dangling:
            yield _told(str(name), [*gone, *dangling])


def _recorded(situation: Situation) -> Mapping[Name, Sequence[tuple[Address, Certificate]]]:
    """What the record says of each server's certificates."""
    found: dict[Name, list[tuple[Address, Certificate]]] = {}
    for address, recorded in situation.record.resources.items():
        resource = recorded.resource
        if isinstance(resource, Certificate) and isinstance(resource.home, tuple) and len(resource.home) == 1:
            found.setdefault(resource.home[0], []).append((address, resource))
    return found


def _gone(
    recorded: Iterable[tuple[Address, Certificate]], keys: set[object], situation: Situation
) -> Iterator[str]:
    """Certificates that were there when they were recorded."""
    for address, resource in recorded:
        if address not in situation.desired.resources or not isinstance(resource.public_key, str):
            continue
        if resource.public_key not in keys:
            yield f"{address} ({resource.thumbprint})"


def _requested(name: Name, keys: set[object], situation: Situation) -> Iterator[str]:
    """Requests whose keys were there."""
    for address, request in situation.record.requests.items():
        if request.server == name and request.public_key not in keys:
            yield f"the key of the request for {address}, made {request.since:%Y-%m-%d}"


def _dangling(name: Name, server: LiveServer, situation: Situation) -> Iterator[str]:
    """Declared connectors that are bound to a certificate which the server must have had, and has not.

    The text of a send connector is one for all its source servers: where another has the certificate, it may
    have been bound there, and this server be new. A build that knows no such text has bound nothing by it.
    """
    names = {one.tls_certificate_name for one in server.certificates.objects}
    senders = situation.desired.of(SendConnector)
    declared: list[tuple[Address, SendConnector | ReceiveConnector]] = [*senders]
    declared += situation.desired.of(ReceiveConnector)
    bound = {
        connector.name: (address, connector.home)
        for address, connector in declared
        if isinstance(connector.home, tuple)
        and name in connector.home
        and _has_one_of(name, connector, situation)
    }
    connectors: list[SendConnector | ReceiveConnector] = [*server.send_connectors.objects]
    connectors += situation.receive_connectors(name).all()
    for live in connectors:
        binding = live.tls_certificate_name
        if live.name not in bound or not isinstance(binding, TlsCertificateName) or binding in names:
            continue
        if not lacks(type(live), _BINDING, situation.build(name), edge=situation.is_edge(name)):
            address, home = bound[live.name]
            others = [other for other in home if other != name]
            if not _may_be_elsewhere(binding, others, situation):
                yield f"what {address} is bound to, {binding}"


def _has_one_of(name: Name, connector: SendConnector | ReceiveConnector, situation: Situation) -> bool:
    """Whether a certificate of a connector is declared for a server: a subscribed Edge server has its own."""
    addresses = connector.certificates if isinstance(connector.certificates, tuple) else ()
    declared = (situation.desired.resources.get(address) for address in addresses)
    return any(isinstance(one, Certificate) and one.home == (name,) for one in declared)


def _may_be_elsewhere(binding: TlsCertificateName, others: Iterable[Name], situation: Situation) -> bool:
    """Whether another source server has the certificate, or it is not known what that has."""
    for other in others:
        server = situation.live.servers.get(other)
        if server is None or server.unreachable or server.certificates.unreadable:
            return True
        if any(one.tls_certificate_name in (binding, UNKNOWN) for one in server.certificates.objects):
            return True
    return False


def _told(server: str, gone: list[str]) -> Diagnostic:
    return Diagnostic(
        summary="Certificates lost",
        detail=(
            f"{server} has lost its certificates: gone from its store is {'; nor '.join(gone)}. So it is "
            "after a server was rebuilt: connectors are in Active Directory, keys are not."
        ),
        hint=(
            "apply what is planned: another request, or its key from a server that shares it; if it was not "
            "rebuilt, find out who emptied its store"
        ),
        subject=server,
        severity=Severity.WARNING,
    )
