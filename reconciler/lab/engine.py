"""The one thread on which a lab's Exchange runs: it is not thread-safe, and must not stop the wire."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from reconciler.lab.call import (
    Call,
    Emission,
    ErrorRecord,
    Exchange,
    Failed,
    Field,
    Output,
    Prompt,
    Terminated,
    Warned,
)

_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")
Running = Generator[Emission, int | None, None]


@dataclass(frozen=True, slots=True)
class Progress:
    """What a cmdlet did until it ended or asked something.

    Attributes:
        emissions: Output, warnings and non-terminating errors, in order.
        prompt: What it asks; None when it ended.
        error: The terminating error it ended with, if any.
        missing: The parameters that it lacks, where that is the error.
    """

    emissions: tuple[Output | Warned | Failed, ...]
    prompt: Prompt | None = None
    error: ErrorRecord | None = None
    missing: tuple[Field, ...] = ()


class Engine:
    """Runs one step of the organization at a time."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="exchange")

    def close(self) -> None:
        self._thread.shutdown(wait=True)

    def start(self, call: Call) -> Running:
        """Prepare a cmdlet; nothing runs before :meth:`proceed`."""
        return self._exchange.run(call)

    async def proceed(self, running: Running, answer: int | None) -> Progress:
        """Run a cmdlet to its end or its next prompt.

        A step once begun is run to its end even when the caller stops waiting, as in Exchange.
        """
        return await asyncio.shield(self._submit(lambda: _proceed(running, answer)))

    async def give_up(self, running: Running) -> None:
        """End a cmdlet that may still wait for an answer; nothing happens to one that ended."""
        await self._submit(running.close)

    async def ask(self, question: Callable[[Exchange], _Result]) -> _Result:
        """Ask the organization something."""
        return await self._submit(lambda: question(self._exchange))

    def _submit(self, work: Callable[[], _Result]) -> asyncio.Future[_Result]:
        return asyncio.get_running_loop().run_in_executor(self._thread, work)


def _proceed(running: Running, answer: int | None) -> Progress:
    emissions: list[Output | Warned | Failed] = []
    try:
        emission = next(running) if answer is None else running.send(answer)
        while not isinstance(emission, Prompt):
            emissions.append(emission)
            emission = next(running)
    except StopIteration:
        return Progress(tuple(emissions))
    except Terminated as error:
        return Progress(tuple(emissions), error=error.error, missing=error.missing)
    except Exception as error:  # noqa: BLE001 - a defect of the lab must reach the client, not be silence
        _log.exception("a cmdlet of the lab broke")
        return Progress(tuple(emissions), error=_defect(error))
    return Progress(tuple(emissions), prompt=emission)


def _defect(error: Exception) -> ErrorRecord:
    return ErrorRecord(
        message=f"The lab itself broke: {type(error).__name__}: {error}",
        exception_type="System.InvalidOperationException",
        fully_qualified_id="LabDefect",
        category=7,
    )
