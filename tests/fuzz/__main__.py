"""Fuzzes every door in turn: ``python -m tests.fuzz [--seconds 60] [--folder build/fuzz] [DOOR ...]``."""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
from pathlib import Path

from tests.fuzz.all_targets import TARGETS

_GRACE = 60
"""Seconds beyond the time given, for a start on a slow machine and for the last input."""


def main() -> int:
    """Run each door for its time; 1 when a defect was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument(
        "doors", nargs="*", metavar="DOOR", help=f"of {', '.join(TARGETS)}; every one by default"
    )
    parser.add_argument("--seconds", type=int, default=60, help="for each door (60)")
    parser.add_argument(
        "--folder", type=Path, default=Path("build/fuzz"), help="of what is found (build/fuzz)"
    )
    given = parser.parse_args()
    if unknown := set(given.doors) - set(TARGETS):
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    if importlib.util.find_spec("atheris") is None:
        parser.error("the coverage-guided fuzzer is missing: pip install 'exchange-tls-reconciler[fuzz]'")
    return max([_fuzz(door, given.seconds, given.folder / door) for door in given.doors or TARGETS])


def _fuzz(door: str, seconds: int, folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "log.txt"
    command = [sys.executable, "-m", "tests.fuzz.guided", door, str(seconds), str(folder.resolve())]
    with log.open("wb") as output:
        try:
            ended = subprocess.run(
                command, stdout=output, stderr=subprocess.STDOUT, timeout=seconds + _GRACE, check=False
            ).returncode
        except subprocess.TimeoutExpired:
            ended = -1
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    done = [line.split()[-1] for line in lines if line.startswith("stat::number_of_executed_units")]
    kept = sorted(path.name for kind in ("crash", "timeout", "oom") for path in folder.glob(f"{kind}-*"))
    sound = ended == 0 and bool(done)
    told = f"{done[-1] if done else '?'} inputs" + (f"; kept: {', '.join(kept)}" if kept else "")
    sys.stdout.write(f"{door:24} {'sound' if sound else 'DEFECT, see ' + str(log)}  {told}\n")
    sys.stdout.flush()
    return int(not sound)


if __name__ == "__main__":
    sys.exit(main())
