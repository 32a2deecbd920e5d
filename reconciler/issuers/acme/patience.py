"""How long an authority is waited for: a machine answers within a minute or two, or the next run asks."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

SECONDS: Final = 90.0
POLLS: Final = 60
_LONGEST_PAUSE: Final = 5.0


@dataclass
class OutOfPatience(Exception):
    """The authority is not ready, and takes longer than a run waits.

    Attributes:
        retry_after: Seconds after which it wants to be asked again, if it says so.
    """

    retry_after: float | None = None


class Patience:
    """Pauses between questions about one request, bounded in number and in time."""

    def __init__(
        self,
        seconds: float = SECONDS,
        polls: int = POLLS,
        *,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin to wait now."""
        self._sleep = sleep
        self._monotonic = monotonic
        self._end = monotonic() + seconds
        self._polls = polls
        self._pause = 0.25

    @property
    def left(self) -> float:
        """Seconds; never less than none."""
        return max(0.0, self._end - self._monotonic())

    def pause(self, retry_after: float | None = None) -> None:
        """Wait until it is worth asking again.

        Args:
            retry_after: What the authority wants.

        Raises:
            OutOfPatience: that is too long.
        """
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        wanted = self._pause if retry_after is None else max(retry_after, 0.1)
        if self._polls <= 0 or wanted > self.left:
            raise OutOfPatience(retry_after)
        self._polls -= 1
        self._sleep(wanted)
