"""Reads CLIXML, PowerShell's object serialization, into a tree that drops nothing.

Stock deserializers lose or refuse what Exchange sends: lists of an unknown type, and every reference into
one [5-6]. Here each element of a document becomes a node that keeps its tag, attributes and text.

Source: [MS-PSRP] 2.2.5 (serialization), 2.2.5.3.2 (string escapes); semantics [5-6], [6.5].
"""

from reconciler.exchange.clixml.errors import BadValue, ClixmlError, Malformed, TooLarge
from reconciler.exchange.clixml.nodes import (
    Document,
    Entries,
    Items,
    Members,
    Node,
    Object,
    Part,
    Primitive,
    Reference,
    TypeNames,
    TypeReference,
    resolve,
)
from reconciler.exchange.clixml.reader import DEFAULT_LIMITS, Limits, read
from reconciler.exchange.clixml.values import Scalar, unescape

__all__ = [
    "DEFAULT_LIMITS",
    "BadValue",
    "ClixmlError",
    "Document",
    "Entries",
    "Items",
    "Limits",
    "Malformed",
    "Members",
    "Node",
    "Object",
    "Part",
    "Primitive",
    "Reference",
    "Scalar",
    "TooLarge",
    "TypeNames",
    "TypeReference",
    "read",
    "resolve",
    "unescape",
]
