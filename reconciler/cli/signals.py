"""What the operating system asks of a run that is under way."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ended_politely() -> Iterator[None]:
    """Take SIGTERM for a Ctrl-C: whoever cancels a pipeline sends it; sessions are closed, the outcome told.

    Windows never sends it; there a cancelled job is killed, and resumed as after any kill.
    """
    if threading.current_thread() is not threading.main_thread():  # Python takes handlers from it alone
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
