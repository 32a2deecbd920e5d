"""What an apply was about to do, and what came of it.

An intent is on disk before its cmdlet is sent, an outcome after. An intent without an outcome is
in doubt: it may have happened. The next run reads Exchange to settle it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from .address import Address
from .record import Learned
from .resources import Json


@dataclass(frozen=True, slots=True)
class Intent:
    """One invocation that is about to be sent.

    Attributes:
        id: Unique within the journal.
        known: What existed of its kind on that server just before (thumbprints of certificates):
            after a lost answer, what is new is ours. Empty where a name or a mark decides.
        parameters: As planned, deferred values resolved, secrets as ``{"secret": true}``.
    """

    id: str
    address: Address
    server: str
    cmdlet: str
    parameters: Mapping[str, Json]
    known: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an intent.

    Attributes:
        intent: Its id.
        error: Fully qualified error id and message of a cmdlet that failed; "" when it succeeded.
    """

    intent: str
    error: str
    at: datetime


Entry: TypeAlias = Intent | Outcome | Learned


def in_doubt(entries: Iterable[Entry]) -> tuple[Intent, ...]:
    """The intents without an outcome, oldest first."""
    intents: dict[str, Intent] = {}
    for entry in entries:
        if isinstance(entry, Intent):
            intents[entry.id] = entry
        elif isinstance(entry, Outcome):
            intents.pop(entry.intent, None)
    return tuple(intents.values())
