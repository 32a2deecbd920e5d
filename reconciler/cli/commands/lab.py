"""lab: an Exchange organization to practise on."""

from __future__ import annotations

import json as text_of
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

from reconciler.diagnostics import Diagnostic
from reconciler.lab import control
from reconciler.views.terminal import harmless

from ..console import Console
from ..exit_code import ExitCode


def up(
    directory: Path,
    *,
    servers: int,
    edges: int,
    subscribed: int,
    exchange: list[str],
    from_clixml: Path | None,
    latency_ms: int,
    faults: Path | None,
) -> ExitCode:
    """Start a lab and tell where it is."""
    console = Console.of_this_process()
    console.err("starting the lab ...\n")
    try:
        status = control.up(
            directory,
            servers=servers,
            edges=edges,
            subscribed=subscribed,
            exchange=exchange,
            from_clixml=from_clixml,
            latency_ms=latency_ms,
            faults=faults,
        )
    except (control.LabError, OSError) as error:
        return _failed(console, directory, error)
    # With a record of its own: a copy of an organization has the same GUIDs as the organization.
    options = f"--connections {directory / 'connections.yaml'} --state {directory / 'state'}"
    console.document(_status_text(status) + f"\nuse it with {options}\n")
    return ExitCode.DONE


def down(directory: Path) -> ExitCode:
    """Stop a lab."""
    console = Console.of_this_process()
    try:
        control.down(directory)
    except (control.LabError, OSError) as error:
        return _failed(console, directory, error)
    console.document(f"the lab in {directory} is stopped\n")
    return ExitCode.DONE


def status(directory: Path, *, json: bool) -> ExitCode:
    """Tell how a lab is."""
    console = Console.of_this_process()
    try:
        found = control.status(directory)
    except (control.LabError, OSError) as error:
        return _failed(console, directory, error)
    console.document(text_of.dumps(found, indent=2) + "\n" if json else _status_text(found))
    return ExitCode.DONE


def _status_text(status: dict[str, Any]) -> str:
    ends = f"{datetime.fromisoformat(status['ends']):%Y-%m-%d %H:%M} UTC" if status["running"] else ""
    state = f"runs until {ends}" if ends else "is stopped"
    lines = [f"the lab in {status['directory']} {state}"]
    received = Counter(call["server"] for call in status["cmdlets"])
    for server in status["servers"]:
        name = server["name"]
        lines.append(
            f"  {name}  {server['role']}, {server['build']}  {server['url']}  {server['http']}  "
            f"smtp {server['smtp']}  "
            f"{status['requests'].get(name, 0)} requests, {received[name]} cmdlets"
        )
    lines += [f"  note: {harmless(remark)}" for remark in status["remarks"]]
    return "\n".join(lines) + "\n"


def _failed(console: Console, directory: Path, error: control.LabError | OSError) -> ExitCode:
    if isinstance(error, OSError):  # what the system says to a folder's name that it does not take
        error = control.FileUnreadable(directory, error.strerror or str(error))
    console.problems([Diagnostic(summary="Lab not usable", detail=f"{error}.", hint=_lab_hint(error))])
    return ExitCode.ERROR


def _lab_hint(error: control.LabError) -> str:
    match error:
        case control.AlreadyRunning(directory=directory):
            return f"stop it with: reconciler lab down --dir {directory}"
        case control.NotALab(directory=directory):
            return f"start one with: reconciler lab up --dir {directory}"
        case control.FileUnreadable():
            return "check the path; --from-clixml takes a folder of Export-Clixml files"
        case _:
            return "mend what it says, and try again"
