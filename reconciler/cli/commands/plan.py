"""plan: shows what apply would change."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from reconciler.diagnostics import are_refusals, has_errors
from reconciler.operations.failed import OperationFailed
from reconciler.operations.inputs import Inputs, Surroundings
from reconciler.operations.planning import Planned, run_plan
from reconciler.operations.saved_plans import save_plan
from reconciler.plan.change import Plan
from reconciler.views.plan_json import render_plan_json
from reconciler.views.plan_text import render_drift, render_plan

from ..addresses import parse_addresses
from ..console import Console
from ..exit_code import ExitCode
from ..progress import Progress
from ..version import tool_version


def plan(
    path: Path,
    connections: Path | None,
    state: Path | None,
    *,
    out: Path | None,
    targets: Sequence[str],
    refresh_only: bool,
    detailed_exitcode: bool,
    json: bool,
) -> ExitCode:
    """Plan, show it, and save it where asked to.

    Returns:
        ERROR when something could not be planned: then nothing is saved. CHANGES only on request; with
        ``refresh_only`` drift is what counts.
    """
    console = Console.of_this_process()
    inputs = Inputs(path, connections, state)
    with closing(Progress(console)) as progress:
        try:
            addresses = parse_addresses(targets)
            planned = run_plan(inputs, Surroundings(progress), targets=addresses, refresh_only=refresh_only)
        except OperationFailed as failed:
            if json:  # who reads the document reads there, too, why there is no plan
                nothing = Plan(organization="", changes=(), diagnostics=failed.diagnostics)
                console.document(render_plan_json(nothing, tool_version=tool_version()))
            raise
    shown = everything_told(planned)
    render = render_drift if refresh_only else render_plan
    if json:
        console.document(render_plan_json(shown, tool_version=tool_version()))
        console.err(render(shown, colour=console.colour_err, width=console.width))
    else:
        console.document(render(shown, colour=console.colour_out, width=console.width))
    if has_errors(planned.diagnostics):
        return ExitCode.REFUSED if are_refusals(planned.diagnostics) else ExitCode.ERROR
    if out is not None:
        save_plan(
            planned, inputs, out, targets=addresses, made_at=datetime.now(UTC), tool_version=tool_version()
        )
        console.err(f"saved in {out}; apply exactly this with: reconciler apply {out}\n")
    is_different = bool(shown.drift) if refresh_only else not shown.is_empty
    return ExitCode.CHANGES if detailed_exitcode and is_different else ExitCode.DONE


def everything_told(planned: Planned) -> Plan:
    """The plan with the warnings of the YAML among its own."""
    return replace(planned.plan, diagnostics=planned.diagnostics)
