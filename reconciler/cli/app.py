"""The commands, their options and their help; what they do is in :mod:`reconciler.cli.commands`.

Lazy imports are here and in the modules that it names: each command imports its room when it runs, so that
``--help``, ``version`` and completion do not wait for cryptography and PowerShell remoting.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .certificates import CertificatesForm, ReplaceReason, certificates
from .lab import lab
from .options import Connections, DesiredPath, StateFolder
from .typed import application, choose, examples

app = application("Public SMTP TLS on on-premises Exchange: declare it, plan it, apply it, keep it true.")
app.add_typer(lab, name="lab")


class SchemaName(StrEnum):
    desired = "desired"
    plan = "plan"
    events = "events"
    audit = "audit"
    certificates = "certificates"


class PlanForm(StrEnum):
    text = "text"
    json = "json"
    powershell = "powershell"


@app.command(epilog=examples("reconciler validate tls.yaml", "reconciler validate --strict infrastructure/"))
def validate(
    path: DesiredPath,
    connections: Connections = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail on warnings too.")] = False,
) -> None:
    """Check the YAML without connecting to anything."""
    from .commands.validate import validate as run

    choose(run, path, connections, strict=strict)


@app.command(
    epilog=examples(
        "reconciler plan tls.yaml",
        "reconciler plan tls.yaml --out tls.plan",
        "reconciler plan tls.yaml --target certificate.EDGE1.public",
        "reconciler plan tls.yaml --detailed-exitcode --json > plan.json",
    )
)
def plan(
    path: DesiredPath,
    connections: Connections = None,
    state: StateFolder = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Save the plan for apply.", show_default=False)
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDR",
            help="Plan only this address and what it needs; may be given again.",
            show_default=False,
        ),
    ] = None,
    refresh_only: Annotated[
        bool, typer.Option("--refresh-only", help="Only show what was changed outside; plan nothing.")
    ] = False,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 2 when there are changes.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Show what apply would change. Writes nothing to Exchange."""
    from .commands.plan import plan as run

    choose(
        run,
        path,
        connections,
        state,
        out=out,
        targets=target or [],
        refresh_only=refresh_only,
        detailed_exitcode=detailed_exitcode,
        json=json,
    )


@app.command(
    epilog=examples(
        "reconciler apply tls.yaml", "reconciler apply tls.plan --auto-approve --json > events.jsonl"
    )
)
def apply(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH|PLANFILE", help="The YAML file or folder, or a saved plan.", show_default=False
        ),
    ],
    connections: Connections = None,
    state: StateFolder = None,
    auto_approve: Annotated[bool, typer.Option("--auto-approve", help="Do not ask.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON event a line on stdout.")] = False,
) -> None:
    """Make Exchange as declared, by the plan's cmdlets and no other."""
    from .commands.apply import apply as run

    choose(run, path, connections, state, auto_approve=auto_approve, json=json)


@app.command(
    epilog=examples(
        "reconciler doctor tls.yaml",
        "reconciler doctor --connections connections.yaml",
        "reconciler doctor tls.yaml --evidence > evidence.json",
    )
)
def doctor(
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="[PATH]",
            help="The YAML file or folder; the connections file alone will do.",
            show_default=False,
        ),
    ] = None,
    connections: Connections = None,
    evidence: Annotated[
        bool,
        typer.Option(
            "--evidence",
            help="Print a report of what the answers look like, for the makers of this program: no name, "
            "address, date or secret is in it.",
        ),
    ] = False,
) -> None:
    """Find out why a server cannot be reached or read.

    Step by step, from its name to the last cmdlet that is needed. Changes nothing.
    """
    from .commands.doctor import doctor as run

    choose(run, path, connections, evidence=evidence)


@app.command(epilog=examples("reconciler verify tls.yaml"))
def verify(path: DesiredPath, connections: Connections = None, state: StateFolder = None) -> None:
    """Check what each public endpoint presents.

    One STARTTLS handshake with each server of each endpoint, as the world does it.
    """
    from .commands.verify import verify as run

    choose(run, path, connections, state)


