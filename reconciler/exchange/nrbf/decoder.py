"""One pass over one stream."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import partial
from math import prod
from typing import Final, TypeVar

from reconciler.exchange.nrbf.records import (
    DEFAULT_LIMITS,
    ArrayRecord,
    ClassRecord,
    Limits,
    MemberType,
    NrbfError,
    Primitive,
    RecordType,
    Reference,
    Stream,
    StringRecord,
    Value,
)


def decode(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Stream:
    """Decode one stream to its last byte.

    Raises:
        NrbfError: anything is wrong with it, or it passes a limit.
    """
    if len(data) > limits.bytes:
        raise NrbfError(f"more than {limits.bytes} bytes", 0)
    return _Decoding(data, limits).run()


@dataclass(frozen=True, slots=True)
class _Shape:
    """What later objects of a class repeat: [MS-NRBF] 2.3.1.1, 2.3.1.2."""

    class_name: str
    library: str | None
    members: tuple[tuple[str, MemberType, Primitive | None], ...]


class _Decoding:
    """One pass over one stream."""

    def __init__(self, data: bytes, limits: Limits) -> None:
        self.data, self.limits = data, limits
        self.offset = 0
        self.values = 0
        self.libraries: dict[int, str] = {}
        self.shapes: dict[int, _Shape] = {}
        self.records: dict[int, ClassRecord | ArrayRecord | StringRecord] = {}
        self.references: set[int] = set()
        self.types: list[RecordType] = []

    def run(self) -> Stream:
        """Decode everything; see `decode`."""
        if self.record_type() is not RecordType.HEADER:
            raise self.broken("no header")
        root_id, _, major, minor = (self.int32() for _ in range(4))
        if (major, minor) != (1, 0):
            raise self.broken(f"version {major}.{minor}")
        while (kind := self.record_type()) is not RecordType.END:
            self.record(kind, 0)
        if self.offset != len(self.data):
            raise self.broken(f"{len(self.data) - self.offset} bytes after the end")
        missing = (self.references | {root_id}) - self.records.keys()
        if missing:
            raise self.broken(f"references to missing records {sorted(missing)[:5]}")
        return Stream(root_id, self.records, tuple(self.types))

    def broken(self, reason: str) -> NrbfError:
        return NrbfError(reason, self.offset)

    def take(self, count: int) -> bytes:
        end = self.offset + count
        if count < 0 or end > len(self.data):
            raise self.broken(f"{count} bytes wanted, {len(self.data) - self.offset} left")
        taken = self.data[self.offset : end]
        self.offset = end
        return taken

    def byte(self) -> int:
        return self.take(1)[0]

    def int32(self) -> int:
        value: int = _INT32.unpack(self.take(4))[0]
        return value

    def record_type(self) -> RecordType:
        number = self.byte()
        try:
            kind = RecordType(number)
        except ValueError:
            raise self.broken(f"record type {number}") from None
        self.types.append(kind)
        return kind

    def string(self) -> str:
        """A string with its length in seven bits a byte: [MS-NRBF] 2.1.1.6."""
        length = 0
        for shift in range(0, 35, 7):
            byte = self.byte()
            length |= (byte & 0x7F) << shift
            if not byte & 0x80:
                break
        else:
            raise self.broken("a length of more than five bytes")
        try:
            return self.take(length).decode()
        except UnicodeDecodeError:
            raise self.broken("a string that is not UTF-8") from None

    def count(self, values: int = 1) -> None:
        """Account for values before room is made for them."""
        self.values += values
        if values < 0 or self.values > self.limits.values:
            raise self.broken(f"{values} more values, the limit is {self.limits.values}")

    def member_type(self) -> MemberType:
        number = self.byte()
        try:
            return MemberType(number)
        except ValueError:
            raise self.broken(f"member type {number}") from None

    def primitive_type(self) -> Primitive:
        number = self.byte()
        try:
            return Primitive(number)
        except ValueError:
            raise self.broken(f"primitive type {number}") from None

    def primitive(self, kind: Primitive) -> Value:
        """A value without any record around it: [MS-NRBF] 2.1.1."""
        fixed = _FIXED.get(kind)
        if fixed is not None:
            value: int | float | bool = fixed.unpack(self.take(fixed.size))[0]
            return value
        if kind is Primitive.STRING:
            return self.string()
        if kind is Primitive.DECIMAL:
            try:
                return Decimal(self.string())
            except InvalidOperation:
                raise self.broken("a decimal that is no number") from None
        if kind is Primitive.CHAR:
            return self.char()
        return None

    def char(self) -> str:
        first = self.byte()
        length = 1 + (first >= 0xC0) + (first >= 0xE0) + (first >= 0xF0)
        try:
            return (bytes([first]) + self.take(length - 1)).decode()
        except UnicodeDecodeError:
            raise self.broken("a character that is not UTF-8") from None

    def record(self, kind: RecordType, depth: int) -> Value:
        """Decode the rest of a record that is no run of nulls."""
        if depth > self.limits.depth:
            raise self.broken(f"deeper than {self.limits.depth}")
        decoder = _RECORDS.get(kind)
        if decoder is None:
            raise self.broken(f"{kind.name} where a value belongs")
        return decoder(self, depth)

    def value(self, member: MemberType, primitive: Primitive | None, depth: int) -> Value:
        """Decode one member or array element."""
        self.count()
        if primitive is not None and member is MemberType.PRIMITIVE:
            return self.primitive(primitive)
        kind = self.record_type()
        while kind is RecordType.LIBRARY:  # [MS-NRBF] 2.7: a library may stand before any object
            self.library(depth)
            kind = self.record_type()
        return self.record(kind, depth + 1)

    def member_detail(self, member: MemberType) -> Primitive | None:
        """What follows a member type: [MS-NRBF] 2.3.1.2. A class named there only repeats the value's own."""
        if member in (MemberType.PRIMITIVE, MemberType.PRIMITIVE_ARRAY):
            return self.primitive_type()
        if member in (MemberType.SYSTEM_CLASS, MemberType.CLASS):
            self.string()
        if member is MemberType.CLASS:
            self.int32()
        return None

    def keep(self, record: Record) -> Record:
        if record.object_id in self.records:
            raise self.broken(f"two records with id {record.object_id}")
        self.records[record.object_id] = record
        return record

    def class_with_id(self, depth: int) -> Value:
        """[MS-NRBF] 2.3.2.5: one more object of a class whose shape is known."""
        object_id, shape_id = self.int32(), self.int32()
        shape = self.shapes.get(shape_id)
        if shape is None:
            raise self.broken(f"class like record {shape_id}, which is no class")
        return self.members(object_id, shape, depth)

    def class_with_types(self, depth: int, *, system: bool) -> Value:
        """[MS-NRBF] 2.3.2.1 and 2.3.2.3: an object with the shape of its class."""
        object_id, class_name, count = self.int32(), self.string(), self.int32()
        self.count(count)
        names = [self.string() for _ in range(count)]
        if len(set(names)) != count:
            raise self.broken("a class with two members of one name")
        types = [self.member_type() for _ in range(count)]
        details = [self.member_detail(kind) for kind in types]
        library = None if system else self.libraries.get(self.int32(), "")
        if library == "":
            raise self.broken("a class of an unknown library")
        shape = _Shape(class_name, library, tuple(zip(names, types, details, strict=True)))
        self.shapes[object_id] = shape
        return self.members(object_id, shape, depth)

    def members(self, object_id: int, shape: _Shape, depth: int) -> Value:
        values = {name: self.value(kind, detail, depth) for name, kind, detail in shape.members}
        return self.keep(ClassRecord(object_id, shape.class_name, shape.library, values))

    def string_record(self, _: int) -> Value:
        """[MS-NRBF] 2.5.7."""
        return self.keep(StringRecord(self.int32(), self.string()))

    def primitive_record(self, _: int) -> Value:
        """[MS-NRBF] 2.5.1."""
        return self.primitive(self.primitive_type())

    def reference(self, _: int) -> Value:
        """[MS-NRBF] 2.5.3."""
        object_id = self.int32()
        self.references.add(object_id)
        return Reference(object_id)

    def null(self, _: int) -> Value:
        """[MS-NRBF] 2.5.4."""
        return None

    def library(self, _: int) -> Value:
        """[MS-NRBF] 2.6.2."""
        library_id = self.int32()
        self.libraries[library_id] = self.string()
        return None

    def binary_array(self, depth: int) -> Value:
        """[MS-NRBF] 2.4.3.1: an array of any rank and element type."""
        object_id, kind, rank = self.int32(), self.byte(), self.int32()
        if kind > _LAST_ARRAY_TYPE or not 1 <= rank <= _MAX_RANK:
            raise self.broken(f"array type {kind} of rank {rank}")
        lengths = tuple(self.int32() for _ in range(rank))
        if min(lengths) < 0:
            raise self.broken(f"array lengths {lengths}")
        if kind >= _FIRST_ARRAY_TYPE_WITH_BOUNDS:
            self.take(4 * rank)
        member = self.member_type()
        detail = self.member_detail(member)
        return self.array(object_id, lengths, member, detail, depth)

    def single_array(self, depth: int, *, member: MemberType) -> Value:
        """[MS-NRBF] 2.4.3.2 to 2.4.3.4: arrays of one dimension."""
        object_id, length = self.int32(), self.int32()
        detail = self.primitive_type() if member is MemberType.PRIMITIVE else None
        if length < 0:
            raise self.broken(f"array length {length}")
        return self.array(object_id, (length,), member, detail, depth)

    def array(
        self,
        object_id: int,
        lengths: tuple[int, ...],
        member: MemberType,
        detail: Primitive | None,
        depth: int,
    ) -> Value:
        count = prod(lengths)
        if detail is Primitive.BYTE and member is MemberType.PRIMITIVE:
            return self.keep(ArrayRecord(object_id, lengths, self.take(count)))
        if self.values + count > self.limits.values:
            raise self.broken(f"an array of {count} values, the limit is {self.limits.values}")
        values: list[Value] = []
        while len(values) < count:
            nulls = 0 if member is MemberType.PRIMITIVE else self.nulls()
            if nulls:
                self.count(nulls)
                values.extend([None] * nulls)
            else:
                values.append(self.value(member, detail, depth))
        if len(values) > count:
            raise self.broken("more nulls than the array has room for")
        return self.keep(ArrayRecord(object_id, lengths, tuple(values)))

    def nulls(self) -> int:
        """How many nulls a run of them stands for: [MS-NRBF] 2.5.5, 2.5.6; 0 where none stands here."""
        ahead = self.data[self.offset : self.offset + 1]
        if ahead == bytes([RecordType.NULLS_256]):
            self.record_type()
            count = self.byte()
        elif ahead == bytes([RecordType.NULLS]):
            self.record_type()
            count = self.int32()
        else:
            return 0
        if count < 1:
            raise self.broken(f"a run of {count} nulls")
        return count


