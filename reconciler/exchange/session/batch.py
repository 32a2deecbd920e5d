"""Several Get- cmdlets in one pipeline, told apart again afterwards. No input or output here.

The outputs of a batch come back flat, without a mark where one statement ends and the next begins. An object
is told by its type, an error by the cmdlet it names. An empty list is believed only when the pipeline ran to
its end and nothing in it told an error: unknown is not absent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from reconciler.exchange.clixml import Object, Primitive
from reconciler.exchange.errors import CmdletFailed, CmdletMissing, ErrorRecord, ParameterMissing
from reconciler.exchange.port import Command, Query, Result

SNAP_IN: Final = Command("Add-PSSnapin", {"Name": "Microsoft.Exchange.Management.PowerShell.E2010"})
"""What brings Exchange's cmdlets into Windows' own PowerShell."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a pipeline ended.

    Attributes:
        completed: False when an error ended it before its last statement did.
        errors: Every error, in the order they came.
    """

    completed: bool
    outputs: tuple[Primitive | Object, ...]
    errors: tuple[ErrorRecord, ...]
    warnings: tuple[str, ...]


_NAMELESS: Final = ErrorRecord("", 0, "", "", "", "the pipeline failed without telling why")


def failure(
    server: str,
    ran: Query | Command,
    errors: tuple[ErrorRecord, ...],
    earlier: tuple[ErrorRecord, ...] = (),
) -> CmdletMissing | CmdletFailed:
    """The error that a cmdlet's error records amount to; ids tell them apart, texts are in any language.

    Args:
        earlier: Errors of what should have brought the cmdlet: with them a missing one is explained.
    """
    first = errors[0] if errors else _NAMELESS
    if first.is_missing_command:
        return CmdletMissing(server, ran.cmdlet, earlier[0] if earlier else first)
    if first.is_missing_parameter:
        sent = tuple(ran.parameters)
        named = tuple(name for name in sent if first.names(name))
        return ParameterMissing(server, ran.cmdlet, errors, named or sent)
    return CmdletFailed(server, ran.cmdlet, errors or (_NAMELESS,))


@dataclass
class Batch:
    """Queries on their way to results: run `next_statements`, hand over how they ended, until there are none.

    All are tried in one pipeline. After an error in it, only what the error is about is settled, and the rest
    is tried again: an error can end what is heard of a batch without failing it, and a list that nobody heard
    looks like an empty one. When something cannot be attributed, each of the rest is tried alone.

    Attributes:
        alone: Each statement is tried alone: asked for, or found to be necessary.
    """

    server: str
    queries: tuple[Query, ...]
    alone: bool = False
    snap_in_errors: tuple[ErrorRecord, ...] = ()
    _found: dict[int, Result] = field(default_factory=dict)
    _running: tuple[int, ...] = ()
    _retried: bool = False

    def next_statements(self) -> tuple[Query, ...]:
        """What to run next in one pipeline; empty when all is known."""
        open_ = [at for at in range(len(self.queries)) if at not in self._found]
        self._running = tuple(open_[:1] if self.alone else open_)
        return tuple(self.queries[at] for at in self._running)

    def refuse(self) -> None:
        """Note that the server ran nothing of what `next_statements` gave, because it was several."""
        self.alone = True

    def take(self, ended: Ended, *, beside_snap_in: bool = False) -> None:
        """Note how what `next_statements` gave has ended.

        Args:
            beside_snap_in: The snap-in was loaded in the same pipeline.
        """
        snap_in = tuple(record for record in ended.errors if record.is_about(SNAP_IN.cmdlet))
        told = tuple(record for record in ended.errors if record not in snap_in)
        self.snap_in_errors += snap_in
        if len(self._running) == 1 and not beside_snap_in:
            # Alone in its pipeline everything is about it, whatever it is called.
            (at,) = self._running
            failed = bool(told) or not ended.completed
            self._found[at] = self._failed(at, told or snap_in) if failed else Result(ended.outputs)
            return
        errors = self._by_query(told)
        outputs = self._outputs(ended)
        if errors is None or outputs is None or not (ended.completed or errors):
            self.alone = True
            return
        for at, records in errors.items():
            self._found[at] = self._failed(at, tuple(records))
        if ended.completed and not ended.errors:
            for at in self._running:
                self._found[at] = Result(tuple(outputs[at]))
        elif not errors:
            # Of the snap-in only, which need not be loaded once more.
            self.alone, self._retried = self._retried, True

    def _by_query(self, told: tuple[ErrorRecord, ...]) -> dict[int, list[ErrorRecord]] | None:
        """The errors of each query that has some; None when one cannot be attributed."""
        errors: dict[int, list[ErrorRecord]] = {}
        for record in told:
            at = self._query_of(record)
            if at is None:
                return None
            errors.setdefault(at, []).append(record)
        return errors

    def _outputs(self, ended: Ended) -> dict[int, list[Primitive | Object]] | None:
        """The objects of each query; None when one cannot be attributed."""
        outputs: dict[int, list[Primitive | Object]] = {at: [] for at in self._running}
        for output in ended.outputs:
            at = self._source_of(output)
            if at is None:
                return None
            outputs[at].append(output)
        return outputs

    def results(self) -> tuple[Result, ...]:
        """One result for each query."""
        return tuple(self._found[at] for at in range(len(self.queries)))

    def _failed(self, at: int, errors: tuple[ErrorRecord, ...]) -> Result:
        return Result(failure=failure(self.server, self.queries[at], errors, self.snap_in_errors))

    def _query_of(self, record: ErrorRecord) -> int | None:
        found = [at for at in self._running if record.is_about(self.queries[at].cmdlet)]
        return found[0] if len(found) == 1 else None

    def _source_of(self, output: Primitive | Object) -> int | None:
        types = set(output.types) if isinstance(output, Object) else set()
        found = [at for at in self._running if types & self.queries[at].types]
        return found[0] if len(found) == 1 else None
