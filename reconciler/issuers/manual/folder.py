"""The folder of requests and answers, on disk."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from reconciler.pki.sent import LARGEST_FILE

from .answers import File, is_answer_file

MOST_FILES: Final = 1000
"""That may hold an answer: a folder that somebody took for a dump is not read through."""


class TooManyFiles(Exception):
    """The folder holds more than anybody would put there for this."""


def answer_files(folder: Path) -> tuple[File, ...]:
    """The files that may hold an answer, by name; none where there is no folder.

    Raises:
        OSError: the folder cannot be read.
        TooManyFiles: there are over :data:`MOST_FILES`.
    """
    try:
        names = sorted(name for name in os.listdir(folder) if is_answer_file(name))
    except FileNotFoundError:
        return ()
    if len(names) > MOST_FILES:
        raise TooManyFiles(f"it holds {len(names)} files that may be answers, over {MOST_FILES}")
    return tuple(_read(folder, name) for name in names)


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
