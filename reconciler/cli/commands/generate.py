"""import --generate: YAML of what is there."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from reconciler.operations.generating import run_generate
from reconciler.operations.inputs import Surroundings

from ..console import Console
from ..exit_code import ExitCode
from ..progress import Progress


def generate(connections: Path) -> ExitCode:
    """Print the YAML; what could not be read or said is told beside it."""
    console = Console.of_this_process()
    with closing(Progress(console)) as progress:
        generated = run_generate(connections, Surroundings(progress))
    console.problems(generated.diagnostics)
    console.yaml(generated.text)
    return ExitCode.DONE
