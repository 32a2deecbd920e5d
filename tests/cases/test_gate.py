"""What the world is presented after an apply: waited for, and taken back where it is worse than before.

In process: the lab says what it would present, and a rule in the test spoils it. On the wire it is
tests/wire/test_served.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.commands.apply import _code
from reconciler.cli.exit_code import ExitCode
from reconciler.diagnostics import Severity
from reconciler.events import ApplyFinished, EndpointChecked, Event, ServingAwaited, SteppingBack
from reconciler.exchange.patience import Patience
from reconciler.exchange.port import Command, Connection, Outcome, Reader, Writer
from reconciler.issuers.local import LocalIssuer
from reconciler.issuers.port import Issuer, Waiting
from reconciler.operations.applying import ApplyOutcome, run_apply, run_saved_plan
from reconciler.operations.failed import Cause, OperationFailed
from reconciler.operations.inputs import Inputs, Surroundings
from reconciler.operations.issuers import open_issuer
from reconciler.operations.planning import Planned, run_plan
from reconciler.operations.saved_plans import read_plan, save_plan
from reconciler.verify.chain import Authorities
from reconciler.verify.starttls import Fault, Handshake, HandshakeProblem
from state.address import Address
from state.record import STEPPED_BACK, Recorded
from state.stores.memory import MemoryStore
from state.values import Fqdn
from tests.authority import Authority
from tests.direct import DirectLab, direct_lab

YAML = """\
version: 1
organization: contoso
issuers:
  house: {type: local, certificate: ca.pem, key: ca.key}
endpoints: [{name: mail.contoso.com, servers: [MBX1]}]
partners: {trusted: [fabrikam.com]}
servers:
  MBX1:
    role: mailbox
    host: mbx1.contoso.com
    certificates:
      public:
        subject: "O=Contoso Ltd, CN=mail.contoso.com"
        domains: [mail.contoso.com]
        issuer: house
    send_connectors:
      tls_required: {to: trusted, certificate: public}
      opportunistic: {to: ["*"], certificate: public}
    receive_connectors:
      "Default Frontend MBX1": {certificate: public}
