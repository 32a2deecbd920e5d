"""A file that an authority sent."""

from __future__ import annotations

from pathlib import Path

from reconciler.diagnostics import Diagnostic

from .failed import OperationFailed


def read_sent(file: Path, largest: int) -> bytes:
    """What is in it; one byte more than the largest at most.

    Raises:
        OperationFailed: it cannot be read.
    """
    try:
        with file.open("rb") as opened:
            return opened.read(largest + 1)
    except OSError as error:
        raise OperationFailed(
            (
                Diagnostic(
                    summary="Answer not read",
                    detail=f"{file}: {error.strerror or error}.",
                    hint="name the file that the authority sent",
                ),
            )
        ) from error
