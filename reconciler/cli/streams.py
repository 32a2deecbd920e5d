"""The standard streams, which every part of the program may rely on."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager


class _Nowhere(io.TextIOWrapper):
    """The null device. Windows takes it for a terminal, but nobody sits there."""

    def isatty(self) -> bool:
        return False


@contextmanager
def no_stream_missing() -> Iterator[None]:
    """Put the null device where a standard stream is closed (``<&-``, ``>&-``, a service): Python has None.

    In this order each takes the descriptor that was closed, so that no file or connection gets it.
    """
    with ExitStack() as stack:
        for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
            if getattr(sys, name) is None:
                device = _Nowhere(io.FileIO(os.devnull, mode), encoding="utf-8")
                setattr(sys, name, stack.enter_context(device))
                stack.callback(setattr, sys, name, None)
        yield
