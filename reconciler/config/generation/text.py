"""YAML as text: scalars that are read back as they were, lines that remember what they say."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from .found import Thing

WIDTH: Final = 110
_PLAIN: Final = re.compile(r"[A-Za-z_][\w.@/+-]*(?: [\w.@/+-]+)*", re.ASCII)
_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
"""Plain, some reader of YAML takes them for something else than a text."""
_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def scalar(text: str) -> str:
    """A text as YAML: plain where that is safe in every place and for every reader, else in double quotes."""
    if _PLAIN.fullmatch(text) and text.casefold() not in _WORDS:
        return text
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def harmless(text: str) -> str:
    """What comes from Exchange, for a comment: on one line, and printable."""
    return "".join(character if character.isprintable() else "?" for character in text)


@dataclass(slots=True)
class Lines:
    """A YAML text that grows line by line.

    Attributes:
        places: What stands on a line, from 1: the attribute of a thing, under its key.
    """

    lines: list[str] = field(default_factory=list)
    places: dict[int, tuple[Thing, str]] = field(default_factory=dict)

    def blank(self) -> None:
        if self.lines and self.lines[-1]:
            self.lines.append("")

    def comment(self, depth: int, text: str, *, hanging: int = 0) -> None:
        """A comment, wrapped; its further lines are indented."""
        indent = "  " * depth + "# "
        self.lines += textwrap.wrap(
            harmless(text),
            WIDTH,
            initial_indent=indent,
            subsequent_indent=indent + " " * hanging,
            break_long_words=False,
            break_on_hyphens=False,
        )

    def key(self, depth: int, key: str) -> None:
        """A key whose value follows, deeper."""
        self.lines.append(f"{'  ' * depth}{scalar(key)}:")

    def entry(
        self, depth: int, key: str, value: str | Sequence[str], *, at: Thing | None = None, note: str = ""
    ) -> None:
        """A key and its value: one that is YAML already, or a list of such."""
        first = len(self.lines)
        head = f"{'  ' * depth}{scalar(key)}:"
        if isinstance(value, str):
            self.lines.append(f"{head} {value}")
        else:
            flow = f"{head} [{', '.join(value)}]"
            if len(flow) <= WIDTH:
                self.lines.append(flow)
            else:
                self.lines.append(head)
                self.lines += [f"{'  ' * depth}  - {item}" for item in value]
        if note:
            self.lines[-1] += f"  # {harmless(note)}"
        if at is not None:
            for line in range(first, len(self.lines)):
                self.places[line + 1] = at, key

    def text(self) -> str:
        return "\n".join(self.lines).rstrip("\n") + "\n"
