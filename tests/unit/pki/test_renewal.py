"""When a certificate is to be renewed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.pki.renewal import (
    is_window_usable,
    parse_window,
    renewal_date,
    renewal_due,
    turnaround,
)
from state.address import Address
from state.errors import InvalidValue
from state.record import Recorded, StateRecord
from state.resources import Certificate
from state.values import UNKNOWN, UNSET

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
END = BEGIN + timedelta(days=90)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("renew_before", "days_before_the_end"),
    [("30d", 30), ("12h", 0.5), (" 7 D ", 7), ("1/3", 30), ("1/2", 45), (UNSET, 30), (UNKNOWN, 30)],
)
def test_renewal_begins_at_its_instant_and_not_a_second_before(
    renew_before: str, days_before_the_end: float
) -> None:
    """A third of the lifetime left, unless the declaration says otherwise."""
    begins = END - timedelta(days=days_before_the_end)
    assert renewal_date(BEGIN, END, renew_before) == begins
    assert renewal_due(BEGIN, END, begins, renew_before)
    assert not renewal_due(BEGIN, END, begins - SECOND, renew_before)


@pytest.mark.parametrize("renew_before", ["90d", "89d", "2159h", "99/100"])
def test_a_certificate_that_was_backdated_is_not_due_at_once(renew_before: str) -> None:
    """An issuer dates back by minutes, for clocks that are behind: the lifetime is a little over 90 days."""
    begins = BEGIN - timedelta(minutes=5)
    assert not is_window_usable(END - begins, renew_before)
    assert renewal_date(begins, END, renew_before) == END - (END - begins) / 3


def test_a_window_may_have_nine_tenths_of_the_lifetime() -> None:
    """A tenth of it is time enough for a plan to be empty."""
    for renew_before in ("81d", "9/10"):
        assert is_window_usable(END - BEGIN, renew_before)
        assert renewal_date(BEGIN, END, renew_before) == BEGIN + timedelta(days=9)
    assert not is_window_usable(END - BEGIN, "1945h")


@pytest.mark.parametrize("renew_before", ["90d", "400d", "2160h"])
def test_a_window_as_long_as_the_lifetime_gives_way_to_the_default(renew_before: str) -> None:
    """It would renew at every run: apply, then plan, would never be empty."""
    assert renewal_date(BEGIN, END, renew_before) == END - timedelta(days=30)


@given(
    st.timedeltas(timedelta(hours=1), timedelta(days=4000)),
    st.one_of(
        st.integers(1, 99999).map(lambda number: f"{number}d"),
        st.integers(1, 99999).map(lambda number: f"{number}h"),
        st.integers(1, 99).map(lambda part: f"{part}/100"),
        st.just(UNSET),
    ),
)
def test_a_certificate_just_issued_is_never_due(lifetime: timedelta, renew_before: str) -> None:
    """Nor when it was dated back, by less than a tenth of its lifetime."""
    assert not renewal_due(BEGIN, BEGIN + lifetime, BEGIN + timedelta(minutes=5), renew_before)
    assert renewal_due(BEGIN, BEGIN + lifetime, BEGIN + lifetime, renew_before)


@pytest.mark.parametrize(
    "text", ["", "30", "0d", "0h", "1/1", "3/2", "0/3", "1/0", "-1d", "30 days", "٣d", "1.5d"]
)
def test_another_text_is_no_window(text: str) -> None:
    with pytest.raises(InvalidValue, match="30d"):
        parse_window(text)


def test_a_fraction_is_kept_exact() -> None:
    assert parse_window("1/3") == Fraction(1, 3)


def came(issuer: str, **milestones: timedelta) -> Recorded:
    """A certificate that came from an issuer, so long after the begin."""
    at = {name: BEGIN + after for name, after in milestones.items()}
    return Recorded(Certificate(issuer=issuer), created=True, at=BEGIN, milestones=at)


class TestAnIssuerThatTakesItsTime:
    def test_is_asked_earlier_by_that_time(self) -> None:
        """So that the successor is there when the window of renewal opens."""
        assert renewal_date(BEGIN, END, "30d", timedelta(days=9)) == END - timedelta(days=39)

    def test_makes_nothing_due_in_the_first_tenth_of_a_lifetime(self) -> None:
        """One that once took longer than a certificate lives would be asked at every run, for ever."""
        assert renewal_date(BEGIN, END, "30d", timedelta(days=400)) == BEGIN + timedelta(days=9)

    @given(
        st.timedeltas(timedelta(hours=1), timedelta(days=4000)),
        st.timedeltas(timedelta(), timedelta(days=4000)),
        st.sampled_from(["30d", "12h", "1/3", "9/10", UNSET]),
    )
    def test_never_makes_due_what_was_issued_just_now(
        self, lifetime: timedelta, taken: timedelta, renew_before: str
    ) -> None:
        """It is asked earlier, never later, and not at once."""
        end = BEGIN + lifetime
        assert BEGIN < renewal_date(BEGIN, end, renew_before, taken) <= renewal_date(BEGIN, end, renew_before)
        assert not renewal_due(BEGIN, end, BEGIN + lifetime / 11, renew_before, taken)

    def test_is_known_by_the_longest_that_is_recorded(self) -> None:
        day = timedelta(days=1)
        entries = [
            came("desk", submitted=day, issued=3 * day),
            came("desk", submitted=day, issued=10 * day),
            came("desk", submitted=day),
            came("desk", issued=90 * day),
            came("other", submitted=day, issued=70 * day),
        ]
        record = StateRecord(
            "contoso",
            "lineage",
            resources={
                Address.of("certificate", f"EX{number}", "public"): entry
                for number, entry in enumerate(entries)
            },
        )
        assert turnaround(record, "desk") == 9 * day
        assert turnaround(record, "nobody") == timedelta()
