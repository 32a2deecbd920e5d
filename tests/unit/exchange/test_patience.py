"""What is tried again, how often, and after which pauses. Nobody waits for real here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from reconciler.events import Event, Retrying
from reconciler.exchange.errors import (
    AccessDenied,
    AuthenticationFailed,
    BadConnection,
    CmdletFailed,
    CmdletMissing,
    ErrorRecord,
    ExchangeError,
    Garbage,
    QuotaExceeded,
    Refused,
    ServerBusy,
    TimedOut,
    Unreachable,
    UntrustedCertificate,
    WrongEndpoint,
)
from reconciler.exchange.patience import Limits, Patience
from reconciler.exchange.patient import PatientSessions
from reconciler.exchange.port import Command, Connection, Endpoint, Outcome, Query, Reader, Result, Writer

CONNECTION = Connection("EX1", "https://ex1/PowerShell/", Endpoint.EXCHANGE, "admin", "secret")
QUERIES = (Query("Get-SendConnector", frozenset()), Query("Get-AcceptedDomain", frozenset()))
LOST = Unreachable("EX1", "connection reset by peer")


def cmdlet_failed(reason: str, id: str = "X") -> CmdletFailed:
    return CmdletFailed("EX1", "Get-SendConnector", (ErrorRecord(id, 0, "", "", reason, "told"),))


PASSING = [
    LOST,
    ServerBusy("EX1", "HTTP status 503"),
    QuotaExceeded("EX1", "too many shells", 2150859173),
    Refused("EX1", "no such shell", 2150858843, is_transient=True),
    TimedOut("EX1", 30, "reading"),
    Garbage("EX1", "cut short", is_transient=True),
    cmdlet_failed("ADTransientException"),
    cmdlet_failed("SuitabilityDirectoryException"),
    cmdlet_failed("OverBudgetException"),
    cmdlet_failed("", "[Server=EX1] [FailureCategory=Cmdlet-StorageTransientException] 1F2E,Get"),
]
LASTING = [
    BadConnection("EX1", "no url"),
    UntrustedCertificate("EX1", "expired"),
    WrongEndpoint("EX1", "HTTP status 404"),
    AccessDenied("EX1", "HTTP status 403"),
    AuthenticationFailed("EX1", "admin", ("Negotiate",)),
    Refused("EX1", "not one of those", 5),
    Garbage("EX1", "HTML"),
    Unreachable("EX1", "connection refused", was_connected=False),
    CmdletMissing("EX1", "Get-X", ErrorRecord("CommandNotFoundException", 13, "", "", "", "")),
    cmdlet_failed("ADInvalidCredentialException"),
]


@dataclass
class Clock:
    """A clock that only sleeping moves.

    Attributes:
        slept: Each pause.
        costs: Seconds that an attempt takes.
    """

    now: float = 0
    slept: list[float] = field(default_factory=list)

    def read(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def patience(self) -> Patience:
        return Patience(self.read, self.sleep)


@dataclass
class Scripted:
    """A server that does what is written, and after that answers.

    Attributes:
        opening: What becomes of each session that is opened; None opens it.
        reading: What becomes of each read.
    """

    opening: list[ExchangeError | None] = field(default_factory=list)
    reading: list[ExchangeError | Result] = field(default_factory=list)
    opened: int = 0
    closed: int = 0
    reads: int = 0

    @contextmanager
    def reader(self, connection: Connection) -> Iterator[Reader]:
        with self.writer(connection) as session:
            yield session

    @contextmanager
    def writer(self, connection: Connection) -> Iterator[Writer]:
        self.opened += 1
        error = self.opening.pop(0) if self.opening else None
        if error is not None:
            self.closed += 1
            raise error
        try:
            yield _Session(self)
        finally:
            self.closed += 1


@dataclass
class _Session:
    script: Scripted
    server: str = "EX1"

    def read(self, queries: Sequence[Query]) -> tuple[Result, ...]:
        self.script.reads += 1
        said = self.script.reading.pop(0) if self.script.reading else Result()
        if isinstance(said, ExchangeError):
            raise said
        return (said, *(Result() for _ in queries[1:]))

    def run(self, command: Command) -> Outcome:
        raise LOST


def sessions(script: Scripted, clock: Clock, heard: list[Event] | None = None) -> PatientSessions:
    return PatientSessions(script, clock.patience(), (heard if heard is not None else []).append)


class TestWhatMayPassByItself:
    @pytest.mark.parametrize("error", PASSING, ids=lambda error: str(error)[:40])
    def test_is_tried_again(self, error: ExchangeError) -> None:
        script, clock = Scripted(opening=[error]), Clock()
        with sessions(script, clock).reader(CONNECTION) as reader:
            assert len(reader.read(QUERIES)) == 2
        assert (script.opened, script.closed, len(clock.slept)) == (2, 2, 1)

    @pytest.mark.parametrize("error", LASTING, ids=lambda error: str(error)[:40])
    @pytest.mark.parametrize("kind", ["reader", "writer"])
    def test_and_nothing_else_is(self, error: ExchangeError, kind: str) -> None:
        """Above all no password: some tries more, and its account is locked."""
        script, clock = Scripted(opening=[error]), Clock()
        with pytest.raises(type(error)), getattr(sessions(script, clock), kind)(CONNECTION):
            pass
        assert (script.opened, clock.slept) == (1, [])

    def test_is_told_before_each_pause(self) -> None:
        heard: list[Event] = []
        clock = Clock()
        with sessions(Scripted(opening=[LOST, LOST]), clock, heard).writer(CONNECTION):
            pass
        assert [event for event in heard if isinstance(event, Retrying)] == heard
        assert [(told.server, told.doing, told.error, told.attempt, told.attempts) for told in heard] == [
            ("EX1", "opening a session", "not reachable: connection reset by peer", 2, 5),
            ("EX1", "opening a session", "not reachable: connection reset by peer", 3, 5),
        ]

    def test_is_tried_five_times_with_longer_and_longer_pauses(self) -> None:
        script, clock = Scripted(opening=[LOST] * 9), Clock()
        with pytest.raises(Unreachable), sessions(script, clock).reader(CONNECTION):
            pass
        assert script.opened == 5
        assert all(
            least <= pause <= least + 1 for pause, least in zip(clock.slept, (1, 2, 4, 8), strict=True)
        )
        assert not any(pause.is_integer() for pause in clock.slept)  # else all would come back at once

    def test_is_not_tried_beyond_its_time(self) -> None:
        clock = Clock()

        def slow() -> None:
            clock.now += 25
            raise LOST

        tried: list[Event] = []
        with pytest.raises(Unreachable):
            clock.patience().until(slow, Limits("testing"), tried.append)
        assert len(tried) == 2
        assert clock.now < 60 + 25

    def test_is_not_waited_for_once_somebody_gave_up(self) -> None:
        patience = Patience()
        patience.give_up()
        tried: list[int] = []

        def work() -> None:
            tried.append(1)
            raise LOST

        with pytest.raises(Unreachable):
            patience.until(work, Limits("testing"), lambda _: None)
        assert tried == [1]


class TestARead:
    def test_is_made_again_over_a_new_session(self) -> None:
        script, clock = Scripted(reading=[LOST]), Clock()
        with sessions(script, clock).reader(CONNECTION) as reader:
            assert len(reader.read(QUERIES)) == 2
            assert script.closed == 1
        assert (script.opened, script.closed, script.reads) == (2, 2, 2)

    def test_is_made_again_whole_when_one_cmdlet_found_no_domain_controller(self) -> None:
        script, clock = Scripted(reading=[Result(failure=cmdlet_failed("ADTransientException"))]), Clock()
        with sessions(script, clock).reader(CONNECTION) as reader:
            assert reader.read(QUERIES)[0].failure is None
        assert (script.opened, script.closed, script.reads) == (2, 2, 2)

    def test_tells_at_last_what_does_not_pass(self) -> None:
        """The other lists were read: only this one is unknown."""
        failure = cmdlet_failed("ADTransientException")
        script, clock = Scripted(reading=[Result(failure=failure)] * 9), Clock()
        with sessions(script, clock).reader(CONNECTION) as reader:
            assert [result.failure for result in reader.read(QUERIES)] == [failure, None]
        assert script.reads == 5

    def test_is_not_made_again_for_a_cmdlet_that_is_missing(self) -> None:
        missing = CmdletMissing("EX1", "Get-X", ErrorRecord("CommandNotFoundException", 13, "", "", "", ""))
        script, clock = Scripted(reading=[Result(failure=missing)]), Clock()
        with sessions(script, clock).reader(CONNECTION) as reader:
            assert reader.read(QUERIES)[0].failure is missing
        assert (script.reads, clock.slept) == (1, [])


class TestAWrite:
    def test_is_never_sent_again(self) -> None:
        clock = Clock()
        with sessions(Scripted(), clock).writer(CONNECTION) as writer, pytest.raises(Unreachable):
            writer.run(Command("Set-SendConnector"))
        assert clock.slept == []


def test_sessions_give_up_together() -> None:
    """Ctrl-C: no thread waits to try again."""
    script, patience = Scripted(opening=[LOST] * 9), Patience()
    patient = PatientSessions(script, patience, lambda _: None)
    patient.give_up()
    with pytest.raises(Unreachable), patient.reader(CONNECTION):
        pass
    assert script.opened == 1
