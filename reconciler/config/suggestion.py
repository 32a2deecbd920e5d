"""Did you mean ...?"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

_LONGEST: Final = 64


def suggestion(written: str, known: Iterable[str]) -> str | None:
    """The known name that is most like what was written; None when none is.

    What is longer than any name of ours is not compared: its cost grows with the square.
    """
    if len(written) > _LONGEST:
        return None
    names = {name.casefold(): name for name in known if len(name) <= _LONGEST}
    found = difflib.get_close_matches(written.casefold(), names, n=1)
    return names[found[0]] if found else None


def did_you_mean(written: str, known: Iterable[str], *, otherwise: str = "") -> str:
    """A hint: the most similar name, else all there are, else ``otherwise``."""
    names = list(known)
    if (name := suggestion(written, names)) is not None:
        return f'did you mean "{name}"?'
    if names and len(names) <= 12:
        return "one of: " + ", ".join(names)
    return otherwise
