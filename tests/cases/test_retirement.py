"""Certificates that were replaced, over several renewals: one is kept, those that are free go."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from reconciler.apply.steps import _is_final
from reconciler.exchange.errors import CmdletFailed, ErrorRecord
from reconciler.operations.applying import ApplyOutcome
from reconciler.plan.change import Action
from state.address import Address
from state.stores.memory import MemoryStore
from state.values import Thumbprint
from tests.life import Fleet, fleet
from tests.rules import rule
from tests.stored import organization_of

INTERNET = Address.parse("certificate.MBX1.internet")
LIFETIME = timedelta(days=47)


def unbound(folder: Path) -> Fleet:
    """A server whose certificate no connector names, nor would choose."""
    world = fleet(folder, servers=1)
    world.declared["servers"]["MBX1"]["receive_connectors"] = {}
    for kind in ("tls_required", "opportunistic"):
        del world.declared["send_connectors"]["internet"][kind]["certificate"]
    return world


def applied(world: Fleet) -> ApplyOutcome:
    outcome = world.apply()
    assert outcome.applied is not None
    assert outcome.applied.is_complete, outcome.applied.diagnostics
    return outcome


def renewed(world: Fleet) -> Thumbprint:
    """Apply a renewal that is due by now; what is recorded after it."""
    applied(world)
    thumbprint = recorded(world)
    world.pass_time(LIFETIME * 0.7)
    return thumbprint


def recorded(world: Fleet) -> Thumbprint:
    thumbprint = getattr(world.record.resources[INTERNET].resource, "thumbprint", None)
    assert isinstance(thumbprint, Thumbprint)
    return thumbprint


def stored(world: Fleet) -> set[str]:
    return {one.thumbprint for one in organization_of(world.lab).servers["mbx1"].certificates}


class TestACertificateThatNothingNames:
    def test_stays_until_its_successor_is_renewed(self, tmp_path: Path) -> None:
        world = unbound(tmp_path)
        first, second = renewed(world), renewed(world)
        assert {str(first), str(second)} <= stored(world)
        third = renewed(world)
        assert str(first) not in stored(world)
        assert {str(second), str(third)} <= stored(world)

    def test_is_removed_by_a_change_of_its_own(self, tmp_path: Path) -> None:
        world = unbound(tmp_path)
        first = renewed(world)
        renewed(world)
        removals = [one for one in world.plan().plan.changes if one.action is Action.DELETE]
        assert [one.address for one in removals] == [
            Address.of(*("certificate", "MBX1", "internet", str(first)))
        ]
        applied(world)
        after = world.plan().plan
        assert after.is_empty
        assert not [one for one in after.changes if one.learned]

    def test_goes_when_it_has_expired(self, tmp_path: Path) -> None:
        world = unbound(tmp_path)
        first = renewed(world)
        applied(world)
        world.pass_time(LIFETIME * 0.4)
        applied(world)
        assert str(first) not in stored(world)

    def test_is_found_again_by_its_mark_after_a_lost_record(self, tmp_path: Path) -> None:
        world = unbound(tmp_path)
        first, second = renewed(world), renewed(world)
        world.store = MemoryStore()
        world.pass_time(-LIFETIME * 0.7)
        applied(world)  # finds the newest, which is not due
        (kept,) = world.record.resources[INTERNET].predecessors
        assert (kept.thumbprint, kept.created) == (first, True)
        assert recorded(world) == second
        world.pass_time(LIFETIME * 0.7)
        applied(world)
        assert str(first) not in stored(world)

    @rule("2.4-1")
    def test_stays_where_exchange_keeps_it_and_that_is_no_failure(self, tmp_path: Path) -> None:
        """Somebody made it the default one, which nobody can read."""
        world = unbound(tmp_path)
        first = renewed(world)
        renewed(world)
        organization = organization_of(world.lab)
        server = organization.servers["mbx1"]
        organization.put_certificates(server, server.certificates, default=str(first))
        outcome = applied(world)
        assert outcome.applied is not None
        told = [one.summary for one in outcome.applied.diagnostics]
        assert "Replaced certificate kept" in told
        assert str(first) in stored(world)
        assert world.plan().plan.is_empty

    @rule("2.5-3")
    def test_stays_where_a_setting_could_not_be_read(self, tmp_path: Path) -> None:
        world = unbound(tmp_path)
        first = renewed(world)
        renewed(world)
        world.lab.disturb({"hides": "Get-HybridConfiguration"})
        planned = world.plan().plan
        (told,) = [one for one in planned.diagnostics if one.summary == "Replaced certificates held"]
        assert "Get-HybridConfiguration could not be read" in told.detail
        assert str(first) in told.detail
        assert not [one for one in planned.changes if one.action is Action.DELETE]


@rule("2.4-2")
def test_one_with_the_issuer_and_subject_that_connectors_name_is_held_and_told(tmp_path: Path) -> None:
    world = fleet(tmp_path, servers=1)
    first = renewed(world)
    renewed(world)
    (told,) = [one for one in world.plan().plan.diagnostics if one.summary == "Replaced certificates held"]
    assert "by issuer and subject" in told.detail
    applied(world)
    assert str(first) in stored(world)


def test_a_removal_is_given_up_only_where_exchange_refuses_it() -> None:
    """What only failed is tried again by the next apply."""
    refused, failed = (
        CmdletFailed("MBX1", "", (ErrorRecord("Told", category, "", "", "Exception", "no"),))
        for category in (5, 0)
    )
    assert _is_final(refused)
    assert not _is_final(failed)
