"""One certificate on several servers: one request, and its key goes from server to server, encrypted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12

from reconciler.apply import journey
from reconciler.cmdlets.invocation import parameter_to_json
from reconciler.exchange.errors import CmdletFailed, Unreachable
from reconciler.exchange.patience import Patience
from reconciler.exchange.port import Command, Connection, Endpoint, Outcome, Query, Reader, Result, Writer
from reconciler.lab.exchange.organization import Server
from reconciler.operations.applying import ApplyOutcome, run_apply
from reconciler.operations.planning import run_plan
from reconciler.plan.change import Action, Change, Plan
from state.address import Address
from state.resources import Certificate
from state.stores.memory import MemoryStore
from tests.direct import DirectLab
from tests.life import Desk, Fleet, fleet

MBX1, MBX2, MBX3 = (Address.of("certificate", f"MBX{number}", "internet") for number in (1, 2, 3))
SHARED = {"key": "shared", "exportable": True}
FETCHED = ["Export-ExchangeCertificate", "Import-ExchangeCertificate", "Enable-ExchangeCertificate"]


@pytest.fixture
def trio(tmp_path: Path) -> Fleet:
    """Three servers that are to share a key; nothing is set up."""
    return fleet(tmp_path, servers=3, **SHARED)


@pytest.fixture
def done(trio: Fleet) -> Fleet:
    """All three have it."""
    carried_out(trio.apply())
    return trio


def carried_out(outcome: ApplyOutcome) -> None:
    assert outcome.applied is not None
    assert outcome.applied.is_complete, outcome.applied.diagnostics


def store_of(world: Fleet, name: str) -> Server:
    found = world.lab.exchange._organization.server(name)
    assert found is not None
    return found


def thumbprints(world: Fleet, name: str) -> set[str]:
    """The certificates of the authority that a server has."""
    return {one.thumbprint for one in store_of(world, name).certificates if not one.is_self_signed}


def wipe(world: Fleet, name: str) -> None:
    """The server is rebuilt: what is in Active Directory is back, keys and requests are not."""
    server = store_of(world, name)
    kept = tuple(one for one in server.certificates if one.is_self_signed and not one.is_pending)
    world.lab.exchange._organization.put_certificates(server, kept, default=server.default_thumbprint)


def sent(world: Fleet, cmdlet: str) -> list[str]:
    return [server for server, sent, _ in world.lab.sent if sent == cmdlet]


def change_of(plan: Plan, address: Address) -> Change:
    return next(change for change in plan.changes if change.address == address)


def cmdlets(change: Change) -> list[str]:
    return [invocation.cmdlet for invocation in change.invocations]


def key_of(world: Fleet, address: Address) -> object:
    recorded = world.record.resources[address].resource
    assert isinstance(recorded, Certificate)
    return recorded.public_key


class TestTheFirstDay:
    def test_is_planned_as_one_request_and_two_journeys(self, trio: Fleet) -> None:
        plan = trio.plan().plan
        assert cmdlets(change_of(plan, MBX1)) == [
            "New-ExchangeCertificate",
            "Import-ExchangeCertificate",
            "Enable-ExchangeCertificate",
        ]
        for address in (MBX2, MBX3):
            change = change_of(plan, address)
            assert change.action is Action.CREATE
            assert cmdlets(change) == FETCHED
            assert [one.server for one in change.invocations] == ["MBX1", address.parts[0], address.parts[0]]
            assert change.requires == {MBX1}
            assert change.reason == "comes with its key from MBX1"

    def test_ends_with_one_certificate_everywhere(self, done: Fleet) -> None:
        assert sent(done, "New-ExchangeCertificate") == ["MBX1"]
        assert len(done.desk.answers) == 1
        assert thumbprints(done, "MBX1") == thumbprints(done, "MBX2") == thumbprints(done, "MBX3")
        assert len(thumbprints(done, "MBX1")) == 1
        again = done.plan()
        assert again.plan.is_empty
        assert not [change for change in again.plan.changes if change.learned]
        assert not again.plan.drift

    def test_is_recorded_for_every_server(self, done: Fleet) -> None:
        assert key_of(done, MBX1) == key_of(done, MBX2) == key_of(done, MBX3)
        milestones = done.record.resources[MBX3].milestones
        assert list(milestones) == ["requested", "submitted", "issued", "imported", "enabled", "bound"]
        assert done.record.resources[MBX3].created
        assert not done.record.requests

    def test_leaves_a_key_that_may_travel_on(self, done: Fleet) -> None:
        for name in ("MBX1", "MBX2", "MBX3"):
            (ours,) = (one for one in store_of(done, name).certificates if not one.is_self_signed)
            assert ours.exportable

    def test_waits_as_a_whole_for_an_authority(self, tmp_path: Path) -> None:
        def patient(desk: Desk) -> Desk:
            desk.turnaround = lambda: timedelta(days=9)
            return desk

        slow = fleet(tmp_path, servers=3, desk=patient, **SHARED)
        applied = slow.apply().applied
        assert applied is not None
        assert applied.is_complete
        assert {MBX1, MBX2, MBX3} <= set(applied.waiting)
        plan = slow.plan().plan
        assert plan.is_empty
        assert {change_of(plan, one).action for one in (MBX1, MBX2, MBX3)} == {Action.WAIT}
        slow.pass_time(timedelta(days=9))
        carried_out(slow.apply())
        assert slow.plan().plan.is_idle
        assert len(slow.desk.ready) == 1


class TestARenewal:
    def test_is_one_request_for_all(self, done: Fleet) -> None:
        old = thumbprints(done, "MBX1")
        done.pass_time(timedelta(days=33))
        plan = done.plan().plan
        assert {change_of(plan, one).action for one in (MBX1, MBX2, MBX3)} == {Action.REPLACE}
        carried_out(done.apply())
        assert sent(done, "New-ExchangeCertificate") == ["MBX1", "MBX1"]
        assert thumbprints(done, "MBX2") == thumbprints(done, "MBX1") > old
        assert done.plan().plan.is_idle
        for address in (MBX1, MBX2, MBX3):
            (predecessor,) = done.record.resources[address].predecessors
            assert {str(predecessor.thumbprint)} == old
            assert predecessor.created

    def test_has_another_key_and_another_password_each_time(
        self, trio: Fleet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        drawn = passwords_drawn(monkeypatch)
        carried_out(trio.apply())
        trio.pass_time(timedelta(days=33))
        first = key_of(trio, MBX1)
        carried_out(trio.apply())
        assert key_of(trio, MBX2) == key_of(trio, MBX1) != first
        assert len(drawn) == len(set(drawn)) == 4


class TestAServer:
    def test_that_joins_gets_it_from_one_that_has_it(self, tmp_path: Path) -> None:
        world = fleet(tmp_path, servers=3, **SHARED)
        world.declared["certificates"]["internet"]["servers"] = ["MBX1", "MBX2"]
        world.declared["send_connectors"]["internet"]["servers"] = ["MBX1", "MBX2"]
        del world.declared["servers"]["MBX3"]["receive_connectors"]
        carried_out(world.apply())
        world.declared["certificates"]["internet"]["servers"] = ["MBX1", "MBX2", "MBX3"]
        change = change_of(world.plan().plan, MBX3)
        assert cmdlets(change) == FETCHED
        assert not change.requires
        carried_out(world.apply())
        assert thumbprints(world, "MBX3") == thumbprints(world, "MBX1")
        assert len(world.desk.answers) == 1
        assert world.plan().plan.is_idle

    @pytest.mark.parametrize("name", ["MBX1", "MBX3"])
    def test_that_lost_it_gets_it_again(self, done: Fleet, name: str) -> None:
        """Be it the one that made the request."""
        wipe(done, name)
        plan = done.plan().plan
        (change,) = (one for one in plan.changes if one.action.is_mutating)
        assert str(change.address) == f"certificate.{name}.internet"
        assert cmdlets(change) == FETCHED
        assert change.invocations[0].server == ("MBX2" if name == "MBX1" else "MBX1")
        carried_out(done.apply())
        assert thumbprints(done, name) == thumbprints(done, "MBX2")
        assert len(done.desk.answers) == 1
        assert done.plan().plan.is_idle

    def test_that_lost_it_while_a_renewal_waits_gets_the_one_that_is_still_valid(self, done: Fleet) -> None:
        done.pass_time(timedelta(days=33))
        done.desk.turnaround = lambda: timedelta(days=9)
        done.apply()
        old = thumbprints(done, "MBX1")
        wipe(done, "MBX3")
        carried_out(done.apply())
        assert thumbprints(done, "MBX3") == old
        done.pass_time(timedelta(days=9))
        carried_out(done.apply())
        assert thumbprints(done, "MBX3") == thumbprints(done, "MBX1") > old
        assert done.plan().plan.is_idle
        assert len(done.desk.answers) == 2

    def test_that_has_it_though_nobody_recorded_it_is_left_alone(self, done: Fleet) -> None:
        """The record is lost: what is in the stores is found by its marks."""
        done.store = MemoryStore()
        plan = done.plan().plan
        assert plan.is_empty
        carried_out(done.apply())
        assert key_of(done, MBX1) == key_of(done, MBX2)

    def test_alone_can_be_planned_with_what_it_needs(self, trio: Fleet) -> None:
        planned = run_plan(trio.inputs(), trio.surroundings(), targets=(MBX2,))
        assert [str(change.address) for change in planned.plan.changes] == list(map(str, (MBX1, MBX2, MBX3)))


class TestAKeyThatMayNotLeaveItsServer:
    """It was made before it was to be shared."""

    @pytest.fixture
    def separate(self, tmp_path: Path) -> Fleet:
        world = fleet(tmp_path, servers=2, exportable=False)
        carried_out(world.apply())
        world.declared["certificates"]["internet"] |= SHARED
        return world

    def test_is_replaced_by_one_that_may(self, separate: Fleet) -> None:
        before = len(separate.desk.answers)
        carried_out(separate.apply())
        assert key_of(separate, MBX1) == key_of(separate, MBX2)
        assert len(separate.desk.answers) == before + 1
        assert separate.plan().plan.is_idle

    def test_is_no_reason_to_ask_twice_when_the_record_is_lost(self, separate: Fleet) -> None:
        separate.store = MemoryStore()
        plan = separate.plan().plan
        assert change_of(plan, MBX1).reason == "its key may not leave its server"
        carried_out(separate.apply())
        assert key_of(separate, MBX1) == key_of(separate, MBX2)
        assert separate.plan().plan.is_idle


class TestWhatASourceGives:
    def test_is_imported_nowhere_unless_it_is_an_encrypted_key(self, trio: Fleet) -> None:
        surroundings = replace(trio.surroundings(), sessions=Odd(trio.lab, "Export-ExchangeCertificate"))
        applied = run_apply(trio.inputs(), surroundings, lambda planned: True).applied
        assert applied is not None
        assert "Key not carried over" in [one.summary for one in applied.diagnostics]
        assert not applied.in_doubt
        assert sent(trio, "Import-ExchangeCertificate") == ["MBX1"]
        carried_out(trio.apply())
        assert trio.plan().plan.is_idle


def passwords_drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    drawn: list[str] = []
    real = journey.secrets.token_urlsafe

    def draw(size: int) -> str:
        drawn.append(real(size))
        return drawn[-1]

    monkeypatch.setattr(journey.secrets, "token_urlsafe", draw)
    return drawn


class TestAJourney:
    def test_has_bytes_that_its_password_opens_and_nothing_else(
        self, trio: Fleet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is imported is what was exported; the lab would refuse a wrong password."""
        drawn = passwords_drawn(monkeypatch)
        begun: list[bytes] = []
        real = journey.why_not_pkcs12

        def look(data: bytes) -> str:
            begun.append(bytes(data))
            return real(data)

        monkeypatch.setattr(journey, "why_not_pkcs12", look)
        carried_out(trio.apply())
        assert len(begun) == len(drawn) == 2
        for data, password in zip(begun, drawn, strict=True):
            key, leaf, _ = pkcs12.load_key_and_certificates(data, password.encode())
            assert key is not None
            assert leaf is not None
            with pytest.raises(ValueError):
                pkcs12.load_key_and_certificates(data, b"another")

    def test_leaves_nothing_behind(self, trio: Fleet) -> None:
        """The lab's sessions kept what they were given: it was wiped."""
        carried_out(trio.apply())
        given = [
            value
            for _, cmdlet, parameters in trio.lab.sent
            if cmdlet == "Import-ExchangeCertificate" and "Password" in parameters
            for value in (parameters["Password"], parameters["FileData"])
        ]
        assert len(given) == 4
        assert not any(value.reveal() for value in given)

    def test_is_in_the_plan_as_a_secret(self, trio: Fleet) -> None:
        fetch, bring, _ = change_of(trio.plan().plan, MBX2).invocations
        assert parameter_to_json(fetch.parameters["Password"]) == {"secret": True}
        assert parameter_to_json(bring.parameters["Password"]) == {"secret": True}
        assert parameter_to_json(bring.parameters["FileData"]) == {
            "deferred": "certificate.MBX1.internet#pkcs12"
        }

    def test_that_leads_to_what_is_there_is_refused_by_exchange(self, done: Fleet) -> None:
        """So a plan never makes it: what is in the store is taken for what it is."""
        connection = Connection("MBX1", "https://unused/", Endpoint.EXCHANGE, "admin", "secret")
        (ours,) = thumbprints(done, "MBX1")
        carried = journey.Journey()
        with done.lab.writer(connection) as session:
            asked = {"Thumbprint": ours, "BinaryEncoded": True, "Password": carried.password}
            assert carried.begin(session.run(Command("Export-ExchangeCertificate", asked))) == ""
            given = {"FileData": carried.content, "Password": carried.password, "Server": "MBX2"}
            with pytest.raises(CmdletFailed, match="already exists"):
                session.run(Command("Import-ExchangeCertificate", given))


