"""When the authority of a replaced certificate is told: not while it is presented, and never forgotten."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.config.desired import IssuerSettings
from reconciler.diagnostics import Diagnostic
from reconciler.issuers.port import Issuer
from reconciler.operations.applying import ApplyOutcome
from reconciler.operations.certificates import run_certificates
from reconciler.operations.failed import OperationFailed
from reconciler.verify.starttls import Fault, Handshake, HandshakeProblem
from state.address import Address
from tests.cases.test_retirement import unbound
from tests.life import Fleet, fleet, presented
from tests.revoking import MBX1, MBX2, Failing, RevokingDesk, recorded, replaced
from tests.stored import organization_of

NIGHT = {"time_zone": "Europe/Berlin", "windows": [{"days": ["sun"], "from": "02:00", "to": "03:00"}]}
UNREACHABLE = Handshake(None, (HandshakeProblem(Fault.UNREACHABLE, "timed out"),))


def settled(folder: Path, **certificate: Any) -> Fleet:
    """Everything is set up, and nothing is due."""
    return settled_as(fleet(folder, **certificate))


def settled_as(world: Fleet) -> Fleet:
    world.apply()
    world.pass_time(timedelta(days=5))
    assert world.plan().plan.is_idle
    return world


@pytest.fixture
def world(tmp_path: Path) -> Fleet:
    return settled(tmp_path)


@pytest.fixture
def desk(world: Fleet) -> RevokingDesk:
    return RevokingDesk(world.desk)


def told(outcome: ApplyOutcome) -> list[Diagnostic]:
    """What was told after it, about revocations."""
    after = outcome.applied.diagnostics if outcome.applied is not None else ()
    summaries = ("Revocation waits", "Not revoked", "To be revoked by hand")
    return [one for one in (*after, *outcome.gated.diagnostics) if one.summary in summaries]


def thumbprint(world: Fleet, address: Address) -> str:
    return str(recorded(world, address).thumbprint)


def in_store(world: Fleet, server: str) -> list[str]:
    return [one.thumbprint for one in organization_of(world.lab).servers[server.casefold()].certificates]


def pending(world: Fleet, address: Address) -> list[str]:
    """What is to be revoked, by the record."""
    recorded = world.record.resources.get(address)
    before = recorded.predecessors if recorded else ()
    return [str(one.thumbprint) for one in before if one.is_to_be_revoked]


class TestWhatIsInUse:
    def test_is_not_revoked_while_its_successor_is_only_imported(
        self, world: Fleet, desk: RevokingDesk
    ) -> None:
        old = thumbprint(world, MBX1)
        world.sessions = failing = Failing(world.lab, "Enable-ExchangeCertificate", "MBX1")
        outcome = replaced(world, desk)
        assert desk.revoked == []
        assert ["is not in use yet" in one.detail for one in told(outcome)] == [True]
        failing.cmdlet = ""
        world.apply()
        assert desk.revoked == [(old, "compromise")]

    def test_is_not_revoked_while_another_server_that_shares_its_key_presents_it(
        self, tmp_path: Path
    ) -> None:
        world = settled(tmp_path, key="shared", exportable=True)
        world.declared["maintenance"] = NIGHT
        desk, old = RevokingDesk(world.desk), thumbprint(world, MBX1)
        world.sessions = failing = Failing(world.lab, "Import-ExchangeCertificate", "MBX2")
        outcome = replaced(world, desk)
        assert thumbprint(world, MBX1) != old == thumbprint(world, MBX2)
        assert desk.revoked == []
        assert [one.detail.partition("still to be revoked: ")[2][:40] for one in told(outcome)] == [
            "certificate.MBX2.internet is not replace"
        ]
        failing.cmdlet = ""
        world.apply()
        assert desk.revoked == [(old, "compromise")]
        assert old not in {one.thumbprint for one in presented(world).values() if one is not None}
        assert not pending(world, MBX1)
        assert not pending(world, MBX2)

    def test_is_urgent_on_all_servers_that_share_its_key(self, tmp_path: Path) -> None:
        """Only one of them makes the request, and days may pass until it is answered."""
        world = fleet(tmp_path, key="shared", exportable=True)
        world.declared["maintenance"] = NIGHT
        world.apply()
        world.pass_time(timedelta(hours=1))
        world.desk.turnaround = lambda: timedelta(hours=5)
        desk, old = RevokingDesk(world.desk), thumbprint(world, MBX1)
        replaced(world, desk)
        world.pass_time(timedelta(hours=6))
        world.apply()
        assert thumbprint(world, MBX1) == thumbprint(world, MBX2) != old
        assert old not in {one.thumbprint for one in presented(world).values() if one is not None}
        assert desk.revoked == [(old, "compromise")]

    def test_is_not_revoked_while_send_connectors_name_it(self, world: Fleet, desk: RevokingDesk) -> None:
        """The other server's answer is outstanding, so they cannot be bound to the new name yet."""
        world.declared["certificates"]["internet"]["subject"] = "CN=mail.contoso.com"
        old = {thumbprint(world, MBX1), thumbprint(world, MBX2)}
        answers = iter([timedelta(), timedelta(days=3)])
        world.desk.turnaround = lambda: next(answers, timedelta())
        outcome = replaced(world, desk, None, "desk")
        assert desk.revoked == []
        assert ["send connector" in one.detail for one in told(outcome)] == [True]
        world.pass_time(timedelta(days=3))
        world.apply()
        assert {one for one, _ in desk.revoked} == old

    def test_is_revoked_once_enabled_where_nobody_can_see_what_is_served(
        self, world: Fleet, desk: RevokingDesk
    ) -> None:
        world.declared["endpoints"] = [{"name": "mail.contoso.com", "servers": ["MBX1", "MBX2"]}]
        old = thumbprint(world, MBX1)
        replaced(world, desk, shake=lambda *_, **__: UNREACHABLE)
        assert desk.revoked == [(old, "compromise")]

    def test_is_told_while_something_else_is_served(self, world: Fleet, desk: RevokingDesk) -> None:
        world.declared["endpoints"] = [{"name": "mail.contoso.com", "servers": ["MBX1", "MBX2"]}]
        old = thumbprint(world, MBX1)
        shown = Handshake(None, (HandshakeProblem(Fault.OTHER_CERTIFICATE),))
        outcome = replaced(world, desk, shake=lambda *_, **__: shown)
        assert desk.revoked == []
        assert ["no handshake has shown" in one.detail for one in told(outcome)] == [True]
        row = next(one for one in rows(world) if one.thumbprint == old)
        assert "is to be revoked (compromise), and waits: no handshake" in row.reason
        assert row.next_step == "apply revokes it"
        assert "Revocation waits" in [one.summary for one in world.plan().diagnostics]
        world.pass_time(timedelta(days=2))
        world.apply()
        assert desk.revoked == [(old, "compromise")]


