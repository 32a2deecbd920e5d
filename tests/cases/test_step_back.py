"""What is taken back after an apply, where the world is presented something worse than before."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.exit_code import ExitCode
from reconciler.operations.applying import run_apply, run_saved_plan
from reconciler.operations.failed import Cause, OperationFailed
from reconciler.operations.saved_plans import read_plan, save_plan
from reconciler.verify.starttls import Handshake
from state.record import STEPPED_BACK
from tests.gated import (
    ANSWERS,
    NO_TLS,
    SENDS,
    WITH_ANOTHER_ISSUER,
    YAML,
    Full,
    Killed,
    World,
    code,
    finished,
    presented,
    spoils_new_ones,
    told,
    with_another_authority,
    world_of,
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return world_of(tmp_path)


@pytest.fixture
def later(world: World) -> World:
    return with_another_authority(world)


class TestAStepBack:
    def test_binds_everything_to_what_it_was_bound_to(self, later: World) -> None:
        before = later.bound()
        shown = {
            change.address: change.on_failure for change in later.plan().plan.changes if change.on_failure
        }
        assert set(shown) == {ANSWERS, *SENDS}
        spoils_new_ones(later)
        outcome = later.apply()
        assert (code(outcome), told(outcome), finished(later)) == (
            ExitCode.NOT_VERIFIED,
            ["Stepped back"],
            "failed",
        )
        assert "now it is as it was before" in outcome.gated.diagnostics[0].detail
        assert later.bound() == before
        assert later.steps_back
        planned = sum(len(change.invocations) for change in outcome.planned.plan.changes)
        assert len(later.lab.sent) - planned == 3
        assert {cmdlet for _, cmdlet, _ in later.lab.sent[-3:]} == {
            "Set-ReceiveConnector",
            "Set-SendConnector",
        }
        allowed = {str(one.parameters["Identity"]) for steps in shown.values() for one in steps}
        assert {str(given["Identity"]) for _, _, given in later.lab.sent[-3:]} == allowed

    def test_binds_what_only_follows_as_it_was_too(self, tmp_path: Path) -> None:
        """The listener that answers is somebody else's: its binding alone is taken back."""
        listens = '"Default Frontend MBX1": {certificate: public}'
        follows = listens.replace("{", "{follow: [certificate], ")
        assert follows != listens
        world = world_of(tmp_path, YAML.replace(listens, follows))
        world.apply()
        world.another_authority()
        world.lab.now += timedelta(days=61)
        before = world.bound()
        spoils_new_ones(world)
        assert told(world.apply()) == ["Stepped back"]
        assert world.bound() == before
        (back,) = (given for _, cmdlet, given in world.lab.sent[-3:] if cmdlet == "Set-ReceiveConnector")
        assert back.keys() == {"Identity", "TlsCertificateName", "DomainController"}

    def test_is_remembered_and_the_next_plan_says_so(self, later: World) -> None:
        spoils_new_ones(later)
        later.apply()
        milestones = later.recorded().milestones
        assert STEPPED_BACK in milestones
        assert not {"bound", "served"} & milestones.keys()
        planned = later.plan()
        again = [change.address for change in planned.plan.changes if change.action.is_mutating]
        assert set(again) == {ANSWERS, *SENDS}
        warned = [one for one in planned.diagnostics if one.summary == "Stepped back last time"]
        assert {one.subject for one in warned} == set(map(str, again))
        assert {change.address for change in planned.plan.changes if change.on_failure} == {ANSWERS, *SENDS}

    def test_is_forgotten_when_it_works(self, later: World) -> None:
        """The certificate was kept: nothing is requested again."""
        spoils_new_ones(later)
        later.apply()
        later.spoiled = lambda _: None
        outcome = later.apply()
        assert (code(outcome), told(outcome)) == (ExitCode.DONE, [])
        assert {cmdlet for _, cmdlet, _ in later.lab.sent} == {"Set-ReceiveConnector", "Set-SendConnector"}
        assert STEPPED_BACK not in later.recorded().milestones
        assert {"bound", "served"} <= later.recorded().milestones.keys()
        after = later.plan()
        assert after.plan.is_empty
        assert not [one for one in after.diagnostics if one.summary == "Stepped back last time"]

    @pytest.mark.parametrize("instant", range(6))
    def test_that_is_killed_is_known_and_converges(self, later: World, instant: int) -> None:
        spoils_new_ones(later)
        later.killed_at = instant
        with pytest.raises(Killed):
            later.apply()
        later.killed_at = None
        planned = later.plan()
        if instant == 0:  # nothing was taken back: there is nothing to plan, and the world still misses it
            outcome = later.apply()
            assert (outcome.applied, told(outcome)) == (None, ["Certificate not served"])
            assert outcome.gated.failed
        else:
            assert "Stepped back last time" in [one.summary for one in planned.diagnostics]
        later.spoiled = lambda _: None
        outcome = later.apply()
        if outcome.applied is not None:
            assert code(outcome) is ExitCode.DONE
        assert later.plan().plan.is_empty
        assert len({name for name in later.bound().values() if "Another CA" in name}) == 1

    def test_is_made_although_an_issuer_refuses_another_certificate(self, later: World) -> None:
        later.path.write_text(WITH_ANOTHER_ISSUER)
        later.refusing = "desk"
        before = later.bound()
        spoils_new_ones(later)
        outcome = later.apply()
        assert (code(outcome), told(outcome)) == (ExitCode.STOPPED, ["Stepped back"])
        assert later.bound() == before

    @pytest.mark.parametrize("times", [1, 2])
    def test_is_made_although_it_could_not_be_remembered_before(self, tmp_path: Path, times: int) -> None:
        """The disk is full for a moment; twice is longer than the step back can do without."""
        world = world_of(tmp_path)
        world.store = Full(STEPPED_BACK, times)
        with_another_authority(world)
        before = world.bound()
        spoils_new_ones(world)
        outcome = world.apply()
        assert code(outcome) is ExitCode.STOPPED
        if times == 1:
            assert told(outcome) == ["Record not written", "Stepped back"]
            assert world.bound() == before
            assert STEPPED_BACK in world.recorded().milestones
        else:
            assert told(outcome)[0] == "Record not written"
            assert told(outcome)[-1] == "STARTTLS got worse"
            assert "did not come to its end" in outcome.gated.diagnostics[-1].detail

    def test_leads_nowhere_with_the_same_issuer_and_subject(self, world: World) -> None:
        """[3-15]: the newest of that name would go on being presented."""
        world.apply()
        world.lab.now += timedelta(days=61)
        spoils_new_ones(world)
        outcome = world.apply()
        assert (code(outcome), told(outcome)) == (ExitCode.NOT_VERIFIED, ["STARTTLS got worse"])
        assert "There is no step back" in outcome.gated.diagnostics[0].detail
        assert not world.steps_back
        assert [cmdlet for _, cmdlet, _ in world.lab.sent][:3] == [
            "New-ExchangeCertificate",
            "Import-ExchangeCertificate",
            "Enable-ExchangeCertificate",
        ]
        planned = [one for change in outcome.planned.plan.changes for one in change.invocations]
        assert len(world.lab.sent) <= len(planned)  # a name that stays need not be sent

    def test_is_not_made_for_what_stands_before_the_servers(self, later: World) -> None:
        """Nothing tells which of the servers behind it is to blame."""
        declared = YAML.replace("servers: [MBX1]}]", 'servers: [MBX1], published: "192.0.2.9:25"}]')
        later.path.write_text(declared)
        known = json.loads((later.lab.directory / later.connections).read_text())
        known["published"] = {"mail.contoso.com": "127.0.0.2:1"}
        (later.lab.directory / later.connections).write_text(json.dumps(known))
        old = presented(later).certificate
        shake = later.shake

        def published(host: str, *arguments: Any, **options: Any) -> Handshake:
            true = shake(host, *arguments, **options)
            return NO_TLS if host == "127.0.0.2" and true.certificate != old else true

        surroundings = replace(later.surroundings, shake=published)
        outcome = run_apply(later.inputs, surroundings, lambda planned: True)
        assert (code(outcome), told(outcome)) == (ExitCode.NOT_VERIFIED, ["STARTTLS got worse"])
        assert not later.steps_back

    def test_is_part_of_a_saved_plan(self, later: World, tmp_path: Path) -> None:
        """What was reviewed is what runs; without the endpoint nobody would look, and it is another plan."""
        place, made = tmp_path / "plan.json", later.lab.now
        save_plan(later.plan(), later.inputs, place, targets=(), made_at=made, tool_version="0")
        saved = read_plan(place)
        later.path.write_text(YAML.replace("endpoints: [{name: mail.contoso.com, servers: [MBX1]}]\n", ""))
        with pytest.raises(OperationFailed) as caught:
            run_saved_plan(saved, later.surroundings, lambda planned: True)
        assert caught.value.cause is Cause.STALE
        later.path.write_text(YAML)
        spoils_new_ones(later)
        before = later.bound()
        outcome = run_saved_plan(saved, later.surroundings, lambda planned: True)
        assert told(outcome) == ["Stepped back"]
        assert later.bound() == before


