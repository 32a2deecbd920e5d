"""What an apply remembers while it runs: durable before anything is sent, and after."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from state.journal import Intent, Outcome
from state.record import Learned, StateRecord
from state.store import Fence, StateStore


class Ledger:
    """The record as it grows, and the journal behind it. Used by several threads.

    Raises from every method:
        LockLost, StateUnwritable: nothing more may be sent.
    """

    def __init__(self, store: StateStore, fence: Fence, record: StateRecord) -> None:
        self._store = store
        self._fence = fence
        self._record = record
        self._growing = Lock()

    @property
    def record(self) -> StateRecord:
        return self._record

    def intend(self, intent: Intent) -> None:
        """Write what is about to be sent."""
        self._store.append((intent,), self._fence)

    def conclude(self, outcome: Outcome, *learned: Learned) -> None:
        """Write what came of an intent, and what the record learns from it, in one step."""
        with self._growing:
            self._store.append((outcome, *learned), self._fence)
            self._record = self._record.learn(*learned)

    def learn(self, *learned: Learned) -> None:
        """Write what the record learns without anything having been sent."""
        if learned:
            with self._growing:
                self._store.append(learned, self._fence)
                self._record = self._record.learn(*learned)

    def close(self, next_serial: Callable[[StateRecord], StateRecord]) -> StateRecord:
        """Write the record whole; the journal that led to it is dropped."""
        with self._growing:
            self._record = next_serial(self._record)
            self._store.write(self._record, self._fence)
            return self._record
