"""A bounded, read-only decoder for the MS-NRBF records that certificates' blobs consist of.

Needed once: an export's certificates say which services they are enabled for only there [6.3].
It makes no objects but plain dictionaries, and refuses what a certificate's blob never holds.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

from reconciler.lab.exchange.nrbf import PACKED, Primitive

MAX_BYTES = 1024 * 1024
MAX_OBJECTS = 10_000
MAX_DEPTH = 16

SIGNED = b"#sig#"
SIGNATURE_BYTES = 32


class BadBlob(Exception):
    """The bytes are not a stream that this reader understands; the message says where."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A place that another record fills."""

    number: int


@dataclass(frozen=True, slots=True)
class Layout:
    """What a class record tells of its objects: members with binary type and detail."""

    name: str
    members: tuple[tuple[str, int, int], ...]


def unframed(data: bytes) -> bytes:
    """Take the signature's frame off [6.2-2]; bytes without one come back as they are."""
    if not data.startswith(SIGNED):
        return data
    if len(data) < 9:
        raise BadBlob("the frame of the signature is cut off")
    (length,) = struct.unpack_from("<i", data, 5)
    if not 0 <= length == len(data) - 9 - SIGNATURE_BYTES:
        raise BadBlob("the signed length does not fit the blob")
    return data[9 : 9 + length]


def read(data: bytes) -> dict[str, Any]:
    """Decode an unframed stream.

    Returns:
        The root object: member name to int, bool, str, bytes, None, list, or another such dict.

    Raises:
        BadBlob: cut off, oversized, nested too deep, an unknown record, bytes left over.
    """
    if len(data) > MAX_BYTES:
        raise BadBlob(f"{len(data)} bytes; at most {MAX_BYTES} are read")
    decoder = _Decoder(data)
    try:
        root = decoder.stream()
    except (struct.error, IndexError, UnicodeDecodeError):
        raise BadBlob(f"cut off or damaged at byte {decoder.at}") from None
    resolved = _resolve(Reference(root), decoder.objects, {}, 0)
    if not isinstance(resolved, dict):
        raise BadBlob("the root is not an object")
    return resolved


@dataclass(slots=True)
class _Decoder:
    data: bytes
    at: int = 0
    objects: dict[int, Any] = field(default_factory=dict)
    layouts: dict[int, Layout] = field(default_factory=dict)

    def stream(self) -> int:
        if self.byte() != 0:
            raise BadBlob("no header")
        root = self.number(Primitive.INT32)
        self.at += 12
        while (kind := self.byte()) != 11:
            self.record(kind, 0)
        if self.at != len(self.data):
            raise BadBlob(f"{len(self.data) - self.at} bytes after the end")
        return root

    def record(self, kind: int, depth: int) -> Any:
        if depth > MAX_DEPTH or len(self.objects) > MAX_OBJECTS:
            raise BadBlob("nested too deep, or too many objects")
        match kind:
            case 12:
                self.at += 4
                self.text()
                return self.record(self.byte(), depth + 1)
            case 1:
                number, like = self.number(Primitive.INT32), self.number(Primitive.INT32)
                if like not in self.layouts:
                    raise BadBlob(f"object {number} is like {like}, which is no class")
                return self.members(number, self.layouts[like], depth)
            case 4 | 5:
                number, layout = self.layout(has_library=kind == 5)
                return self.members(number, layout, depth)
            case 6:
                number = self.number(Primitive.INT32)
                return self.keep(number, self.text())
            case 7:
                return self.array(depth)
            case 9:
                return Reference(self.number(Primitive.INT32))
            case 10:
                return None
            case 15:
                number, length = self.number(Primitive.INT32), self.number(Primitive.INT32)
                if self.byte() != Primitive.BYTE or not 0 <= length <= len(self.data) - self.at:
                    raise BadBlob(f"array {number} is not of bytes, or longer than the blob")
                self.at += length
                return self.keep(number, self.data[self.at - length : self.at])
            case _:
                raise BadBlob(f"record type {kind} at byte {self.at - 1}")

    def layout(self, has_library: bool) -> tuple[int, Layout]:
        number, name = self.number(Primitive.INT32), self.text()
        count = self.number(Primitive.INT32)
        if not 0 <= count <= 256:
            raise BadBlob(f"a class of {count} members")
        names = [self.text() for _ in range(count)]
        kinds = [self.byte() for _ in range(count)]
        details = [self.detail(kind) for kind in kinds]
        if has_library:
            self.at += 4
        layout = Layout(name, tuple(zip(names, kinds, details, strict=True)))
        self.layouts[number] = layout
        return number, layout

    def detail(self, kind: int) -> int:
        """Read what a binary type says further; only a primitive's code matters later."""
        match kind:
            case 0 | 7:
                return self.byte()
            case 3:
                self.text()
            case 4:
                self.text()
                self.at += 4
            case 1 | 2 | 5 | 6:
                pass
            case _:
                raise BadBlob(f"binary type {kind}")
        return 0

    def members(self, number: int, layout: Layout, depth: int) -> Any:
        values: dict[str, Any] = {}
        self.keep(number, values)
        for name, kind, detail in layout.members:
            values[name] = self.primitive(detail) if kind == 0 else self.record(self.byte(), depth + 1)
        return values

    def array(self, depth: int) -> Any:
        number, shape, rank = self.number(Primitive.INT32), self.byte(), self.number(Primitive.INT32)
        length = self.number(Primitive.INT32)
        if shape != 0 or rank != 1 or not 0 <= length <= MAX_OBJECTS:
            raise BadBlob(f"array {number} has an unexpected shape")
        self.detail(self.byte())
        items: list[Any] = []
        while len(items) < length:
            kind = self.byte()
            items += [None] * self.byte() if kind == 13 else [self.record(kind, depth + 1)]
        return self.keep(number, items)

    def keep(self, number: int, value: Any) -> Any:
        self.objects[number] = value
        return value

    def primitive(self, code: int) -> int:
        try:
            return self.number(Primitive(code))
        except ValueError:
            raise BadBlob(f"primitive type {code}") from None

    def number(self, kind: Primitive) -> int:
        (value,) = struct.unpack_from(PACKED[kind], self.data, self.at)
        self.at += struct.calcsize(PACKED[kind])
        return int(value) if kind is not Primitive.BOOLEAN else bool(value)

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def text(self) -> str:
        length = shift = 0
        while True:
            unit = self.byte()
            length |= (unit & 0x7F) << shift
            shift += 7
            if unit < 0x80:
                break
            if shift > 28:
                raise BadBlob("a string's length has more than five bytes")
        if length > len(self.data) - self.at:
            raise BadBlob("a string is longer than the blob")
        self.at += length
        return self.data[self.at - length : self.at].decode("utf-8")


def _resolve(value: Any, objects: dict[int, Any], done: dict[int, Any], depth: int) -> Any:
    """Put objects where references to them stand; one that several refer to is shared, and done once."""
    if depth > MAX_DEPTH:
        raise BadBlob("references go in a circle, or too deep")
    match value:
        case Reference(number):
            if number not in objects:
                raise BadBlob(f"object {number} is missing")
            if number not in done:
                done[number] = _resolve(objects[number], objects, done, depth + 1)
            return done[number]
        case dict():
            return {name: _resolve(member, objects, done, depth + 1) for name, member in value.items()}
        case list():
            return [_resolve(item, objects, done, depth + 1) for item in value]
        case _:
            return value
