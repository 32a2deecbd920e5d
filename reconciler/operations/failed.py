"""How an operation ends early."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from reconciler.diagnostics import Diagnostic, are_refusals


class Cause(Enum):
    """What kind of end: the command line gives each its exit code."""

    ERROR = "error"
    LOCKED = "locked"
    STALE = "stale"
    REFUSED = "refused"
    """By a safety rule: nothing is broken, and nothing may be done."""


def cause_of(diagnostics: tuple[Diagnostic, ...]) -> Cause:
    """Why a plan that holds errors is not applied."""
    return Cause.REFUSED if are_refusals(diagnostics) else Cause.ERROR


class OperationFailed(Exception):
    """The operation was not done, and nothing was changed.

    Attributes:
        diagnostics: Everything there is to say, warnings included; at least one is an error.
    """

    def __init__(self, diagnostics: Iterable[Diagnostic], cause: Cause = Cause.ERROR) -> None:
        self.diagnostics = tuple(diagnostics)
        self.cause = cause
        super().__init__("; ".join(diagnostic.summary for diagnostic in self.diagnostics))
