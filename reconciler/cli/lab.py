"""``lab``: an Exchange organization to practise on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import LabFolder
from .typed import application, choose, examples

lab = application("An Exchange organization to practise on, on this machine.")


@lab.command(
    epilog=examples(
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

    choose(
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


@lab.command(epilog=examples("reconciler lab down --dir lab"))
def down(directory: LabFolder) -> None:
    """Stop a lab; its folder keeps the organization."""
    from .commands.lab import down as run

    choose(run, directory)


@lab.command(epilog=examples("reconciler lab status --dir lab", "reconciler lab status --dir lab --json"))
def status(
    directory: LabFolder,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON document: also every cmdlet received.")
    ] = False,
) -> None:
    """Tell what a lab is and what it has received."""
    from .commands.lab import status as run

    choose(run, directory, json=json)
