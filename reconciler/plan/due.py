"""When a certificate that is there is to be renewed, and why."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from reconciler.cmdlets.mark import REQUEST_ATTRIBUTES
from reconciler.pki.coverage import uncovered
from reconciler.pki.renewal import came_just_now, first_tenth_ends, renewal_date, renewal_due
from reconciler.pki.renewal_info import SuggestedWindow
from state.resources import Certificate
from state.values import UNSET

from .case import Case, is_recorded
from .change import Upcoming

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Due:
    """When a certificate is to be renewed.

    Attributes:
        at: UTC, aware.
        wanted: What its authority says, where that is what makes it so early.
        is_put_off: The authority wants it earlier still, and is not given it.
    """

    at: datetime
    wanted: SuggestedWindow | None = None
    is_put_off: bool = False

    @property
    def reason(self) -> str:
        """Why then, where the dates of the certificate do not say it; else ""."""
        if self.wanted is None:
            return ""
        told = f"its authority wants it renewed from {self.wanted.start:%Y-%m-%d} on"
        told += ", and got the last one as early" if self.is_put_off else ""
        return f"{told}: {self.wanted.explanation}" if self.wanted.explanation else told


def due_of(case: Case, current: Certificate) -> Due | None:
    """When the certificate that is there is to be renewed: by its dates, or earlier where its authority says.

    What an authority wants counts for a certificate of yesterday, too: it may be about to revoke it. But one
    that wants every certificate replaced at once would have a new one made at every run; so where one was
    replaced within its first tenth, its successor is left alone for its own.

    Returns:
        None where its dates could not be read.
    """
    begin, end = current.not_before, current.not_after
    if not (isinstance(begin, datetime) and isinstance(end, datetime)):
        return None
    ours = renewal_date(begin, end, case.asked.renew_before, case.turnaround)
    window = case.suggested.get(current.renewal_id) if isinstance(current.renewal_id, str) else None
    if window is None:
        return Due(ours)
    put_off = max(window.start, first_tenth_ends(begin, end))
    at = put_off if _came_early(case, current) else window.start
    return Due(at, window, is_put_off=at > window.start) if at < ours else Due(ours)


def _came_early(case: Case, current: Certificate) -> bool:
    """Whether what a certificate replaced was in the first tenth of its own lifetime then."""
    recorded = case.record.resources.get(case.address)
    if recorded is None or case.was is None or case.was.public_key != current.public_key:
        return False
    for one in recorded.predecessors[:1]:
        before = next((other for other in case.live if other.thumbprint == one.thumbprint), None)
        begin = before.not_before if before is not None else None
        if isinstance(begin, datetime):
            return came_just_now(begin, one.not_after - begin, one.superseded)
    return False


def why_replace(case: Case, current: Certificate, *, ours: bool) -> str:
    """Why the certificate that is there will not do; "" when it does."""
    asked = case.asked
    if case.urgent is not None and not _came_since(case, current, case.urgent.since):
        return f"is replaced at once: {case.urgent.reason}"
    if isinstance(current.not_after, datetime) and isinstance(current.not_before, datetime):
        day = f"{current.not_after:%Y-%m-%d}"
        if current.not_after <= case.now:
            return f"expired {day}"
        dates = current.not_before, current.not_after, case.now, asked.renew_before
        if renewal_due(*dates):
            window = asked.renew_before if isinstance(asked.renew_before, str) else "1/3"
            return f"expires {day}, inside renew_before {window}"
        if renewal_due(*dates, case.turnaround):
            return f"expires {day}, and {asked.issuer} may take {_days(case.turnaround)}"
    if (due := due_of(case, current)) is not None and due.wanted is not None and due.at <= case.now:
        return due.reason
    if isinstance(asked.domains, frozenset) and isinstance(current.domains, frozenset):
        missing = sorted(map(str, uncovered(current.domains, asked.domains)))
        if missing:
            return f"does not cover {', '.join(missing)}"
    if (
        isinstance(asked.key_size, int)
        and isinstance(current.key_size, int)
        and current.key_size != asked.key_size
    ):
        return f"has a key of {current.key_size} bits"
    if ours and case.was:
        for name in (*REQUEST_ATTRIBUTES, "issuer"):
            before, after = getattr(case.was, name), getattr(asked, name)
            if UNSET not in (before, after) and before != after:
                return f"was made with another {name}"
    return case.behind


def upcoming_of(case: Case, current: Certificate) -> Upcoming | None:
    """When the certificate that is there is to be renewed."""
    due = due_of(case, current)
    if due is None or not isinstance(current.not_after, datetime):
        return None
    return Upcoming(
        address=case.address,
        renewal=due.at,
        expires=current.not_after,
        issuer=str(case.asked.issuer),
        reason=due.reason,
    )


def _days(span: timedelta) -> str:
    """A span for people, never too short."""
    days = math.ceil(span / timedelta(days=1))
    return f"{days} days" if days != 1 else "a day"


def _came_since(case: Case, current: Certificate, since: datetime) -> bool:
    """Whether it was imported by this tool after an instant."""
    recorded = case.record.resources.get(case.address)
    return (
        is_recorded(case, current)
        and recorded is not None
        and recorded.milestones.get("imported", _LONG_AGO) >= since
    )
