"""The choice among send connectors whose address spaces overlap: rule [3-7]."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from state.resources import SendConnector
from state.values import UNKNOWN, AddressSpace, ByteSize, Fqdn

from .spaces import Match, match, specificity


class Why(Enum):
    """Why a connector that takes a domain does not carry its mail; the text completes "it ..."."""

    DISABLED = "is disabled"
    SCOPED = "serves the Active Directory site of its source servers alone"
    LESS_SPECIFIC = "has a less specific address space"
    COSTS_MORE = "costs more"
    LATER_NAME = "costs the same, and its name comes later"
    PERHAPS = "has a wildcard that may or may not take the domain itself"
    UNREAD = "has address spaces that could not be read"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A connector, and the one of its address spaces that takes the domain best."""

    connector: SendConnector
    space: AddressSpace

    @property
    def order(self) -> tuple[int, int, int, str]:
        """The smallest is chosen."""
        kind, labels = specificity(self.space)
        return -kind, -labels, self.space.cost, str(self.connector.name).casefold()


@dataclass(frozen=True, slots=True)
class Leg:
    """Which connector carries messages of some sizes.

    Attributes:
        over: It carries what is larger than this; None: from the smallest on.
    """

    chosen: Candidate
    over: ByteSize | None = None


@dataclass(frozen=True, slots=True)
class Passed:
    """A connector that does not carry the domain's mail.

    Attributes:
        space: None where its address spaces could not be read.
        may_win: What decides between it and the chosen one is not known to us, so it may be the one.
    """

    connector: SendConnector
    space: AddressSpace | None
    why: Why
    may_win: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """How mail for a domain leaves.

    Attributes:
        legs: By message size, the smallest first; none when no connector takes the domain.
        up_to: The largest message that any of them takes; None: no limit, or no connector.
        passed: The others that have something to do with the domain, those that come next first.
        unsure: Attributes of connectors on the way that could not be read, and count as harmless here.
    """

    domain: Fqdn
    legs: tuple[Leg, ...]
    up_to: ByteSize | None
    passed: tuple[Passed, ...]
    unsure: tuple[tuple[SendConnector, str], ...] = ()


def route(domain: Fqdn, connectors: Iterable[SendConnector], accepted: Collection[str] = ()) -> Route:
    """Choose among the connectors of one organization, or of one Edge server.

    Args:
        accepted: The accepted domains of the organization, for EdgeSync's placeholder.
    """
    candidates: list[Candidate] = []
    passed: list[Passed] = []
    for connector in connectors:
        if not isinstance(connector.address_spaces, frozenset):
            passed.append(Passed(connector, None, Why.UNREAD, may_win=connector.enabled is not False))
            continue
        best = _best_space(connector.address_spaces, domain, accepted)
        if best is None:
            continue
        space, matches = best
        if connector.enabled is False:
            passed.append(Passed(connector, space, Why.DISABLED))
        elif connector.is_scoped_connector is True:
            passed.append(Passed(connector, space, Why.SCOPED, may_win=True))
        elif matches is Match.MAYBE:
            passed.append(Passed(connector, space, Why.PERHAPS, may_win=True))
        else:
            candidates.append(Candidate(connector, space))
    candidates.sort(key=lambda candidate: candidate.order)
    legs, up_to = _legs(candidates)
    on_the_way = {id(leg.chosen) for leg in legs}
    if legs:
        first = legs[0].chosen
        passed[:0] = [_passed(first, one) for one in candidates if id(one) not in on_the_way]
    return Route(domain, legs, up_to, tuple(passed), _unsure(candidates))


def _best_space(
    spaces: frozenset[AddressSpace], domain: Fqdn, accepted: Collection[str]
) -> tuple[AddressSpace, Match] | None:
    """The space of one connector that takes the domain; one that surely does comes first."""
    found = [(space, match(space, domain, accepted)) for space in spaces]
    taking = [one for one in found if one[1] is not Match.NO]
    return min(
        taking,
        key=lambda one: (one[1] is not Match.YES, *(-part for part in specificity(one[0])), one[0].cost),
        default=None,
    )


def _legs(candidates: Sequence[Candidate]) -> tuple[tuple[Leg, ...], ByteSize | None]:
    """The size is looked at first, so each size has its own first connector [3-3]."""
    legs: list[Leg] = []
    over: ByteSize | None = None
    for candidate in candidates:
        if over is None or _is_larger(candidate.connector.max_message_size, over):
            legs.append(Leg(candidate, over))
            size = candidate.connector.max_message_size
            if not isinstance(size, ByteSize) or size.bytes is None:
                return tuple(legs), None
            over = size
    return tuple(legs), over


def _is_larger(size: object, than: ByteSize) -> bool:
    if not isinstance(size, ByteSize) or size.bytes is None:
        return True
    return than.bytes is not None and size.bytes > than.bytes


def _passed(first: Candidate, other: Candidate) -> Passed:
    if specificity(first.space) != specificity(other.space):
        return Passed(other.connector, other.space, Why.LESS_SPECIFIC)
    why = Why.COSTS_MORE if other.space.cost > first.space.cost else Why.LATER_NAME
    return Passed(other.connector, other.space, why, may_win=not have_same_sources(first, other))


def have_same_sources(one: Candidate, other: Candidate) -> bool:
    """True when two connectors leave from the same servers, so that what we see decides between them.

    Where they do not, the cost of the links between sites counts too, and a server that is a source itself
    may prefer its own [3-7].
    """
    sources = one.connector.source_transport_servers
    return sources is not UNKNOWN and sources == other.connector.source_transport_servers


def _unsure(candidates: Iterable[Candidate]) -> tuple[tuple[SendConnector, str], ...]:
    return tuple(
        (candidate.connector, attribute)
        for candidate in candidates
        for attribute in ("enabled", "is_scoped_connector", "max_message_size", "source_transport_servers")
        if getattr(candidate.connector, attribute) is UNKNOWN
    )
