"""What the world is presented after an apply is waited for, and what is not as it should be is told.

In process; on the wire it is tests/wire/test_served.py. What is taken back: test_step_back.py.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.cli.exit_code import ExitCode
from reconciler.diagnostics import Severity
from reconciler.events import ApplyFinished, EndpointChecked, ServingAwaited
from reconciler.issuers.local import LocalIssuer
from reconciler.issuers.port import Waiting
from reconciler.operations.applying import run_apply
from reconciler.verify.starttls import Fault, HandshakeProblem
from tests.gated import (
    NO_TLS,
    SILENT,
    WITH_ANOTHER_ISSUER,
    YAML,
    Full,
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


class TestAnAuthorityWhoseFileIsMissing:
    @pytest.fixture
    def missing(self, later: World) -> World:
        """It signs all the same: it was opened before, or has no need of that file."""
        other = later.lab.directory / "other.pem"
        key = other.with_suffix(".key")
        later.issuer = LocalIssuer.open("house", other, key, clock=lambda: later.lab.now)
        later.kept = other.read_bytes()
        other.unlink()
        return later

    def test_stops_nothing_and_takes_nothing_back(self, missing: World) -> None:
        """Everybody else may know it: unknown is not untrusted, and not trusted either."""
        before = presented(missing).certificate
        outcome = missing.apply()
        assert (code(outcome), finished(missing)) == (ExitCode.DONE, "not_seen")
        [diagnostic] = outcome.gated.diagnostics
        assert (diagnostic.summary, diagnostic.severity) == ("Authority not readable", Severity.WARNING)
        assert "other.pem cannot be read: No such file" in diagnostic.detail
        assert presented(missing).certificate != before
        assert not missing.steps_back
        assert "served" not in missing.recorded().milestones

    def test_is_served_as_soon_as_it_is_there(self, missing: World) -> None:
        missing.apply()
        (missing.lab.directory / "other.pem").write_bytes(missing.kept)
        outcome = missing.apply()
        assert told(outcome) == []
        assert "served" in missing.recorded().milestones

    def test_hides_nothing_else(self, missing: World) -> None:
        """STARTTLS that is gone is gone, whoever signed."""
        spoils_new_ones(missing)
        outcome = missing.apply()
        assert code(outcome) is ExitCode.NOT_VERIFIED
        assert missing.steps_back


class TestAnApply:
    def test_ends_when_the_world_is_presented_what_it_bound(self, world: World) -> None:
        outcome = world.apply()
        assert (code(outcome), told(outcome), finished(world)) == (ExitCode.DONE, [], "passed")
        (checked,) = (one for one in world.heard if isinstance(one, EndpointChecked))
        assert (checked.server, checked.problem) == ("MBX1", "")
        assert world.recorded().milestones["served"] == world.lab.now
        after = world.plan()
        assert after.plan.is_empty
        assert not [change for change in after.plan.changes if change.learned]

    def test_waits_until_it_is_and_tells_why(self, later: World) -> None:
        old = presented(later)
        since = later.spent

        still_old = replace(old, problems=(HandshakeProblem(Fault.OTHER_CERTIFICATE),))
        later.spoiled = lambda _: still_old if later.spent < since + 100 else None
        outcome = later.apply()
        assert (code(outcome), told(outcome)) == (ExitCode.DONE, [])
        assert later.spent == since + 105
        assert [one.reason for one in later.heard if isinstance(one, ServingAwaited)] == [
            Fault.OTHER_CERTIFICATE.value
        ]

    def test_that_changes_nothing_there_looks_at_nothing(self, world: World) -> None:
        world.apply()
        world.path.write_text(YAML.replace("[fabrikam.com]", "[fabrikam.com, adatum.com]"))
        world.spoiled = lambda _: pytest.fail("nobody may look")
        outcome = world.apply()
        assert (code(outcome), finished(world)) == (ExitCode.DONE, "")

    def test_whose_certificate_waits_for_its_issuer_waits_for_nothing_else(self, world: World) -> None:
        """The old one is presented, and it is right that it is."""
        world.apply()
        world.path.write_text(YAML.replace("[mail.contoso.com]", "[mail.contoso.com, mx.contoso.com]"))

        class Slow:
            name = "house"

            def issue(self, request: object) -> Waiting:
                return Waiting("42", "somebody has to look at it")

        surroundings = replace(world.surroundings, open_issuer=lambda settings, clock: Slow())
        began = world.spent
        outcome = run_apply(world.inputs, surroundings, lambda planned: True)
        assert code(outcome) is ExitCode.WAITING
        assert world.spent == began

    def test_is_not_done_when_something_else_is_presented(self, later: World) -> None:
        old = presented(later)
        later.spoiled = lambda _: replace(old, problems=(HandshakeProblem(Fault.OTHER_CERTIFICATE),))
        outcome = later.apply()
        assert (code(outcome), told(outcome), finished(later)) == (
            ExitCode.NOT_VERIFIED,
            ["Certificate not served"],
            "failed",
        )
        assert not later.steps_back
        assert "served" not in later.recorded().milestones

    def test_from_where_nothing_is_to_be_seen_is_done_with_a_warning(self, later: World) -> None:
        """Port 25 is closed to most machines that a pipeline runs on."""
        later.spoiled = lambda _: SILENT
        began = later.spent
        outcome = later.apply()
        assert (code(outcome), told(outcome), finished(later)) == (
            ExitCode.DONE,
            ["Endpoint not seen"],
            "not_seen",
        )
        assert outcome.gated.diagnostics[0].severity is Severity.WARNING
        assert later.spent == began
        assert "served" not in later.recorded().milestones

    def test_after_which_nobody_answers_any_more_is_not_verified_and_nothing_is_taken_back(
        self, later: World
    ) -> None:
        answers = presented(later).certificate
        later.spoiled = lambda true: None if true.certificate == answers else SILENT
        outcome = later.apply()
        assert (code(outcome), told(outcome)) == (
            ExitCode.NOT_VERIFIED,
            ["Endpoint not to be seen any more"],
        )
        assert not later.steps_back

    def test_that_is_interrupted_while_it_waits_is_told_to_be_done(self, later: World) -> None:
        spoils_new_ones(later)

        def interrupt() -> None:
            raise KeyboardInterrupt

        later.at_sleep = interrupt
        outcome = later.apply()
        assert (code(outcome), told(outcome), finished(later)) == (
            ExitCode.STOPPED,
            ["Verification interrupted"],
            "interrupted",
        )
        later.at_sleep = lambda: None
        later.spoiled = lambda _: None
        assert later.plan().plan.is_empty

    def test_that_stops_part_way_tells_what_is_worse_and_takes_nothing_back(self, later: World) -> None:
        """What is in doubt might be taken back as well."""
        before = presented(later)
        later.lab.disturb({"hides": "Set-ReceiveConnector -TlsCertificateName"})
        later.spoiled = lambda true: NO_TLS if later.lab.sent else before
        outcome = later.apply()
        assert (code(outcome), told(outcome)) == (ExitCode.STOPPED, ["STARTTLS got worse"])
        assert not later.steps_back


class TestAnApplyOfWhichOneIssuerRefusesACertificate:
    """For days, where its folder holds a wrong file: it is parked, and nothing else is stopped."""

    def test_waits_for_the_others_to_be_served(self, later: World) -> None:
        later.path.write_text(WITH_ANOTHER_ISSUER)
        later.refusing = "desk"
        old = presented(later)
        since = later.spent
        still_old = replace(old, problems=(HandshakeProblem(Fault.OTHER_CERTIFICATE),))
        later.spoiled = lambda _: still_old if later.spent < since + 100 else None
        outcome = later.apply()
        assert later.spent == since + 105
        assert (code(outcome), finished(later)) == (ExitCode.STOPPED, "passed")
        assert later.recorded().milestones["served"] == later.lab.now

    def test_tells_of_a_certificate_that_is_not_served(self, later: World) -> None:
        later.path.write_text(WITH_ANOTHER_ISSUER)
        later.refusing = "desk"
        old = presented(later)
        later.spoiled = lambda _: replace(old, problems=(HandshakeProblem(Fault.OTHER_CERTIFICATE),))
        assert told(later.apply()) == ["Certificate not served"]


def test_what_was_seen_is_told_although_it_cannot_be_remembered(tmp_path: Path) -> None:
    """All was sent, so it is not said that nothing was changed; the next apply sees it again."""
    world = world_of(tmp_path)
    world.store = Full("served", times=1)
    outcome = world.apply()
    assert (code(outcome), told(outcome), finished(world)) == (
        ExitCode.STOPPED,
        ["Record not written"],
        "passed",
    )
    assert "served" not in world.recorded().milestones
    outcome = world.apply()
    assert (outcome.applied, told(outcome)) == (None, [])
    assert "served" in world.recorded().milestones


class TestAnApplyThatHasNothingToDo:
    def test_sees_what_an_earlier_one_did_not_come_to_see(self, later: World) -> None:
        """That was interrupted, or killed, while it waited."""
        spoils_new_ones(later)

        def interrupt() -> None:
            raise KeyboardInterrupt

        later.at_sleep = interrupt
        later.apply()
        later.at_sleep = lambda: pytest.fail("nobody may wait")
        outcome = later.apply()
        assert (outcome.applied, outcome.gated.failed) == (None, True)
        later.spoiled = lambda _: None
        outcome = later.apply()
        assert (outcome.applied, told(outcome), outcome.gated.failed) == (None, [], False)
        assert "served" in later.recorded().milestones
        later.spoiled = lambda _: pytest.fail("nobody may look")
        later.apply()

    def test_does_not_look_for_ever_where_nothing_is_to_be_seen(self, later: World) -> None:
        later.spoiled = lambda _: SILENT
        later.apply()
        outcome = later.apply()
        assert (outcome.applied, told(outcome), finished_none(later)) == (None, [], True)
        later.lab.now += timedelta(days=2)
        later.spoiled = lambda _: pytest.fail("nobody may look")
        later.apply()


def finished_none(world: World) -> bool:
    return not any(isinstance(one, ApplyFinished | EndpointChecked) for one in world.heard)
