"""Renewal as an authority wants it: earlier than by the dates, never later, and not for ever."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from reconciler.pki.renewal_info import SuggestedWindow
from reconciler.plan.change import Action, Plan
from reconciler.plan.lifecycle import standings
from reconciler.plan.planner import plan
from reconciler.plan.situation import Situation
from reconciler.plan.standing import State
from reconciler.plan.suggested import replaceable, to_ask_about
from state.address import Address
from state.record import Predecessor, Recorded, Request
from state.resources import Certificate
from state.values import UNKNOWN, UNSET, Thumbprint
from tests.situations import (
    BOUND,
    EX1,
    NOW,
    certificate,
    live_certificate,
    live_server,
    recorded,
    situation,
    the_change,
)

PUBLIC = Address.parse("certificate.EX1.public")
DAY = timedelta(days=1)
LIVE = live_certificate()
"""It is due in 50 days, and came ten days ago."""

FRESH = live_certificate(not_before=NOW - DAY, not_after=NOW + 89 * DAY)
"""In the first tenth of its lifetime."""

AS_MADE = certificate(public_key="k1", thumbprint=Thumbprint("A" * 40))
PAGE = "https://acme.example/why"


def wanted(start: datetime, page: str = "") -> Mapping[str, SuggestedWindow]:
    return {"key.serial": SuggestedWindow(start, start + DAY, page)}


def seen(
    *live: Certificate,
    asked: Certificate | None = None,
    record: Recorded | None = None,
    suggested: Mapping[str, SuggestedWindow] | None = None,
    requests: Mapping[Address, Request] | None = None,
) -> Situation:
    made = situation(
        {PUBLIC: asked or certificate()},
        live_server(certificates=live or (LIVE,)),
        record={PUBLIC: record or recorded(AS_MADE)},
        requests=requests,
    )
    return replace(made, suggested=suggested or {})


def planned(suggested: Mapping[str, SuggestedWindow], *live: Certificate) -> Plan:
    return plan(seen(*live, suggested=suggested))


class TestACertificateThatItsAuthorityWantsRenewed:
    def test_is_renewed_from_the_start_of_the_window(self) -> None:
        change = the_change(planned(wanted(NOW)))
        assert change.action is Action.REPLACE
        assert change.reason == "its authority wants it renewed from 2026-11-24 on"

    def test_is_renewed_after_the_window_too(self) -> None:
        assert the_change(planned(wanted(NOW - 5 * DAY))).action is Action.REPLACE

    def test_is_not_renewed_before_it(self) -> None:
        made = planned(wanted(NOW + timedelta(seconds=1)))
        assert made.is_empty

    def test_is_renewed_with_the_page_that_explains_it(self) -> None:
        change = the_change(planned(wanted(NOW, PAGE)))
        assert change.reason == f"its authority wants it renewed from 2026-11-24 on: {PAGE}"

    def test_is_told_ahead(self) -> None:
        (one,) = planned(wanted(NOW + 3 * DAY, PAGE)).upcoming
        assert one.renewal == NOW + 3 * DAY
        assert one.reason == f"its authority wants it renewed from 2026-11-27 on: {PAGE}"

    def test_is_told_by_certificates_too(self) -> None:
        ahead, now = (seen(suggested=wanted(start, PAGE)) for start in (NOW + 3 * DAY, NOW))
        (one,) = standings(ahead, plan(ahead))
        assert (one.renewal, one.reason) == (
            NOW + 3 * DAY,
            f"its authority wants it renewed from 2026-11-27 on: {PAGE}",
        )
        (one,) = standings(now, plan(now))
        assert (one.state, one.since) == (State.RENEWAL_DUE, NOW)
        assert one.reason == f"its authority wants it renewed from 2026-11-24 on: {PAGE}"

    def test_is_never_renewed_later_than_by_its_dates(self) -> None:
        (one,) = planned(wanted(NOW + 60 * DAY, PAGE)).upcoming
        assert (one.renewal, one.reason) == (NOW + 50 * DAY, "")
        due = live_certificate(not_after=NOW + 5 * DAY)
        assert the_change(planned(wanted(NOW + DAY), due)).reason == (
            "expires 2026-11-29, inside renew_before 1/3"
        )

    def test_is_the_one_that_was_asked_about_and_no_other(self) -> None:
        assert planned({"key.other": SuggestedWindow(NOW, NOW + DAY)}).is_empty

    def test_is_requested_once(self) -> None:
        """The request that is under way is the renewal."""
        pending = live_certificate(
            status="PendingRequest",
            thumbprint=Thumbprint("B" * 40),
            public_key="k2",
            self_signed=True,
            renewal_id="",
        )
        request = Request(
            EX1, certificate(), "k2", "csr", Thumbprint("B" * 40), NOW - DAY, submitted=NOW - DAY, waits="x"
        )
        made = plan(seen(LIVE, pending, suggested=wanted(NOW), requests={PUBLIC: request}))
        assert the_change(made).action is Action.WAIT
        assert the_change(made).invocations[0].cmdlet == "Import-ExchangeCertificate"


class TestACertificateThatCameJustNow:
    def before(self, lasted: timedelta) -> tuple[Certificate, Recorded]:
        """What it replaced after a while, which is still in the store, and the record of both."""
        begin = NOW - lasted
        old = live_certificate(
            thumbprint=Thumbprint("C" * 40),
            public_key="k0",
            renewal_id="key.before",
            not_before=begin,
            not_after=begin + 90 * DAY,
        )
        replaced = Predecessor(Thumbprint("C" * 40), "k0", BOUND, begin + 90 * DAY, NOW, created=True)
        return old, replace(recorded(AS_MADE), predecessors=(replaced,))

    def test_is_renewed_when_its_authority_wants_it(self) -> None:
        """It may be about to revoke what it issued yesterday."""
        assert the_change(planned(wanted(NOW), FRESH)).action is Action.REPLACE

    def test_is_renewed_after_one_that_lasted(self) -> None:
        old, record = self.before(60 * DAY)
        made = plan(seen(FRESH, old, record=record, suggested=wanted(NOW)))
        assert any(change.action is Action.REPLACE for change in made.changes)

    def test_is_left_alone_after_one_that_was_replaced_as_early(self) -> None:
        """An authority that wants every certificate replaced is not asked for another one at every run."""
        old, record = self.before(2 * DAY)
        made = plan(seen(FRESH, old, record=record, suggested=wanted(NOW)))
        assert made.is_empty
        (one,) = made.upcoming
        assert one.renewal == NOW + 8 * DAY
        assert one.reason == (
            "its authority wants it renewed from 2026-11-24 on, and got the last one as early"
        )
        later = replace(seen(FRESH, old, record=record, suggested=wanted(NOW)), now=NOW + 8 * DAY)
        assert any(change.action is Action.REPLACE for change in plan(later).changes)


class TestWhoIsAsked:
    def test_is_the_issuer_of_what_is_there(self) -> None:
        assert to_ask_about(seen()) == {"house": ("key.serial",)}

    @pytest.mark.parametrize(
        "live",
        [
            live_certificate(renewal_id=""),
            live_certificate(renewal_id=UNKNOWN),
            live_certificate(public_key="another"),
            live_certificate(public_key=UNKNOWN),
            live_certificate(status="PendingRequest"),
            live_certificate(not_after=NOW),
        ],
        ids=["no name", "unread", "another", "another unread", "a request", "expired"],
    )
    def test_is_nobody_about_what_is_not_known_to_be_there(self, live: Certificate) -> None:
        assert to_ask_about(seen(live)) == {}

    @pytest.mark.parametrize(
        "asked",
        [certificate(issuer=UNSET), certificate(issuer="other"), certificate(mode="observe")],
        ids=["watched", "to come from another", "observed"],
    )
    def test_is_nobody_about_what_is_not_its_own_to_renew(self, asked: Certificate) -> None:
        assert to_ask_about(seen(asked=asked)) == {}

    def test_is_nobody_about_what_is_replaced_already(self) -> None:
        request = Request(EX1, certificate(), "k2", "csr", None, NOW)
        assert to_ask_about(seen(requests={PUBLIC: request})) == {}

    def test_is_asked_once_about_one_certificate_and_first_about_what_ends_first(self) -> None:
        spare, twin = (Address.of("certificate", "EX1", name) for name in ("spare", "twin"))
        first = live_certificate(public_key="k2", renewal_id="key.first", not_after=NOW + DAY)
        made = seen(LIVE, first)
        asked = {address: certificate() for address in (PUBLIC, spare, twin)}
        known = {
            PUBLIC: recorded(AS_MADE),
            twin: recorded(AS_MADE),
            spare: recorded(AS_MADE.with_(public_key="k2")),
        }
        made = replace(
            made,
            desired=replace(made.desired, resources={**made.desired.resources, **asked}),
            record=replace(made.record, resources=known),
        )
        assert to_ask_about(made) == {"house": ("key.first", "key.serial")}


class TestWhatANewOneReplaces:
    def test_is_the_recorded_one_of_its_issuer(self) -> None:
        assert replaceable(seen()) == {PUBLIC: "key.serial"}

    def test_is_still_told_while_the_new_one_is_under_way(self) -> None:
        request = Request(EX1, certificate(), "k2", "csr", None, NOW)
        assert replaceable(seen(requests={PUBLIC: request})) == {PUBLIC: "key.serial"}

    def test_is_nothing_where_another_issuer_gave_it(self) -> None:
        made = seen(asked=certificate(issuer="other"))
        assert the_change(plan(made)).action is Action.REPLACE
        assert replaceable(made) == {}

    def test_is_nothing_where_there_is_none(self) -> None:
        assert replaceable(situation({PUBLIC: certificate()}, live_server())) == {}
        assert replaceable(seen(live_certificate(public_key="another"))) == {}
