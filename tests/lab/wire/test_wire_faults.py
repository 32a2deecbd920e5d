"""Disturbances on demand: what a client must survive, made at one cmdlet."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import pytest
import requests
from pypsrp.exceptions import WinRMError
from pypsrp.powershell import PowerShell, RunspacePool

from reconciler.lab.emulator import ThreadedLab
from reconciler.lab.errors import FileUnreadable
from reconciler.lab.faults import RELEASE, Faults, Rule, read_faults

Connect = Callable[..., Any]
Faulty = Callable[..., ThreadedLab]


@pytest.fixture
def faulty(exchange: Any, tmp_path: Path) -> Faulty:
    def make(**rule: Any) -> ThreadedLab:
        path = tmp_path / "faults.json"
        path.write_text(json.dumps([{"cmdlet": "Set-Thing", **rule}]))
        return ThreadedLab(exchange, tmp_path / "lab", faults=path)

    return make


def begin(pool: RunspacePool, cmdlet: str = "Set-Thing") -> PowerShell:
    shell = PowerShell(pool)
    shell.add_cmdlet(cmdlet).add_parameters({"Name": "two", "Count": 2})
    shell.begin_invoke()
    return shell


HANGS_AFTER = 120
"""Seconds after which nothing more is to be expected: what a busy machine delays is not wrong."""


def eventually(ask: Callable[[], Any]) -> Any:
    """Ask until the answer is true."""
    deadline = time.monotonic() + HANGS_AFTER
    while not (answer := ask()):
        assert time.monotonic() < deadline
    return answer


class TestAHeldAnswer:
    @pytest.mark.parametrize(
        ("when", "result", "things"),
        [("after", "completed", {"one": 1, "two": 2}), ("before", "abandoned", {"one": 1})],
    )
    def test_is_kept_back_until_the_client_is_gone(
        self, faulty: Faulty, exchange: Any, connect: Connect, when: str, result: str, things: dict[str, int]
    ) -> None:
        with faulty(action="hold", when=when) as lab:
            wsman = connect(lab)
            pool = RunspacePool(wsman, configuration_name="Microsoft.Exchange")
            pool.open()
            begin(pool)
            (held,) = eventually(lambda: lab.status()["held"])
            assert held["cmdlet"] == "Set-Thing"
            assert exchange.snapshot() == things
            wsman.close()  # the TCP connection ends, as with a client that was killed
            assert eventually(lambda: not lab.status()["held"])
            assert lab.status()["cmdlets"][0]["result"] == result
            assert exchange.snapshot() == things
            with connect(lab) as again, RunspacePool(again, configuration_name="Microsoft.Exchange") as later:
                assert begin(later, "Get-Thing").end_invoke()

    def test_goes_when_the_lab_is_told_to_let_go(
        self, faulty: Faulty, exchange: Any, connect: Connect
    ) -> None:
        with (
            faulty(action="hold", when="before") as lab,
            connect(lab) as wsman,
            RunspacePool(wsman, configuration_name="Microsoft.Exchange") as pool,
        ):
            shell = begin(pool)
            eventually(lambda: lab.status()["held"])
            assert exchange.snapshot() == {"one": 1}
            (lab.directory / RELEASE).touch()
            shell.end_invoke()
            assert not shell.had_errors
        assert exchange.snapshot() == {"one": 1, "two": 2}

    def test_can_be_stopped_by_its_client(self, faulty: Faulty, connect: Connect) -> None:
        with faulty(action="hold", when="before") as lab, connect(lab) as wsman:
            with RunspacePool(wsman, configuration_name="Microsoft.Exchange") as pool:
                shell = begin(pool)
                eventually(lambda: lab.status()["held"])
                shell.stop()
                eventually(lambda: not lab.status()["held"])
            assert lab.status()["cmdlets"][0]["result"] == "stopped"


class TestADisturbance:
    def test_may_be_nonsense_instead_of_an_answer(
        self, faulty: Faulty, exchange: Any, connect: Connect
    ) -> None:
        with (
            faulty(action="garbage") as lab,
            connect(lab) as wsman,
            RunspacePool(wsman, configuration_name="Microsoft.Exchange") as pool,
        ):
            shell = begin(pool)
            with pytest.raises((WinRMError, ParseError, AttributeError)):
                shell.end_invoke()
        assert exchange.snapshot() == {"one": 1, "two": 2}

    def test_may_be_the_end_of_the_connection(self, faulty: Faulty, exchange: Any, connect: Connect) -> None:
        with faulty(action="drop", when="before") as lab, connect(lab) as wsman:
            with RunspacePool(wsman, configuration_name="Microsoft.Exchange") as pool:
                shell = begin(pool)
                with pytest.raises(requests.exceptions.ConnectionError):
                    shell.end_invoke()
            assert lab.status()["cmdlets"][0]["result"] == "abandoned"
        assert exchange.snapshot() == {"one": 1}

    def test_may_be_an_error(self, faulty: Faulty, exchange: Any, connect: Connect) -> None:
        with (
            faulty(action="error", when="before") as lab,
            connect(lab) as wsman,
            RunspacePool(wsman, configuration_name="Microsoft.Exchange") as pool,
        ):
            shell = begin(pool)
            shell.end_invoke()
        assert shell.streams.error[0].reason == "ADTransientException"
        assert exchange.snapshot() == {"one": 1}

    def test_may_be_delay(self, faulty: Faulty, connect: Connect) -> None:
        with (
            faulty(action="late", seconds=0.3) as lab,
            connect(lab) as wsman,
            RunspacePool(wsman, configuration_name="Microsoft.Exchange") as pool,
        ):
            started = time.monotonic()
            begin(pool).end_invoke()
            assert time.monotonic() - started >= 0.3


class TestRules:
    def test_count_the_calls_that_they_match(self) -> None:
        faults = Faults((Rule(server="mbx1", cmdlet="new-sendconnector", nth=2, action="drop"),))
        matched = [
            faults.match("MBX1", "New-SendConnector") is not None,
            faults.match("MBX2", "New-SendConnector") is not None,
            faults.match("MBX1", "Set-SendConnector") is not None,
            faults.match("MBX1", "New-SendConnector") is not None,
            faults.match("MBX1", "New-SendConnector") is not None,
        ]
        assert matched == [False, False, False, True, False]

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "{}",
            '[{"cmdlet": "X"}]',
            '[{"cmdlet": "X", "action": "explode"}]',
            '[{"cmdlet": "X", "action": "drop", "a": 1}]',
            '[{"batches": "loudly"}]',
            '[{"batches": "fault", "cmdlet": "X"}]',
        ],
    )
    def test_that_are_none_are_refused(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "faults.json"
        path.write_text(text)
        with pytest.raises(FileUnreadable) as caught:
            read_faults(path)
        assert caught.value.path == path

    def test_that_are_not_there_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(FileUnreadable):
            read_faults(tmp_path / "missing.json")