def rows(world: Fleet) -> Any:
    return run_certificates(world.inputs(), world.surroundings()).standings


class TestAnOrdinaryRenewalUnderWay:
    @pytest.fixture
    def renewing(self, world: Fleet) -> Fleet:
        world.desk.turnaround = lambda: timedelta(days=10)
        world.pass_time(timedelta(days=28))
        world.apply()
        assert set(world.record.requests) == {MBX1, MBX2}
        world.pass_time(timedelta(hours=1))
        return world

    def test_is_given_up_after_a_compromise(self, renewing: Fleet, desk: RevokingDesk) -> None:
        """Its key lies on the same server."""
        world, old = renewing, thumbprint(renewing, MBX1)
        first, before = world.record.requests[MBX1], len(in_store(world, "MBX1"))
        outcome = replaced(world, desk)
        assert "Request replaced" in [one.summary for one in outcome.planned.diagnostics]
        request = world.record.requests[MBX1]
        assert request.public_key != first.public_key
        assert request.urgent == "compromise"
        assert len(in_store(world, "MBX1")) == before  # one request more, one less
        assert world.record.requests[MBX2].urgent == ""
        world.pass_time(timedelta(days=10))
        world.apply()
        assert recorded(world, MBX1).public_key == request.public_key
        assert desk.revoked == [(old, "compromise")]

    def test_goes_on_where_its_key_is_no_secret_of_others(self, renewing: Fleet, desk: RevokingDesk) -> None:
        world, old = renewing, thumbprint(renewing, MBX1)
        first = world.record.requests[MBX1]
        replaced(world, desk, reason="superseded")
        request = world.record.requests[MBX1]
        assert request.public_key == first.public_key
        assert request.urgent == "superseded"
        world.pass_time(timedelta(days=10))
        world.apply()
        assert desk.revoked == [(old, "superseded")]

    def test_stays_a_compromise_whatever_is_said_later(self, renewing: Fleet, desk: RevokingDesk) -> None:
        replaced(renewing, desk)
        replaced(renewing, desk, reason="superseded")
        assert renewing.record.requests[MBX1].urgent == "compromise"

    def test_that_was_imported_and_never_used_is_replaced_with_what_is_in_use(self, tmp_path: Path) -> None:
        """The keys of both lay on the server."""
        world = fleet(tmp_path)
        world.declared["maintenance"] = NIGHT
        world.apply()
        old = thumbprint(world, MBX1)
        world.pass_time(timedelta(days=32))
        world.apply()
        waiting = thumbprint(world, MBX1)
        assert waiting != old == str(presented(world)["MBX1"].thumbprint)
        world.pass_time(timedelta(hours=1))
        desk = RevokingDesk(world.desk)
        replaced(world, desk)
        assert {one for one, _ in desk.revoked} == {old, waiting}


