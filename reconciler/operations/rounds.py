"""One approved plan, carried out in rounds: after a loss Exchange is read, and the apply goes on from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from reconciler.apply.applier import Applied
from reconciler.apply.known import KnownValues
from reconciler.apply.problems import not_continued, not_remembered, other_domain_controller
from reconciler.diagnostics import Diagnostic, Severity
from reconciler.exchange.errors import ExchangeError
from reconciler.exchange.patience import APPLYING
from reconciler.plan.remaining import beyond
from state.errors import StateError

from .failed import OperationFailed
from .inputs import Surroundings
from .planning import Planned

_KEY_IS_MADE: Final = 10
"""Seconds after which a key is made whose maker was not heard: one that is made later would be made twice."""


@dataclass(slots=True)
class Rounds:
    """The rounds of one apply.

    Attributes:
        approved: What may be done.
        planned: What the last round was to do: at first what was approved.
        run: Runs what is planned, after what earlier rounds came to.
        plan_again: Reads Exchange and the journal, as another apply would.
        known: What the plan had deferred, as far as it is known.
        applied: What all rounds came to so far.
    """

    approved: Planned
    planned: Planned
    run: Callable[[Planned, Applied | None], Applied]
    plan_again: Callable[[], Planned]
    known: KnownValues
    applied: Applied | None = None

    def carry_out(self, surroundings: Surroundings) -> Applied:
        """Run the plan; go on after what may pass by itself, as long as what is left was approved.

        Raises:
            KeyboardInterrupt: nothing was sent.
        """
        try:
            return surroundings.patience.until(
                self._round, APPLYING, surroundings.listener, failed=_passing, at_least=_pause
            )
        except KeyboardInterrupt:
            if self.applied is None:
                raise
            self.applied.was_interrupted = True
            return self.applied

    def _round(self) -> Applied:
        if self.applied is not None and not self._may_go_on(self.applied):
            return self.applied
        try:
            self.applied = self.run(self.planned, self.applied)
        except StateError as error:
            if self.applied is None:
                raise
            _stop(self.applied, not_remembered(error))
        return self.applied

    def _may_go_on(self, applied: Applied) -> bool:
        """Read what came of the last round, and see that what is left was approved."""
        try:
            left = self.plan_again()
        except OperationFailed as failed:
            return _stop(applied, *failed.diagnostics)
        wrong = [one for one in left.diagnostics if one.severity is Severity.ERROR]
        if wrong:
            return _stop(applied, *wrong)
        before, now = (each.live.organization.domain_controller for each in (self.approved, left))
        if before and now and before != now:
            return _stop(applied, other_domain_controller(before, now))
        if more := beyond(left.plan, self.approved.plan, self.known.get):
            return _stop(applied, not_continued(more))
        self.planned = left
        return True


def _stop(applied: Applied, *why: Diagnostic) -> bool:
    applied.diagnostics = (*applied.diagnostics, *why)
    applied.passing = None
    return False


def _passing(applied: Applied) -> ExchangeError | None:
    return applied.passing


def _pause(applied: Applied) -> float:
    return _KEY_IS_MADE if applied.made_key else 0
