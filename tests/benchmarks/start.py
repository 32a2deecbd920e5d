"""How long the command line takes to start, beside a typer program that does nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.figure import Figure, Spread

PAIRS = 9
VERSION, VALIDATE = 1.3, 2.5
ROOT = Path(__file__).parents[2]

EMPTY = """
import typer

app = typer.Typer()


@app.command()
def one() -> None:
    pass


@app.command()
def two() -> None:
    pass


app()
"""
OURS = "import sys; from reconciler.cli import main; sys.exit(main(sys.argv[1:]))"
"""What the installed ``reconciler`` does."""


def measure(pairs: int = PAIRS) -> list[Figure]:
    """Start both in turn, so that both meet the same noise; medians of ``pairs`` pairs."""
    figures = []
    with TemporaryDirectory(prefix="bench-") as folder:
        empty = Path(folder) / "empty.py"
        empty.write_text(EMPTY, encoding="utf-8")
        # Installed programs are compiled already: each compiles once here, and not again.
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": folder}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for arguments, limit in ((["version"], VERSION), (["validate", "examples/contoso"], VALIDATE)):
            ours, other = [], []
            for pair in range(pairs + 1):
                spent = _seconds([str(empty), "one"], environment)
                mine = _seconds(["-c", OURS, *arguments], environment)
                if pair:  # the first one compiled
                    other.append(spent)
                    ours.append(mine)
            figures.append(_figure(" ".join(arguments), ours, other, limit))
    return figures


def _figure(command: str, ours: list[float], other: list[float], limit: float) -> Figure:
    mine, theirs = Spread.of(ours), Spread.of(other)
    note = (
        f"{mine.least * 1000:.0f} ms (median {mine.middle * 1000:.0f} ms) against "
        f"{theirs.least * 1000:.0f} ms (median {theirs.middle * 1000:.0f} ms)"
    )
    return Figure(f"reconciler {command}, of an empty program", mine.middle / theirs.middle, "x", limit, note)


def _seconds(arguments: list[str], environment: Mapping[str, str]) -> float:
    before = time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments], check=True, cwd=ROOT, env=dict(environment), stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - before
