"""Send connectors that carry what another should, nothing, or mail without TLS: rules [3-3], [3-7]."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from reconciler.cmdlets.mark import mark_in
from reconciler.mailflow.holes import Hole, holes
from reconciler.mailflow.protection import Protection, protection_of
from reconciler.mailflow.route import Candidate, have_same_sources
from state.resources import SendConnector
from state.values import AddressSpace, ByteSize, Maybe, Name

from . import rules
from .finding import Finding, Rule, Weight
from .organization import Audited, SendConnectors

_SHOWN: Final = 5
"""Domains in one detail."""


def check_send_connectors(audited: Audited) -> Iterator[Finding]:
    for group in audited.send_connectors():
        connectors = group.listing.objects
        for connector in connectors:
            if group.edge is None:
                yield from _sources(connector, audited)
            yield from _holes(connector, group)
            yield from _openness(connector, group)
        yield from _overlaps(connectors, group)


def _sources(connector: SendConnector, audited: Audited) -> Iterator[Finding]:
    """Servers that were uninstalled by force are still named [1-6]."""
    sources = connector.source_transport_servers
    if not isinstance(sources, frozenset):
        return
    if not sources:
        detail = "It has no source server, so nothing sends through it."
        yield _finding(rules.NO_SOURCE, Weight.FINDING, connector, "", detail)
        return
    subscribed = audited.live.organization.edge_subscriptions
    known = {server.name for server in audited.known.objects}
    if audited.known.unreadable or not known:
        return  # told as not read
    for name in sorted(sources - known - {one.name for one in subscribed.objects}, key=str):
        if subscribed.unreadable:
            detail = f"{name} is no server of the organization; whether it is a subscribed Edge is not known."
            unknown = _finding(rules.SOURCE_GONE, Weight.UNKNOWN, connector, "", detail)
            yield replace(unknown, instead=rules.READ_IT)
        else:
            detail = (
                f"{name} is a source server, and the organization has neither a server nor an Edge {name}."
            )
            yield _finding(rules.SOURCE_GONE, Weight.FINDING, connector, "", detail)


def _holes(connector: SendConnector, group: SendConnectors) -> Iterator[Finding]:
    if connector.require_tls is not True:
        return
    others = [(one.name, one) for one in group.listing.objects if one is not connector and _may_carry(one)]
    for hole in holes(connector, others):
        detail = f"It requires TLS and {_reason(hole, connector)}: that mail takes a less specific connector."
        yield _finding(rules.FALLS_THROUGH, Weight.FINDING, connector, group.where, detail)


def _reason(hole: Hole[Maybe[Name]], connector: SendConnector) -> str:
    match hole.attribute:
        case "enabled":
            return "is disabled"
        case "is_scoped_connector":
            return "is scoped, so servers of other Active Directory sites pass it by"
    wider = _and(map(str, hole.wider))
    return f"takes at most {connector.max_message_size}, and {wider} takes more"


def _openness(connector: SendConnector, group: SendConnectors) -> Iterator[Finding]:
    if not _may_carry(connector):
        return
    protection = protection_of(connector)
    spaces = _and_more(space.address for space in _smtp(connector))
    if protection is Protection.NONE:
        is_ours = isinstance(connector.comment, str) and mark_in(connector.comment) is not None
        weight = Weight.INFO if is_ours else Weight.FINDING
        declared = ", as is declared with this tool" if is_ours else ""
        detail = f"Mail for {spaces} is sent without TLS{declared}."
        yield _finding(rules.EXCEPTION, weight, connector, group.where, detail)
    elif protection is Protection.ENCRYPTED:
        detail = f"Mail for {spaces} is encrypted, to whoever answers: no certificate is validated."
        yield _finding(rules.NOT_VALIDATED, Weight.INFO, connector, group.where, detail)


def _overlaps(connectors: tuple[SendConnector, ...], group: SendConnectors) -> Iterator[Finding]:
    """Connectors that have an address space in common: one of them is chosen for it."""
    by_address: dict[str, list[Candidate]] = {}
    for connector in connectors:
        if _may_carry(connector) and connector.is_scoped_connector is not True:
            for space in _smtp(connector):
                by_address.setdefault(space.address, []).append(Candidate(connector, space))
    shadows: dict[tuple[str, str], list[str]] = {}
    double: dict[tuple[str, str], list[str]] = {}
    found: dict[str, SendConnector] = {}
    for address, candidates in sorted(by_address.items()):
        candidates.sort(key=lambda candidate: candidate.order)
        for at, later in enumerate(candidates):
            found[str(later.connector.name)] = later.connector
            if first := _shadow(later, candidates[:at]):
                shadows.setdefault((str(later.connector.name), str(first.connector.name)), []).append(address)
            elif first := _differing(later, candidates[:at]):
                double.setdefault((str(later.connector.name), str(first.connector.name)), []).append(address)
    for (name, winner), addresses in shadows.items():
        detail = (
            f'"{winner}" has the same address space, the same source servers, and a lower cost or name: it '
            f"is always chosen for {_and_more(addresses)}{_loss(found[name], winner, connectors)}."
        )
        yield _finding(rules.SHADOWED, Weight.FINDING, found[name], group.where, detail)
    for (name, winner), addresses in double.items():
        detail = (
            f'"{winner}" also takes {_and_more(addresses)}, and protects that mail differently. Which one is '
            "chosen may depend on the server, the cost of links between sites, or the size of the message."
        )
        yield _finding(rules.TWO_PROTECTIONS, Weight.FINDING, found[name], group.where, detail)


def _shadow(later: Candidate, before: list[Candidate]) -> Candidate | None:
    """The one that is chosen wherever this one could be."""
    return next(
        (
            first
            for first in before
            if have_same_sources(first, later) and _takes_as_much(first.connector, later.connector)
        ),
        None,
    )


def _differing(later: Candidate, before: list[Candidate]) -> Candidate | None:
    """One that may be chosen in its place, and protects otherwise."""
    own = protection_of(later.connector)
    return next((first for first in before if protection_of(first.connector) != own), None)


def _loss(later: SendConnector, winner: str, connectors: tuple[SendConnector, ...]) -> str:
    """What that costs, where the shadowed one protects better."""
    first = next(one for one in connectors if str(one.name) == winner)
    chosen, lost = protection_of(first), protection_of(later)
    return ", which protects less" if chosen is not None and lost is not None and chosen < lost else ""


def _may_carry(connector: SendConnector) -> bool:
    return connector.enabled is not False


def _takes_as_much(first: SendConnector, later: SendConnector) -> bool:
    one, other = first.max_message_size, later.max_message_size
    if not (isinstance(one, ByteSize) and isinstance(other, ByteSize)):
        return False
    return one.bytes is None or (other.bytes is not None and one.bytes >= other.bytes)


def _smtp(connector: SendConnector) -> list[AddressSpace]:
    spaces = connector.address_spaces
    return sorted(space for space in spaces if space.type == "SMTP") if isinstance(spaces, frozenset) else []


def _finding(rule: Rule, weight: Weight, connector: SendConnector, server: str, detail: str) -> Finding:
    name = connector.name if isinstance(connector.name, Name) else "(not read)"
    return Finding(rule, weight, connector.kind, str(name), server, detail)


def _and(names: Iterable[str]) -> str:
    return " and ".join(f'"{name}"' for name in names)


def _and_more(domains: Iterable[str]) -> str:
    every = list(dict.fromkeys(domains))
    more = f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else ""
    return ", ".join(every[:_SHOWN]) + more or "no domain"
