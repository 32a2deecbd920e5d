"""Addresses: the name of one resource in the YAML, in the plan and in the record."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from .errors import InvalidAddress

_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST = 4096


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """``type.server.name``, ``type.set.name`` or ``type.name``, with one more part for a group.

    A part that is not ``[A-Za-z0-9_-]+`` is written as a JSON string. Compared exactly: an
    address names a place in the YAML, not an object of Exchange.
    """

    type: str
    parts: tuple[str, ...]

    def __post_init__(self) -> None:
        if not _PLAIN.fullmatch(self.type):
            raise InvalidAddress(self.type, "it has no resource type")
        if not 1 <= len(self.parts) <= 3:
            raise InvalidAddress(self.type, "it has one to three parts after its type")
        if not all(self.parts):
            raise InvalidAddress(self.type, "a part is empty")
        if len(str(self)) > _LONGEST:
            raise InvalidAddress(self.type, f"it is longer than {_LONGEST} characters")

    @classmethod
    def of(cls, type: str, *parts: str) -> Self:
        return cls(type, parts)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text that :meth:`__str__` writes.

        Raises:
            InvalidAddress: it is not one.
        """
        if len(text) > _LONGEST:
            raise InvalidAddress(text[:40] + "...", f"it is longer than {_LONGEST} characters")
        type, *parts = _split(text)
        return cls(type, tuple(parts))

    def __str__(self) -> str:
        return ".".join(
            [self.type, *(part if _PLAIN.fullmatch(part) else json.dumps(part) for part in self.parts)]
        )


def _split(text: str) -> Iterator[str]:
    decoder = json.JSONDecoder()
    at = 0
    while True:
        if text.startswith('"', at):
            try:
                part, at = decoder.raw_decode(text, at)
            except ValueError:
                raise InvalidAddress(text, "a quoted part is not a JSON string") from None
            yield part
        elif plain := _PLAIN.match(text, at):
            yield plain.group()
            at = plain.end()
        else:
            raise InvalidAddress(text, f"a name is missing at character {at + 1}")
        if at == len(text):
            return
        if text[at] != ".":
            raise InvalidAddress(
                text, f'a "." is missing at character {at + 1}; a name with other characters needs quotes'
            )
        at += 1
