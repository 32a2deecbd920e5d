"""Who may go next: servers run beside each other, a connector waits for its certificates."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from threading import Condition

from state.address import Address


class Turn(Enum):
    """What a change may do: START; STOP: nothing starts any more; PARK: what it needs waits outside."""

    START = "start"
    PARK = "park"
    STOP = "stop"


class Schedule:
    """Tells the threads of an apply when to go on and when to stop. The first failure stops all."""

    def __init__(self, planned: Iterable[Address]) -> None:
        self._waiting = set(planned)
        self._parked: set[Address] = set()
        self._stopped = False
        self._changed = Condition()

    @property
    def is_stopped(self) -> bool:
        return self._stopped

    def turn(self, requires: frozenset[Address]) -> Turn:
        """Wait until everything required is done, or will not be done in this apply."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or not (requires & self._waiting))
            if self._stopped:
                return Turn.STOP
            return Turn.PARK if requires & self._parked else Turn.START

    def done(self, address: Address) -> None:
        with self._changed:
            self._waiting.discard(address)
            self._changed.notify_all()

    def park(self, address: Address) -> None:
        """What this address is to become waits for somebody outside; what needs it is parked too."""
        with self._changed:
            self._waiting.discard(address)
            self._parked.add(address)
            self._changed.notify_all()

    def stop(self) -> None:
        """Let nothing more start; what is running ends by itself."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
