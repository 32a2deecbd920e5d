"""Maintenance windows: by the clock on the wall, also where it is put forward and back."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.config.models.maintenance import parse_opening, parse_time
from reconciler.plan.maintenance import Maintenance, Window
from state.errors import InvalidValue

BERLIN = "Europe/Berlin"
MINUTE = timedelta(minutes=1)
SAT, SUN = 5, 6


def windows(
    opens: str, closes: str, *days: int, zone: str = BERLIN, more: tuple[Window, ...] = ()
) -> Maintenance:
    window = Window(frozenset(days), time.fromisoformat(opens), time.fromisoformat(closes))
    return Maintenance(ZoneInfo(zone), zone, (window, *more))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_window_opens_before_midnight_and_may_close_at_it() -> None:
    """Of a Saturday from 24:00 nobody can tell whether that is its beginning or its end."""
    assert parse_time("24:00") == time(0)
    with pytest.raises(InvalidValue, match="of the next day"):
        parse_opening("24:00")


class TestAWindow:
    @pytest.mark.parametrize(
        ("instant", "is_open"),
        [
            ("2026-11-28 20:59:59", False),
            ("2026-11-28 21:00:00", True),
            ("2026-11-28 23:30:00", True),
            ("2026-11-29 02:59:59", True),
            ("2026-11-29 03:00:00", False),
            ("2026-11-29 21:00:00", False),
        ],
    )
    def test_that_ends_after_midnight_belongs_to_the_day_it_opens_on(
        self, instant: str, is_open: bool
    ) -> None:
        """Saturday 22:00 to 04:00 in Berlin, which is an hour ahead of UTC in winter."""
        assert windows("22:00", "04:00", SAT).is_open(utc(instant)) is is_open

    def test_may_last_all_day(self) -> None:
        whole = windows("00:00", "00:00", SUN)
        assert not whole.is_open(utc("2026-11-28 22:59:59"))
        assert whole.is_open(utc("2026-11-28 23:00:00"))
        assert whole.is_open(utc("2026-11-29 22:59:59"))
        assert not whole.is_open(utc("2026-11-29 23:00:00"))

    def test_opens_next_after_now(self) -> None:
        """Also while it is open."""
        berlin = windows("22:00", "04:00", SAT, SUN)
        first = berlin.next_opening(utc("2026-11-24 12:00:00"))
        assert (first.opens, first.closes) == (utc("2026-11-28 21:00:00"), utc("2026-11-29 03:00:00"))
        assert berlin.next_opening(first.opens).opens == utc("2026-11-29 21:00:00")
        assert berlin.shown(first.opens) == "2026-11-28 22:00 Europe/Berlin"

    def test_is_one_of_several(self) -> None:
        berlin = windows("22:00", "23:00", SAT, more=(Window(frozenset({2}), time(5), time(6)),))
        assert berlin.next_opening(utc("2026-11-24 12:00:00")).opens == utc("2026-11-25 04:00:00")
        assert berlin.is_open(utc("2026-11-25 04:30:00"))
        assert berlin.is_open(utc("2026-11-28 21:30:00"))


class TestClocksThatArePutForward:
    """In Berlin on 2027-03-28 from 02:00 to 03:00, which is at 01:00 UTC."""

    def test_open_a_window_whose_time_they_leave_out_when_they_jump(self) -> None:
        opening = windows("02:30", "05:00", SUN).next_opening(utc("2027-03-27 12:00:00"))
        assert (opening.opens, opening.closes) == (utc("2027-03-28 01:00:00"), utc("2027-03-28 03:00:00"))

    def test_close_one_when_they_jump(self) -> None:
        opening = windows("23:00", "02:30", SAT).next_opening(utc("2027-03-27 12:00:00"))
        assert (opening.opens, opening.closes) == (utc("2027-03-27 22:00:00"), utc("2027-03-28 01:00:00"))

    def test_leave_out_a_window_that_lies_in_what_they_leave_out(self) -> None:
        left_out = windows("02:10", "02:50", SUN)
        assert not any(left_out.is_open(utc("2027-03-28 00:30:00") + n * MINUTE) for n in range(120))
        assert left_out.next_opening(utc("2027-03-27 12:00:00")).opens == utc("2027-04-04 00:10:00")


class TestClocksThatArePutBack:
    """In Berlin on 2026-10-25 from 03:00 to 02:00, which is at 01:00 UTC."""

    def test_open_a_window_when_its_time_comes_first(self) -> None:
        opening = windows("02:30", "05:00", SUN).next_opening(utc("2026-10-24 12:00:00"))
        assert (opening.opens, opening.closes) == (utc("2026-10-25 00:30:00"), utc("2026-10-25 04:00:00"))

    def test_close_one_when_its_time_comes_first(self) -> None:
        opening = windows("23:00", "02:30", SAT).next_opening(utc("2026-10-24 12:00:00"))
        assert opening.closes == utc("2026-10-25 00:30:00")


TIMES = st.times(timezones=st.none()).map(lambda at: at.replace(second=0, microsecond=0))
ZONES = st.sampled_from(
    [BERLIN, "UTC", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"]
)
INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))
ANY = st.builds(
    lambda zone, windows: Maintenance(ZoneInfo(zone), zone, tuple(windows)),
    ZONES,
    st.lists(
        st.builds(Window, st.frozensets(st.integers(0, 6), min_size=1), TIMES, TIMES), min_size=1, max_size=3
    ),
)


@given(ANY, INSTANTS)
def test_it_opens_after_now_and_was_not_that_opening_before(kept: Maintenance, now: datetime) -> None:
    """Open from its first instant on; and it closes."""
    opening = kept.next_opening(now)
    assert now < opening.opens < opening.closes
    assert kept.is_open(opening.opens)
    assert kept.is_open(opening.closes - timedelta(microseconds=1))


@given(ANY, INSTANTS)
def test_none_opens_before_the_next_one(kept: Maintenance, now: datetime) -> None:
    """Who waits for the next opening misses no other: between, the windows only close."""
    opening = kept.next_opening(now)
    samples = [now + (opening.opens - now) * part / 50 for part in range(50)]
    opened = [kept.is_open(at) for at in samples]
    assert opened == sorted(opened, reverse=True)


@given(ANY, INSTANTS)
def test_the_clock_on_the_wall_decides(kept: Maintenance, now: datetime) -> None:
    """Where clocks are not changed within a day, that a window is open is what the wall says."""
    zone = kept.zone
    offsets = {(now + hours * timedelta(hours=1)).astimezone(zone).utcoffset() for hours in range(-49, 50)}
    if len(offsets) > 1:
        return
    wall = now.astimezone(zone)

    def says(window: Window) -> bool:
        today, yesterday = wall.weekday() in window.days, (wall.weekday() - 1) % 7 in window.days
        at = wall.time()
        if window.opens < window.closes:
            return today and window.opens <= at < window.closes
        return (today and at >= window.opens) or (yesterday and at < window.closes)

    assert kept.is_open(now) is any(map(says, kept.windows))


@given(
    st.sampled_from([("2027-03-28 01:00:00", BERLIN), ("2026-10-25 01:00:00", BERLIN)]),
    TIMES,
    TIMES,
)
def test_where_clocks_are_changed_a_window_opens_and_closes_once(
    change: tuple[str, str], opens: time, closes: time
) -> None:
    """It is one piece, whatever the clock shows twice or never."""
    kept = windows(opens.isoformat(), closes.isoformat(), SUN, zone=change[1])
    jump = utc(change[0])
    states = [kept.is_open(jump + n * 5 * MINUTE) for n in range(-36 * 12, 60 * 12)]
    assert sum(one != other for one, other in pairwise(states)) in (0, 2)
