"""What a run came to, for the shell. Pipelines rely on these numbers."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """4, 5 and 6 come before anything ran. After that 3 wins over 8, 8 over 7."""

    DONE = 0
    ERROR = 1
    """Wrong usage included; nothing was changed."""
    CHANGES = 2
    """``plan --detailed-exitcode``: there are changes; ``audit``: there are findings."""
    STOPPED = 3
    """Apply stopped part-way; the record says what was done."""
    LOCKED = 4
    STALE = 5
    REFUSED = 6
    """By a safety rule."""
    WAITING = 7
    """Everything was done that can be; certificates wait for their issuer."""
    NOT_VERIFIED = 8
    INTERRUPTED = 130
    """Before anything was changed."""
