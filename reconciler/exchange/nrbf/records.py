"""What a stream is made of, what it may cost, and what can be wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from typing import Final


class NrbfError(Exception):
    """Bytes that are not one whole stream, or one that costs too much.

    Attributes:
        reason: What is wrong.
        offset: Where the decoder stood, in bytes from the start of the stream.
    """

    def __init__(self, reason: str, offset: int) -> None:
        self.reason, self.offset = reason, offset
        super().__init__(reason, offset)

    def __str__(self) -> str:
        return f"not .NET binary serialization: {self.reason} at byte {self.offset}"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one stream may cost."""

    bytes: int = 1024 * 1024
    values: int = 100_000
    depth: int = 32


DEFAULT_LIMITS: Final = Limits()


class RecordType(IntEnum):
    """[MS-NRBF] 2.1.2.1; the two remoting calls are left out, they never stand in an object."""

    HEADER = 0
    CLASS_WITH_ID = 1
    SYSTEM_CLASS_WITH_MEMBERS_AND_TYPES = 4
    CLASS_WITH_MEMBERS_AND_TYPES = 5
    STRING = 6
    BINARY_ARRAY = 7
    PRIMITIVE = 8
    REFERENCE = 9
    NULL = 10
    END = 11
    LIBRARY = 12
    NULLS_256 = 13
    NULLS = 14
    PRIMITIVE_ARRAY = 15
    OBJECT_ARRAY = 16
    STRING_ARRAY = 17


class MemberType(IntEnum):
    """[MS-NRBF] 2.1.2.2: what kind of value a member holds."""

    PRIMITIVE = 0
    STRING = 1
    OBJECT = 2
    SYSTEM_CLASS = 3
    CLASS = 4
    OBJECT_ARRAY = 5
    STRING_ARRAY = 6
    PRIMITIVE_ARRAY = 7


class Primitive(IntEnum):
    """[MS-NRBF] 2.1.2.3."""

    BOOLEAN = 1
    BYTE = 2
    CHAR = 3
    DECIMAL = 5
    DOUBLE = 6
    INT16 = 7
    INT32 = 8
    INT64 = 9
    SBYTE = 10
    SINGLE = 11
    TIMESPAN = 12
    DATETIME = 13
    UINT16 = 14
    UINT32 = 15
    UINT64 = 16
    NULL = 17
    STRING = 18


@dataclass(frozen=True, slots=True)
class Reference:
    """A pointer to the record with this id, which may stand later in the stream."""

    object_id: int


@dataclass(frozen=True, slots=True)
class ClassRecord:
    """An object: the name of its class and its members in the order of the stream.

    Attributes:
        object_id: Negative for value types.
        library: Full name of the assembly; None for a system class.
    """

    object_id: int
    class_name: str
    library: str | None
    members: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class ArrayRecord:
    """An array.

    Attributes:
        lengths: One for each dimension; the values stand flat, last dimension fastest.
        values: Bytes for an array of Byte.
    """

    object_id: int
    lengths: tuple[int, ...]
    values: tuple[Value, ...] | bytes


@dataclass(frozen=True, slots=True)
class StringRecord:
    """A string that others may refer to."""

    object_id: int
    text: str


# DateTime and TimeSpan stay the 64 bits they are: ticks, with the kind in the top bits of a DateTime.
Value = None | bool | int | float | str | Decimal | Reference | ClassRecord | ArrayRecord | StringRecord


@dataclass(frozen=True, slots=True)
class Stream:
    """A decoded stream.

    Attributes:
        root_id: Id of the record that the stream is about.
        records: Every record with an id.
        types: The record types in the order they stand, END included.
    """

    root_id: int
    records: Mapping[int, ClassRecord | ArrayRecord | StringRecord]
    types: tuple[RecordType, ...]

    @property
    def root(self) -> Value:
        """What the stream is about."""
        return self.follow(Reference(self.root_id))

    def follow(self, value: Value) -> Value:
        """Follow a reference; a string record becomes its text; anything else is itself."""
        found = self.records[value.object_id] if isinstance(value, Reference) else value
        return found.text if isinstance(found, StringRecord) else found