class TestARevocationThatIsStillToCome:
    @pytest.fixture
    def refused(self, world: Fleet, desk: RevokingDesk) -> Fleet:
        desk.refuses = True
        replaced(world, desk)
        assert pending(world, MBX1)
        return world

    def test_is_told_by_every_plan(self, refused: Fleet) -> None:
        assert "Revocation waits" in [one.summary for one in refused.plan().diagnostics]

    def test_is_not_lost_when_its_successor_is_renewed(self, tmp_path: Path) -> None:
        world = settled_as(unbound(tmp_path))
        desk, old = RevokingDesk(world.desk, refuses=True), thumbprint(world, MBX1)
        replaced(world, desk)
        world.pass_time(timedelta(days=33))
        world.apply()
        world.apply()
        assert old in in_store(world, "MBX1")
        assert pending(world, MBX1) == [old]
        desk.refuses = False
        world.apply()
        assert desk.revoked == [(old, "compromise")]
        world.apply()
        assert old not in in_store(world, "MBX1")

    def test_is_left_to_people_where_somebody_removed_it(self, refused: Fleet, desk: RevokingDesk) -> None:
        (old,) = pending(refused, MBX1)
        server = organization_of(refused.lab).servers["mbx1"]
        server.certificates = tuple(one for one in server.certificates if one.thumbprint != old)
        outcome = refused.apply()
        assert [one.summary for one in told(outcome)] == ["To be revoked by hand"]
        assert "tried" not in told(outcome)[0].hint
        assert told(refused.apply()) == []
        assert pending(refused, MBX1) == []

    def test_is_told_when_its_server_leaves_the_declaration(self, refused: Fleet, desk: RevokingDesk) -> None:
        undeclare(refused, "MBX1")
        desk.refuses = False
        outcome = replaced(refused, desk, MBX2)
        assert [one.summary for one in told(outcome)] == ["To be revoked by hand"]
        assert [reason for _, reason in desk.revoked] == ["compromise"]  # of the other one
        summaries = [one.summary for one in refused.plan().diagnostics]
        assert "To be revoked by hand" in summaries

    def test_is_nothing_any_more_once_the_certificate_has_ended(
        self, refused: Fleet, desk: RevokingDesk
    ) -> None:
        refused.pass_time(timedelta(days=46))
        desk.refuses = False
        assert told(refused.apply()) == []
        assert desk.revoked == []
        assert not pending(refused, MBX1)

    def test_is_the_business_of_who_issued_it(self, world: Fleet) -> None:
        """Not of who issued its successor."""
        old = {thumbprint(world, MBX1), thumbprint(world, MBX2)}
        desks: dict[str, Issuer] = {name: RevokingDesk(world.desk) for name in ("desk", "second")}
        world.declared["issuers"]["second"] = {"type": "local", "certificate": "ca.pem", "key": "ca.key"}
        world.declared["certificates"]["internet"]["issuer"] = "second"

        def open_issuer(settings: IssuerSettings, clock: Any) -> Issuer:
            return desks[settings.name]

        replaced(world, desks["second"], None, "second", open_issuer=open_issuer)
        assert {one for one, _ in desks["desk"].revoked} == old
        assert desks["second"].revoked == []


