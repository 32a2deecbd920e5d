"""Answers that are lost during an apply: it reads Exchange, goes on in the same run, and does nothing twice.

In process: an answer is lost before the cmdlet ran, or after. tests/wire/test_faults.py has the lab's faults.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from reconciler.events import ApplyFinished, Event, Retrying
from reconciler.exchange.errors import (
    AuthenticationFailed,
    CmdletFailed,
    ErrorRecord,
    ExchangeError,
    QuotaExceeded,
    TimedOut,
    Unreachable,
)
from reconciler.exchange.patience import Patience
from reconciler.exchange.port import (
    Command,
    Connection,
    Endpoint,
    Outcome,
    Query,
    Reader,
    Result,
    Value,
    Writer,
)
from reconciler.operations.applying import ApplyOutcome, run_apply
from reconciler.operations.inputs import Inputs, Surroundings
from reconciler.operations.planning import Planned, run_plan
from state.lock import LockInfo
from state.stores.memory import MemoryStore
from tests.contoso import EXAMPLE, unheard
from tests.direct import DirectLab, copy_of, direct_lab

Which = tuple[str, str, str]
"""Server, cmdlet and Name of one invocation."""
LOST = Unreachable("EX", "connection reset by peer")


@dataclass
class Losses:
    """Decides what is lost.

    Attributes:
        at: The invocation that is lost, when it comes for the first time.
        ran: It ran all the same.
        error: What its sender learns.
        storm: Loses by chance, too: everything, half of it after it ran.
        seen: Every invocation that came, in order.
        ran_all: Every one that was run by the lab.
    """

    at: Which | None = None
    ran: bool = False
    error: ExchangeError = LOST
    storm: Random | None = None
    probability: float = 0.05
    seen: list[Which] = field(default_factory=list)

    def at_command(self, which: Which) -> tuple[bool, bool]:
        """Whether an invocation is lost, and whether it runs."""
        first = which not in self.seen
        self.seen.append(which)
        if which == self.at and first:
            return True, self.ran
        if self.storm is not None and self.storm.random() < self.probability:
            return True, self.storm.random() < 0.5
        return False, True

    def at_read(self) -> None:
        if self.storm is not None and self.storm.random() < self.probability:
            raise self.error


@dataclass
class LosingSessions:
    """Sessions with a lab over a bad line."""

    lab: DirectLab
    losses: Losses

    @contextmanager
    def reader(self, connection: Connection) -> Iterator[Reader]:
        with self.writer(connection) as session:
            yield session

    @contextmanager
    def writer(self, connection: Connection) -> Iterator[Writer]:
        self.losses.at_read()
        with self.lab.writer(connection) as session:
            yield _LosingSession(session, self.losses)


@dataclass
class _LosingSession:
    session: Writer
    losses: Losses

    @property
    def server(self) -> str:
        return self.session.server

    def read(self, queries: Sequence[Query]) -> tuple[Result, ...]:
        self.losses.at_read()
        return self.session.read(queries)

    def run(self, command: Command) -> Outcome:
        name = command.parameters.get("Name", command.parameters.get("Identity", ""))
        is_lost, runs = self.losses.at_command((self.server, command.cmdlet, str(name)))
        outcome = self.session.run(command) if runs else Outcome()
        if is_lost:
            raise self.losses.error
        return outcome


@dataclass
class World:
    """A lab, a store and a clock that nobody waits for."""

    lab: DirectLab
    store: MemoryStore
    path: Path
    heard: list[Event] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def surroundings(self, losses: Losses, during_sleep: Callable[[], object] = lambda: None) -> Surroundings:
        def sleep(seconds: float) -> None:
            self.slept.append(seconds)
            during_sleep()

        return Surroundings(
            self.heard.append,
            lambda: self.lab.now,
            LosingSessions(self.lab, losses),
            lambda folder, organization: self.store,
            Patience(lambda: sum(self.slept), sleep),
        )

    def inputs(self) -> Inputs:
        return Inputs(self.path, connections=self.lab.connections())

    def apply(self, losses: Losses, during_sleep: Callable[[], object] = lambda: None) -> ApplyOutcome:
        return run_apply(self.inputs(), self.surroundings(losses, during_sleep), lambda planned: True)

    def plan(self) -> Planned:
        surroundings = replace(self.surroundings(Losses()), listener=unheard)
        return run_plan(self.inputs(), surroundings)

    def done(self) -> list[tuple[str, str, dict[str, Value]]]:
        """What the lab was sent and ran."""
        return self.lab.sent


def first_day(folder: Path) -> World:
    """Nothing is set up."""
    return World(direct_lab(folder / "lab"), MemoryStore(), EXAMPLE)


def a_later_day(folder: Path) -> World:
    """All was set up two months ago: certificates are due, a partner moved, a connector went."""
    world = first_day(folder)
    assert world.apply(Losses()).applied
    world.lab.now += timedelta(days=61)
    world.lab.sent.clear()
    text = (EXAMPLE / "tls.yaml").read_text(encoding="utf-8")
    text = text.replace("    - adatum.com\n", "    - tailspin.com\n")
    text = text.replace("      tls_never: {to: broken}\n", "", 1)
    path = folder / "tls.yaml"
    path.write_text(text, encoding="utf-8")
    return World(world.lab, world.store, path)


SCENARIOS = {"first day": first_day, "a later day": a_later_day}


def once_more(scenario: str, before: World, folder: Path) -> World:
    """The same situation in another folder."""
    folder.mkdir()
    lab = copy_of(before.lab.directory, folder / "lab")
    lab.now = before.lab.now
    store = MemoryStore()
    if scenario != "first day":
        stored = before.store.read()
        with store.lock(LockInfo("copy", "test", "nobody", lab.now)) as fence:
            assert stored.record is not None
            store.write(replace(stored.record, serial=1), fence)
    return World(lab, store, before.path)


def what_was_made(world: World) -> list[tuple[str, str, str]]:
    """What must not happen twice; setting and enabling the same again is harmless."""
    makes = (
        "New-ExchangeCertificate",
        "Import-ExchangeCertificate",
        "New-SendConnector",
        "Remove-SendConnector",
    )
    return sorted(
        (server, cmdlet, str(given.get("Name", given.get("Identity", ""))))
        for server, cmdlet, given in world.done()
        if cmdlet in makes
    )


def assert_converged(world: World, outcome: ApplyOutcome) -> None:
    assert outcome.applied is not None
    assert outcome.applied.is_complete, outcome.applied.diagnostics
    assert outcome.applied.not_started == outcome.applied.in_doubt == 0
    after = world.plan()
    assert after.plan.is_empty
    assert not [change for change in after.plan.changes if change.learned]
    assert not world.store.read().journal


@pytest.mark.slow  # about 20 s a scenario: every invocation is an apply and a plan, twice
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_an_apply_that_loses_any_answer_converges_in_the_same_run(
    scenario: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = SCENARIOS[scenario](tmp_path / "before")
    whole, undisturbed = once_more(scenario, before, tmp_path / "whole"), Losses()
    assert_converged(whole, whole.apply(undisturbed))
    best = what_was_made(whole)
    explored = 0
    for number, which in enumerate(dict.fromkeys(undisturbed.seen)):
        for ran in (False, True):
            world = once_more(scenario, before, tmp_path / f"{number}-{ran}")
            outcome = world.apply(Losses(which, ran))
            assert_converged(world, outcome)
            assert what_was_made(world) == best, (which, ran)
            assert [type(event) for event in world.heard].count(ApplyFinished) == 1
            assert [event.doing for event in world.heard if isinstance(event, Retrying)] == [
                "going on with the apply"
            ]
            explored += 1
    with capsys.disabled():
        print(f"\n{scenario}: {explored} losses explored, all converge in one apply")
    assert explored >= 20


class TestALoss:
    @pytest.fixture
    def world(self, tmp_path: Path) -> World:
        return first_day(tmp_path)

    def test_of_a_request_is_looked_for_only_when_its_key_must_be_made(self, world: World) -> None:
        """Read at once, a key still in the making would not be there, and would be made twice."""
        world.apply(Losses(("EDGE1", "New-ExchangeCertificate", ""), ran=True))
        assert max(world.slept) >= 10

    @pytest.mark.parametrize(
        ("error", "stops"),
        [
            (CmdletFailed("EX", "X", (ErrorRecord("X", 0, "", "", "ADTransientException", "told"),)), False),
            (QuotaExceeded("EX", "too many operations", 2150859174), False),
            (CmdletFailed("EX", "X", (ErrorRecord("X", 0, "", "", "ADObjectAlreadyExists", "told"),)), True),
            (AuthenticationFailed("EX", "admin", ()), True),
        ],
        ids=lambda given: type(given).__name__,
    )
    @pytest.mark.parametrize("ran", [False, True])
    def test_is_one_only_where_it_may_pass(
        self, world: World, error: ExchangeError, stops: bool, ran: bool
    ) -> None:
        outcome = world.apply(Losses(("MBX1", "New-SendConnector", "internet TLS never"), ran, error))
        assert outcome.applied is not None
        assert outcome.applied.is_complete is not stops
        if stops:
            assert world.slept == []
        else:
            assert_converged(world, outcome)

    def test_of_a_key_that_took_too_long_stops(self, world: World) -> None:
        """It may still be in the making: the next run looks for it."""
        late = TimedOut("EX", 300, "New-ExchangeCertificate")
        outcome = world.apply(Losses(("EDGE1", "New-ExchangeCertificate", ""), True, late))
        assert outcome.applied is not None
        assert outcome.applied.in_doubt == 1
        assert world.slept == []
        assert_converged(world, world.apply(Losses()))

    def test_that_comes_again_and_again_ends(self, world: World) -> None:
        class Always(Losses):
            def at_command(self, which: Which) -> tuple[bool, bool]:
                is_lost = which[1] == "New-SendConnector"
                return is_lost, not is_lost

        outcome = world.apply(Always())
        assert outcome.applied is not None
        assert outcome.applied.in_doubt >= 1
        assert len(world.slept) == 9
        assert world.store.read().journal
        assert_converged(world, world.apply(Losses()))

    def test_is_not_gone_on_from_when_something_else_is_needed_by_now(self, world: World) -> None:
        """Somebody changed the connector while we waited: nobody approved to change it back."""
        assert world.apply(Losses()).applied
        text = (EXAMPLE / "tls.yaml").read_text(encoding="utf-8").replace("- adatum.com", "- tailspin.com")
        world.path = world.lab.directory / "tls.yaml"
        world.path.write_text(text, encoding="utf-8")

        def meddle() -> None:
            with world.lab.writer(_connection()) as session:
                name = "internet opportunistic"
                session.run(Command("Set-SendConnector", {"Identity": name, "RequireTLS": True}))

        class Once(Losses):
            def at_command(self, which: Which) -> tuple[bool, bool]:
                self.seen.append(which)
                return (True, False) if len(self.seen) == 1 else (False, True)

        outcome = world.apply(Once(), meddle)
        assert outcome.applied is not None
        summaries = [diagnostic.summary for diagnostic in outcome.applied.diagnostics]
        assert summaries == ["Answer lost", "Apply not continued"]
        assert "internet.opportunistic" in outcome.applied.diagnostics[-1].detail
        assert outcome.applied.in_doubt == 1
        assert world.store.read().journal

    def test_interrupted_while_it_is_waited_for_stops_part_way(self, world: World) -> None:
        def interrupt() -> None:
            raise KeyboardInterrupt

        lost = Losses(("MBX1", "New-SendConnector", "internet TLS never"), True)
        outcome = world.apply(lost, interrupt)
        assert outcome.applied is not None
        assert outcome.applied.was_interrupted
        assert not outcome.applied.is_complete
        assert_converged(world, world.apply(Losses()))


@pytest.mark.parametrize("seed", range(6))
def test_a_storm_is_weathered_within_bounded_rounds(seed: int, tmp_path: Path) -> None:
    """Every twentieth session, read and change fails; half of the changes had been made."""
    world = first_day(tmp_path)
    outcome = world.apply(Losses(storm=Random(seed)))  # noqa: S311
    rounds = [event for event in world.heard if isinstance(event, Retrying) and "apply" in event.doing]
    assert len(rounds) < 10
    assert_converged(world, outcome)
    made = what_was_made(world)
    assert len(made) == len(set(made))


def _connection() -> Connection:
    return Connection("MBX1", "https://mbx1/", Endpoint.EXCHANGE, "admin", "secret")