"""
PUBLIC = Address.parse("certificate.MBX1.public")
ANSWERS = Address.parse('receive_connector.MBX1."Default Frontend MBX1"')
SENDS = [Address.parse(f"send_connector.MBX1.{kind}") for kind in ("tls_required", "opportunistic")]
NO_TLS = Handshake(problems=(HandshakeProblem(Fault.NO_STARTTLS),))
SILENT = Handshake(problems=(HandshakeProblem(Fault.UNREACHABLE),))


class Killed(BaseException):
    """The process is gone."""


@dataclass
class World:
    """A server, a record, and a clock that nobody waits for.

    Attributes:
        spoiled: What a handshake shows instead of what it would; None: nothing else.
        at_sleep: Done while somebody waits.
        killed_at: At which instant of a step back the process dies: before and after each command, from 0.
        issuer: Who is asked instead of the declared one.
        kept: What stood in a file that is missing.
    """

    lab: DirectLab
    path: Path
    store: MemoryStore = field(default_factory=MemoryStore)
    heard: list[Event] = field(default_factory=list)
    spoiled: Callable[[Handshake], Handshake | None] = lambda _: None
    at_sleep: Callable[[], object] = lambda: None
    killed_at: int | None = None
    spent: float = 0.0
    connections: str = "connections.yaml"
    issuer: Issuer | None = None
    kept: bytes = b""

    def shake(self, *arguments: Any, **options: Any) -> Handshake:
        true = self.lab.shake(*arguments, **options)
        return self.spoiled(true) or true

    def sleep(self, seconds: float) -> None:
        self.spent += seconds
        self.lab.now += timedelta(seconds=seconds)
        self.at_sleep()

    @property
    def surroundings(self) -> Surroundings:
        return Surroundings(
            self.heard.append,
            lambda: self.lab.now,
            self,
            lambda folder, organization: self.store,
            Patience(lambda: self.spent, self.sleep),
            shake=self.shake,
            open_issuer=lambda settings, clock: self.issuer or open_issuer(settings, clock),
        )

    @contextmanager
    def reader(self, connection: Connection) -> Iterator[Reader]:
        with self.lab.reader(connection) as session:
            yield session

    @contextmanager
    def writer(self, connection: Connection) -> Iterator[Writer]:
        with self.lab.writer(connection) as session:
            yield _Mortal(session, self)

    @property
    def inputs(self) -> Inputs:
        self.lab.connections()
        return Inputs(self.path, connections=self.lab.directory / self.connections)

    @property
    def steps_back(self) -> bool:
        return any(isinstance(one, SteppingBack) for one in self.heard)

    def plan(self) -> Planned:
        return run_plan(self.inputs, self.surroundings)

    def apply(self) -> ApplyOutcome:
        self.heard.clear()
        self.lab.sent.clear()
        return run_apply(self.inputs, self.surroundings, lambda planned: True)

    def recorded(self, address: Address = PUBLIC) -> Recorded:
        stored = self.store.read()
        assert stored.record is not None
        return stored.record.resources[address]

    def bound(self) -> dict[str, str]:
        """What each connector is bound by, by the connector's name."""
        planned = self.plan()
        (server,) = planned.live.servers.values()
        connectors = [*server.receive_connectors.objects, *server.send_connectors.objects]
        return {str(one.name): str(one.tls_certificate_name) for one in connectors}

    def another_authority(self) -> None:
        """The issuer changes: from now on certificates have another issuer, and so another name."""
        known = json.loads(self.lab.connections().read_text())
        other = Authority.make("Another CA")
        (self.lab.directory / "other.pem").write_text(other.pem)
        key = self.lab.directory / "other.key"
        key.write_bytes(other.key_pem)
        key.chmod(0o600)
        old = known["issuers"]["*"]
        known["issuers"] = {"house": {**old, "certificate": "other.pem", "key": "other.key"}}
        self.connections = "other.yaml"
        (self.lab.directory / self.connections).write_text(json.dumps(known))


@dataclass
class _Mortal:
    session: Writer
    world: World

    @property
    def server(self) -> str:
        return self.session.server

    def read(self, queries: Any) -> Any:
        return self.session.read(queries)

    def run(self, command: Command) -> Outcome:
        left = self.world.killed_at if self.world.steps_back else None
        if left == 0:
            raise Killed
        outcome = self.session.run(command)
        if left == 1:
            raise Killed
        if left is not None:
            self.world.killed_at = left - 2
        return outcome


def world_of(folder: Path, text: str = YAML, **lab: Any) -> World:
    path = folder / "tls.yaml"
    path.write_text(text, encoding="utf-8")
    return World(direct_lab(folder / "lab", **{"servers": 1, "edges": 0, **lab}), path)


def spoils_new_ones(world: World) -> None:
    """From now on only what is presented already works: whatever else is bound takes STARTTLS away."""
    known = presented(world).certificate
    world.spoiled = lambda true: None if true.certificate == known else NO_TLS


def presented(world: World) -> Handshake:
    """What the only server presents now, trusted by nobody."""
    return world.lab.shake("127.0.0.1", 1, Fqdn("mail.contoso.com"), Authorities(), world.lab.now)


def code(outcome: ApplyOutcome) -> ExitCode:
    assert outcome.applied is not None
    return _code(outcome.applied, outcome.gated)


def told(outcome: ApplyOutcome) -> list[str]:
    return [one.summary for one in outcome.gated.diagnostics]


def finished(world: World) -> str:
    (event,) = (one for one in world.heard if isinstance(one, ApplyFinished))
    return event.verification


@pytest.fixture
def world(tmp_path: Path) -> World:
    return world_of(tmp_path)


@pytest.fixture
def later(world: World) -> World:
    """All is set up; the certificate is due, and the issuer is another one."""
    assert code(world.apply()) is ExitCode.DONE
    world.another_authority()
    world.lab.now += timedelta(days=61)
    return world


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
