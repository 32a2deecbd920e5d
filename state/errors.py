"""What can go wrong with nouns and with the record: facts first, text last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .lock import LockInfo


class StateError(Exception):
    """Base of everything this package raises on purpose."""


@dataclass
class InvalidAddress(StateError):
    """A text that is no resource address."""

    text: str
    reason: str

    def __str__(self) -> str:
        return f"{self.text!r} is not a resource address: {self.reason}"


@dataclass
class InvalidValue(StateError):
    """A text that is not what its attribute takes."""

    text: str
    expected: str

    def __str__(self) -> str:
        return f"{self.text!r} is not {self.expected}"


@dataclass
class StateLocked(StateError):
    """Somebody else holds the lock.

    Attributes:
        holder: Who; None when the lock is held but its description could not be read.
        place: Where the record is kept, for people.
    """

    place: str
    holder: LockInfo | None

    def __str__(self) -> str:
        return f"the record in {self.place} is locked"


@dataclass
class StateConflict(StateError):
    """The record moved on between read and write.

    Attributes:
        found_lineage: Set when what is found is another history, whatever its serial.
    """

    place: str
    expected_serial: int
    found_serial: int
    found_lineage: str | None = None

    def __str__(self) -> str:
        if self.found_lineage is not None:
            return f"the record in {self.place} is another history, {self.found_lineage}"
        return f"the record in {self.place} is at serial {self.found_serial}, not {self.expected_serial}"


@dataclass
class StateUnreadable(StateError):
    """The record or the journal is there but is not what we wrote.

    Attributes:
        backup: A copy that may be good; None when there is none.
    """

    place: str
    reason: str
    backup: str | None = None

    def __str__(self) -> str:
        return f"{self.place} cannot be read: {self.reason}"


@dataclass
class StateTooNew(StateError):
    """Written by a later version of this program."""

    place: str
    found: int
    supported: int

    def __str__(self) -> str:
        return f"{self.place} has format version {self.found}; this program knows up to {self.supported}"


@dataclass
class StateTooOld(StateError):
    """Written by an earlier version of this program, and not to be read faithfully any more."""

    place: str
    found: int
    supported: int

    def __str__(self) -> str:
        return f"{self.place} has format version {self.found}; this program reads version {self.supported}"


@dataclass
class StateUnwritable(StateError):
    """The place where the record is kept refuses a write."""

    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place} cannot be written: {self.reason}"


@dataclass
class LockLost(StateError):
    """A write was attempted under a lock that is no longer ours."""

    place: str

    def __str__(self) -> str:
        return f"the lock on {self.place} is no longer held"
