"""explain: why something is as it is."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from reconciler.operations.explaining import run_explain
from reconciler.operations.inputs import Inputs, Surroundings
from reconciler.views.explain_text import render_explanation

from ..console import Console
from ..exit_code import ExitCode
from ..progress import Progress


def explain(path: Path, connections: Path | None, state: Path | None, *, subject: str) -> ExitCode:
    """Read Exchange, and show one explanation."""
    console = Console.of_this_process()
    with closing(Progress(console)) as progress:
        explained = run_explain(Inputs(path, connections, state), subject, Surroundings(progress))
    console.problems(explained.diagnostics)
    console.document(
        render_explanation(explained.explanation, colour=console.colour_out, width=console.width)
    )
    return ExitCode.DONE
