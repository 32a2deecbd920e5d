"""import: take over what exists and differs."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from reconciler.operations.importing import run_import
from reconciler.operations.inputs import Inputs, Surroundings
from reconciler.views.terminal import harmless

from ..addresses import parse_addresses, parse_thumbprint
from ..console import Console
from ..exit_code import ExitCode
from ..progress import Progress


def import_(
    path: Path, connections: Path | None, state: Path | None, *, address: str, thumbprint: str | None
) -> ExitCode:
    """Record one live object as ours, and tell what the next plan will change of it."""
    console = Console.of_this_process()
    (wanted,) = parse_addresses([address])
    meant = None if thumbprint is None else parse_thumbprint(thumbprint)
    with closing(Progress(console)) as progress:
        imported = run_import(Inputs(path, connections, state), wanted, Surroundings(progress), meant)
    console.problems(imported.diagnostics)
    differing = ", ".join(imported.differing)
    console.document(
        f"{harmless(address)} is recorded as {harmless(imported.name)}; "
        + (f"the next plan changes {differing}\n" if differing else "it is as declared\n")
    )
    return ExitCode.DONE
