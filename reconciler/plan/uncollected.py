"""Python's garbage collector, kept out of work that makes many objects and no garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Let no collection run meanwhile.

    The collector runs whenever enough new objects live, and then looks at all there are: with
    10,000 connectors that is a third of the planner's time, and grows faster than their number.
    Plans hold no circles, so there is nothing to find.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
