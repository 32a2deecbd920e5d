"""Decodes .NET binary serialization (MS-NRBF) into records: bounded, read-only.

It makes no object of any class that a stream names, only a record of it [6.2-3]. A stream must decode to its
last byte: what is not understood completely is not used at all.

Source: [MS-NRBF] 2.1 to 2.6; the section of each part is beside it.
"""

from reconciler.exchange.nrbf.decoder import decode
from reconciler.exchange.nrbf.records import (
    DEFAULT_LIMITS,
    ArrayRecord,
    ClassRecord,
    Limits,
    NrbfError,
    RecordType,
    Reference,
    Stream,
    StringRecord,
    Value,
)

__all__ = [
    "DEFAULT_LIMITS",
    "ArrayRecord",
    "ClassRecord",
    "Limits",
    "NrbfError",
    "RecordType",
    "Reference",
    "Stream",
    "StringRecord",
    "Value",
    "decode",
]
