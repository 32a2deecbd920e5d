"""A key that is not secret any more: replaced now, whatever the date says, and its certificate revoked."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.events import CertificateRevoked, Event
from reconciler.operations.failed import OperationFailed
from state.errors import StateUnwritable
from state.journal import Entry
from state.store import Fence
from state.stores.memory import MemoryStore
from tests.life import Fleet, fleet
from tests.revoking import MBX1, MBX2, RevokingDesk, recorded, replaced


@pytest.fixture
def settled(tmp_path: Path) -> Fleet:
    """Everything is set up, and nothing is due."""
    world = fleet(tmp_path)
    world.apply()
    world.pass_time(timedelta(days=5))
    assert world.plan().plan.is_idle
    return world


def revoked_again(world: Fleet) -> list[Event]:
    """What another apply revokes."""
    before = len(world.heard)
    world.apply()
    return [event for event in world.heard[before:] if isinstance(event, CertificateRevoked)]


class TestACertificateWhoseKeyIsKnownToOthers:
    def test_is_replaced_by_one_with_another_key_and_revoked(self, settled: Fleet) -> None:
        old, other = recorded(settled, MBX1), recorded(settled, MBX2)
        desk = RevokingDesk(settled.desk)
        outcome = replaced(settled, desk)
        assert outcome.applied is not None
        assert outcome.applied.is_complete
        assert recorded(settled, MBX1).public_key != old.public_key
        assert desk.revoked == [(str(old.thumbprint), "compromise")]
        assert [event.thumbprint for event in settled.heard if isinstance(event, CertificateRevoked)] == [
            str(old.thumbprint)
        ]
        assert recorded(settled, MBX2) == other
        assert settled.plan().plan.is_idle

    def test_is_told_where_its_issuer_cannot_revoke(self, settled: Fleet) -> None:
        outcome = replaced(settled, settled.desk)
        assert outcome.applied is not None
        assert [one.summary for one in outcome.applied.diagnostics] == ["To be revoked by hand"]

    def test_is_revoked_by_a_later_apply_where_the_authority_was_not_there(self, settled: Fleet) -> None:
        old = recorded(settled, MBX1)
        desk = RevokingDesk(settled.desk, refuses=True)
        outcome = replaced(settled, desk)
        assert outcome.applied is not None
        assert [one.summary for one in outcome.applied.diagnostics] == ["Not revoked"]
        desk.refuses = False
        again = settled.apply()
        assert again.applied is None  # there was nothing else to do
        assert desk.revoked == [(str(old.thumbprint), "compromise")]
        assert not revoked_again(settled)

    def test_is_not_taken_over_again_after_the_record_was_lost(self, settled: Fleet) -> None:
        """Its successor began later, though it ends sooner; which one it was is told once."""
        old = recorded(settled, MBX1)
        settled.desk.authority()._lifetime = timedelta(days=30)
        replaced(settled, RevokingDesk(settled.desk))
        successor = recorded(settled, MBX1)
        settled.store = MemoryStore()
        (told,) = [
            one
            for one in settled.plan().plan.diagnostics
            if one.summary == "One of several certificates taken"
        ]
        assert f"{successor.thumbprint} is taken" in told.detail
        assert f"not {old.thumbprint}" in told.detail
        settled.apply()
        assert recorded(settled, MBX1).thumbprint == successor.thumbprint
        assert settled.plan().plan.is_idle
        assert not settled.plan().plan.diagnostics

    def test_waits_for_its_successor(self, settled: Fleet) -> None:
        """Until that is presented, mail needs the old one."""
        old = recorded(settled, MBX1)
        settled.desk.turnaround = lambda: timedelta(days=2)
        desk = RevokingDesk(settled.desk)
        outcome = replaced(settled, desk)
        assert outcome.applied is not None
        assert MBX1 in outcome.applied.waiting
        assert not desk.revoked
        settled.pass_time(timedelta(days=2))
        settled.apply()
        assert desk.revoked == [(str(old.thumbprint), "compromise")]
        assert settled.plan().plan.is_idle

    def test_is_not_replaced_twice_by_one_command(self, settled: Fleet) -> None:
        """A request that is under way is the replacement."""
        settled.desk.turnaround = lambda: timedelta(days=2)
        desk = RevokingDesk(settled.desk)
        replaced(settled, desk)
        before = len(settled.lab.sent)
        replaced(settled, desk)
        assert len(settled.lab.sent) == before

    def test_that_is_revoked_and_cannot_be_remembered_is_told_after_all_that_was_done(
        self, settled: Fleet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Everything was sent: it is not said that nothing was changed."""
        desk, append = RevokingDesk(settled.desk), settled.store.append

        def full(entries: Iterable[Entry], fence: Fence) -> None:
            if desk.revoked:
                raise StateUnwritable("the store", "no space left on device")
            append(entries, fence)

        monkeypatch.setattr(settled.store, "append", full)
        outcome = replaced(settled, desk)
        assert outcome.applied is not None
        assert [one.summary for one in outcome.applied.diagnostics] == ["Record not written"]
        assert outcome.applied.done == outcome.applied.total


class TestAllOfAnIssuer:
    def test_are_replaced(self, settled: Fleet) -> None:
        old = {str(recorded(settled, address).thumbprint) for address in (MBX1, MBX2)}
        desk = RevokingDesk(settled.desk)
        replaced(settled, desk, None, "desk")
        assert {thumbprint for thumbprint, _ in desk.revoked} == old

    def test_an_issuer_that_signed_nothing_is_told(self, settled: Fleet) -> None:
        with pytest.raises(OperationFailed) as failed:
            replaced(settled, settled.desk, None, "house")
        assert [one.summary for one in failed.value.diagnostics] == ["Nothing to replace"]


class TestAMaintenanceWindow:
    def test_is_not_waited_for(self, tmp_path: Path) -> None:
        world = fleet(tmp_path)
        world.declared["maintenance"] = {
            "time_zone": "Europe/Berlin",
            "windows": [{"days": ["sun"], "from": "02:00", "to": "03:00"}],
        }
        world.apply()
        world.pass_time(timedelta(hours=1))
        old = recorded(world, MBX1)
        desk = RevokingDesk(world.desk)
        outcome = replaced(world, desk)
        assert outcome.applied is not None
        assert not outcome.applied.waiting
        assert desk.revoked == [(str(old.thumbprint), "compromise")]
