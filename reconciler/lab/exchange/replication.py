"""What each domain controller has heard of so far.

An object is replicated whole, and the write that came last wins. Active Directory replicates attributes and
decides by version and time; who writes to one domain controller alone cannot tell the difference. Conflicts
of names are not emulated, and nothing is on its way when a lab starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Written:
    """Where and when something was written.

    Attributes:
        controller: The domain controller that took it.
        at: UTC.
    """

    controller: str
    at: datetime


@dataclass(frozen=True, slots=True)
class _Write(Generic[T]):
    """One write of one object; None is no object."""

    scope: str
    key: str
    before: T | None
    after: T | None
    written: Written


@dataclass(slots=True)
class Replication(Generic[T]):
    """The domain controllers of one partition, and the writes that not all of them know of.

    Attributes:
        controllers: Their FQDNs.
        delays: Seconds until one hears of what another took; None: not before it is told otherwise.
    """

    controllers: tuple[str, ...]
    delays: Mapping[str, float | None] = field(default_factory=dict)
    _writes: list[_Write[T]] = field(default_factory=list)

    def controller(self, name: str) -> str | None:
        """A domain controller by FQDN or by its first label, ignoring case."""
        wanted = name.lower()
        for known in self.controllers:
            if wanted in (known.lower(), known.lower().partition(".")[0]):
                return known
        return None

    def slow_down(self, delays: Mapping[str, float | None], now: datetime) -> None:
        """Change the delays; what was everywhere before stays there."""
        self._writes = [write for write in self._writes if not self._is_everywhere(write, now)]
        self.delays = delays

    def note(self, scope: str, key: str, before: T | None, after: T | None, written: Written) -> None:
        """Take down a write."""
        self._writes = [write for write in self._writes if not self._is_everywhere(write, written.at)]
        self._writes.append(_Write(scope, key, before, after, written))

    def seen(self, scope: str, objects: Mapping[str, T], controller: str, now: datetime) -> dict[str, T]:
        """Objects as one domain controller has them.

        Args:
            scope: Which list.
            objects: As the last write left them.
        """
        shown = dict(objects)
        by_key: dict[str, list[_Write[T]]] = {}
        for write in self._writes:
            if write.scope == scope and not self._is_everywhere(write, now):
                by_key.setdefault(write.key, []).append(write)
        for key, writes in by_key.items():
            known = [write.after for write in writes if self._is_seen(write, controller, now)]
            value = known[-1] if known else writes[0].before
            if value is None:
                shown.pop(key, None)
            else:
                shown[key] = value
        return shown

    def unseen(self, controller: str, now: datetime) -> int:
        """How many writes a domain controller has not heard of."""
        return sum(not self._is_seen(write, controller, now) for write in self._writes)

    def _is_seen(self, write: _Write[T], controller: str, now: datetime) -> bool:
        if controller == write.written.controller:
            return True
        delay = self.delays.get(controller, 0.0)
        return delay is not None and now >= write.written.at + timedelta(seconds=delay)

    def _is_everywhere(self, write: _Write[T], now: datetime) -> bool:
        return all(self._is_seen(write, controller, now) for controller in self.controllers)
