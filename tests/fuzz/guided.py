"""One door under a coverage-guided fuzzer, in a process of its own: libFuzzer ends the process it runs in.

Usage: ``python -m tests.fuzz.guided DOOR SECONDS FOLDER``. What it finds is kept in FOLDER: inputs that
reach new code in ``corpus/``, and a defect's input as ``crash-*``, ``timeout-*`` or ``oom-*``, to be run
again with ``python -m tests.fuzz.again DOOR FILE``.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["reconciler", "state"]):
    from tests.fuzz.all_targets import TARGETS

_HANG = 10
"""Seconds for one input; the slowest seed takes 0.1 under instrumentation."""
_MEMORY = 2048
"""MB of the whole process."""
_LONGEST = 256 * 1024
"""Bytes of one input."""


def main(door: str, seconds: str, folder: str) -> None:
    """Fuzz until the time is up or a defect is found."""
    target = TARGETS[door]
    place = Path(folder)
    corpus = place / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    words = place / "words"
    # Never empty: libFuzzer takes an empty dictionary for a mistake.
    words.write_text("".join(f'"{_quoted(word)}"\n' for word in target.words or (b"\n",)), encoding="ascii")

    def one_input(data: bytes) -> None:
        with tempfile.TemporaryDirectory(dir=place) as own:
            target.feed(data, Path(own))

    logging.disable()  # the lab logs what it could not process
    options = [
        *(
            f"-max_total_time={seconds}",
            f"-timeout={_HANG}",
            f"-rss_limit_mb={_MEMORY}",
            f"-max_len={_LONGEST}",
        ),
        *(f"-dict={words}", f"-artifact_prefix={place}/", "-print_final_stats=1", "-verbosity=0"),
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], one_input)
    atheris.Fuzz()


def _quoted(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    main(*sys.argv[1:])