class TestAServerThatCouldNotBeRead:
    """Unknown is not absent, on any of those that share."""

    def test_leads_to_no_request_by_another(self, trio: Fleet) -> None:
        """The first of them requests, and whether it has what they share is not known."""
        trio.lab.disturb({"server": "MBX1", "hides": "Get-ExchangeCertificate"})
        plan = trio.plan().plan
        assert not any(change.address.type == "certificate" for change in plan.changes)
        told = [one.subject for one in plan.diagnostics if one.summary == "List not read"]
        assert told == [str(MBX1)]

    def test_is_no_source(self, done: Fleet) -> None:
        wipe(done, "MBX3")
        done.lab.disturb({"server": "MBX1", "hides": "Get-ExchangeCertificate"})
        assert change_of(done.plan().plan, MBX3).invocations[0].server == "MBX2"


class TestAServerThatIsOnlyObserved:
    def test_neither_gives_nor_gets(self, done: Fleet) -> None:
        wipe(done, "MBX3")
        done.declared["servers"]["MBX1"]["mode"] = "observe"
        plan = done.plan().plan
        assert change_of(plan, MBX3).invocations[0].server == "MBX2"
        assert not change_of(plan, MBX1).invocations


class TestOutsideOfAWindow:
    def test_a_renewal_is_fetched_and_not_enabled(self, done: Fleet) -> None:
        """All have it when the window opens; none presents it before."""
        done.declared["maintenance"] = {
            "time_zone": "Europe/Berlin",
            "windows": [{"days": ["sat", "sun"], "from": "22:00", "to": "04:00"}],
        }
        done.pass_time(timedelta(days=33))
        carried_out(done.apply())
        assert len(thumbprints(done, "MBX3")) == 2
        assert thumbprints(done, "MBX3") == thumbprints(done, "MBX1")
        assert sorted(sent(done, "Enable-ExchangeCertificate")) == ["MBX1", "MBX2", "MBX3"]
        assert done.plan().plan.is_empty
        done.pass_time(timedelta(hours=10))
        carried_out(done.apply())
        assert len(sent(done, "Enable-ExchangeCertificate")) == 6
        assert len(sent(done, "New-ExchangeCertificate")) == 2
        assert done.plan().plan.is_idle


