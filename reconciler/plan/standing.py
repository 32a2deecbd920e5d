"""How far one certificate has come: a state, since when, what comes next and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from state.address import Address


class State(Enum):
    """From one that is only declared to one that is gone. UNKNOWN: its server could not be read."""

    WANTED = "wanted"
    REQUESTED = "requested"
    SUBMITTED = "submitted"
    WAITING = "waiting"
    ISSUED = "issued"
    IMPORTED = "imported"
    ENABLED = "enabled"
    BOUND = "bound"
    SERVED = "served"
    RENEWAL_DUE = "renewal due"
    SUPERSEDED = "superseded"
    HELD = "held"
    RETIRED = "retired"
    UNKNOWN = "unknown"

    @property
    def is_past(self) -> bool:
        """Another certificate took its place: nothing of it is due any more."""
        return self in (State.SUPERSEDED, State.HELD, State.RETIRED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One certificate of an address: the one under way, the one that is there, or one that it replaced.

    Attributes:
        since: When it came so far, by the record or by Exchange; None where nobody knows. UTC, aware.
        deadline: Until when the next step must be done; None where nothing presses. UTC, aware.
        names: What it covers, or is to cover, sorted.
        thumbprint: "" while there is none.
        not_before: Begin of its validity; None while there is none, or it could not be read.
        expires: End of its validity, likewise.
        renewal: From when on a plan renews it; None where that is not ours to do.
        issuer: Name under ``issuers``; "" for one that is only watched.
        used_by: The connectors of its server that are bound to its issuer and subject, or would choose it by
            their Fqdn; sorted.
    """

    address: Address
    server: str
    state: State
    since: datetime | None = None
    reason: str = ""
    next_step: str = ""
    deadline: datetime | None = None
    names: tuple[str, ...] = ()
    thumbprint: str = ""
    not_before: datetime | None = None
    expires: datetime | None = None
    renewal: datetime | None = None
    issuer: str = ""
    used_by: tuple[str, ...] = ()
