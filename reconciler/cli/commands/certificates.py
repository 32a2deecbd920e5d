"""certificates: how each one stands; requests out, answers in."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from reconciler.operations.applying import ApplyOutcome, Approve
from reconciler.operations.bought import Purchase, run_bought
from reconciler.operations.certificates import (
    Certificates,
    no_event,
    pending_request,
    run_certificates,
    take_answer,
)
from reconciler.operations.inputs import Inputs, Surroundings
from reconciler.operations.replacing import Reason, run_replace
from reconciler.operations.report_file import write_report
from reconciler.views.certificates_feeds import render_calendar, render_prometheus
from reconciler.views.certificates_json import render_certificates_json
from reconciler.views.certificates_text import render_certificates

from ..addresses import parse_addresses
from ..console import Console
from ..exit_code import ExitCode
from ..progress import Progress
from ..version import tool_version
from .apply import carry_out


def certificates(
    path: Path, connections: Path | None, state: Path | None, *, form: str, out: Path | None
) -> ExitCode:
    """Read Exchange and the record, and show every certificate.

    Args:
        form: ``text``, ``json``, ``icalendar`` or ``prometheus``.
        out: Where to write it instead of stdout: all of it at once.

    Returns:
        ERROR where a server could not be read: what is shown of it is the record's.
    """
    console = Console.of_this_process()
    with closing(Progress(console)) as progress:
        found = run_certificates(Inputs(path, connections, state), Surroundings(progress))
    console.problems(found.diagnostics)
    text = _rendered(found, form, console, is_file=out is not None)
    if form == "icalendar" and not text:
        console.problems([no_event(out)])
    elif out is None:
        console.document(text)
    else:
        write_report(out, text)
    return ExitCode.DONE if found.is_all_read else ExitCode.ERROR


def _rendered(found: Certificates, form: str, console: Console, *, is_file: bool) -> str:
    told, now = found.standings, datetime.now(UTC)
    match form:
        case "json":
            return render_certificates_json(told, tool_version=tool_version())
        case "icalendar":
            return render_calendar(told, now, found.organization)
        case "prometheus":
            return render_prometheus(told)
        case _:
            return render_certificates(
                told, now, colour=console.colour_out and not is_file, width=console.width
            )


def print_request(
    path: Path, connections: Path | None, state: Path | None, *, address: str, out: Path | None
) -> ExitCode:
    """The request of an address, for its authority."""
    (asked,) = parse_addresses([address])
    console = Console.of_this_process()
    csr = pending_request(Inputs(path, connections, state), asked, Surroundings(lambda _: None))
    if out is None:
        console.document(csr)
    else:
        write_report(out, csr)
    return ExitCode.DONE


def replace(
    path: Path,
    connections: Path | None,
    state: Path | None,
    *,
    address: str | None,
    issuer: str,
    reason: Reason,
    auto_approve: bool,
) -> ExitCode:
    """Replace one certificate, or all of an issuer, now."""
    asked = None if address is None else parse_addresses([address])[0]
    inputs = Inputs(path, connections, state)

    def run(surroundings: Surroundings, approve: Approve) -> ApplyOutcome:
        return run_replace(asked, issuer, reason, inputs, surroundings, approve)

    return carry_out(run, auto_approve=auto_approve, json=False)


def bought(
    path: Path,
    connections: Path | None,
    state: Path | None,
    *,
    address: str,
    file: Path,
    password: str,
    auto_approve: bool,
) -> ExitCode:
    """Import a certificate that was bought with its key."""
    (asked,) = parse_addresses([address])
    inputs, purchase = Inputs(path, connections, state), Purchase(file, password, Path.cwd())

    def run(surroundings: Surroundings, approve: Approve) -> ApplyOutcome:
        return run_bought(asked, purchase, inputs, surroundings, approve)

    return carry_out(run, auto_approve=auto_approve, json=False)


def answer(path: Path, connections: Path | None, state: Path | None, *, address: str, file: Path) -> ExitCode:
    """Take an authority's answer into the record."""
    (asked,) = parse_addresses([address])
    console = Console.of_this_process()
    take_answer(Inputs(path, connections, state), asked, file, Surroundings(lambda _: None))
    console.err(f"The answer to {asked} is recorded: apply imports it.\n")
    return ExitCode.DONE
