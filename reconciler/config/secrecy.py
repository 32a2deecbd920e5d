"""Which lines of a file may hold a password: what is wrong in them is told, and they are never shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_KEY: Final = re.compile(
    r"(?:credential|passw|passphrase|secret|token|hmac|\bcommand|\bhook|\bpwd|\bpass|\bpw)[\w-]*[\"']?\s*(?:[:=]|$)",
    re.IGNORECASE,
)
"""Keys that take a reference or a command line, and those that somebody might take for them; a space may be
missing."""
_USER: Final = re.compile(r"://.*@|[^\s:\"']:\S*@")
"""``https://user:password@host``, ``user:password@host``."""
_VALUE_BELOW: Final = re.compile(r"[:=]\s*[|>]?[-+0-9]*\s*(?:#.*)?$")


def may_hold_password(text: str) -> bool:
    """True where a password may stand, be it in the place of a reference or in a URL."""
    return bool(_KEY.search(text) or _USER.search(text))


def shown_key(name: str) -> str:
    """A key without what follows in ``credential:user:password``, which lacks a space and is all key."""
    return name.partition(":")[0] if may_hold_password(name) else name


def hidden_lines(lines: Sequence[str]) -> frozenset[int]:
    """The lines, from 0, that may hold a password.

    Those of a telling key, and those that its value may go on in: deeper ones, and the next one in any
    case where the value is still to come or a quote is open.
    """
    hidden = set()
    depth: int | None = None
    is_open = False
    for number, line in enumerate(lines):
        if not line.strip():
            continue
        indent = len(line) - len(line.lstrip())
        is_told = may_hold_password(line)
        if not is_told and not is_open and (depth is None or indent <= depth):
            depth = None
            continue
        hidden.add(number)
        if is_told and (depth is None or indent < depth):
            depth = indent
        is_open = is_told and bool(_VALUE_BELOW.search(line) or line.count('"') % 2 or line.count("'") % 2)
    return frozenset(hidden)
