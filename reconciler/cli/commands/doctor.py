"""doctor: why a server cannot be reached or read."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

from reconciler.operations.doctoring import Examination, run_doctor
from reconciler.operations.inputs import Inputs, Surroundings
from reconciler.views.doctor_text import render_examination
from state.resources import Json

from ..console import Console
from ..exit_code import ExitCode
from ..progress import Progress
from ..version import tool_version


def doctor(path: Path | None, connections: Path | None, *, evidence: bool) -> ExitCode:
    """Examine every server, and show what was found; with ``evidence`` that is a report for others.

    Returns:
        ERROR when a server cannot be used as it is declared.
    """
    console = Console.of_this_process()
    with closing(Progress(console)) as progress:
        examination = run_doctor(
            Inputs(path, connections) if path else None,
            connections,
            Surroundings(progress),
            evidence=evidence,
        )
    console.problems(examination.diagnostics)
    shown = [(one.server, one.steps) for one in examination.servers]
    if evidence:
        console.err(render_examination(shown, colour=console.colour_err, width=console.width))
        console.document(_report(examination))
    else:
        console.document(render_examination(shown, colour=console.colour_out, width=console.width))
    is_well = all(one.is_well for one in examination.servers)
    return ExitCode.DONE if is_well else ExitCode.ERROR


def _report(examination: Examination) -> str:
    """The report: servers are numbered, not named; ASCII, so that no mail can spoil it."""
    report: dict[str, Json] = {
        "report": "reconciler doctor --evidence",
        "format_version": "1.0",
        "tool_version": tool_version(),
        "servers": [
            {
                "number": number,
                "steps": [{"step": step.step, "good": not step.remedy} for step in one.steps],
                "evidence": one.evidence,
            }
            for number, one in enumerate(examination.servers, 1)
        ],
    }
    return json.dumps(report, indent=1) + "\n"
