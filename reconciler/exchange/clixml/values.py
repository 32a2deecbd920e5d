"""What the text of a primitive means ([MS-PSRP] 2.2.5.1), and PowerShell's own escapes in it."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Final
from uuid import UUID

from reconciler.exchange.clixml.errors import BadValue

Scalar = str | bool | int | float | bytes | datetime | Decimal | UUID | None


def unescape(text: str) -> str:
    """Undo PowerShell's ``_xHHHH_``, which stands for one UTF-16 code unit ([MS-PSRP] 2.2.5.3.2).

    A surrogate without its other half, which .NET allows and Unicode does not, becomes U+FFFD.
    """
    if "_x" not in text and "_X" not in text:
        return text
    units = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    if units.isascii():
        return units
    return units.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


_ESCAPE: Final = re.compile("_[xX]([0-9a-fA-F]{4})_")
_ESCAPED: Final = frozenset({"S", "ToString", "T", "URI", "XD", "SBK"})


def plain_text(tag: str, raw: str) -> str:
    """Give the text a person would see under ``tag``."""
    return unescape(raw) if tag in _ESCAPED else raw


def decode(tag: str, raw: str) -> Scalar:
    """Give the text under ``tag`` as Python's type for it.

    Raises:
        BadValue: the text is not of the tag's type.
    """
    decoder = _DECODERS.get(tag)
    if decoder is None:
        return plain_text(tag, raw)
    try:
        return decoder(raw)
    except (ValueError, InvalidOperation, OverflowError, KeyError, binascii.Error) as error:
        raise BadValue(tag, raw) from error


_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,20}")  # int() alone would also take 1_000


def _integer(low: int, high: int) -> Callable[[str], int]:
    def decode(raw: str) -> int:
        if not _INTEGER.fullmatch(raw) or not low <= (value := int(raw)) <= high:
            raise ValueError(raw)
        return value

    return decode


def _float(raw: str) -> float:
    """XML Schema's spelling, which .NET uses, of what Python calls inf."""
    return float({"INF": "inf", "-INF": "-inf", "NaN": "nan"}.get(raw, raw))


_DECODERS: Final[dict[str, Callable[[str], Scalar]]] = {
    "Nil": lambda raw: None,
    "B": lambda raw: {"true": True, "false": False}[raw],
    "C": lambda raw: chr(_integer(0, 0xFFFF)(raw)),
    "By": _integer(0, 0xFF),
    "SB": _integer(-0x80, 0x7F),
    "U16": _integer(0, 0xFFFF),
    "I16": _integer(-0x8000, 0x7FFF),
    "U32": _integer(0, 2**32 - 1),
    "I32": _integer(-(2**31), 2**31 - 1),
    "U64": _integer(0, 2**64 - 1),
    "I64": _integer(-(2**63), 2**63 - 1),
    "Sg": _float,
    "Db": _float,
    "D": Decimal,
    "DT": datetime.fromisoformat,
    "G": UUID,
    "BA": lambda raw: base64.b64decode("".join(raw.split()), validate=True),
}
