"""A report in a file that others read while it is written."""

from __future__ import annotations

import uuid
from contextlib import suppress
from pathlib import Path

from reconciler.diagnostics import Diagnostic

from .failed import OperationFailed


def write_whole(out: Path, text: str) -> None:
    """Put a file in its place at once: whoever reads it meanwhile finds the old one or the new one.

    Raises:
        OperationFailed: it cannot be written.
    """
    scratch = out.with_name(f".{out.name}.{uuid.uuid4()}.tmp")
    try:
        with scratch.open("xb") as file:
            file.write(text.encode("utf-8", "backslashreplace"))
        scratch.replace(out)
    except OSError as error:
        with suppress(OSError):
            scratch.unlink()
        raise OperationFailed(
            (
                Diagnostic(
                    summary="Report not written",
                    detail=f"{out}: {error.strerror or error}.",
                    hint="name a file in a folder that can be written to",
                ),
            )
        ) from error
