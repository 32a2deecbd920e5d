"""The port behind which the record and its journal are kept."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from .journal import Entry
from .lock import LockInfo
from .record import StateRecord


@dataclass(frozen=True, slots=True)
class Fence:
    """Proof of holding the lock; a write shows it, and is refused once the lock is somebody else's.

    Attributes:
        id: :attr:`LockInfo.id` of the lock that it belongs to.
    """

    id: str


@dataclass(frozen=True, slots=True)
class Stored:
    """What a store holds at one instant.

    Attributes:
        record: None before the first write.
        journal: What was appended since that record was written, in order.
    """

    record: StateRecord | None
    journal: tuple[Entry, ...] = ()


class StateStore(Protocol):
    """Where the record and the journal of one organization are kept.

    A store may be used by several threads. Every implementation passes
    :class:`state.testing.StoreContract`.
    """

    def lock(self, info: LockInfo) -> AbstractContextManager[Fence]:
        """Hold the only lock while the context lasts; it does not wait for one that is taken.

        Raises (on entering):
            StateLocked: somebody else holds it.
            StateUnwritable: the place cannot be written at all.
        """
        ...

    def read(self) -> Stored:
        """The record and its journal as of one instant; needs no lock.

        Raises:
            StateTooNew: a later version of this program wrote it.
            StateUnreadable: it is there and is not what this program wrote.
        """
        ...

    def write(self, record: StateRecord, fence: Fence) -> None:
        """Replace the record, and drop the journal entries that led to it, in one step.

        Args:
            record: Of the stored lineage, with the stored serial + 1; the first one has serial 1.
            fence: Of the lock that is held.

        Raises:
            StateConflict: the stored record is not the one before this.
            LockLost: the fence is not of the lock that is held now.
            StateTooNew, StateUnreadable: as :meth:`read`; what is there is left alone.
            StateUnwritable: it is not certain to be stored; what is read is it, or what was there before.
        """
        ...

    def append(self, entries: Iterable[Entry], fence: Fence) -> None:
        """Add entries to the journal, all or none of them, durable before this returns.

        Raises:
            LockLost: the fence is not of the lock that is held now.
            StateTooNew, StateUnreadable: as :meth:`read`; what is there is left alone.
            StateUnwritable: they are not certain to be stored; what is read is with all of them, or without.
        """
        ...
