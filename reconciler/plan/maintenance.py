"""When what the world is presented may be changed: windows by the clock on a wall somewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY: Final = timedelta(days=1)
_SECOND: Final = timedelta(seconds=1)
_AHEAD: Final = 15
"""Days: in a week each window opens, but for one that a change of the clocks leaves out."""


@dataclass(frozen=True, slots=True)
class Window:
    """A time that comes again every week.

    Attributes:
        days: On which it opens, Monday is 0.
        opens: By the clock on the wall.
        closes: The same; on the next day where it is not later than ``opens``.
    """

    days: frozenset[int]
    opens: time
    closes: time


@dataclass(frozen=True, slots=True)
class Opening:
    """One time that a window is open: from ``opens`` on, until before ``closes``; UTC, aware."""

    opens: datetime
    closes: datetime


@dataclass(frozen=True, slots=True)
class Maintenance:
    """The windows of a server.

    Attributes:
        zone: Whose clock it is.
        zone_name: Its name for people.
        windows: At least one.
    """

    zone: tzinfo
    zone_name: str
    windows: tuple[Window, ...]

    def is_open(self, now: datetime) -> bool:
        """Whether an instant is in a window; UTC, aware."""
        return any(opening.opens <= now < opening.closes for opening in self._around(now))

    def next_opening(self, now: datetime) -> Opening:
        """The first that opens after an instant; UTC, aware.

        Raises:
            ValueError: there is none: no window has a day.
        """
        later = (opening for opening in self._around(now) if opening.opens > now)
        return min(later, key=lambda opening: (opening.opens, opening.closes))

    def shown(self, instant: datetime) -> str:
        """An instant as the clock on the wall shows it."""
        return f"{instant.astimezone(self.zone):%Y-%m-%d %H:%M} {self.zone_name}"

    def _around(self, now: datetime) -> Iterator[Opening]:
        """Those of the days before and after."""
        today = now.astimezone(self.zone).date()
        for ahead in range(-2, _AHEAD):
            day = today + ahead * _DAY
            for window in self.windows:
                if day.weekday() in window.days:
                    opening = self._opening(window, day)
                    if opening.opens < opening.closes:
                        yield opening

    def _opening(self, window: Window, day: date) -> Opening:
        closing_day = day if window.opens < window.closes else day + _DAY
        return Opening(
            _first_showing(datetime.combine(day, window.opens), self.zone),
            _first_showing(datetime.combine(closing_day, window.closes), self.zone),
        )


def _first_showing(wall: datetime, zone: tzinfo) -> datetime:
    """The first instant at which clocks show a time, or have jumped over it; UTC.

    A time that comes twice, when clocks are put back, is meant where it comes first. One that does not come
    at all, when they are put forward, is meant where they jump.

    Args:
        wall: Naive.
    """
    before, after = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if before.astimezone(zone).replace(tzinfo=None) == wall:
        return before
    # In a gap the later reading (fold 1) lies before the jump, the earlier one after it [PEP 495].
    while before - after > _SECOND:
        middle = after + (before - after) // 2
        if middle.astimezone(zone).replace(tzinfo=None) < wall:
            after = middle
        else:
            before = middle
    return before.replace(microsecond=0)
