"""A report in a file that others read while it is written."""

from __future__ import annotations

from pathlib import Path

from reconciler.diagnostics import Diagnostic
from reconciler.whole_file import write_whole

from .failed import OperationFailed


def write_report(out: Path, text: str) -> None:
    """Put a report in its place at once.

    Raises:
        OperationFailed: it cannot be written.
    """
    try:
        write_whole(out, text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise OperationFailed(
            (
                Diagnostic(
                    summary="Report not written",
                    detail=f"{out}: {error.strerror or error}.",
                    hint="name a file in a folder that can be written to",
                ),
            )
        ) from error
