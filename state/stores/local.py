"""The record in a folder beside the YAML.

``<root>/<organization>/`` holds ``record.json``, ``record.json.backup`` (the one before),
``journal.jsonl``, ``lock`` (the locked file) and ``lock.json`` (who locked it, for people).

A journal begins with a heading that says which record it goes on from. A record that is renamed
into place makes every journal of an earlier serial void in that same moment, so the two files
never have to change together. Each append is one line: torn by a crash, it is dropped whole.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from .. import codec
from ..codec import Heading
from ..errors import LockLost, StateError, StateLocked, StateUnreadable, StateUnwritable
from ..journal import Entry
from ..lock import LockInfo
from ..record import StateRecord
from ..store import Fence, Stored
from . import files
from .succession import check_succession

_LONGEST_NAME = 120
_WINDOWS_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(?=\.|$)", re.IGNORECASE)


def folder_name(organization: str) -> str:
    """A file name for an organization: always one, never two alike, itself where it can be.

    What no file system minds stays; everything else becomes ``%XX`` of its UTF-8.
    """

    def escape(text: str) -> str:
        return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogatepass"))

    name = re.sub(r"[^A-Za-z0-9_.-]", lambda found: escape(found.group()), organization)
    name = re.sub(r"^\.|\.$", escape("."), name)  # no "..", nothing hidden, no end that Windows drops
    if _WINDOWS_DEVICE.match(name):
        name = escape(name[0]) + name[1:]
    if len(name) > _LONGEST_NAME:
        digest = sha256(organization.encode("utf-8", "surrogatepass")).hexdigest()
        name = f"{name[: _LONGEST_NAME - 65]}%{digest}"
    return name or "%"


@dataclass(slots=True)
class _Hold:
    """The lock while we have it.

    Attributes:
        journal_size: Bytes of the journal, once it is known to be whole and to go on from the record.
    """

    id: str
    journal_size: int | None = None


@dataclass(frozen=True, slots=True)
class _OnDisk:
    """Both files, read and understood.

    Attributes:
        lines: The lines of the journal that go on from the record, each with its line end.
        entries: What is on them.
        record_data: The bytes behind ``record``; None when there is none.
        journal_data: Likewise.
    """

    record: StateRecord | None
    record_data: bytes | None
    heading: Heading | None
    journal_data: bytes | None
    lines: tuple[bytes, ...]
    entries: tuple[Entry, ...] = ()

    @property
    def serial(self) -> int:
        return 0 if self.record is None else self.record.serial

    @property
    def lineage(self) -> str:
        return "" if self.record is None else self.record.lineage


class LocalStore:
    """A :class:`~state.store.StateStore` in a folder of this machine.

    Args:
        root: Usually ``.reconciler`` beside the YAML. It is made by the first lock; its parent must exist.
        organization: As declared.
    """

    def __init__(self, root: Path, organization: str) -> None:
        self._root = root
        self._organization = organization
        self._folder = root / folder_name(organization)
        self._record = self._folder / "record.json"
        self._backup = self._folder / "record.json.backup"
        self._journal = self._folder / "journal.jsonl"
        self._lock = self._folder / "lock"
        self._lock_info = self._folder / "lock.json"
        self._mutex = threading.Lock()
        self._hold: _Hold | None = None

    @contextmanager
    def lock(self, info: LockInfo) -> Iterator[Fence]:
        with self._locked(info):
            with self._mutex:
                self._hold = _Hold(info.id)
            try:
                yield Fence(info.id)
            finally:
                with self._mutex:
                    self._hold = None

    def read(self) -> Stored:
        on_disk = self._load()
        return Stored(on_disk.record, on_disk.entries)

    def write(self, record: StateRecord, fence: Fence) -> None:
        data = codec.encode_record(record)
        with self._mutex:
            hold = self._check(fence)
            on_disk = self._load()
            check_succession(on_disk.record, record, str(self._record))
            self._check_size(self._record, len(data))
            hold.journal_size = None
            with self._writing(self._folder):
                if on_disk.heading is not None and on_disk.heading.serial > on_disk.serial:
                    # The record was put back from a copy. Unless the journal goes back too, the record
                    # being written would not be later than it, and would not make it void.
                    self._start_journal(on_disk)
                if on_disk.record_data is not None:
                    files.replace_file(self._backup, on_disk.record_data)
                files.replace_file(self._record, data)

    def append(self, entries: Iterable[Entry], fence: Fence) -> None:
        line = codec.encode_entries(entries)
        with self._mutex:
            hold = self._check(fence)
            size, hold.journal_size = hold.journal_size, None  # None again unless all of this succeeds
            with self._writing(self._journal):
                if size is None:
                    size = self._start_journal(self._load())
                self._check_size(self._journal, size + len(line))
                files.append_file(self._journal, line)
            hold.journal_size = size + len(line)

    def _load(self) -> _OnDisk:
        backup = self._backup_text()  # looked for first: one that is made meanwhile proves nothing
        record_data, journal_data = self._consistent()
        record = heading = None
        lines: tuple[bytes, ...] = ()
        with self._naming_the_backup():
            if record_data is not None:
                record = codec.decode_record(record_data, str(self._record))
                if record.organization != self._organization:
                    raise StateUnreadable(str(self._record), f"it is of {record.organization!r}")
            if journal_data is not None:
                first, *rest = journal_data.split(b"\n")
                heading = codec.decode_heading(first, str(self._journal))
                lines = tuple(line + b"\n" for line in rest[:-1])  # after the last line end: a torn line
            if record is None and (backup or (heading and heading.serial)):
                raise StateUnreadable(str(self._record), "it is missing, and there was one before")
            found = _OnDisk(record, record_data, heading, journal_data, lines)
            if heading is None:
                return found
            if heading.serial < found.serial:
                return replace(found, lines=())
            if heading.lineage != found.lineage:
                raise StateUnreadable(str(self._journal), f"it is of another record, {heading.lineage!r}")
            entries = [entry for line in lines for entry in codec.decode_entries(line, str(self._journal))]
            return replace(found, entries=tuple(entries))

    def _consistent(self) -> tuple[bytes | None, bytes | None]:
        """Both files as of one instant: a journal that was read while the record stood still."""
        record = self._read(self._record)
        while True:
            journal = self._read(self._journal)
            if (again := self._read(self._record)) == record:
                return record, journal
            record = again

    def _read(self, path: Path) -> bytes | None:
        try:
            return files.read_file(path, codec.LARGEST)
        except files.TooLong:
            raise StateUnreadable(str(path), f"it is longer than {codec.LARGEST} bytes") from None
        except OSError as error:
            raise StateUnreadable(str(path), error.strerror or str(error), self._backup_text()) from error

    def _start_journal(self, on_disk: _OnDisk) -> int:
        """Make the journal one of this record, without a torn line at its end; its size."""
        data = codec.encode_heading(Heading(on_disk.lineage, on_disk.serial)) + b"".join(on_disk.lines)
        if data != on_disk.journal_data:
            files.replace_file(self._journal, data)
        return len(data)

    def _check_size(self, path: Path, size: int) -> None:
        if size > codec.LARGEST:
            raise StateUnwritable(str(path), f"it would be longer than {codec.LARGEST} bytes")

    def _check(self, fence: Fence) -> _Hold:
        holder = self._holder()  # a lock whose file was removed may have been taken again by somebody else
        if self._hold is None or holder is None or not self._hold.id == holder.id == fence.id:
            raise LockLost(str(self._folder))
        return self._hold

    def _holder(self) -> LockInfo | None:
        try:
            data = self._read(self._lock_info)
            return None if data is None else codec.decode_lock(data, str(self._lock_info))
        except StateError:
            return None

    @contextmanager
    def _locked(self, info: LockInfo) -> Iterator[None]:
        with ExitStack() as stack:
            try:
                with self._writing(self._folder):
                    files.make_folder(self._root)
                    files.make_folder(self._folder)
                    stack.enter_context(files.hold(self._lock))
                    files.replace_file(self._lock_info, codec.encode_lock(info))
            except files.Held:
                raise StateLocked(str(self._folder), self._holder()) from None
            try:
                yield
            finally:
                if (holder := self._holder()) is not None and holder.id == info.id:
                    with suppress(OSError):  # the lock decides; the next one replaces what is left behind
                        files.remove_file(self._lock_info)

    @contextmanager
    def _writing(self, place: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StateUnwritable(str(place), error.strerror or str(error)) from error

    @contextmanager
    def _naming_the_backup(self) -> Iterator[None]:
        try:
            yield
        except StateUnreadable as error:
            error.backup = self._backup_text()
            raise

    def _backup_text(self) -> str | None:
        return str(self._backup) if files.is_file(self._backup) else None
