"""The certificates of a PKCS#7 file, whatever else of it is in order (RFC 5652 5.1).

Authorities and openssl write such files as BER: with lengths that are told by an end, and with sets that
are not sorted. cryptography warns of that, and may refuse it one day; the certificates in it are DER all the
same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconciler.pki import der
from reconciler.pki.der import Element, NotDer

SIGNED_DATA: Final = "1.2.840.113549.1.7.2"

_CONSTRUCTED: Final = 0x20
_END: Final = b"\0\0"
"""Ends what was begun without a length (X.690 8.1.5)."""


def certificates_in(encoded: bytes) -> list[bytes]:
    """Take the certificates out of signed data, each as it stands, in their order.

    Raises:
        NotDer: it is not the form of signed data.
    """
    parts = [*_children(_first(encoded).expect(der.SEQUENCE))]
    if len(parts) != 2 or der.object_identifier(parts[0]) != SIGNED_DATA:
        raise NotDer("it is no PKCS#7 file of certificates")
    signed = _only(parts[1].expect(der.CONTEXT_0)).expect(der.SEQUENCE)
    held = [part for part in _children(signed) if part.tag == der.CONTEXT_0]
    # Attribute certificates and the like have tags of their own.
    return [one.encoded for part in held for one in _children(part) if one.tag == der.SEQUENCE]


def _first(encoded: bytes) -> Element:
    element, end = _element_at(encoded, 0)
    if end != len(encoded):
        raise NotDer(f"{len(encoded) - end} bytes after the end")
    return element


def _only(element: Element) -> Element:
    children = [*_children(element)]
    if len(children) != 1:
        raise NotDer("not one part where one belongs")
    return children[0]


def _children(element: Element) -> Iterator[Element]:
    at = 0
    while at < len(element.content):
        child, at = _element_at(element.content, at)
        yield child


def _element_at(data: bytes, start: int) -> tuple[Element, int]:
    """One element, and where the next begins."""
    if not _is_endless(data, start):
        return der.element_at(data, start)
    at, open_ones = start + 2, 1
    while open_ones:
        if data[at : at + 2] == _END:
            open_ones, at = open_ones - 1, at + 2
        elif _is_endless(data, at):
            open_ones, at = open_ones + 1, at + 2
        else:
            at = der.element_at(data, at)[1]
    return Element(data[start], data[start + 2 : at - 2], data[start:at]), at


def _is_endless(data: bytes, at: int) -> bool:
    return data[at + 1 : at + 2] == b"\x80" and bool(data[at] & _CONSTRUCTED)
