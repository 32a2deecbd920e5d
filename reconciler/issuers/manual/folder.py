"""The folder of requests and answers, on disk."""

from __future__ import annotations

import heapq
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.pki.sent import LARGEST_FILE

from .answers import File, Seen, is_answer_file, seen

MOST_FILES: Final = 1000
"""That are looked at, the newest: what was answered long ago need not be moved away, and a folder that
somebody took for a dump is not read through."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a folder holds that may be answers.

    Attributes:
        files: By name.
        left_out: How many older ones were not looked at.
    """

    files: tuple[Seen, ...] = ()
    left_out: int = 0

    @property
    def told(self) -> str:
        """That some were left out, as the end of a sentence; "" where none were."""
        return f"its oldest files, {self.left_out}, were not looked at" if self.left_out else ""


class AnswerFolder:
    """The files that may be answers. One is read at a time, and not again while it stays as it is.

    Threads may share it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[_Version, Seen] = {}

    def look(self) -> Looked:
        """Look through what is there now; nothing where there is no folder.

        Raises:
            OSError: the folder cannot be read.
        """
        try:
            with os.scandir(self._path) as entries:
                versions = [_version(entry) for entry in entries if is_answer_file(entry.name)]
        except FileNotFoundError:
            return Looked()
        newest = heapq.nlargest(MOST_FILES, versions, key=lambda one: (one.since, one.name))
        found = {one: self._known.get(one) or seen(self.read(one.name)) for one in newest}
        self._known = {one: known for one, known in found.items() if known.is_read}
        return Looked(
            tuple(sorted(found.values(), key=lambda one: one.name)), max(len(versions) - MOST_FILES, 0)
        )

    def read(self, name: str) -> File:
        """One of them, whole."""
        return _read(self._path, name)


@dataclass(frozen=True, slots=True)
class _Version:
    """A file as it was at some time.

    Attributes:
        since: When it was written, or came into the folder; nanoseconds.
    """

    name: str
    since: int = 0
    size: int = 0


def _version(entry: os.DirEntry[str]) -> _Version:
    try:
        status = entry.stat()
    except OSError:  # it is gone, or leads nowhere: reading it tells
        return _Version(entry.name)
    return _Version(entry.name, max(status.st_mtime_ns, status.st_ctime_ns), status.st_size)


def _read(folder: Path, name: str) -> File:
    try:
        # Not blocking: opening a pipe that nobody writes to would wait for ever.
        descriptor = os.open(
            folder / name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        )
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return File(name, None, "it is no regular file")
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        return File(name, None, f"it cannot be read: {error.strerror}")
    return File(name, data)


def read_text(path: Path, largest: int) -> str:
    """What stands in a file of ours; "" where it is not there.

    Raises:
        OSError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(largest).decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
