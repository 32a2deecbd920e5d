"""show: a saved plan, stale or not."""

from __future__ import annotations

from pathlib import Path

from reconciler.operations.saved_plans import read_plan
from reconciler.views.plan_json import render_plan_json
from reconciler.views.plan_text import render_plan
from reconciler.views.script import render_script

from ..console import Console
from ..exit_code import ExitCode


def show(file: Path, form: str) -> ExitCode:
    """Show a saved plan as the program that made it would have shown it, or as a script to run by hand."""
    console = Console.of_this_process()
    saved = read_plan(file)
    match form:
        case "json":
            console.document(render_plan_json(saved.plan, tool_version=saved.tool_version))
        case "powershell":
            console.document(render_script(saved.plan))
        case _:
            console.document(render_plan(saved.plan, colour=console.colour_out, width=console.width))
    return ExitCode.DONE
