"""As much of DER (X.690) as it takes to find a name and a key where cryptography would interpret them.

Names are taken apart here because cryptography judges them (a country of seven letters warns, an odd
string type raises), and because the text that Exchange prints depends on bytes that it normalizes away.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

SEQUENCE: Final = 0x30
SET: Final = 0x31
OBJECT_IDENTIFIER: Final = 0x06
CONTEXT_0: Final = 0xA0


@dataclass
class NotDer(Exception):
    """Bytes that are not the DER that was expected."""

    reason: str

    def __str__(self) -> str:
        return self.reason


@dataclass(frozen=True, slots=True)
class Element:
    """One tag, length and value.

    Attributes:
        tag: The identifier octet.
        content: The value.
        encoded: All of it, as it stood.
    """

    tag: int
    content: bytes
    encoded: bytes

    def children(self) -> Iterator[Element]:
        """The elements inside a constructed one.

        Raises:
            NotDer: they do not fill it exactly.
        """
        at = 0
        while at < len(self.content):
            element, at = element_at(self.content, at)
            yield element

    def expect(self, tag: int) -> Element:
        """Give itself.

        Raises:
            NotDer: it has another tag.
        """
        if self.tag != tag:
            raise NotDer(f"tag {self.tag:#04x} where {tag:#04x} belongs")
        return self


def parse(data: bytes) -> Element:
    """Read the one element that ``data`` is.

    Raises:
        NotDer: it is not exactly one.
    """
    element, end = element_at(data, 0)
    if end != len(data):
        raise NotDer(f"{len(data) - end} bytes after the end")
    return element


def element_at(data: bytes, start: int) -> tuple[Element, int]:
    """Read the element that begins at a place, and tell where the next begins.

    Raises:
        NotDer: there is none, or its form is none that X.509 has.
    """
    if start + 2 > len(data):
        raise NotDer("the data ends inside a header")
    tag, length, at = data[start], data[start + 1], start + 2
    if tag & 0x1F == 0x1F:
        raise NotDer("a tag of several bytes")  # X.509 has none
    if length & 0x80:
        count = length & 0x7F
        if not 1 <= count <= 4:
            raise NotDer("a length that is indefinite or has over four bytes")
        length, at = int.from_bytes(data[at : at + count], "big"), at + count
    end = at + length
    if end > len(data):
        raise NotDer("an element reaches beyond the data")
    return Element(tag, data[at:end], data[start:end]), end


def object_identifier(element: Element) -> str:
    """Dotted text of an OBJECT IDENTIFIER.

    Raises:
        NotDer: it is none.
    """
    content = element.expect(OBJECT_IDENTIFIER).content
    if not content or content[-1] & 0x80:
        raise NotDer("an object identifier that does not end")
    arcs, arc = [], 0
    for byte in content:
        arc = arc << 7 | byte & 0x7F
        if not byte & 0x80:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))
