"""Which changes take protection, or a route, away from mail: what must not happen before its replacement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from state.address import Address
from state.values import AddressSpace, Name

from .change import Action, Change
from .situation import Situation

_NARROWING = frozenset(
    {
        "enabled",
        "require_tls",
        "ignore_starttls",
        "tls_auth_level",
        "tls_domain",
        "is_scoped_connector",
        "max_message_size",
        "source_transport_servers",
    }
)
"""Attributes by which a connector takes other mail than before, or protects it less [3-3], [3-7]."""


def takes_away(change: Change) -> bool:
    """Whether mail may be less protected after a change of a send connector.

    What only makes a connector stricter is among it, where the attributes alone do not tell: it waits once
    more than it has to.
    """
    if change.address.type != "send_connector":
        return False
    if change.action is Action.DELETE:
        return True
    return change.action is Action.UPDATE and (
        bool(_NARROWING & change.attributes.keys()) or _lost(change) != frozenset()
    )


def after_gains(changes: Sequence[Change], situation: Situation) -> tuple[Change, ...]:
    """The changes, where what takes a route away waits for those that may give it, on whatever server.

    What comes later in the order of the plan waits for what comes earlier: nobody waits in a circle. Two
    connectors that exchange domains cannot both come first.
    """

    def is_shared(change: Change) -> bool:
        # One that is shown and not made, for it is not ours, has no invocations.
        return bool(change.invocations) and not situation.is_edge(Name(change.invocations[0].server))

    gains = _Gains()
    for change in changes:
        if (spaces := _gained(change)) and is_shared(change):
            gains.add(change.address, rank(change), spaces)
    if not gains.all:
        return tuple(changes)
    return tuple(
        replace(change, requires=change.requires | gains.replacing(change))
        if rank(change) and is_shared(change)
        else change
        for change in changes
    )


def rank(change: Change | None) -> int:
    """When a change may come: 0 where it takes no address space away, 1 where it also gives some, 2 else."""
    if change is None or not takes_away(change):
        return 0
    if change.action is Action.DELETE:
        return 2
    if not _lost(change):
        return 0
    return 1 if _gained(change) else 2


@dataclass(slots=True)
class _Gains:
    """The changes that give mail a route, each with when it comes, and by what they carry."""

    all: dict[Address, int] = field(default_factory=dict)
    wide: set[Address] = field(default_factory=set)
    by_space: dict[tuple[str, str], set[Address]] = field(default_factory=lambda: defaultdict(set))

    def add(self, address: Address, when: int, spaces: frozenset[AddressSpace]) -> None:
        self.all[address] = when
        for name in _addresses(spaces):
            self.by_space[name].add(address)
            if name[1].startswith("*"):
                self.wide.add(address)

    def replacing(self, change: Change) -> frozenset[Address]:
        """The earlier changes that may take over what a change takes away."""
        lost, when = _lost(change), rank(change)
        if lost is None:
            candidates: Iterable[Address] = self.all
        else:
            candidates = self.wide.union(*(self.by_space.get(name, set()) for name in _addresses(lost)))
        return frozenset(address for address in candidates if self.all[address] < when)


def _addresses(spaces: Iterable[AddressSpace]) -> set[tuple[str, str]]:
    return {(space.type, space.address) for space in spaces}


def _lost(change: Change) -> frozenset[AddressSpace] | None:
    """Address spaces that a change takes from its connector; None where that is not known."""
    difference = change.attributes.get("address_spaces")
    if difference is None:
        return frozenset()
    before = difference.before
    after = difference.after if isinstance(difference.after, frozenset) else frozenset()
    return before - after if isinstance(before, frozenset) else None


def _gained(change: Change) -> frozenset[AddressSpace]:
    """Address spaces that a change gives to its connector."""
    difference = change.attributes.get("address_spaces")
    if (
        change.address.type != "send_connector"
        or change.action not in (Action.CREATE, Action.UPDATE)
        or difference is None
        or not isinstance(difference.after, frozenset)
    ):
        return frozenset()
    before = difference.before if isinstance(difference.before, frozenset) else frozenset()
    return frozenset(difference.after - before)
