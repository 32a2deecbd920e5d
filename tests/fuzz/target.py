"""What can be fuzzed: one door through which bytes of strangers come in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

CUT = b"\0"
"""Stands between the parts of an input that is several: files of a folder, answers of a peer."""


@dataclass(frozen=True, slots=True)
class Target:
    """One door.

    Attributes:
        name: For the command line and for the folder of what was found.
        seeds: Makes valid inputs, to be damaged.
        feed: Takes one input, and a folder that is its own. True when it was taken for good, False when it
            was refused as its room's contract says: with a typed error or a diagnostic. Raises for a defect.
        words: What belongs to the language of the input, and a blind change would hardly hit upon.
    """

    name: str
    seeds: Callable[[], Sequence[bytes]]
    feed: Callable[[bytes, Path], bool]
    words: tuple[bytes, ...] = ()


def refused(error: Exception, *secrets: str) -> bool:
    """Check that an error says something, and no secret; gives what `Target.feed` gives for one."""
    text = str(error)
    assert text
    assert not any(secret in text for secret in secrets)
    return False
