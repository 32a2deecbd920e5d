"""Files that survive a crash: modes, locks, atomic replacement, and their Windows twins.

Everything that this package asks of an operating system is asked here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock

_ONLY_OURS = 0o600
_FOLDER_ONLY_OURS = 0o700

if sys.platform == "win32":
    _BINARY = os.O_BINARY

    def _sync_folder(folder: Path) -> None:
        """Nothing to do: Windows cannot sync a folder; NTFS keeps its own journal of names."""

else:
    _BINARY = 0

    def _sync_folder(folder: Path) -> None:
        """Make names in a folder durable. Source: fsync(2), NOTES."""
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class Held(Exception):
    """The lock file is locked by another process or another store object."""


class TooLong(Exception):
    """The file is longer than its reader takes."""


def make_folder(folder: Path) -> None:
    """Make a folder for its owner alone, if it is not there; its parent must be.

    Raises:
        OSError: it cannot be made.
    """
    try:
        os.mkdir(folder, _FOLDER_ONLY_OURS)
    except FileExistsError:
        if not folder.is_dir():
            raise
    else:
        _sync_folder(folder.parent)


def is_file(path: Path) -> bool:
    """True when a file is known to be there."""
    return os.path.isfile(path)  # unlike Path.is_file, False where a folder must not be looked into


def read_file(path: Path, largest: int) -> bytes | None:
    """Everything in a file; None where there is no file.

    Raises:
        TooLong: there is more than ``largest`` bytes.
        OSError: it is there and cannot be read.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(largest + 1)
    except FileNotFoundError:
        return None
    if len(data) > largest:
        raise TooLong
    return data


def replace_file(path: Path, data: bytes) -> None:
    """Give a file new content: whoever looks, even after a power loss, finds the old or the new one.

    Raises:
        OSError: it could not be written (on Windows also while somebody has the file open); whoever
            looks still finds the old content or, if only the folder could not be synced, the new one.
    """
    fresh = path.with_name(path.name + ".new")
    _write(fresh, data, os.O_CREAT | os.O_TRUNC)
    os.replace(fresh, path)
    _sync_folder(path.parent)


def append_file(path: Path, data: bytes) -> None:
    """Add to the end of a file that is there; durable on return.

    Raises:
        OSError: it could not be written; a part of ``data`` may be at the end.
    """
    _write(path, data, os.O_APPEND)


def remove_file(path: Path) -> None:
    """Remove a file, if it is there.

    Raises:
        OSError: it cannot be removed.
    """
    with suppress(FileNotFoundError):
        os.unlink(path)


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Lock a file while the context lasts; the system lets go of it when the process dies, however it dies.

    Raises (on entering):
        Held: somebody else has it.
        OSError: the file cannot be made or locked.
    """
    lock = filelock.FileLock(path, mode=_ONLY_OURS, thread_local=False)
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout:
        raise Held from None
    except NotImplementedError as error:  # filelock before 3.21, on file systems without flock
        raise OSError(f"its file system has no locks: {error}") from error
    try:
        yield
    finally:
        lock.release()


def _write(path: Path, data: bytes, flags: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | _BINARY | flags, _ONLY_OURS)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
