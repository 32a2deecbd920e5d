"""When a certificate that is there is to be renewed, and why."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from reconciler.cmdlets.mark import REQUEST_ATTRIBUTES
from reconciler.pki.coverage import uncovered
from reconciler.pki.renewal import renewal_date, renewal_due
from state.resources import Certificate
from state.values import UNSET

from .case import Case
from .change import Upcoming

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


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
    if not (isinstance(current.not_before, datetime) and isinstance(current.not_after, datetime)):
        return None
    due = renewal_date(current.not_before, current.not_after, case.asked.renew_before, case.turnaround)
    return Upcoming(
        address=case.address, renewal=due, expires=current.not_after, issuer=str(case.asked.issuer)
    )


def _days(span: timedelta) -> str:
    """A span for people, never too short."""
    days = math.ceil(span / timedelta(days=1))
    return f"{days} days" if days != 1 else "a day"


def _came_since(case: Case, current: Certificate, since: datetime) -> bool:
    """Whether it was imported by this tool after an instant."""
    recorded = case.record.resources.get(case.address)
    is_recorded = case.was is not None and case.was.public_key == current.public_key
    return is_recorded and recorded is not None and recorded.milestones.get("imported", _LONG_AGO) >= since
