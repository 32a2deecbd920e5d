"""Trying again: how often, how long, and after which pauses. Nowhere else is anything tried twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Final, TypeVar

from tenacity import RetryCallState, wait_exponential_jitter
from tenacity import Retrying as Again

from reconciler.events import Listener, Retrying
from reconciler.exchange.errors import ExchangeError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one thing that is tried.

    Attributes:
        doing: What it is, for those who watch.
        attempts: How often, the first time included.
        seconds: How long all of them may take, pauses included; none begins that would have to wait beyond.
        first: The first pause, in seconds. Each later one is twice as long, and up to a second is added by
            chance, so that runs that failed together do not come back together.
        longest: No pause is longer.
    """

    doing: str
    attempts: int = 5
    seconds: float = 60
    first: float = 1
    longest: float = 20


OPENING: Final = Limits("opening a session")
READING: Final = Limits("reading")
APPLYING: Final = Limits("going on with the apply", attempts=10, seconds=900)


class Patience:
    """Tries again what may pass by itself. One for a run; its threads share it.

    Args:
        clock: Seconds of any origin that only grow.
        sleep: Waits; when not given, for real, and no longer than until `give_up`.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], object] | None = None
    ) -> None:
        self._clock = clock
        self._given_up = threading.Event()
        self._sleep = sleep or self._given_up.wait

    def give_up(self) -> None:
        """Wait for nothing any more: somebody pressed Ctrl-C. What is tried now is not tried again."""
        self._given_up.set()

    @property
    def instant(self) -> float:
        """Seconds of any origin that only grow."""
        return self._clock()

    @property
    def is_given_up(self) -> bool:
        return self._given_up.is_set()

    def pause(self, seconds: float) -> None:
        """Wait for something that nobody tells of, or until it is given up."""
        self._sleep(seconds)

    def until(
        self,
        work: Callable[[], T],
        limits: Limits,
        listener: Listener,
        *,
        failed: Callable[[T], ExchangeError | None] = lambda _: None,
        at_least: Callable[[T], float] = lambda _: 0,
    ) -> T:
        """Do a piece of work until nothing that may pass by itself is in its way, or the limits are reached.

        Args:
            listener: Is told of each pause before it.
            failed: The error in a result, where the work does not raise it.
            at_least: The shortest pause after such a result, in seconds.

        Returns:
            The last result, whatever is in it.

        Raises:
            ExchangeError: the last one that the work raised.
        """
        began = self._clock()
        backoff = wait_exponential_jitter(limits.first, limits.longest)

        def error_of(state: RetryCallState) -> ExchangeError | None:
            if state.outcome is None:
                return None
            raised = state.outcome.exception()
            if raised is None:
                return failed(state.outcome.result())
            return raised if isinstance(raised, ExchangeError) else None

        def is_passing(state: RetryCallState) -> bool:
            error = error_of(state)
            return error is not None and error.is_transient

        def pause(state: RetryCallState) -> float:
            wanted = backoff(state)
            if state.outcome is None or state.outcome.failed:
                return wanted
            return max(wanted, at_least(state.outcome.result()))

        def is_over(state: RetryCallState) -> bool:
            spent = self._clock() - began + state.upcoming_sleep
            return (
                self._given_up.is_set() or state.attempt_number >= limits.attempts or spent > limits.seconds
            )

        def tell(state: RetryCallState) -> None:
            error = error_of(state)
            if error is not None:
                listener(
                    Retrying(
                        server=error.server,
                        doing=limits.doing,
                        error=str(error).removeprefix(f"{error.server}: "),
                        attempt=state.attempt_number + 1,
                        attempts=limits.attempts,
                        seconds=ceil(state.upcoming_sleep),
                    )
                )

        def sleep(seconds: float) -> None:
            self._sleep(seconds)

        def last(state: RetryCallState) -> T:
            assert state.outcome is not None  # noqa: S101 - for the type checker: it was tried
            result: T = state.outcome.result()
            return result

        return Again(
            sleep=sleep,
            wait=pause,
            stop=is_over,
            retry=is_passing,
            before_sleep=tell,
            retry_error_callback=last,
        )(work)
