"""What a terminal may be sent: colours when asked for, and text of strangers made harmless."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

DEFAULT_WIDTH = 100
"""Columns where nothing is known of the reader."""


@dataclass(frozen=True, slots=True)
class Ink:
    """Colours, or none. Source: ECMA-48 8.3.117 (SGR)."""

    colour: bool

    def bold(self, text: str) -> str:
        return self._paint("1", text)

    def red(self, text: str) -> str:
        return self._paint("31", text)

    def green(self, text: str) -> str:
        return self._paint("32", text)

    def yellow(self, text: str) -> str:
        return self._paint("33", text)

    def cyan(self, text: str) -> str:
        return self._paint("36", text)

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and text else text


def harmless(text: str) -> str:
    r"""The text with everything that would steer a terminal or reorder a line written as ``\x1b``.

    Names and comments come from Exchange and from files under review: neither may colour, hide or
    overwrite what a reviewer sees. Escaped is what Unicode calls Other (controls, format characters such
    as the bidirectional overrides, surrogates) or Separator, but for the space.
    """
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _escape(character) for character in text)


def _escape(character: str) -> str:
    code = ord(character)
    return {"\n": r"\n", "\r": r"\r", "\t": r"\t"}.get(character) or (
        f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    )


def columns(text: str) -> int:
    """How many terminal columns a harmless text takes. Source: Unicode TR 11."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


def wrapped(text: str, *, width: int, indent: str, hanging: str | None = None) -> list[str]:
    """Paragraphs broken between words, harmless; a longer word stays whole so that it can be copied."""
    lines: list[str] = []
    for paragraph in text.splitlines() or [""]:
        lines += textwrap.wrap(
            harmless(paragraph),
            width=max(width, len(indent) + 20),
            initial_indent=indent if not lines or hanging is None else hanging,
            subsequent_indent=indent if hanging is None else hanging,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return lines


def shortened(items: Iterable[str], most: int) -> str:
    """``a, b, c and 7 more``."""
    every = list(items)
    if len(every) <= most:
        return ", ".join(every)
    return f"{', '.join(every[:most])} and {len(every) - most} more"


def table(
    heads: Sequence[str],
    rows: Sequence[tuple[str, ...]],
    ink: Ink,
    painted: Callable[[int, tuple[str, ...]], tuple[str, ...]],
) -> str:
    """Columns under their heads, two spaces apart; the last one as wide as it is.

    Args:
        rows: Harmless texts.
        painted: Gives the cells of a row, counted from 0, their colours once they are padded.
    """
    widths = [max(columns(row[at]) for row in (heads, *rows)) for at in range(len(heads) - 1)]

    def padded(cells: Sequence[str]) -> tuple[str, ...]:
        spaced = [cell + " " * (width - columns(cell)) for cell, width in zip(cells, widths, strict=False)]
        return (*spaced, cells[-1])

    lines = [ink.bold("  ".join(padded(heads)))]
    lines += ["  ".join(painted(number, padded(row))) for number, row in enumerate(rows)]
    return "\n".join(lines)


def counted(number: int, noun: str) -> str:
    """``1 error``, ``2 errors``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
