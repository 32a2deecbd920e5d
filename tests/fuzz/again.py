"""Feeds one kept input to its door once more, without a fuzzer: ``python -m tests.fuzz.again DOOR FILE``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.fuzz.all_targets import TARGETS


def main(door: str, file: str) -> None:
    """Say whether it was taken; a defect shows itself."""
    with tempfile.TemporaryDirectory() as folder:
        taken = TARGETS[door].feed(Path(file).read_bytes(), Path(folder))
    sys.stdout.write("taken\n" if taken else "refused\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
