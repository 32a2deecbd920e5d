"""A server is rebuilt: its connectors are back from Active Directory, its keys and requests are gone."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.diagnostics import Diagnostic
from reconciler.plan.change import Plan
from reconciler.views.plan_text import render_plan
from state.stores.memory import MemoryStore
from tests.cases.test_shared_key import MBX1, MBX2, carried_out, change_of, cmdlets, sent, thumbprints, wipe
from tests.life import Desk, Fleet, fleet

REQUESTED = ["New-ExchangeCertificate", "Import-ExchangeCertificate", "Enable-ExchangeCertificate"]


@pytest.fixture
def done(tmp_path: Path) -> Fleet:
    world = fleet(tmp_path, servers=2)
    carried_out(world.apply())
    assert not lost(world.plan().plan)
    return world


def lost(plan: Plan) -> list[Diagnostic]:
    return [one for one in plan.diagnostics if one.summary == "Certificates lost"]


class TestAServerThatWasRebuilt:
    def test_is_told_as_one_fact_before_all_else(self, done: Fleet) -> None:
        (old,) = thumbprints(done, "MBX2")
        wipe(done, "MBX2")
        plan = done.plan().plan
        (told,) = lost(plan)
        assert plan.diagnostics[0] == told
        assert told.detail.startswith("MBX2 has lost its certificates: ")
        assert f"certificate.MBX2.internet ({old})" in told.detail
        assert 'receive_connector.MBX2."Default Frontend MBX2" is bound to' in told.detail
        assert "MBX1" not in told.detail
        assert "Certificates lost" in render_plan(plan).splitlines()[0]

    def test_gets_another_certificate(self, done: Fleet) -> None:
        wipe(done, "MBX2")
        plan = done.plan().plan
        assert cmdlets(change_of(plan, MBX2)) == REQUESTED
        carried_out(done.apply())
        again = done.plan().plan
        assert again.is_idle
        assert not lost(again)

    def test_is_told_of_without_a_record_by_what_its_connectors_name(self, done: Fleet) -> None:
        wipe(done, "MBX2")
        done.store = MemoryStore()
        (told,) = lost(done.plan().plan)
        assert told.subject == "MBX2"
        carried_out(done.apply())
        assert not lost(done.plan().plan)

    def test_that_was_not_read_has_lost_nothing_that_is_known(self, done: Fleet) -> None:
        wipe(done, "MBX2")
        done.lab.disturb({"server": "MBX2", "hides": "Get-ExchangeCertificate"})
        assert not lost(done.plan().plan)


class TestARequestThatWentWithItsServer:
    @pytest.fixture
    def waiting(self, tmp_path: Path) -> Fleet:
        def patient(desk: Desk) -> Desk:
            desk.turnaround = lambda: timedelta(days=9)
            return desk

        world = fleet(tmp_path, servers=2, desk=patient)
        carried_out(world.apply())
        return world

    def test_is_told_and_made_again(self, waiting: Fleet) -> None:
        """The authority may answer the old one: nobody has its key any more."""
        wipe(waiting, "MBX1")
        plan = waiting.plan().plan
        (told,) = lost(plan)
        assert "the key of the request for certificate.MBX1.internet, made 2026-11-24" in told.detail
        assert cmdlets(change_of(plan, MBX1)) == REQUESTED
        carried_out(waiting.apply())
        assert sent(waiting, "New-ExchangeCertificate").count("MBX1") == 2
        waiting.pass_time(timedelta(days=9))
        carried_out(waiting.apply())
        assert waiting.plan().plan.is_idle


class TestAServerThatSharesItsKey:
    def test_gets_it_back_without_a_request(self, tmp_path: Path) -> None:
        world = fleet(tmp_path, servers=2, key="shared", exportable=True)
        carried_out(world.apply())
        wipe(world, "MBX1")
        plan = world.plan().plan
        assert len(lost(plan)) == 1
        assert cmdlets(change_of(plan, MBX1))[0] == "Export-ExchangeCertificate"
        carried_out(world.apply())
        assert world.plan().plan.is_idle
        assert len(world.desk.answers) == 1


class TestACertificateThatWasTakenOver:
    def test_stays_somebody_elses(self, tmp_path: Path) -> None:
        """What this tool did not request, it may not remove one day, however often it has found it."""
        world = fleet(tmp_path, servers=1)
        carried_out(world.apply())
        world.store = MemoryStore()
        world.declared["certificates"]["internet"]["exportable"] = False  # so the mark is another one
        for _ in range(3):
            world.apply()
            assert not world.record.resources[MBX1].created