class TestOnExchange2010:
    """Its connectors name no certificate: what is taken back is the new certificate itself."""

    BARE = YAML[: YAML.index("    send_connectors:")]
    BY_NAME = (
        BARE
        + """\
    receive_connectors:
      Internet:
        bindings: ["0.0.0.0:25"]
        remote_ip_ranges: [128.0.0.0/1]
        permission_groups: [AnonymousUsers]
        auth_mechanism: [Tls]
        fqdn: mail.contoso.com
"""
    )

    def test_the_new_certificate_is_removed_and_the_old_one_is_recorded_again(self, tmp_path: Path) -> None:
        world = world_of(tmp_path, self.BY_NAME, build="2010-sp3")
        world.apply()
        old = world.recorded()
        world.lab.now += timedelta(days=61)
        (change,) = (one for one in world.plan().plan.changes if one.action.is_mutating)
        assert [one.cmdlet for one in change.on_failure] == ["Remove-ExchangeCertificate"]
        spoils_new_ones(world)
        outcome = world.apply()
        assert (code(outcome), told(outcome)) == (ExitCode.NOT_VERIFIED, ["Stepped back"])
        assert world.lab.sent[-1][1] == "Remove-ExchangeCertificate"
        now = world.recorded()
        assert now.resource == old.resource
        assert now.milestones["served"] == old.milestones["served"]
        planned = world.plan()
        assert "Stepped back last time" in [one.summary for one in planned.diagnostics]
        world.spoiled = lambda _: None
        outcome = world.apply()
        assert code(outcome) is ExitCode.DONE
        assert world.plan().plan.is_empty
        assert STEPPED_BACK not in world.recorded().milestones


def test_a_certificate_that_exchange_chooses_by_itself_has_no_step_back(tmp_path: Path) -> None:
    """The plan says so, and what to do about it."""
    world = world_of(tmp_path, TestOnExchange2010.BARE)
    (change,) = (one for one in world.plan().plan.changes if one.action.is_mutating)
    assert change.on_failure == ()
    assert "bind it to the receive connector" in change.no_step_back


def test_what_an_edge_server_does_not_tell_is_not_said_to_dangle(tmp_path: Path) -> None:
    """There was a certificate; only whether it was good could not be read."""
    world = world_of(
        tmp_path,
        YAML.replace("MBX1", "EDGE1")
        .replace("mailbox", "edge")
        .replace("mbx1", "edge1")
        .replace("Default Frontend EDGE1", "Default internal receive connector EDGE1"),
        servers=0,
        edges=1,
    )
    world.apply()
    world.lab.now += timedelta(days=61)
    found = {one.no_step_back for one in world.plan().plan.changes if one.address.type == "receive_connector"}
    assert found == {"whether what it was bound by before could still be presented could not be read"}
