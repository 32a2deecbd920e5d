"""Who may go next: servers run beside each other, a connector waits for its certificates."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Condition

from state.address import Address


class Schedule:
    """Tells the threads of an apply when to go on and when to stop. The first failure stops all."""

    def __init__(self, planned: Iterable[Address]) -> None:
        self._waiting = set(planned)
        self._stopped = False
        self._changed = Condition()

    @property
    def is_stopped(self) -> bool:
        return self._stopped

    def may_start(self, requires: frozenset[Address]) -> bool:
        """Wait until everything required is done; False when the apply was stopped meanwhile."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or not (requires & self._waiting))
            return not self._stopped

    def done(self, address: Address) -> None:
        with self._changed:
            self._waiting.discard(address)
            self._changed.notify_all()

    def stop(self) -> None:
        """Let nothing more start; what is running ends by itself."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
