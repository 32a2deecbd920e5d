"""validate: the offline checks."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from reconciler.config.loading import load
from reconciler.diagnostics import has_errors

from ..console import Console
from ..exit_code import ExitCode


def validate(path: Path, connections: Path | None, *, strict: bool) -> ExitCode:
    """Check the YAML, and tell everything that is wrong with it.

    Args:
        strict: Warnings fail too.
    """
    console = Console.of_this_process()
    loaded = load(path, connections=connections, today=datetime.now(UTC).date())
    console.problems(loaded.diagnostics)
    if has_errors(loaded.diagnostics) or (strict and loaded.diagnostics):
        return ExitCode.ERROR
    console.document(f"{path} is valid\n")
    return ExitCode.DONE
