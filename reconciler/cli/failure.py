"""Errors that reached the command line: what a person is told, and the exit code."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from reconciler.diagnostics import Diagnostic
from reconciler.operations.failed import Cause, OperationFailed

from .bug_report import write_bug_report
from .console import Console
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


def tell(error: Exception, arguments: Sequence[str], commands: Collection[str]) -> ExitCode:
    """Tell a person why a command ended early, and choose the exit code."""
    console = Console.of_this_process()
    if isinstance(error, OperationFailed):
        console.problems(error.diagnostics)
        return _CODES[error.cause]
    if isinstance(error, ModuleNotFoundError) and error.name in _LAB_MODULES:
        console.problems([_lab_missing(error.name)])
    else:
        tell_bug(error, arguments, commands, console)
    return ExitCode.ERROR


def tell_bug(error: Exception, arguments: Sequence[str], commands: Collection[str], console: Console) -> None:
    """One line for what nobody foresaw; the rest is in a file that can be sent in."""
    report = write_bug_report(error, arguments=arguments, commands=commands, version=tool_version())
    where = f"; a report without secrets is in {report}" if report else ""
    console.err(f"internal error: {type(error).__name__}{where}\n")


def _lab_missing(module: str) -> Diagnostic:
    return Diagnostic(
        summary="Lab not installed",
        detail=f"The lab needs {module}, which is not installed.",
        hint="pip install 'exchange-tls-reconciler[lab]'",
    )
