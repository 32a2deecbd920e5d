"""What a run came to, for the shell. Pipelines rely on these numbers."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """4 and 5 come before anything ran. 6 and 7 are kept for refusals and for issuers that take time."""

    DONE = 0
    ERROR = 1
    """Wrong usage included; nothing was changed."""
    CHANGES = 2
    """``plan --detailed-exitcode``: there are changes."""
    STOPPED = 3
    """Apply stopped part-way; the record says what was done."""
    LOCKED = 4
    STALE = 5
    NOT_VERIFIED = 8
    INTERRUPTED = 130
    """Before anything was changed."""
