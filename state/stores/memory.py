"""A record that lives as long as its object: for tests, and for trying things out."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from ..errors import LockLost, StateLocked
from ..journal import Entry
from ..lock import LockInfo
from ..record import StateRecord
from ..store import Fence, Stored
from .succession import check_succession

_PLACE = "memory"


class MemoryStore:
    """A :class:`~state.store.StateStore` without a place outside this process."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._record: StateRecord | None = None
        self._journal: list[Entry] = []
        self._holder: LockInfo | None = None

    @contextmanager
    def lock(self, info: LockInfo) -> Iterator[Fence]:
        with self._mutex:
            if self._holder is not None:
                raise StateLocked(_PLACE, self._holder)
            self._holder = info
        try:
            yield Fence(info.id)
        finally:
            with self._mutex:
                self._holder = None

    def read(self) -> Stored:
        with self._mutex:
            return Stored(self._record, tuple(self._journal))

    def write(self, record: StateRecord, fence: Fence) -> None:
        with self._mutex:
            self._check(fence)
            check_succession(self._record, record, _PLACE)
            self._record = record
            self._journal.clear()

    def append(self, entries: Iterable[Entry], fence: Fence) -> None:
        with self._mutex:
            self._check(fence)
            self._journal += entries

    def _check(self, fence: Fence) -> None:
        if self._holder is None or self._holder.id != fence.id:
            raise LockLost(_PLACE)
