"""What is kept of a bug: where it happened, and nothing of what was being handled."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Collection, Iterator, Sequence


def write_bug_report(
    error: BaseException, *, arguments: Sequence[str], own: Collection[str], version: str
) -> str:
    """Write a report that can be sent to strangers.

    It holds types and places. Messages, values of options and local variables may hold secrets, names and
    addresses, so none is in it.

    Args:
        arguments: The command line.
        own: The words of a command line that are the program's own; every other word is left out.

    Returns:
        The path of the file, readable by its owner only; "" when no file could be written.
    """
    text = "\n".join(
        [
            f"reconciler {version}",
            f"Python {platform.python_version()} on {platform.system()} {platform.release()}",
            f"command: {' '.join(_without_values(arguments, own))}",
            *_places(error),
            "",
        ]
    )
    try:
        handle, path = tempfile.mkstemp(prefix="reconciler-", suffix=".txt")  # made with mode 0600
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError:
        return ""
    return path


def _without_values(arguments: Sequence[str], own: Collection[str]) -> Iterator[str]:
    """The words of the command itself, and the names of its options."""
    for argument in arguments:
        name = argument.partition("=")[0]
        yield name if name in own else "..."


def _places(error: BaseException) -> Iterator[str]:
    """Innermost cause first, as a traceback reads, without its messages."""
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain:
        chain.append(current)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    for one in reversed(chain):
        yield ""
        yield f"{type(one).__module__}.{type(one).__qualname__}"
        for frame in traceback.extract_tb(one.__traceback__):
            yield f"  {_from_package(frame.filename)}:{frame.lineno} {frame.name}"


def _from_package(path: str) -> str:
    """The path below the folder it was imported from: a home folder has somebody's name."""
    roots = sorted((os.path.abspath(root) + os.sep for root in sys.path if root), key=len, reverse=True)
    absolute = os.path.abspath(path)
    return next(
        (absolute.removeprefix(root) for root in roots if absolute.startswith(root)), os.path.basename(path)
    )