class TestAnApplyThatLosesAnAnswer:
    """The same apply goes on: what is left is the end of what was approved."""

    @pytest.mark.parametrize("cmdlet", ["Export-ExchangeCertificate", "Import-ExchangeCertificate"])
    @pytest.mark.parametrize("is_done", [True, False], ids=["done", "not done"])
    def test_ends_as_planned(self, trio: Fleet, cmdlet: str, is_done: bool) -> None:
        odd = Odd(trio.lab, cmdlet, is_done, is_lost=True)
        surroundings = replace(trio.surroundings(), sessions=odd, patience=Patience(sleep=lambda _: None))
        carried_out(run_apply(trio.inputs(), surroundings, lambda planned: True))
        assert odd.happened
        assert thumbprints(trio, "MBX1") == thumbprints(trio, "MBX2") == thumbprints(trio, "MBX3")
        assert len(trio.desk.answers) == 1
        assert trio.plan().plan.is_idle


@dataclass
class Odd:
    """Sessions in which a command about a key that travels is answered oddly once: by nothing, or not.

    Attributes:
        is_done: The cmdlet was run.
        is_lost: No answer comes.
    """

    lab: DirectLab
    cmdlet: str
    is_done: bool = True
    is_lost: bool = False
    happened: bool = False

    def reader(self, connection: Connection) -> AbstractContextManager[Reader]:
        return self.lab.reader(connection)

    @contextmanager
    def writer(self, connection: Connection) -> Iterator[Writer]:
        with self.lab.writer(connection) as session:
            yield _OddWriter(session, self)


@dataclass
class _OddWriter:
    session: Writer
    sessions: Odd

    @property
    def server(self) -> str:
        return self.session.server

    def read(self, queries: Sequence[Query]) -> tuple[Result, ...]:
        return self.session.read(queries)

    def run(self, command: Command) -> Outcome:
        is_meant = command.cmdlet == self.sessions.cmdlet and "Password" in command.parameters
        if not is_meant or self.sessions.happened:
            return self.session.run(command)
        self.sessions.happened = True
        if self.sessions.is_done:
            self.session.run(command)
        if not self.sessions.is_lost:
            return Outcome()
        error = Unreachable(self.server, "the connection was closed")
        error.outcome_unknown = True
        raise error
