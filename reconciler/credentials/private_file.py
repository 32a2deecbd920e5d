"""Files that hold a secret: read only when nobody else can read them."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LARGEST: Final = 64 * 1024


@dataclass
class PrivateFileRefused(Exception):
    """A file with a secret that is not read, and why.

    Attributes:
        missing: True when it is not there; else it is there and is not as it must be.
        remedy: The next thing to try; "" where the reason says it.
    """

    path: Path
    reason: str
    missing: bool = False
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def read_private(path: Path, largest: int = LARGEST) -> bytes:
    """Read a file that holds a secret.

    Raises:
        PrivateFileRefused: it is missing, no regular file, too large, or others can read or change it.
    """
    try:
        # Not blocking: opening a pipe that nobody writes to would wait for ever.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (FileNotFoundError, NotADirectoryError):
        raise PrivateFileRefused(path, "there is no such file", missing=True) from None
    except OSError as error:
        raise PrivateFileRefused(path, f"it cannot be opened: {error.strerror}") from error
    except ValueError as error:  # a zero byte in the name
        raise PrivateFileRefused(path, f"it cannot be opened: {error}") from error
    try:
        status = os.fstat(descriptor)  # of what was opened, which the name may no longer mean
        if not stat.S_ISREG(status.st_mode):
            raise PrivateFileRefused(path, "it is no regular file")
        _refuse_if_others_may(path, status)
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(largest + 1)
    finally:
        os.close(descriptor)
    if len(data) > largest:
        raise PrivateFileRefused(path, f"it has over {largest} bytes")
    return data


def make_private(path: Path, data: bytes) -> None:
    """Write a secret to a file that its owner alone can read; one that is there is left as it is.

    It appears whole or not at all, also to somebody who makes it at the same time.

    Raises:
        OSError: it cannot be written.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent)  # made with mode 0600
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(name, path)
    finally:
        os.unlink(name)


@contextmanager
def lent_on_disk(data: bytes) -> Iterator[Path]:
    """Give a secret a path, for a library that takes nothing else; its owner alone can read it."""
    descriptor, path = tempfile.mkstemp()  # made with mode 0600
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
        yield Path(path)
    finally:
        os.unlink(path)


if sys.platform == "linux":

    @contextmanager
    def lent(data: bytes) -> Iterator[Path]:
        """The same, and it is never on a disk."""
        descriptor = os.memfd_create("lent", os.MFD_CLOEXEC)
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            yield Path(f"/proc/self/fd/{descriptor}")

else:
    lent = lent_on_disk


if sys.platform == "win32":

    def _refuse_if_others_may(path: Path, status: os.stat_result) -> None:
        """Windows has no mode bits; whom the folder's access control list lets in is for its owner to say."""

else:

    def _refuse_if_others_may(path: Path, status: os.stat_result) -> None:
        mode = stat.S_IMODE(status.st_mode)
        if mode & 0o077:
            raise PrivateFileRefused(
                path, f"others may read or change it (mode {mode:04o})", remedy=f"chmod 600 {path}"
            )
