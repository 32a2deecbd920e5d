"""What others say, made fit for a message."""

from __future__ import annotations

from typing import Final

_LONGEST: Final = 200


def one_line(text: str, longest: int = _LONGEST) -> str:
    """Text of an authority, a program or a library: on one line, printable, and not too long."""
    words = " ".join(text.split())
    printable = "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in words
    )
    return printable if len(printable) <= longest else f"{printable[: longest - 1]}…"


def error_line(error: BaseException) -> str:
    """The same of an exception, with its type."""
    said = one_line(str(error))
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
