"""Errors that reached the command line: what a person is told, and the exit code."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from reconciler.diagnostics import Diagnostic
from reconciler.operations.failed import Cause, OperationFailed

from .bug_report import write_bug_report
from .console import Console, OutputLost
from .exit_code import ExitCode
from .version import tool_version

_CODES = {
    Cause.ERROR: ExitCode.ERROR,
    Cause.LOCKED: ExitCode.LOCKED,
    Cause.STALE: ExitCode.STALE,
    Cause.REFUSED: ExitCode.REFUSED,
}

_LAB_MODULES = ("aiohttp", "aiosmtpd", "psrpcore")
"""What the extra ``lab`` installs."""


GO_ON = "apply again, it reads Exchange and goes on from there"
"""What there is to do about an apply that stopped part-way for whatever reason."""


class StoppedByBug(Exception):
    """An apply ended part-way by an error that nobody foresaw: its cause."""


def tell(error: Exception, arguments: Sequence[str], own: Collection[str]) -> ExitCode:
    """Tell a person why a command ended early, and choose the exit code.

    What nobody foresaw is told in one line; the rest of it is in a file that can be sent in.
    """
    console = Console.of_this_process()
    if isinstance(error, OperationFailed):
        console.problems(error.diagnostics)
        return _CODES[error.cause]
    if isinstance(error, OutputLost):
        console.problems(
            [
                Diagnostic(
                    summary="Output not written",
                    detail=f"stdout: {error.reason}.",
                    hint="make room where standard output goes, or send it elsewhere",
                )
            ]
        )
        return ExitCode.ERROR
    if isinstance(error, ModuleNotFoundError) and error.name in _LAB_MODULES:
        console.problems([_lab_missing(error.name)])
        return ExitCode.ERROR
    bug = error.__cause__ if isinstance(error, StoppedByBug) and error.__cause__ else error
    report = write_bug_report(bug, arguments=arguments, own=own, version=tool_version())
    where = f"; a report without secrets is in {report}" if report else ""
    if not isinstance(error, StoppedByBug):
        console.err(f"internal error: {type(bug).__name__}{where}\n")
        return ExitCode.ERROR
    console.err(f"internal error part-way: {type(bug).__name__}{where}; {GO_ON}\n")
    return ExitCode.STOPPED


def _lab_missing(module: str) -> Diagnostic:
    return Diagnostic(
        summary="Lab not installed",
        detail=f"The lab needs {module}, which is not installed.",
        hint="pip install 'exchange-tls-reconciler[lab]'",
    )
