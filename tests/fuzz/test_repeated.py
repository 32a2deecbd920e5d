"""At every door: a little of anything, said thousands of times, costs little."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import pytest

from tests.fuzz.all_targets import TARGETS

_BYTES = 8 * 1024
_SECONDS = 2.0
"""CPU time for each; real ones take 0.1 at most. What grows with the square takes longer by far."""


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_what_is_repeated_costs_little(name: str) -> None:
    """In the middle of what is valid, so that it is not refused for its beginning."""
    target = TARGETS[name]
    seed = min(target.seeds(), key=len)
    for word in (*target.words, b"(", b"a", b"\n"):
        began = time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            target.feed(seed[: len(seed) // 2] + word * (_BYTES // len(word)), Path(folder))
        assert time.process_time() - began < _SECONDS, word
