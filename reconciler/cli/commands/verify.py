"""verify: what the world is presented."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from reconciler.operations.inputs import Inputs, Surroundings
from reconciler.operations.verifying import run_verify
from reconciler.verify.endpoints import event_of
from reconciler.views.verify_text import render_verification

from ..console import Console
from ..exit_code import ExitCode
from ..progress import Progress


def verify(path: Path, connections: Path | None, state: Path | None) -> ExitCode:
    """Shake hands with every endpoint, and show the outcome in the order they are declared."""
    console = Console.of_this_process()
    with closing(Progress(console)) as progress:
        progress.waits_for("the endpoints")
        verified = run_verify(Inputs(path, connections, state), Surroundings(lambda _: None))
    console.problems(verified.diagnostics)
    in_order = [event_of(one) for one in verified.checked]
    console.document(render_verification(in_order, colour=console.colour_out))
    return ExitCode.DONE if verified.is_good else ExitCode.NOT_VERIFIED