class TestACompromisedCertificate:
    def test_is_no_way_back(self, tmp_path: Path) -> None:
        """It goes as soon as it is revoked and nothing refers to it."""
        world = settled_as(unbound(tmp_path))
        desk, old = RevokingDesk(world.desk), thumbprint(world, MBX1)
        replaced(world, desk)
        assert desk.revoked == [(old, "compromise")]
        world.apply()
        assert old not in in_store(world, "MBX1")

    def test_is_told_while_it_is_held(self, world: Fleet, desk: RevokingDesk) -> None:
        old = thumbprint(world, MBX1)
        replaced(world, desk)
        held = [one for one in world.plan().diagnostics if one.summary == "Replaced certificates held"]
        assert [old in one.detail for one in held] == [True]

    def test_is_not_bound_to_again_when_its_successor_is_served_worse(
        self, world: Fleet, desk: RevokingDesk
    ) -> None:
        world.declared["endpoints"] = [{"name": "mail.contoso.com", "servers": ["MBX1", "MBX2"]}]
        world.apply()
        world.declared["certificates"]["internet"]["subject"] = "CN=mail.contoso.com"
        outcome = replaced(world, desk, None, "desk")
        changes = {str(change.address): change for change in outcome.planned.plan.changes}
        bound = changes['receive_connector.MBX1."Default Frontend MBX1"']
        assert bound.on_failure == ()
        assert bound.no_step_back == "what it was bound by before is to be revoked"


class TestWhatIsOnlyObserved:
    @pytest.mark.parametrize("one", [MBX1, None])
    def test_is_not_said_to_be_replaced(self, world: Fleet, desk: RevokingDesk, one: Address | None) -> None:
        world.declared["servers"]["MBX1"]["mode"] = "observe"
        with pytest.raises(OperationFailed) as failed:
            replaced(world, desk, one, "" if one else "desk")
        assert [found.summary for found in failed.value.diagnostics] == ["Only observed"]

    def test_is_refused_without_an_issuer(self, world: Fleet, desk: RevokingDesk) -> None:
        del world.declared["certificates"]["internet"]["issuer"]
        with pytest.raises(OperationFailed) as failed:
            replaced(world, desk)
        assert [found.summary for found in failed.value.diagnostics] == ["Nothing to replace"]


def undeclare(world: Fleet, server: str) -> None:
    world.declared["servers"].pop(server)
    for part in (world.declared["certificates"]["internet"], world.declared["send_connectors"]["internet"]):
        part["servers"] = [name for name in part["servers"] if name != server]


def test_the_request_for_a_replacement_whose_server_leaves_is_told(world: Fleet, desk: RevokingDesk) -> None:
    world.desk.turnaround = lambda: timedelta(days=2)
    replaced(world, desk)
    undeclare(world, "MBX1")
    found = [one for one in world.plan().diagnostics if one.summary == "To be revoked by hand"]
    assert [thumbprint(world, MBX1) in one.detail for one in found] == [True]


def test_a_record_of_before_knows_no_issuer(world: Fleet, desk: RevokingDesk) -> None:
    """Then it is that of the successor."""
    desk.refuses, old = True, thumbprint(world, MBX1)
    replaced(world, desk)
    kept = world.record
    entry = kept.resources[MBX1]
    before = tuple(replace(one, issuer="") for one in entry.predecessors)
    resources = {**kept.resources, MBX1: replace(entry, predecessors=before)}
    world.store._record = replace(kept, resources=resources)
    desk.refuses = False
    world.apply()
    assert desk.revoked == [(old, "compromise")]
