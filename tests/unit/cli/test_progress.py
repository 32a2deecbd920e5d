"""Events on their way to whoever watches."""

from __future__ import annotations

import io
import json
from threading import Event as Signal

import pytest

import reconciler.cli.progress
from reconciler.cli.console import Console
from reconciler.cli.progress import Progress
from reconciler.events import InvocationFinished, InvocationStarted, ReadFinished, ReadStarted

STEP = ("certificate.EX1.public", "EX1", "New-ExchangeCertificate", 1, 2)


class Paper(io.StringIO):
    """Text that signals when it grows."""

    def __init__(self) -> None:
        super().__init__()
        self.grew = Signal()

    def write(self, text: str, /) -> int:
        written = super().write(text)
        self.grew.set()
        return written


@pytest.fixture
def out() -> Paper:
    return Paper()


@pytest.fixture
def err() -> Paper:
    return Paper()


@pytest.fixture
def console(out: Paper, err: Paper) -> Console:
    return Console(out, err, {})


class TestReading:
    def test_is_silent_while_it_is_quick(self, console: Console, err: Paper) -> None:
        progress = Progress(console)
        progress(ReadStarted("EX1"))
        progress(ReadFinished("EX1"))
        progress.close()
        assert err.getvalue() == ""

    def test_tells_what_it_waits_for_when_it_is_slow(
        self, console: Console, err: Paper, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reconciler.cli.progress, "PATIENCE", 0.0)
        progress = Progress(console)
        progress(ReadStarted("EX1"))
        assert err.grew.wait(10)
        progress(ReadFinished("EX1", "no answer in 30 s"))
        progress.close()
        assert err.getvalue() == "waiting for EX1 ...\nEX1  read  failed: no answer in 30 s\n"

    def test_waits_for_no_more_once_closed(
        self, console: Console, err: Paper, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A timer that outlives its run would write into the next one's output."""
        progress = Progress(console)
        progress.waits_for("the endpoints")
        timer = progress._timer
        progress.close()
        assert timer is not None
        timer.join(10)
        assert err.getvalue() == ""


class TestApplying:
    def test_tells_people_what_is_done(self, console: Console, out: Paper, err: Paper) -> None:
        progress = Progress(console)
        progress(InvocationStarted(*STEP))
        progress(InvocationFinished(*STEP))
        assert out.getvalue() == ""
        assert err.getvalue() == "[1/2] EX1  New-ExchangeCertificate  certificate.EX1.public  done\n"

    def test_tells_machines_everything(self, console: Console, out: Paper) -> None:
        """One object a line, as it happens."""
        progress = Progress(console, json=True)
        progress(InvocationStarted(*STEP))
        progress(InvocationFinished(*STEP))
        types = [json.loads(line)["type"] for line in out.getvalue().splitlines()]
        assert types == ["invocation_started", "invocation_finished"]

    def test_remembers_that_something_was_sent(self, console: Console) -> None:
        """From then on, whatever ends the run has stopped it part-way."""
        progress = Progress(console)
        progress(ReadStarted("EX1"))
        assert not progress.has_sent
        progress(InvocationStarted(*STEP))
        assert progress.has_sent
        progress.close()
