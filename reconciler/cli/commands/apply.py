"""apply: make Exchange as declared, or run exactly a saved plan."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from reconciler.apply.applier import Applied
from reconciler.diagnostics import Diagnostic
from reconciler.operations.applying import ApplyOutcome, Approve, run_apply, run_saved_plan
from reconciler.operations.failed import OperationFailed
from reconciler.operations.gating import Gated
from reconciler.operations.inputs import Inputs, Surroundings
from reconciler.operations.planning import Planned
from reconciler.operations.saved_plans import is_saved_plan, read_plan
from reconciler.views.plan_text import render_plan

from ..console import Console
from ..exit_code import ExitCode
from ..failure import GO_ON, StoppedByBug
from ..progress import Progress
from .plan import everything_told

_YES = "yes"
_INTERRUPTED = f"Interrupted part-way: {GO_ON}.\n"


def apply(
    path: Path, connections: Path | None, state: Path | None, *, auto_approve: bool, json: bool
) -> ExitCode:
    """Plan or read a plan, show it, ask, apply.

    Raises:
        StoppedByBug: an error that nobody foresaw came after something was sent.
    """

    def run(surroundings: Surroundings, approve: Approve) -> ApplyOutcome:
        return _run(path, connections, state, surroundings, approve)

    return carry_out(run, auto_approve=auto_approve, json=json)


def carry_out(
    run: Callable[[Surroundings, Approve], ApplyOutcome], *, auto_approve: bool, json: bool
) -> ExitCode:
    """Show what is to be done, ask, and tell what came of it.

    Raises:
        StoppedByBug: an error that nobody foresaw came after something was sent.
    """
    console = Console.of_this_process()
    if not auto_approve and not sys.stdin.isatty():
        raise OperationFailed([_nobody_to_ask()])
    approval = _Approval(console, auto_approve=auto_approve, json=json)
    with closing(Progress(console, json=json)) as progress:
        try:
            outcome = run(Surroundings(progress), approval.ask)
        except KeyboardInterrupt:
            if not progress.has_sent:
                raise
            console.err(_INTERRUPTED)
            return ExitCode.STOPPED
        except Exception as error:
            if isinstance(error, OperationFailed) or not progress.has_sent:
                raise
            raise StoppedByBug from error
    if not approval.was_shown:
        approval.show(outcome.planned)
    if outcome.applied is None:
        console.problems(outcome.gated.diagnostics)
        return _code(Applied(0), outcome.gated) if outcome.approved else ExitCode.ERROR
    console.problems((*outcome.applied.diagnostics, *outcome.gated.diagnostics))
    if outcome.applied.was_interrupted and not outcome.applied.is_complete:
        console.err(_INTERRUPTED if outcome.applied.sent else "Interrupted: nothing was changed.\n")
    return _code(outcome.applied, outcome.gated)


def _run(
    path: Path,
    connections: Path | None,
    state: Path | None,
    surroundings: Surroundings,
    approve: Approve,
) -> ApplyOutcome:
    if not is_saved_plan(path):
        return run_apply(Inputs(path, connections, state), surroundings, approve)
    saved = read_plan(path)
    if connections is not None:
        saved = replace(saved, connections=str(connections.resolve()))
    if state is not None:
        saved = replace(saved, state=str(state.resolve()))
    return run_saved_plan(saved, surroundings, approve)


class _Approval:
    """Shows the plan once, and gets a yes for it."""

    def __init__(self, console: Console, *, auto_approve: bool, json: bool) -> None:
        self.was_shown = False
        self._console = console
        self._auto_approve = auto_approve
        self._json = json

    def ask(self, planned: Planned) -> bool:
        self.show(planned)
        if self._auto_approve:
            return True
        answer = self._console.ask(f"\nApply this? Only {_YES} is taken for an answer: ")
        if answer != _YES:
            self._console.err("Not applied: nothing was changed.\n")
        return answer == _YES

    def show(self, planned: Planned) -> None:
        """On stdout, unless that is for machines."""
        self.was_shown = True
        console, plan = self._console, everything_told(planned)
        if self._json:
            console.err(render_plan(plan, colour=console.colour_err, width=console.width))
        else:
            console.out(render_plan(plan, colour=console.colour_out, width=console.width))


def _code(applied: Applied, gated: Gated) -> ExitCode:
    if applied.is_complete and gated.stopped:
        return ExitCode.STOPPED
    if applied.is_complete and gated.failed:
        return ExitCode.NOT_VERIFIED
    if applied.is_complete:
        return ExitCode.WAITING if applied.waiting else ExitCode.DONE
    if applied.sent:
        return ExitCode.STOPPED
    return ExitCode.INTERRUPTED if applied.was_interrupted else ExitCode.ERROR


def _nobody_to_ask() -> Diagnostic:
    return Diagnostic(
        summary="Nobody to ask",
        detail="There is no terminal to approve the plan at, so nothing was read or changed.",
        hint="run it at a terminal, which shows the plan and asks, or give --auto-approve",
    )
