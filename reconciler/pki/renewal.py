"""When a certificate is to be renewed."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Final

from state.errors import InvalidValue
from state.record import StateRecord
from state.resources import Certificate
from state.values import Maybe

DEFAULT: Final = Fraction(1, 3)
"""Of its lifetime left. A number of days would be wrong when lifetimes shrink (47 days from 2029)."""

_WIDEST: Final = Fraction(9, 10)
"""Of the lifetime. Issuers backdate what they issue, so a window just short of the whole is due at once."""

_AT_ONCE: Final = timedelta()

_SPAN = re.compile(r"(\d{1,5})\s*([dh])", re.IGNORECASE | re.ASCII)
_FRACTION = re.compile(r"(\d{1,4})\s*/\s*(\d{1,4})", re.ASCII)
_EXPECTED: Final = "a span such as 30d or 12h, or a fraction of the lifetime such as 1/3"


def parse_window(text: str) -> timedelta | Fraction:
    """Read ``renew_before``: how long before its end a certificate is renewed.

    Returns:
        A span over zero, or a fraction of the lifetime between zero and one.

    Raises:
        InvalidValue: it is neither.
    """
    if found := _SPAN.fullmatch(text.strip()):
        number, unit = found.groups()
        span = timedelta(days=int(number)) if unit in "dD" else timedelta(hours=int(number))
        if span:
            return span
    if found := _FRACTION.fullmatch(text.strip()):
        part, whole = map(int, found.groups())
        if 0 < part < whole:
            return Fraction(part, whole)
    raise InvalidValue(text, _EXPECTED)


def renewal_date(
    not_before: datetime, not_after: datetime, renew_before: Maybe[str], turnaround: timedelta = _AT_ONCE
) -> datetime:
    """The instant from which a certificate is to be renewed.

    A window of nearly the whole lifetime would renew at every run, and no plan would ever be empty;
    there the default holds (:func:`is_window_usable`). For the same reason a slow issuer makes nothing
    due in the first tenth of its lifetime.

    Args:
        not_before: Begin of validity, UTC, aware.
        not_after: End of validity, UTC, aware.
        renew_before: :attr:`state.resources.Certificate.renew_before`; what is no text means the default,
            one third of the lifetime.
        turnaround: How long its issuer takes: by so much it is asked earlier.

    Raises:
        InvalidValue: a text that is no window.
    """
    lifetime = not_after - not_before
    window = _window(renew_before) if is_window_usable(lifetime, renew_before) else DEFAULT
    return max(not_after - _span(window, lifetime) - turnaround, first_tenth_ends(not_before, not_after))


def turnaround(record: StateRecord, issuer: str) -> timedelta:
    """How long an issuer has taken for a certificate so far: the longest that is known, else nothing.

    Args:
        record: Its certificates came from the issuers that they were recorded with.
        issuer: Name under ``issuers``.
    """
    taken = [
        entry.milestones["issued"] - entry.milestones["submitted"]
        for entry in record.resources.values()
        if isinstance(entry.resource, Certificate)
        and entry.resource.issuer == issuer
        and entry.milestones.keys() >= {"submitted", "issued"}
    ]
    return max(taken, default=_AT_ONCE)


def is_window_usable(lifetime: timedelta, renew_before: Maybe[str]) -> bool:
    """Tell whether ``renew_before`` leaves a tenth of the lifetime in which nothing is to be renewed.

    Raises:
        InvalidValue: a text that is no window.
    """
    return _span(_window(renew_before), lifetime) <= _span(_WIDEST, lifetime)


def came_just_now(not_before: datetime, lifetime: timedelta, now: datetime) -> bool:
    """Tell whether a certificate is in the first tenth of its lifetime, in which nothing makes it due."""
    return now < first_tenth_ends(not_before, not_before + lifetime)


def first_tenth_ends(not_before: datetime, not_after: datetime) -> datetime:
    """The instant from which a certificate did not come just now."""
    return not_after - _span(_WIDEST, not_after - not_before)


def _window(renew_before: Maybe[str]) -> timedelta | Fraction:
    return parse_window(renew_before) if isinstance(renew_before, str) else DEFAULT


def _span(window: timedelta | Fraction, lifetime: timedelta) -> timedelta:
    return window if isinstance(window, timedelta) else lifetime * window.numerator / window.denominator


def renewal_due(
    not_before: datetime,
    not_after: datetime,
    now: datetime,
    renew_before: Maybe[str],
    turnaround: timedelta = _AT_ONCE,
) -> bool:
    """Tell whether a certificate is to be renewed now.

    Args:
        not_before: Begin of validity, UTC, aware.
        not_after: End of validity, UTC, aware.
        now: UTC, aware.
        renew_before: As for :func:`renewal_date`.
        turnaround: As for :func:`renewal_date`.

    Raises:
        InvalidValue: a text that is no window.
    """
    return now >= renewal_date(not_before, not_after, renew_before, turnaround)
