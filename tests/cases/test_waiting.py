"""An authority that takes days: what can be done is done, the rest waits, and nothing is asked twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from reconciler.config.desired import IssuerSettings
from reconciler.events import IssueWaiting
from reconciler.issuers.port import CertificateRequest, Issued, Issuer, IssuerUnusable, Waiting
from reconciler.operations.applying import run_apply
from reconciler.operations.replacing import run_replace
from reconciler.plan.change import Action, Plan
from state.address import Address
from state.resources import Certificate
from tests.life import Desk, Fleet, fleet

NINE_DAYS = timedelta(days=9)
MBX1, MBX2 = (Address.of("certificate", server, "internet") for server in ("MBX1", "MBX2"))
TRUSTED = Address.of("send_connector", "internet", "tls_required")


@pytest.fixture
def slow(tmp_path: Path) -> Fleet:
    """Its authority needs nine days for each request."""

    def patient(desk: Desk) -> Desk:
        desk.turnaround = lambda: NINE_DAYS
        return desk

    return fleet(tmp_path, desk=patient)


def actions(plan: Plan) -> dict[str, str]:
    return {str(change.address): change.action.value for change in plan.changes}


def requests_made(world: Fleet) -> int:
    return sum(cmdlet == "New-ExchangeCertificate" for _, cmdlet, _ in world.lab.sent)


class TestARequestThatIsNotAnswered:
    def test_stops_nothing_that_does_not_need_it(self, slow: Fleet) -> None:
        applied = slow.apply().applied
        assert applied is not None
        assert applied.is_complete
        assert {MBX1, MBX2} <= set(applied.waiting)
        made = {
            str(parameters["Name"])
            for _, cmdlet, parameters in slow.lab.sent
            if cmdlet == "New-SendConnector"
        }
        assert made == {"internet TLS never"}

    def test_is_told_with_its_reason(self, slow: Fleet) -> None:
        slow.apply()
        told = [event for event in slow.heard if isinstance(event, IssueWaiting)]
        assert {event.address for event in told} == {str(MBX1), str(MBX2)}
        assert {event.reason for event in told} == {"the authority checks the organization"}

    def test_is_no_change_while_it_waits(self, slow: Fleet) -> None:
        """A pipeline that asks whether there is something to approve is told: no."""
        slow.apply()
        plan = slow.plan().plan
        assert plan.is_empty
        assert not plan.is_idle
        assert actions(plan)[str(MBX1)] == "wait"
        assert actions(plan)[str(TRUSTED)] == "wait"

    def test_is_made_once(self, slow: Fleet) -> None:
        for _ in range(3):
            slow.apply()
            slow.pass_time(timedelta(days=1))
        assert requests_made(slow) == 2
        assert len(slow.desk.ready) == 2

    def test_leads_to_its_certificate_when_the_answer_is_there(self, slow: Fleet) -> None:
        slow.apply()
        slow.pass_time(NINE_DAYS)
        applied = slow.apply().applied
        assert applied is not None
        assert not applied.waiting
        assert slow.plan().plan.is_idle

    def test_leaves_its_milestones_in_the_record(self, slow: Fleet) -> None:
        asked = slow.now
        slow.apply()
        slow.pass_time(NINE_DAYS)
        slow.apply()
        milestones = dict(slow.record.resources[MBX1].milestones)
        assert milestones == {
            "requested": asked,
            "submitted": asked,
            "issued": slow.now,
            "imported": slow.now,
            "enabled": slow.now,
            "bound": slow.now,
        }


def test_a_new_connector_that_waits_had_nothing_to_step_back_to(slow: Fleet) -> None:
    """Nothing was bound before it was there, so that nothing of it could not be read."""
    slow.apply()
    waiting = [one for one in slow.plan().plan.changes if one.address.type == "send_connector"]
    assert waiting
    assert not any(one.no_step_back for one in waiting)


class TestARenewalThatIsNotAnswered:
    @pytest.fixture
    def due(self, slow: Fleet) -> Fleet:
        """Everything is set up, and the certificates are due."""
        slow.apply()
        slow.pass_time(NINE_DAYS)
        slow.apply()
        slow.pass_time(timedelta(days=33))
        slow.apply()
        return slow

    def test_lets_partners_change_meanwhile(self, due: Fleet) -> None:
        """A partner that is added today is not to wait nine days for a certificate."""
        due.declared["partners"]["trusted"].append("adatum.com")
        before = len(due.lab.sent)
        plan = due.plan().plan
        change = next(one for one in plan.changes if one.address == TRUSTED)
        assert change.action is Action.UPDATE
        assert [
            sorted(one.parameters.keys() & {"AddressSpaces", "TlsCertificateName"})
            for one in change.invocations
        ] == [
            ["AddressSpaces"],
            ["TlsCertificateName"],
        ]
        applied = due.apply().applied
        assert applied is not None
        assert applied.is_complete
        assert [cmdlet for _, cmdlet, _ in due.lab.sent[before:]] == ["Set-SendConnector"]
        again = due.plan().plan
        assert again.is_empty
        assert not again.drift

    def test_remembers_what_it_replaced(self, due: Fleet) -> None:
        old = due.record.resources[MBX1].resource
        assert isinstance(old, Certificate)
        due.pass_time(NINE_DAYS)
        due.apply()
        (predecessor,) = due.record.resources[MBX1].predecessors
        assert (predecessor.thumbprint, predecessor.superseded) == (old.thumbprint, due.now)
        assert predecessor.created

    def test_is_bound_when_every_source_server_has_it(self, due: Fleet) -> None:
        """One of two servers has its answer earlier."""
        key = due.record.requests[MBX2].public_key
        due.desk.ready[key] += timedelta(days=3)
        due.pass_time(NINE_DAYS)
        applied = due.apply().applied
        assert applied is not None
        assert MBX1 not in applied.waiting
        assert {MBX2, TRUSTED} <= set(applied.waiting)
        due.pass_time(timedelta(days=3))
        due.apply()
        assert due.plan().plan.is_idle


class TestAnIssuerThatFailsForOne:
    def test_does_not_hold_up_the_others(self, tmp_path: Path) -> None:
        def unkind(desk: Desk) -> Desk:
            answers = iter(["out of order"])
            desk.failure = lambda: next(answers, "")
            return desk

        world = fleet(tmp_path, desk=unkind)
        applied = world.apply().applied
        assert applied is not None
        assert not applied.is_complete
        assert [one.summary for one in applied.diagnostics] == ["No certificate issued"]
        assert len({MBX1, MBX2} - set(applied.waiting)) == 1
        again = world.apply().applied
        assert again is not None
        assert again.is_complete
        assert not again.waiting

    def test_does_not_hold_them_up_where_it_cannot_even_be_opened(self, tmp_path: Path) -> None:
        """Its files are gone: for its own certificates that is all the same, for the others it must be."""
        world = two_issuers(tmp_path)

        def open_issuer(settings: IssuerSettings, clock: Callable[[], datetime]) -> Issuer:
            if settings.name == "other":
                raise IssuerUnusable("other", "there is no file ca.pem")
            return world.desk

        surroundings = replace(world.surroundings(), open_issuer=open_issuer)
        applied = run_apply(world.inputs(), surroundings, lambda planned: True).applied
        assert applied is not None
        [failed] = applied.diagnostics
        assert (failed.summary, failed.subject) == ("No certificate issued", str(MBX2))
        assert "issuer other: there is no file ca.pem" in failed.detail
        assert "settings of the issuer" in failed.hint
        assert MBX2 in applied.waiting
        assert MBX1 not in applied.waiting
        again = world.apply().applied
        assert again is not None
        assert again.is_complete
        assert not again.waiting


def two_issuers(folder: Path) -> Fleet:
    """A fleet whose second server has its certificate from another authority."""
    world = fleet(folder)
    world.declared["issuers"]["other"] = world.declared["issuers"]["desk"]
    shared = world.declared["certificates"]["internet"]
    own = {key: value for key, value in shared.items() if key != "servers"}
    world.declared["certificates"]["internet"] = {**shared, "servers": ["MBX1"]}
    world.declared["servers"]["MBX2"]["certificates"] = {"internet": {**own, "issuer": "other"}}
    return world


@dataclass
class Busy:
    """An authority that names the time when it wants to be asked again.

    Attributes:
        asked: The addresses, oldest first.
    """

    clock: Callable[[], datetime]
    pause: timedelta
    asked: list[Address] = field(default_factory=list)

    def issue(self, request: CertificateRequest) -> Issued | Waiting:
        self.asked.append(request.address)
        return Waiting("order 1", "too many orders", self.clock() + self.pause)


class TestAnIssuerThatNamesTheTimeOfTheNextTry:
    @pytest.fixture
    def busy(self, tmp_path: Path) -> Fleet:
        world = fleet(tmp_path, servers=1)
        world.issuer = Busy(lambda: world.now, timedelta(hours=5))
        world.apply()
        return world

    def asked(self, world: Fleet) -> int:
        assert isinstance(world.issuer, Busy)
        return len(world.issuer.asked)

    def test_is_not_asked_before(self, busy: Fleet) -> None:
        """A timer that runs every ten minutes would use up each new allowance of a rate limit."""
        named = busy.record.requests[MBX1].next_try
        for _ in range(4):
            busy.pass_time(timedelta(hours=1))
            applied = busy.apply().applied
            assert applied is not None
            assert MBX1 in applied.waiting
        assert (self.asked(busy), busy.record.requests[MBX1].next_try) == (1, named)
        told = [event for event in busy.heard if isinstance(event, IssueWaiting)]
        assert len({(event.reason, event.next_try) for event in told}) == 1
        busy.pass_time(timedelta(hours=1))
        busy.apply()
        assert self.asked(busy) == 2

    def test_is_asked_once_a_day_all_the_same(self, busy: Fleet) -> None:
        assert isinstance(busy.issuer, Busy)
        busy.issuer.pause = timedelta(days=30)
        busy.pass_time(timedelta(hours=5))
        for _ in range(8):
            busy.apply()
            busy.pass_time(timedelta(hours=12))
        assert self.asked(busy) == 5

    def test_is_asked_at_once_where_a_clock_went_wrong(self, busy: Fleet) -> None:
        """What was written by a clock of next year would keep it waiting until then."""
        busy.pass_time(timedelta(days=-400))
        busy.apply()
        assert self.asked(busy) == 2

    def test_is_asked_at_once_for_what_is_replaced_at_once(self, busy: Fleet) -> None:
        run_replace(MBX1, "", "compromise", busy.inputs(), busy.surroundings(), lambda planned: True)
        assert self.asked(busy) == 2
