"""``tlsa: reuse_key``: the next certificate is for the same key, so that TLSA records stay right."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.exchange.errors import Unreachable
from reconciler.operations.applying import ApplyOutcome
from reconciler.operations.endpoints import asked_of
from reconciler.operations.replacing import run_replace
from reconciler.pki.answer import read_chain
from reconciler.plan.change import Action, Change
from reconciler.plan.tlsa import TlsaRecord
from state.address import Address
from state.resources import Certificate
from state.stores.memory import MemoryStore
from tests.cases.test_shared_key import SHARED, store_of, thumbprints
from tests.cases.test_tlsa import DUE, TTL, Known, Zone
from tests.life import Fleet, Remembering, fleet

MBX1, MBX2 = (Address.of("certificate", f"MBX{number}", "internet") for number in (1, 2))
AGAIN = ["Export-ExchangeCertificate", "Import-ExchangeCertificate", "Enable-ExchangeCertificate"]


def known(world: Fleet) -> Known:
    """The same fleet, with a zone."""
    world.declared["endpoints"] = [{"name": "mail.contoso.com", "servers": ["MBX1"], "serve_within": "0s"}]
    made = Known(world.lab, world.folder, world.declared, world.desk, world.store, world.heard)
    made.zone = Zone()
    return made


@pytest.fixture
def due(tmp_path: Path) -> Known:
    """Set up and due, and its key has its record."""
    world = known(fleet(tmp_path, servers=1, exportable=True, tlsa="reuse_key"))
    carried_out(world.apply())
    world.zone.keys = [key_of(world)]
    world.lab.now = DUE
    world.lab.sent.clear()
    return world


def carried_out(outcome: ApplyOutcome) -> None:
    assert outcome.applied is not None
    assert outcome.applied.is_complete, outcome.applied.diagnostics


def recorded(world: Fleet, address: Address = MBX1) -> Certificate:
    resource = world.record.resources[address].resource
    assert isinstance(resource, Certificate)
    return resource


def key_of(world: Fleet, address: Address = MBX1) -> str:
    key = recorded(world, address).public_key
    assert isinstance(key, str)
    return key


def change_of(world: Fleet, address: Address = MBX1) -> Change:
    return next(one for one in world.plan().plan.changes if one.address == address)


def cmdlets(world: Fleet) -> list[str]:
    return [cmdlet for _, cmdlet, _ in world.lab.sent if cmdlet.endswith("ExchangeCertificate")]


def is_settled(world: Fleet) -> bool:
    planned = world.plan().plan
    return planned.is_empty and not planned.drift and not [one for one in planned.changes if one.learned]


class TestARenewal:
    def test_is_planned_as_an_export_and_an_import(self, due: Known) -> None:
        """That a key leaves its server is seen before it does."""
        change = change_of(due)
        assert change.action is Action.REPLACE
        assert [one.cmdlet for one in change.invocations] == AGAIN
        assert {one.server for one in change.invocations} == {"MBX1"}
        assert "keeps its key" in change.reason

    def test_has_the_same_key_and_waits_for_no_record(self, due: Known) -> None:
        old, key = recorded(due), key_of(due)
        carried_out(due.apply())
        assert cmdlets(due) == AGAIN[1:]
        assert key_of(due) == key
        assert recorded(due).thumbprint != old.thumbprint
        entry = due.record.resources[MBX1]
        assert [one.thumbprint for one in entry.predecessors] == [old.thumbprint]
        assert list(entry.milestones)[:5] == ["requested", "submitted", "issued", "imported", "enabled"]
        assert not due.record.requests
        assert is_settled(due)

    def test_is_told_from_the_one_before_by_its_thumbprint(self, due: Known) -> None:
        """A handshake shows the same key of both."""
        carried_out(due.apply())
        planned = due.plan()
        (asked,) = asked_of(planned.desired, planned.record)
        assert asked.target.public_keys == {str(recorded(due).thumbprint)}

    def test_is_one_request_however_long_its_issuer_takes(self, due: Known) -> None:
        """Nothing leaves the server again before there is an answer."""
        due.desk.turnaround = lambda: timedelta(days=9)
        due.apply()
        request = due.record.requests[MBX1]
        assert request.public_key == key_of(due)
        assert request.pending is None
        for _ in range(8):
            due.pass_time(timedelta(days=1))
            assert change_of(due).action is Action.WAIT
            outcome = due.apply()
            assert outcome.applied is not None
            assert (outcome.applied.sent, outcome.applied.done) == (0, 0)
        assert len(due.desk.ready) == 2
        assert cmdlets(due) == []
        due.pass_time(timedelta(days=2))
        carried_out(due.apply())
        assert cmdlets(due) == AGAIN[1:]
        assert recorded(due).public_key == request.public_key
        assert is_settled(due)

    def test_goes_on_after_its_record_was_lost(self, due: Known) -> None:
        """The key is where it was: another request for it is signed."""
        due.desk.turnaround = lambda: timedelta(days=2)
        due.apply()
        key = due.record.requests[MBX1].public_key
        due.store = MemoryStore()
        due.apply()
        assert due.record.requests[MBX1].public_key == key
        due.pass_time(timedelta(days=3))
        carried_out(due.apply())
        assert key_of(due) == key
        assert is_settled(due)

    def test_is_known_by_its_mark_after_the_record_was_lost(self, due: Known) -> None:
        carried_out(due.apply())
        newest, key = recorded(due).thumbprint, key_of(due)
        due.store = MemoryStore()
        carried_out(due.apply())
        assert (recorded(due).thumbprint, key_of(due)) == (newest, key)
        assert is_settled(due)

    def test_waits_for_a_record_that_names_the_whole_certificate(self, due: Known) -> None:
        """Only that of the key stays right."""
        due.zone.keys, due.zone.others = [], [TlsaRecord(3, 0, 1, "ab" * 32)]
        due.apply()
        assert "Enable-ExchangeCertificate" not in cmdlets(due)
        due.zone.keys = [key_of(due)]
        carried_out(due.apply())
        assert cmdlets(due)[-1] == "Enable-ExchangeCertificate"

    def test_keeps_it_over_years_and_leaves_two_in_the_store(self, due: Known) -> None:
        due.declared["certificates"]["internet"]["retire"] = "unbind"
        for kind in ("tls_required", "opportunistic"):
            due.declared["send_connectors"]["internet"][kind]["fqdn"] = "mail.contoso.com"
        key = key_of(due)
        for _ in range(4):
            carried_out(due.apply())
            due.apply()
            assert key_of(due) == key
            assert len(thumbprints(due, "MBX1")) == 2
            due.pass_time(timedelta(days=32))
        assert due.zone.keys == [key]

    def test_is_of_all_servers_that_share_the_key(self, tmp_path: Path) -> None:
        world = fleet(tmp_path, tlsa="reuse_key", **SHARED)
        carried_out(world.apply())
        key = key_of(world)
        world.lab.now = DUE
        world.lab.sent.clear()
        carried_out(world.apply())
        assert "New-ExchangeCertificate" not in cmdlets(world)
        assert key_of(world, MBX1) == key_of(world, MBX2) == key
        assert recorded(world, MBX1).thumbprint == recorded(world, MBX2).thumbprint
        assert is_settled(world)


class TestWhatHappensBetween:
    @pytest.mark.parametrize("lost", range(3), ids=AGAIN)
    @pytest.mark.parametrize("is_done", [True, False])
    def test_a_lost_answer_is_found_in_exchange(self, lost: int, is_done: bool, due: Known) -> None:
        answers = iter([(None, True)] * lost + [(Unreachable("EX", "connection reset by peer"), is_done)])
        due.sessions = Remembering(due.lab, lambda: next(answers, (None, True)))
        key, old = key_of(due), recorded(due).thumbprint
        carried_out(due.apply())
        due.sessions = None
        assert key_of(due) == key
        assert [one.thumbprint for one in due.record.resources[MBX1].predecessors] == [old]
        assert cmdlets(due).count("Import-ExchangeCertificate") == 1
        assert is_settled(due)

    def test_the_certificate_that_is_to_be_renewed_is_no_answer(self, due: Known) -> None:
        """It is for the same key, and may lie where answers are looked for."""
        issued = next(iter(due.desk.answers.values()))
        assert str(read_chain(issued.chain)[0].public_key) == key_of(due)

        class Confused:
            def issue(self, request: object) -> object:
                return issued

        due.issuer = Confused()
        outcome = due.apply()
        assert outcome.applied is not None
        assert [one.summary for one in outcome.applied.diagnostics] == ["Answer to another request"]
        assert cmdlets(due) == []


class TestAnotherKey:
    def test_is_made_where_this_one_may_not_leave_its_server(self, tmp_path: Path) -> None:
        world = known(fleet(tmp_path, servers=1))
        carried_out(world.apply())
        world.declared["certificates"]["internet"] |= {"exportable": True, "tlsa": "reuse_key"}
        world.zone.keys = [key_of(world)]
        old = key_of(world)
        world.lab.now = DUE
        planned = world.plan()
        assert [one.summary for one in planned.diagnostics][:1] == ["Key not used again"]
        world.apply()
        assert key_of(world) != old
        # The record of the new one is waited for, and from then on it is kept.
        world.zone.keys.append(key_of(world))
        world.apply()
        world.pass_time(3 * TTL)
        carried_out(world.apply())
        assert is_settled(world)
        new = key_of(world)
        world.pass_time(timedelta(days=33))
        carried_out(world.apply())
        assert key_of(world) == new

    def test_is_made_where_this_one_may_be_known_to_others(self, due: Known) -> None:
        """Also in place of a request for it that is under way."""
        due.desk.turnaround = lambda: timedelta(days=1)
        due.apply()
        old = key_of(due)
        due.desk.turnaround = lambda: timedelta()
        run_replace(MBX1, "", "compromise", due.inputs(), due.surroundings(), lambda planned: True)
        assert "New-ExchangeCertificate" in cmdlets(due)
        assert key_of(due) != old

    def test_is_made_where_its_size_is_another_one(self, due: Known) -> None:
        due.declared["certificates"]["internet"]["key_size"] = 4096
        assert change_of(due).invocations[0].cmdlet == "New-ExchangeCertificate"

    def test_is_made_where_no_request_can_be_signed_for_this_one(self, due: Known) -> None:
        """Windows takes such a subject; not to renew would be worse than another key."""
        due.declared["certificates"]["internet"]["subject"] = "C=Germany, CN=mail.contoso.com"
        connections = due.inputs().connections
        assert connections is not None
        written = json.loads(connections.read_text(encoding="utf-8"))
        written["issuers"] = {"*": {"type": "manual", "folder": "desk"}}
        connections.write_text(json.dumps(written), encoding="utf-8")
        (told,) = [one for one in due.plan().diagnostics if one.summary == "Key not used again"]
        assert "declared subject" in told.detail
        assert change_of(due).invocations[0].cmdlet == "New-ExchangeCertificate"

    def test_is_made_once_it_is_declared_so(self, due: Known) -> None:
        due.desk.turnaround = lambda: timedelta(days=1)
        due.apply()
        due.declared["certificates"]["internet"]["tlsa"] = "publish"
        assert change_of(due).invocations[0].cmdlet == "New-ExchangeCertificate"
        assert store_of(due, "MBX1").certificates
