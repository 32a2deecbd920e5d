"""audit: what is wrong in an organization as it is."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from reconciler.operations.auditing import run_audit
from reconciler.operations.inputs import Surroundings
from reconciler.views.audit_json import render_audit_json
from reconciler.views.audit_text import render_audit

from ..console import Console
from ..exit_code import ExitCode
from ..progress import Progress
from ..version import tool_version


def audit(path: Path | None, connections: Path | None, *, json: bool) -> ExitCode:
    """Read everything, and tell what was found.

    Returns:
        CHANGES when there are findings; else ERROR when not everything could be read, so that nothing
        found does not mean that nothing is there.
    """
    console = Console.of_this_process()
    with closing(Progress(console)) as progress:
        outcome = run_audit(path, connections, Surroundings(progress))
    console.problems(outcome.diagnostics)
    found = outcome.audit
    if json:
        console.document(render_audit_json(found, tool_version=tool_version()))
        console.err(render_audit(found, colour=console.colour_err, width=console.width))
    else:
        console.document(render_audit(found, colour=console.colour_out, width=console.width))
    if found.has_findings:
        return ExitCode.CHANGES
    return ExitCode.DONE if found.is_complete else ExitCode.ERROR
