"""Who holds the record, since when, and for what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class LockInfo:
    """A lock as told to the person who finds it taken.

    Attributes:
        id: Unique per acquisition; the fence of every write made under it.
        operation: The command that holds it, such as ``apply``.
        who: ``user@host`` and process id.
        since: UTC, aware.
    """

    id: str
    operation: str
    who: str
    since: datetime
