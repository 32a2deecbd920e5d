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
        for name, mode in (("stdin", "rb"), ("stdout", "wb"), ("stderr", "wb")):
            if getattr(sys, name) is None:
                device = open(os.devnull, mode)  # noqa: SIM115 - closed with the stream around it
                setattr(sys, name, stack.enter_context(_Nowhere(device, encoding="utf-8")))
                stack.callback(setattr, sys, name, None)
        yield
