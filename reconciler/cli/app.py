"""The commands, their options and their help; what they do is in :mod:`reconciler.cli.commands`.

This is the one place of lazy imports: each command imports its room when it runs, so that ``--help``,
``version`` and completion do not wait for cryptography and PowerShell remoting.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn, ParamSpec

import typer

from .exit_code import ExitCode
from .options import Connections, DesiredPath, LabFolder, StateFolder

P = ParamSpec("P")


class Chosen(Exception):
    """What the command line asks for, carried out of typer: there it would meet exit codes that are not ours.

    Attributes:
        run: Does it.
    """

    def __init__(self, run: Callable[[], ExitCode]) -> None:
        super().__init__()
        self.run = run


def _choose(command: Callable[P, ExitCode], *arguments: P.args, **options: P.kwargs) -> NoReturn:
    raise Chosen(lambda: command(*arguments, **options))


def _examples(*lines: str) -> str:
    r"""An epilog that keeps its line ends: \b is click's mark for that."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def _application(help: str) -> typer.Typer:
    return typer.Typer(
        help=help,
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # a path or a domain in a help text is not markup
        context_settings={"help_option_names": ["-h", "--help"]},
    )


app = _application("Public SMTP TLS on on-premises Exchange: declare it, plan it, apply it, keep it true.")
lab = _application("An Exchange organization to practise on, on this machine.")
app.add_typer(lab, name="lab")


class SchemaName(StrEnum):
    desired = "desired"
    plan = "plan"
    events = "events"
    audit = "audit"
    certificates = "certificates"


class ReplaceReason(StrEnum):
    compromise = "compromise"
    superseded = "superseded"
    cessation = "cessation"
    unspecified = "unspecified"


class CertificatesForm(StrEnum):
    text = "text"
    json = "json"
    icalendar = "icalendar"
    prometheus = "prometheus"


class PlanForm(StrEnum):
    text = "text"
    json = "json"
    powershell = "powershell"


@app.command(epilog=_examples("reconciler validate tls.yaml", "reconciler validate --strict infrastructure/"))
def validate(
    path: DesiredPath,
    connections: Connections = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail on warnings too.")] = False,
) -> None:
    """Check the YAML without connecting to anything."""
    from .commands.validate import validate as run

    _choose(run, path, connections, strict=strict)


