"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

DesiredPath: TypeAlias = Annotated[
    Path, typer.Argument(metavar="PATH", help="The YAML file, or a folder of them.", show_default=False)
]
Connections: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="How to reach servers and issuers, in place of what the YAML says.",
        show_default=False,
    ),
]
StateFolder: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Where the record is kept.  [default: .reconciler beside PATH]",
        show_default=False,
    ),
]
LabFolder: TypeAlias = Annotated[
    Path, typer.Option("--dir", metavar="DIR", help="The lab's own folder.", show_default=False)
]