@app.command(
    "import",
    epilog=examples(
        "reconciler import tls.yaml 'send_connector.\"Mail to O365\"'",
        "reconciler import tls.yaml send_connector.EDGE1.tls_required",
        "reconciler import tls.yaml certificate.EDGE1.public --thumbprint 5A2E...C7D4",
        "reconciler import --generate --connections servers.yaml > tls.yaml",
    ),
)
def import_(
    path: Annotated[
        Path | None,
        typer.Argument(metavar="PATH", help="The YAML file, or a folder of them.", show_default=False),
    ] = None,
    address: Annotated[
        str | None,
        typer.Argument(metavar="ADDR", help="Address of a declared resource.", show_default=False),
    ] = None,
    connections: Connections = None,
    state: StateFolder = None,
    thumbprint: Annotated[
        str | None,
        typer.Option(
            "--thumbprint",
            metavar="THUMBPRINT",
            help="Which certificate it is, where the server does not tell.",
            show_default=False,
        ),
    ] = None,
    generate: Annotated[
        bool,
        typer.Option("--generate", help="Print YAML of all that the servers of --connections hold instead."),
    ] = False,
) -> None:
    """Take over what exists in Exchange and differs.

    Writes only the record: the next plan shows the differences, and apply makes them go.
    With --generate nothing is recorded: a YAML is made of what exists, whose plan is empty.
    """
    if generate:
        if path is not None or state is not None or thumbprint is not None:
            raise typer.BadParameter("it takes --connections alone", param_hint="--generate")
        if connections is None:
            raise typer.BadParameter("it needs --connections: which servers to read", param_hint="--generate")
        from .commands.generate import generate as run_generate

        choose(run_generate, connections)
    if path is None or address is None:
        raise typer.BadParameter("PATH and ADDR are needed, or --generate", param_hint="import")
    from .commands.import_ import import_ as run

    choose(run, path, connections, state, address=address, thumbprint=thumbprint)


@app.command(
    epilog=examples(
        "reconciler audit --connections connections.yaml",
        "reconciler audit tls.yaml --json > audit.json",
    )
)
def audit(
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="PATH",
            help="The YAML, for its servers; without it those of --connections.",
            show_default=False,
        ),
    ] = None,
    connections: Connections = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Look for what is wrong in an organization as it is.

    Needs nothing declared and no right to write. Exits with 2 when something was found.
    """
    from .commands.audit import audit as run

    choose(run, path, connections, json=json)


app.command(
    epilog=examples(
        "reconciler certificates tls.yaml",
        "reconciler certificates tls.yaml --as prometheus --out /var/lib/node_exporter/exchange_tls.prom",
        "reconciler certificates tls.yaml --csr certificate.EX1.public > public.csr",
        "reconciler certificates tls.yaml --answer certificate.EX1.public public.cer",
        "reconciler certificates tls.yaml --answer certificate.EX1.public bought.p12 --password env:PFX",
        "reconciler certificates tls.yaml --replace certificate.EX1.public --reason compromise",
    )
)(certificates)


@app.command(
    epilog=examples(
        "reconciler explain tls.yaml send_connector.EX1.tls_required",
        "reconciler explain tls.yaml 'receive_connector.EX1.\"Default Frontend EX1\"'",
        "reconciler explain tls.yaml certificate.EX1.public",
        "reconciler explain tls.yaml fabrikam.com",
    )
)
def explain(
    path: DesiredPath,
    subject: Annotated[
        str,
        typer.Argument(metavar="ADDR|DOMAIN", help="A declared address, or any domain.", show_default=False),
    ],
    connections: Connections = None,
    state: StateFolder = None,
) -> None:
    """Tell why Exchange does what it does.

    Of a connector: which certificate it presents on each server, by which rule, and why not another. Of a
    certificate: which live one is meant. Of a domain: which connector carries its mail, and how protected.
    """
    from .commands.explain import explain as run

    choose(run, path, connections, state, subject=subject)


@app.command(
    epilog=examples(
        "reconciler show tls.plan",
        "reconciler show tls.plan --as json",
        "reconciler show tls.plan --as powershell > tls.ps1",
    )
)
def show(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A plan that plan --out saved.", show_default=False)
    ],
    form: Annotated[PlanForm, typer.Option("--as", help="How to show it.")] = PlanForm.text,
) -> None:
    """Show a saved plan, stale or not; also as the script to run by hand."""
    from .commands.show import show as run

    choose(run, file, form.value)


@app.command(epilog=examples("reconciler schema > tls.schema.json", "reconciler schema plan"))
def schema(
    of: Annotated[SchemaName, typer.Argument(help="Of what.")] = SchemaName.desired,
) -> None:
    """Print a JSON Schema.

    Of the YAML (desired), of the documents that plan, audit and certificates print with --json, or of a line
    of apply --json (events).
    """
    from .commands.schema import schema as run

    choose(run, of.value)


@app.command(epilog=examples("reconciler version"))
def version() -> None:
    """Print the version."""
    from .version import tool_version

    typer.echo(f"reconciler {tool_version()}")


def own_words() -> frozenset[str]:
    """The words of a command line that are the program's own, not the user's: commands, options, choices."""
    found = {
        choice.value
        for choices in (SchemaName, PlanForm, CertificatesForm, ReplaceReason)
        for choice in choices
    }
    waiting = [typer.main.get_command(app)]
    while waiting:
        command = waiting.pop()
        found.update(option for parameter in command.params for option in parameter.opts)
        below = getattr(command, "commands", {})
        found.update(below)
        waiting.extend(below.values())
    return frozenset(found)