@app.command(
    epilog=_examples(
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

    _choose(
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
    epilog=_examples(
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

    _choose(run, path, connections, state, auto_approve=auto_approve, json=json)


@app.command(
    epilog=_examples(
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

    _choose(run, path, connections, evidence=evidence)


@app.command(epilog=_examples("reconciler verify tls.yaml"))
def verify(path: DesiredPath, connections: Connections = None, state: StateFolder = None) -> None:
    """Check what each public endpoint presents.

    One STARTTLS handshake with each server of each endpoint, as the world does it.
    """
    from .commands.verify import verify as run

    _choose(run, path, connections, state)


@app.command(
    "import",
    epilog=_examples(
        "reconciler import tls.yaml 'send_connector.\"Mail to O365\"'",
        "reconciler import tls.yaml send_connector.EDGE1.tls_required",
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
        if path is not None or state is not None:
            raise typer.BadParameter("it takes --connections alone", param_hint="--generate")
        if connections is None:
            raise typer.BadParameter("it needs --connections: which servers to read", param_hint="--generate")
        from .commands.generate import generate as run_generate

        _choose(run_generate, connections)
    if path is None or address is None:
        raise typer.BadParameter("PATH and ADDR are needed, or --generate", param_hint="import")
    from .commands.import_ import import_ as run

    _choose(run, path, connections, state, address=address)


@app.command(
    epilog=_examples(
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

    _choose(run, path, connections, json=json)


@app.command(
    epilog=_examples(
        "reconciler certificates tls.yaml",
        "reconciler certificates tls.yaml --as prometheus --out /var/lib/node_exporter/exchange_tls.prom",
        "reconciler certificates tls.yaml --csr certificate.EX1.public > public.csr",
        "reconciler certificates tls.yaml --answer certificate.EX1.public public.cer",
        "reconciler certificates tls.yaml --answer certificate.EX1.public bought.p12 --password env:PFX",
        "reconciler certificates tls.yaml --replace certificate.EX1.public --reason compromise",
    )
)
def certificates(
    path: DesiredPath,
    connections: Connections = None,
    state: StateFolder = None,
    form: Annotated[CertificatesForm, typer.Option("--as", help="How to show them.")] = CertificatesForm.text,
    json: Annotated[bool, typer.Option("--json", help="The same as --as json.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write it there, all at once, and not to stdout.", show_default=False
        ),
    ] = None,
    csr: Annotated[
        str | None,
        typer.Option(metavar="ADDR", help="Print the request of this address instead.", show_default=False),
    ] = None,
    answer: Annotated[
        tuple[str, Path] | None,
        typer.Option(
            metavar="ADDR FILE",
            help="Take what the authority sent for this address; apply imports it.",
            show_default=False,
        ),
    ] = None,
    password: Annotated[
        str | None,
        typer.Option(
            metavar="REFERENCE",
            help="FILE is a PKCS#12 that was bought with its key: import it now. Such as env:NAME.",
            show_default=False,
        ),
    ] = None,
    replace: Annotated[
        str | None,
        typer.Option(
            metavar="ADDR",
            help="Another key and certificate for it now, in no window; the old one is revoked.",
            show_default=False,
        ),
    ] = None,
    issuer: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The same for all that this issuer signed.", show_default=False),
    ] = None,
    reason: Annotated[
        ReplaceReason, typer.Option(help="What the authority is told.")
    ] = ReplaceReason.unspecified,
    auto_approve: Annotated[
        bool, typer.Option("--auto-approve", help="Import or replace without being asked.")
    ] = False,
) -> None:
    """Show how each certificate stands, and when it ends.

    Its state and since when, why, what comes next and until when; where it is used. With --answer only the
    record is written, and only what answers the request is taken. With --password as well, and with --replace
    and --issuer, Exchange is changed, as by apply; what these two replaced is revoked once its successor is
    served.
    """
    is_shown = json or out is not None or form is not form.text
    if sum(one is not None for one in (csr, answer, replace, issuer)) + is_shown > 1:
        raise typer.BadParameter(
            "one of --csr, --answer, --replace, --issuer, and showing at a time", param_hint="certificates"
        )
    is_replaced = replace is not None or issuer is not None
    if password is not None and answer is None:
        raise typer.BadParameter("--password goes with --answer", param_hint="certificates")
    if reason is not ReplaceReason.unspecified and not is_replaced:
        raise typer.BadParameter("--reason goes with --replace or --issuer", param_hint="certificates")
    if auto_approve and not is_replaced and password is None:
        raise typer.BadParameter(
            "--auto-approve goes with --replace, --issuer, or --answer with --password",
            param_hint="certificates",
        )
    if is_replaced:
        from .commands.certificates import replace as run_replace

        _choose(
            run_replace,
            path,
            connections,
            state,
            address=replace,
            issuer=issuer or "",
            reason=reason.value,
            auto_approve=auto_approve,
        )
    if csr is not None:
        from .commands.certificates import print_request

        _choose(print_request, path, connections, state, address=csr)
    if answer is not None and password is not None:
        from .commands.certificates import bought as take_bought

        _choose(
            take_bought,
            path,
            connections,
            state,
            address=answer[0],
            file=answer[1],
            password=password,
            auto_approve=auto_approve,
        )
    if answer is not None:
        from .commands.certificates import answer as take

        _choose(take, path, connections, state, address=answer[0], file=answer[1])
    from .commands.certificates import certificates as run

    _choose(run, path, connections, state, form="json" if json else form.value, out=out)


@app.command(
    epilog=_examples(
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

    _choose(run, path, connections, state, subject=subject)


@app.command(
    epilog=_examples(
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

    _choose(run, file, form.value)


@app.command(epilog=_examples("reconciler schema > tls.schema.json", "reconciler schema plan"))
def schema(
    of: Annotated[SchemaName, typer.Argument(help="Of what.")] = SchemaName.desired,
) -> None:
    """Print a JSON Schema.

    Of the YAML (desired), of the documents that plan, audit and certificates print with --json, or of a line
    of apply --json (events).
    """
    from .commands.schema import schema as run

    _choose(run, of.value)


@app.command(epilog=_examples("reconciler version"))
def version() -> None:
    """Print the version."""
    from .version import tool_version

    typer.echo(f"reconciler {tool_version()}")


@lab.command(
    epilog=_examples(
        "reconciler lab up --dir lab",
        "reconciler lab up --dir lab --servers 4 --edges 2 --exchange 2019-cu15 --exchange MBX4=2016-cu23",
        "reconciler lab up --dir rehearsal --from-clixml exports/",
    )
)
def up(
    directory: LabFolder,
    servers: Annotated[int, typer.Option(min=0, max=99, metavar="N", help="Mailbox servers.")] = 2,
    edges: Annotated[int, typer.Option(min=0, max=99, metavar="M", help="Edge servers.")] = 1,
    subscribed: Annotated[
        int, typer.Option(min=0, max=99, metavar="K", help="Edge servers that are subscribed, from EDGE1 on.")
    ] = 0,
    exchange: Annotated[
        list[str] | None,
        typer.Option(
            metavar="BUILD",
            help="Such as SE or 2019-cu15; NAME=BUILD for one server. May be given again.",
            show_default="SE",
        ),
    ] = None,
    from_clixml: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Start from Export-Clixml files of a real organization.", show_default=False
        ),
    ] = None,
    latency: Annotated[int, typer.Option(min=0, metavar="MS", help="Wait so long before each answer.")] = 0,
    faults: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Rules of what is to go wrong, JSON: docs/lab-faults.md.", show_default=False
        ),
    ] = None,
) -> None:
    """Start a lab, or one that was stopped again. Returns when every listener answers."""
    from .commands.lab import up as run

    _choose(
        run,
        directory,
        servers=servers,
        edges=edges,
        subscribed=subscribed,
        exchange=exchange or [],
        from_clixml=from_clixml,
        latency_ms=latency,
        faults=faults,
    )


@lab.command(epilog=_examples("reconciler lab down --dir lab"))
def down(directory: LabFolder) -> None:
    """Stop a lab; its folder keeps the organization."""
    from .commands.lab import down as run

    _choose(run, directory)


@lab.command(epilog=_examples("reconciler lab status --dir lab", "reconciler lab status --dir lab --json"))
def status(
    directory: LabFolder,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON document: also every cmdlet received.")
    ] = False,
) -> None:
    """Tell what a lab is and what it has received."""
    from .commands.lab import status as run

    _choose(run, directory, json=json)


def own_words() -> frozenset[str]:
    """The words of a command line that are the program's own, not the user's: commands, options, choices."""
    found = {choice.value for choices in (SchemaName, PlanForm, CertificatesForm) for choice in choices}
    waiting = [typer.main.get_command(app)]
    while waiting:
        command = waiting.pop()
        found.update(option for parameter in command.params for option in parameter.opts)
        below = getattr(command, "commands", {})
        found.update(below)
        waiting.extend(below.values())
    return frozenset(found)
