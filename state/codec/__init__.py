"""Bytes <-> record, journal and lock description; JSON <-> resource.

One module per format version writes and reads the shapes (:mod:`state.codec.v2`, which reads 1 too). Reading
is strict and bounded: what this program did not write is refused, and what a later one wrote is
:class:`~state.errors.StateTooNew`. No I/O here: ``place`` only names where the bytes came from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from ..errors import StateError, StateTooNew, StateUnreadable
from ..journal import Entry
from ..lock import LockInfo
from ..record import StateRecord
from . import v2
from .resource import resource_from_json, resource_to_json
from .shape import Malformed, Shape, json_bytes, json_value
from .v2 import Heading

VERSION = 2
"""The newest format, and the one that is written."""

LARGEST = 64 * 1024 * 1024
"""Bytes of a record or a journal that are read at most: thousands of servers need a tenth of it."""

__all__ = [
    "LARGEST",
    "VERSION",
    "Heading",
    "Malformed",
    "decode_entries",
    "decode_heading",
    "decode_lock",
    "decode_record",
    "encode_entries",
    "encode_heading",
    "encode_lock",
    "encode_record",
    "resource_from_json",
    "resource_to_json",
]


def encode_record(record: StateRecord) -> bytes:
    """Write a record as indented JSON, resources in their order: people compare two of them line by line."""
    return json_bytes({"format_version": VERSION, **v2.record_to_json(record)}, indent=2) + b"\n"


def decode_record(data: bytes, place: str) -> StateRecord:
    """Read what :func:`encode_record` wrote.

    Raises:
        StateTooNew: a later version wrote it.
        StateUnreadable: it is not a record.
    """
    with _named(place):
        return v2.record_from_json(_known_version(data, place))


def encode_heading(heading: Heading) -> bytes:
    """Write the first line of a journal, with its line end."""
    return json_bytes({"format_version": VERSION, **v2.heading_to_json(heading)}) + b"\n"


def decode_heading(line: bytes, place: str) -> Heading:
    """Read what :func:`encode_heading` wrote.

    Raises:
        StateTooNew: a later version wrote it.
        StateUnreadable: it is no heading of a journal.
    """
    with _named(place):
        return v2.heading_from_json(_known_version(line, place))


def encode_entries(entries: Iterable[Entry]) -> bytes:
    """Write what one append adds to a journal: one line, so that a torn write loses all of it or nothing."""
    return json_bytes([v2.entry_to_json(entry) for entry in entries]) + b"\n"


def decode_entries(line: bytes, place: str) -> tuple[Entry, ...]:
    """Read what :func:`encode_entries` wrote under a heading of this version.

    Raises:
        StateUnreadable: it is no line of a journal.
    """
    with _named(place):
        return tuple(v2.entry_from_json(item) for item in Shape.list_of(json_value(line, LARGEST), ""))


def encode_lock(info: LockInfo) -> bytes:
    """Write who holds a lock."""
    return json_bytes({"format_version": VERSION, **v2.lock_to_json(info)}, indent=2) + b"\n"


def decode_lock(data: bytes, place: str) -> LockInfo:
    """Read what :func:`encode_lock` wrote.

    Raises:
        StateTooNew: a later version wrote it.
        StateUnreadable: it does not describe a lock.
    """
    with _named(place):
        return v2.lock_from_json(_known_version(data, place))


@contextmanager
def _named(place: str) -> Iterator[None]:
    try:
        yield
    except (StateTooNew, StateUnreadable):
        raise
    except StateError as error:
        raise StateUnreadable(place, str(error)) from error


def _known_version(data: bytes, place: str) -> Shape:
    shape = Shape.of(json_value(data, LARGEST), "")
    found = shape.whole_number("format_version")
    if found > VERSION:
        raise StateTooNew(place, found, VERSION)
    if found < 1:
        raise StateUnreadable(place, f"it has format version {found}")
    return shape
