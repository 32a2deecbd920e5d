"""The pure planner: how its cost grows with the number of connectors."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass

from reconciler.plan.change import Action
from reconciler.plan.planner import plan
from tests.benchmarks.figure import Figure, Spread
from tests.benchmarks.organization import organization
from tests.benchmarks.usage import peak_memory

FEW, MANY = 1_000, 10_000
GROWTH, SECONDS, MEGABYTES = 12.0, 2.5, 300.0


@dataclass(frozen=True, slots=True)
class Cost:
    """Processor seconds of planning once, and the most memory of a process that does nothing else, in MB."""

    cpu: Spread
    peak: float


def plan_once(connectors: int, *, changed: bool) -> float:
    """Plan an organization that nobody planned before.

    Returns:
        Processor seconds of the planner alone.
    """
    situation = organization(connectors, changed=changed)
    gc.collect()
    before = time.process_time()
    made = plan(situation)
    spent = time.process_time() - before
    updated = sum(change.action is Action.UPDATE for change in made.changes)
    if made.diagnostics or updated != (connectors if changed else 0) or len(made.changes) != connectors + 1:
        raise AssertionError(f"{updated} updates, {len(made.changes)} changes, {made.diagnostics[:1]}")
    return spent


def in_a_process_of_its_own(connectors: int, *, changed: bool, repeat: int) -> Cost:
    """Memory is only ever handed out: what came before must not count."""
    done = subprocess.run(
        [sys.executable, "-m", __name__, str(connectors), str(changed), str(repeat)],
        check=True,
        capture_output=True,
        text=True,
    )
    told = json.loads(done.stdout)
    return Cost(Spread(**told["cpu"]), told["peak"])


def measure(few: int = FEW, many: int = MANY, repeat: int = 5) -> list[Figure]:
    """Compare the cost of few connectors with that of many."""
    figures = []
    for changed in (True, False):
        what = "all changed" if changed else "none changed"
        small = in_a_process_of_its_own(few, changed=changed, repeat=repeat)
        large = in_a_process_of_its_own(many, changed=changed, repeat=repeat)
        note = f"{_seconds(large.cpu)} for {many}, {_seconds(small.cpu)} for {few}"
        figures += [
            Figure(f"plan {what}, growth", large.cpu.least / small.cpu.least, "x", GROWTH, note),
            Figure(f"plan {what}, {many} connectors", large.cpu.middle, "CPU s", SECONDS, "median"),
            Figure(f"plan {what}, {many} connectors", large.peak, "MB", MEGABYTES, "peak of a process"),
        ]
    return figures


def _seconds(spread: Spread) -> str:
    return f"{spread.least:.3f} s (median {spread.middle:.3f} s)"


if __name__ == "__main__":
    count, is_changed, times = int(sys.argv[1]), sys.argv[2] == "True", int(sys.argv[3])
    spent = Spread.of([plan_once(count, changed=is_changed) for _ in range(times)])
    print(json.dumps(asdict(Cost(spent, peak_memory()))))
