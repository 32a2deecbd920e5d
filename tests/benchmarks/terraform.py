"""``terraform plan`` of as many resources as the planner has connectors, where installed: to compare."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.figure import Figure
from tests.benchmarks.planner import FEW, MANY
from tests.benchmarks.usage import Used, run

ATTRIBUTES = 16


def measure(few: int = FEW, many: int = MANY) -> list[Figure]:
    """Plan resources that do not exist yet, each a block of its own; nothing is downloaded.

    Returns:
        Nothing where terraform is not installed, or the system does not tell what a child cost.
    """
    terraform = shutil.which("terraform")
    if terraform is None or sys.platform == "win32":
        return []
    small, large = _plan(terraform, few), _plan(terraform, many)
    note = f"{large.cpu:.2f} s for {many}, {small.cpu:.2f} s for {few}"
    return [
        Figure("terraform plan, growth", large.cpu / small.cpu, "x", note=note),
        Figure(f"terraform plan, {many} resources", large.cpu, "CPU s", note="all to be created; once"),
        Figure(f"terraform plan, {many} resources", large.peak, "MB", note="peak of its process"),
    ]


def _plan(terraform: str, resources: int) -> Used:
    with TemporaryDirectory(prefix="bench-") as folder:
        (Path(folder) / "main.tf").write_text("".join(map(_block, range(resources))), encoding="utf-8")
        # Its own settings only, and no call home.
        environment = {name: text for name, text in os.environ.items() if not name.startswith("TF_")}
        environment["CHECKPOINT_DISABLE"] = "1"
        run([terraform, "init", "-input=false"], folder, environment)
        return run([terraform, "plan", "-input=false", "-lock=false"], folder, environment)


def _block(number: int) -> str:
    attributes = "".join(f'    a{each} = "value {each} of {number}"\n' for each in range(ATTRIBUTES))
    return f'resource "terraform_data" "r{number}" {{\n  input = {{\n{attributes}  }}\n}}\n'
