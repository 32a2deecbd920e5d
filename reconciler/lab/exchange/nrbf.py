"""Writing MS-NRBF records, as .NET's BinaryFormatter does.

The caller lays the records out with their ids; :mod:`reconciler.lab.exchange.blobs` holds the
layouts. Source: MS-NRBF 2.1 to 2.6, and the blobs of real exports.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum


class Primitive(IntEnum):
    """PrimitiveTypeEnumeration (2.1.2.3), as far as Exchange's values need it."""

    BOOLEAN = 1
    BYTE = 2
    INT16 = 7
    INT32 = 8
    INT64 = 9
    TIME_SPAN = 12
    UINT16 = 14
    UINT64 = 16


PACKED = {
    Primitive.BOOLEAN: "<?",
    Primitive.BYTE: "<B",
    Primitive.INT16: "<h",
    Primitive.INT32: "<i",
    Primitive.INT64: "<q",
    Primitive.TIME_SPAN: "<q",
    Primitive.UINT16: "<H",
    Primitive.UINT64: "<Q",
}


@dataclass(frozen=True, slots=True)
class SystemClass:
    """Member of a class in mscorlib (BinaryType 3)."""

    name: str


@dataclass(frozen=True, slots=True)
class LibraryClass:
    """Member of a class in a library (BinaryType 4)."""

    name: str
    library: int


@dataclass(frozen=True, slots=True)
class ArrayOf:
    """Member that is an array of primitives (BinaryType 7)."""

    element: Primitive


class Special(IntEnum):
    """BinaryTypeEnumeration values that carry no further information."""

    STRING = 1


MemberType = Primitive | SystemClass | LibraryClass | ArrayOf | Special
Members = Sequence[tuple[str, MemberType]]


@dataclass(slots=True)
class Records:
    """A stream under construction; starts with the header whose root is object 1."""

    out: bytearray = field(default_factory=lambda: bytearray(struct.pack("<Biiii", 0, 1, -1, 1, 0)))

    def library(self, number: int, name: str) -> None:
        self.out += struct.pack("<Bi", 12, number)
        self._text(name)

    def new_class(self, number: int, name: str, members: Members, library: int | None) -> None:
        """Begin a ClassWithMembersAndTypes, or the System form where ``library`` is None.

        The members' values follow, by the methods below, in order.
        """
        self.out += struct.pack("<Bi", 4 if library is None else 5, number)
        self._text(name)
        self.out += struct.pack("<i", len(members))
        for member, _ in members:
            self._text(member)
        self.out += bytes(_binary_type(kind) for _, kind in members)
        for _, kind in members:
            self._additional(kind)
        if library is not None:
            self.out += struct.pack("<i", library)

    def same_class(self, number: int, like: int) -> None:
        """Begin a ClassWithId: an object of the class that object ``like`` introduced."""
        self.out += struct.pack("<Bii", 1, number, like)

    def value(self, kind: Primitive, value: int) -> None:
        """Write a primitive member in place."""
        self.out += struct.pack(PACKED[kind], value)

    def string(self, number: int, text: str) -> None:
        self.out += struct.pack("<Bi", 6, number)
        self._text(text)

    def reference(self, number: int) -> None:
        self.out += struct.pack("<Bi", 9, number)

    def null(self) -> None:
        self.out.append(10)

    def nulls(self, count: int) -> None:
        """Fill ``count`` (1 to 255) places of an array with null."""
        self.out += struct.pack("<BB", 13, count)

    def byte_array(self, number: int, data: bytes) -> None:
        self.out += struct.pack("<BiiB", 15, number, len(data), Primitive.BYTE) + data

    def uint16_array(self, number: int, values: Sequence[int]) -> None:
        self.out += struct.pack("<BiiB", 15, number, len(values), Primitive.UINT16)
        self.out += struct.pack(f"<{len(values)}H", *values)

    def class_array(self, number: int, length: int, element: LibraryClass) -> None:
        """Begin a BinaryArray of one dimension; its elements follow."""
        self.out += struct.pack("<BiBiiB", 7, number, 0, 1, length, 4)
        self._additional(element)

    def end(self) -> bytes:
        return bytes(self.out + b"\x0b")

    def _text(self, text: str) -> None:
        data = text.encode("utf-8", "surrogatepass")
        length = len(data)
        while length >= 0x80:  # LengthPrefixedString (2.1.1.6): seven bits a byte
            self.out.append(length & 0x7F | 0x80)
            length >>= 7
        self.out.append(length)
        self.out += data

    def _additional(self, kind: MemberType) -> None:
        match kind:
            case Primitive():
                self.out.append(kind)
            case ArrayOf(element):
                self.out.append(element)
            case SystemClass(name):
                self._text(name)
            case LibraryClass(name, library):
                self._text(name)
                self.out += struct.pack("<i", library)


def _binary_type(kind: MemberType) -> int:
    match kind:
        case Primitive():
            return 0
        case Special():
            return int(kind)
        case SystemClass():
            return 3
        case LibraryClass():
            return 4
        case ArrayOf():
            return 7
