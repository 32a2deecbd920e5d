"""Certificates that are good no more: whether their authorities may be told now, and what that waits for."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from state.address import Address
from state.record import Predecessor, Recorded
from state.resources import Certificate
from state.values import Name, Thumbprint, TlsCertificateName

from .references import Connector, called, is_used_on, store_of
from .situation import Situation, home_of


@dataclass(frozen=True, slots=True)
class Revocation:
    """One certificate that is to be revoked.

    Attributes:
        replaced_at: The declared certificates that have taken its place, in the order they are recorded.
        issuer: Whose it is, by its name under ``issuers``.
        server: One that has it in its store; None where none has.
        waits: Why not yet, a sentence without its stop; "" where its authority may be told now.
    """

    predecessor: Predecessor
    replaced_at: tuple[Address, ...]
    issuer: str
    server: Name | None
    waits: str = ""


def revocations(situation: Situation, unseen: Collection[Address] = ()) -> tuple[Revocation, ...]:
    """What is to be revoked of the declared certificates, each once, whatever shares it.

    It waits until its successor is in use everywhere: served where a handshake can show it, else enabled; and
    until no connector presents it any more. Nobody is to be presented a certificate that is revoked.

    Args:
        unseen: Certificates whose endpoints cannot be seen from here: enabled has to do for them.
    """
    replaced: dict[Thumbprint, list[tuple[Address, Predecessor]]] = {}
    for address, one in _pending(situation):
        replaced.setdefault(one.thumbprint, []).append((address, one))
    return tuple(_revocation(found, situation, unseen) for found in replaced.values())


def _pending(situation: Situation) -> Iterator[tuple[Address, Predecessor]]:
    for address, recorded in situation.record.resources.items():
        if address in situation.desired.resources and isinstance(recorded.resource, Certificate):
            yield from ((address, one) for one in recorded.predecessors if one.is_to_be_revoked)


def _revocation(
    found: list[tuple[Address, Predecessor]], situation: Situation, unseen: Collection[Address]
) -> Revocation:
    first, predecessor = found[0]
    successor = situation.record.resources[first].resource
    issuer = predecessor.issuer or str(getattr(successor, "issuer", ""))
    holders = [name for name in situation.live.servers if _held(predecessor.thumbprint, name, situation)]
    waits = next(_obstacles(predecessor.thumbprint, holders, situation, unseen), "")
    replaced_at = tuple(address for address, _ in found)
    return Revocation(predecessor, replaced_at, issuer, next(iter(holders), None), waits)


def _obstacles(
    thumbprint: Thumbprint, holders: list[Name], situation: Situation, unseen: Collection[Address]
) -> Iterator[str]:
    for address, recorded in situation.record.resources.items():
        asked = situation.desired.resources.get(address)
        if isinstance(asked, Certificate) and isinstance(recorded.resource, Certificate):
            yield from _at(address, asked, recorded, thumbprint, situation, unseen)
    for server in holders:
        certificate = _held(thumbprint, server, situation)
        if certificate is not None:
            yield from _presenters(certificate, server, situation)


def _at(
    address: Address,
    asked: Certificate,
    recorded: Recorded,
    thumbprint: Thumbprint,
    situation: Situation,
    unseen: Collection[Address],
) -> Iterator[str]:
    """What has to come first where a declared certificate is the one in question, or has taken its place."""
    if getattr(recorded.resource, "thumbprint", None) == thumbprint:
        yield f"{address} is not replaced yet"
        return
    if all(one.thumbprint != thumbprint for one in recorded.predecessors):
        return
    listing = situation.server(home_of(asked)).certificates
    if listing.unreadable:
        yield f"certificates of {home_of(asked)} could not be read: {listing.unreadable.reason}"
    if "enabled" not in recorded.milestones:
        yield f"the new certificate of {address} is not in use yet"
    is_served = "served" in recorded.milestones or address not in situation.watched
    if not is_served and address not in unseen:
        yield f"no handshake has shown the new certificate of {address} yet"


def _presenters(certificate: Certificate, server: Name, situation: Situation) -> Iterator[str]:
    """The connectors of a server that name it and present it, or may; what others choose is a guess."""
    live = situation.server(server)
    for what, listing in (("send", live.send_connectors), ("receive", live.receive_connectors)):
        if listing.unreadable:
            yield f"{what} connectors of {server} could not be read: {listing.unreadable.reason}"
    store = store_of(server, situation)
    if not store.takes_names:
        return
    connectors: tuple[Connector, ...] = (*live.send_connectors.objects, *live.receive_connectors.objects)
    for connector in connectors:
        is_named = isinstance(connector.tls_certificate_name, TlsCertificateName)
        if not is_named or not is_used_on(connector, server, situation):
            continue
        found = store.presented_by(connector)
        if found.certificate is certificate:
            yield f"{called(connector)} of {server} presents it"
        elif any(one is certificate for one in found.unclear):
            yield f"what {called(connector)} of {server} presents could not be read"


def _held(thumbprint: Thumbprint, server: Name, situation: Situation) -> Certificate | None:
    found = situation.server(server).certificates.objects
    return next((one for one in found if one.thumbprint == thumbprint), None)