Record = TypeVar("Record", ClassRecord, ArrayRecord, StringRecord)

_INT32: Final = struct.Struct("<i")
_FIXED: Final[Mapping[Primitive, struct.Struct]] = {
    Primitive.BOOLEAN: struct.Struct("<?"),
    Primitive.BYTE: struct.Struct("<B"),
    Primitive.DOUBLE: struct.Struct("<d"),
    Primitive.INT16: struct.Struct("<h"),
    Primitive.INT32: _INT32,
    Primitive.INT64: struct.Struct("<q"),
    Primitive.SBYTE: struct.Struct("<b"),
    Primitive.SINGLE: struct.Struct("<f"),
    Primitive.TIMESPAN: struct.Struct("<q"),
    Primitive.DATETIME: struct.Struct("<Q"),
    Primitive.UINT16: struct.Struct("<H"),
    Primitive.UINT32: struct.Struct("<I"),
    Primitive.UINT64: struct.Struct("<Q"),
}
# [MS-NRBF] 2.4.1.1: single, jagged, rectangular, and the same three with lower bounds.
_FIRST_ARRAY_TYPE_WITH_BOUNDS: Final = 3
_LAST_ARRAY_TYPE: Final = 5
_MAX_RANK: Final = 32  # as in .NET
_RECORDS: Final[Mapping[RecordType, Callable[[_Decoding, int], Value]]] = {
    RecordType.CLASS_WITH_ID: _Decoding.class_with_id,
    RecordType.SYSTEM_CLASS_WITH_MEMBERS_AND_TYPES: partial(_Decoding.class_with_types, system=True),
    RecordType.CLASS_WITH_MEMBERS_AND_TYPES: partial(_Decoding.class_with_types, system=False),
    RecordType.STRING: _Decoding.string_record,
    RecordType.BINARY_ARRAY: _Decoding.binary_array,
    RecordType.PRIMITIVE: _Decoding.primitive_record,
    RecordType.REFERENCE: _Decoding.reference,
    RecordType.NULL: _Decoding.null,
    RecordType.LIBRARY: _Decoding.library,
    RecordType.PRIMITIVE_ARRAY: partial(_Decoding.single_array, member=MemberType.PRIMITIVE),
    RecordType.OBJECT_ARRAY: partial(_Decoding.single_array, member=MemberType.OBJECT),
    RecordType.STRING_ARRAY: partial(_Decoding.single_array, member=MemberType.STRING),
}
