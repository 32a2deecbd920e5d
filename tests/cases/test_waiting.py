"""An authority that takes days: what can be done is done, the rest waits, and nothing is asked twice."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.events import IssueWaiting
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
