"""``python -m tests.benchmarks [NAME...]``: measure, print a table, exit with 1 when a limit is missed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence

from tests.benchmarks import fleet, many_servers, planner, server_read, start, terraform
from tests.benchmarks.figure import Figure, table

BENCHMARKS: Mapping[str, Callable[[], list[Figure]]] = {
    "planner": planner.measure,
    "fleet": fleet.measure,
    "terraform": terraform.measure,
    "start": start.measure,
    "many_servers": many_servers.measure,
    "server_read": server_read.measure,
}


def main(names: Sequence[str]) -> int:
    unknown = set(names) - set(BENCHMARKS)
    if unknown:
        sys.stderr.write(
            f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}\n"
        )
        return 1
    figures: list[Figure] = []
    for name in names or BENCHMARKS:
        sys.stderr.write(f"{name} ...\n")
        measured = BENCHMARKS[name]()
        if not measured:
            sys.stderr.write(f"{name}: not installed here, so not measured\n")
        figures += measured
    sys.stdout.write(table(figures))
    return 0 if all(figure.is_kept for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
