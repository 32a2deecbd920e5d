"""Whether bytes are a PKCS#12 whose key is encrypted (RFC 7292), by their outer shape: it is never opened."""

from __future__ import annotations

from typing import Final

from reconciler.pki.der import CONTEXT_0, SEQUENCE, Element, NotDer, object_identifier, parse

LARGEST: Final = 256 * 1024
"""Bytes: a key, its certificate and a chain of ten take a tenth of it."""
_INTEGER: Final = 0x02
_VERSION: Final = b"\x03"
_DATA: Final = "1.2.840.113549.1.7.1"
_BARE_KEY: Final = bytes.fromhex("060b2a864886f70d010c0a0101")
"""The OBJECT IDENTIFIER of a keyBag: a private key that is not encrypted."""


def why_not_pkcs12(data: bytes) -> str:
    """Why these bytes must not be carried to another server; "" when they may."""
    if len(data) > LARGEST:
        return f"it has {len(data)} bytes, and no certificate with its key has more than {LARGEST}"
    try:
        parts = list(parse(data).expect(SEQUENCE).children())
        _check(parts)
    except NotDer as error:
        return str(error)
    if _BARE_KEY in data:
        return "its key is not encrypted"
    return ""


def _check(parts: list[Element]) -> None:
    """The version, what is encrypted, and the check value that a password gives."""
    if len(parts) != 3:
        raise NotDer("it has no version, content and check value")
    version, content, check = parts
    if version.expect(_INTEGER).content != _VERSION:
        raise NotDer("it has another version")
    kind, *held = content.expect(SEQUENCE).children()
    if object_identifier(kind) != _DATA or len(held) != 1:
        raise NotDer("its content is of another kind")
    held[0].expect(CONTEXT_0)
    check.expect(SEQUENCE)


def is_read_by_every_windows(data: bytes) -> bool:
    """Whether a PKCS#12 may be carried, shows one key, and is encrypted in no form that came with Windows
    Server 2019: PBES2 (RFC 8018), or a check value by another hash than SHA-1.
    """
    if why_not_pkcs12(data) or _PBES2 in data or data.count(_ENCRYPTED_KEY) != 1:
        return False
    try:
        *_, check = parse(data).children()
        digest = next(check.children())
        algorithm = next(digest.expect(SEQUENCE).children())
        return object_identifier(next(algorithm.expect(SEQUENCE).children())) == _SHA1
    except (NotDer, StopIteration):
        return False


_PBES2: Final = bytes.fromhex("06092a864886f70d01050d")
_ENCRYPTED_KEY: Final = bytes.fromhex("060b2a864886f70d010c0a0102")
"""The OBJECT IDENTIFIER of a pkcs8ShroudedKeyBag."""
_SHA1: Final = "1.3.14.3.2.26"
