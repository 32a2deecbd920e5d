"""Disturbances on demand: what a client must survive, made at one cmdlet."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit
from xml.etree.ElementTree import ParseError

import pytest
import requests
from pypsrp.exceptions import WinRMError, WSManFaultError
from pypsrp.powershell import PowerShell, RunspacePool

from reconciler.lab.call import Look
from reconciler.lab.emulator import ThreadedLab
from reconciler.lab.errors import FileUnreadable
from reconciler.lab.faults import KINDS, RELEASE, Faults, RequestRule, Rule, read_faults

Connect = Callable[..., Any]
Faulty = Callable[..., ThreadedLab]


@pytest.fixture
def faulty(exchange: Any, tmp_path: Path) -> Faulty:
    def make(*rules: dict[str, Any], **rule: Any) -> ThreadedLab:
        path = tmp_path / "faults.json"
        placed = {} if rule.keys() & KINDS.keys() else {"cmdlet": "Set-Thing"}
        path.write_text(json.dumps(rules or [{**placed, **rule}]))
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

    def test_may_be_a_reset(self, faulty: Faulty, exchange: Any, connect: Connect) -> None:
        with faulty(action="reset", when="before") as lab, connect(lab) as wsman:
            pool = RunspacePool(wsman, configuration_name="Microsoft.Exchange")
            pool.open()
            shell = begin(pool)
            with pytest.raises(requests.exceptions.ConnectionError):
                shell.end_invoke()
        assert exchange.snapshot() == {"one": 1}

    @pytest.mark.parametrize(("when", "things"), [("after", {"one": 1, "two": 2}), ("before", {"one": 1})])
    def test_may_be_the_end_of_the_shell(
        self, faulty: Faulty, exchange: Any, connect: Connect, when: str, things: dict[str, int]
    ) -> None:
        with faulty(action="shell_gone", when=when) as lab, connect(lab) as wsman:
            pool = RunspacePool(wsman, configuration_name="Microsoft.Exchange")
            pool.open()
            with pytest.raises(WSManFaultError) as caught:
                begin(pool).end_invoke()
            assert caught.value.code == 2150858843
            assert eventually(lambda: lab.status()["shells_open"]["MBX1"] == 0)
        assert exchange.snapshot() == things

    def test_may_be_throttling_which_is_slow_and_warns(self, faulty: Faulty, connect: Connect) -> None:
        with (
            faulty(action="throttle", seconds=0.2) as lab,
            connect(lab) as wsman,
            RunspacePool(wsman, configuration_name="Microsoft.Exchange") as pool,
        ):
            started = time.monotonic()
            shell = begin(pool)
            shell.end_invoke()
            assert time.monotonic() - started >= 0.2
            assert not shell.had_errors
            assert "Micro delay applied" in str(shell.streams.warning[-1].message)

    @pytest.mark.parametrize(
        ("action", "reason"),
        [("directory", "SuitabilityDirectoryException"), ("busy", "OverBudgetException")],
    )
    @pytest.mark.parametrize("terminating", [True, False])
    def test_may_be_an_error_that_ends_the_pipeline_or_does_not(
        self, faulty: Faulty, exchange: Any, connect: Connect, action: str, reason: str, terminating: bool
    ) -> None:
        with (
            faulty(action=action, when="before", terminating=terminating) as lab,
            connect(lab) as wsman,
            RunspacePool(wsman, configuration_name="Microsoft.Exchange") as pool,
        ):
            shell = begin(pool)
            shell.end_invoke()
            assert lab.status()["cmdlets"][0]["result"] == "failed"
        assert [error.reason for error in shell.streams.error] == [reason]
        assert shell.had_errors is terminating
        assert exchange.snapshot() == {"one": 1}


class TestARequest:
    """What is disturbed below PowerShell."""

    @pytest.mark.parametrize(
        ("action", "code"),
        [
            ("shell_quota", 2150859173),
            ("operation_quota", 2150859174),
            ("load_quota", 2150859175),
            ("runspace_quota", 2150858755),
        ],
    )
    def test_may_be_over_a_quota(self, faulty: Faulty, connect: Connect, action: str, code: int) -> None:
        with faulty(request="create", times=1, action=action) as lab, connect(lab) as wsman:
            with pytest.raises(WSManFaultError) as caught:
                RunspacePool(wsman, configuration_name="Microsoft.Exchange").open()
            assert caught.value.code == code
            with RunspacePool(wsman, configuration_name="Microsoft.Exchange") as later:
                assert begin(later, "Get-Thing").end_invoke()

    def test_may_meet_a_server_that_allows_few_shells(self, faulty: Faulty, connect: Connect) -> None:
        with (
            faulty(shells=1) as lab,
            connect(lab) as wsman,
            RunspacePool(wsman, configuration_name="Microsoft.Exchange"),
        ):
            with pytest.raises(WSManFaultError) as caught:
                RunspacePool(wsman, configuration_name="Microsoft.Exchange").open()
            assert caught.value.code == 2150859173

    def test_may_meet_a_busy_web_server(self, faulty: Faulty, connect: Connect) -> None:
        with faulty(request=1, action="busy") as lab, connect(lab) as wsman:
            with pytest.raises(WinRMError):
                RunspacePool(wsman, configuration_name="Microsoft.Exchange").open()
            RunspacePool(wsman, configuration_name="Microsoft.Exchange").open()

    def test_may_time_out_again_and_again(self, faulty: Faulty, connect: Connect) -> None:
        """A client that waits for output asks again."""
        later = ({"request": "receive", "nth": number, "action": "timeout"} for number in range(2, 7))
        with (
            faulty(*later) as lab,
            connect(lab) as wsman,
            RunspacePool(wsman, configuration_name="Microsoft.Exchange") as pool,
        ):
            assert begin(pool, "Get-Thing").end_invoke()
            assert lab.status()["requests"]["MBX1"] >= 4 + 5

    def test_may_find_its_shell_gone(self, faulty: Faulty, exchange: Any, connect: Connect) -> None:
        with faulty(request="command", action="shell_gone") as lab, connect(lab) as wsman:
            pool = RunspacePool(wsman, configuration_name="Microsoft.Exchange")
            pool.open()
            with pytest.raises(WSManFaultError) as caught:
                begin(pool)
            assert caught.value.code == 2150858843
        assert exchange.snapshot() == {"one": 1}

    @pytest.mark.parametrize("action", ["drop", "reset"])
    @pytest.mark.parametrize(("when", "ran"), [("before", False), ("after", True)])
    def test_may_lose_its_connection_before_it_is_acted_on_or_after(
        self, faulty: Faulty, connect: Connect, action: str, when: str, ran: bool
    ) -> None:
        with faulty(request="command", action=action, when=when) as lab, connect(lab) as wsman:
            pool = RunspacePool(wsman, configuration_name="Microsoft.Exchange")
            pool.open()
            with pytest.raises(requests.exceptions.ConnectionError):
                begin(pool)
            assert (
                bool(eventually(lambda: lab.status()["cmdlets"]) if ran else lab.status()["cmdlets"]) is ran
            )

    @pytest.mark.parametrize(("action", "end"), [("drop", "closed"), ("reset", "reset")])
    def test_may_be_reset_while_its_client_signs_on(self, faulty: Faulty, action: str, end: str) -> None:
        """On a bare socket: Python's TLS takes a reset for an end."""
        request = b"POST /PowerShell/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n"
        with faulty(request="sign_on", action=action) as lab:
            address = urlsplit(lab.http("MBX1"))
            with socket.create_connection(("127.0.0.1", address.port or 0)) as connection:
                connection.sendall(request)
                try:
                    came = "closed" if connection.recv(100) == b"" else "answered"
                except ConnectionResetError:
                    came = "reset"
        assert came == end

    def test_may_be_answered_by_one_fragment_at_a_time(self, faulty: Faulty, connect: Connect) -> None:
        big = "x" * 100_000
        sizes = {}
        for limit in (500_000, 32_768):
            with (
                faulty(envelope=limit) as lab,
                connect(lab) as wsman,
                RunspacePool(wsman, configuration_name="Microsoft.Exchange") as pool,
            ):
                shell = PowerShell(pool)
                shell.add_cmdlet("Set-Thing").add_parameters({"Name": big, "Count": 1})
                shell.invoke()
                again = PowerShell(pool)
                again.add_cmdlet("Get-Thing")
                assert big in [thing.adapted_properties["Name"] for thing in again.invoke()]
                sizes[limit] = lab.status()["requests"]["MBX1"]
        assert sizes[32_768] >= sizes[500_000] + 2


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

    def test_strike_at_most_so_often(self) -> None:
        faults = Faults((Rule(cmdlet="*", times=2, action="drop"),))
        assert [faults.match("MBX1", "Get-Thing") is not None for _ in range(4)] == [True, True, False, False]

    def test_draw_the_same_lots_for_the_same_seed(self) -> None:
        def lots(seed: int) -> list[bool]:
            faults = Faults((RequestRule(request="any", probability=0.3, seed=seed, action="drop"),))
            return [faults.at_request("MBX1", number, "receive") is not None for number in range(200)]

        assert lots(7) == lots(7) != lots(8)
        assert 30 <= sum(lots(7)) <= 90

    @pytest.mark.parametrize(
        ("wanted", "struck"),
        [("*", {"Get-Thing", "Set-Thing"}), ("get", {"Get-Thing"}), ("change", {"Set-Thing"})],
    )
    def test_may_be_for_many_cmdlets(self, wanted: str, struck: set[str]) -> None:
        faults = Faults((Rule(cmdlet=wanted, action="drop"),))
        assert {name for name in ("Get-Thing", "Set-Thing") if faults.match("MBX1", name)} == struck

    @pytest.mark.parametrize(
        ("wanted", "struck"),
        [(2, [False, True, False]), ("any", [True] * 3), ("command", [False, False, True])],
    )
    def test_may_be_for_requests(self, wanted: Any, struck: list[bool]) -> None:
        faults = Faults((RequestRule(server="MBX1", request=wanted, action="busy"),))
        operations = ("create", "receive", "command")
        asked = [
            faults.at_request("MBX1", number, each) is not None for number, each in enumerate(operations, 1)
        ]
        assert asked == struck
        assert faults.at_request("MBX2", 2, "command") is None

    def test_are_all_in_the_manual_and_no_others(self) -> None:
        manual = (Path(__file__).parents[3] / "docs" / "lab-faults.md").read_text(encoding="utf-8")
        _, keys, at_cmdlets, at_requests, shown = re.split(r"^## .*$", manual, flags=re.MULTILINE)

        def told(table: str) -> set[str]:
            return set(re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE))

        def actions(kind: type[Rule | RequestRule]) -> set[str]:
            return set(get_args(kind.model_fields["action"].annotation))

        assert told(keys) == {name for kind in KINDS.values() for name in kind.model_fields}
        assert told(at_cmdlets) == actions(Rule)
        assert told(at_requests) == actions(RequestRule)
        assert set(
            re.findall(r"`([a-z-]+)`", "".join(re.findall(r"^\| (`.*?) \|", shown, re.MULTILINE)))
        ) == {look.value for look in Look}

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "{}",
            '[{"cmdlet": "X", "action": "drop", "nth": 1, "probability": 0.5}]',
            '[{"request": "deleted", "action": "drop"}]',
            '[{"request": 0, "action": "drop"}]',
            '[{"request": "any", "action": "error"}]',
            '[{"probability": 2, "request": "any", "action": "drop"}]',
            '[{"envelope": 100}]',
            '[{"cmdlet": "X"}]',
            '[{"cmdlet": "X", "action": "explode"}]',
            '[{"cmdlet": "X", "action": "drop", "a": 1}]',
            '[{"batches": "loudly"}]',
            '[{"batches": "fault", "cmdlet": "X"}]',
            '[{"shows": "nonsense"}]',
            '[{"hides": "everything"}]',
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


class TestARedirect:
    @pytest.mark.parametrize(
        ("rule", "asked", "sent_to"),
        [
            ({"server": "MBX1", "redirects": "EDGE1"}, "https MBX1", "EDGE1"),
            ({"server": "MBX1", "redirects": "edge1"}, "http MBX1", "EDGE1"),
            ({"redirects": "MBX1"}, "http MBX1", "MBX1"),
            ({"redirects": "MBX1"}, "https MBX1", ""),
        ],
    )
    def test_names_an_https_listener(
        self, faulty: Faulty, rule: dict[str, str], asked: str, sent_to: str
    ) -> None:
        """As a web server does: before anybody has signed on, under the name that the client uses."""
        with faulty(rule) as lab:
            scheme, server = asked.split()
            url = lab.http(server) if scheme == "http" else lab.url(server)
            url = url.replace("127.0.0.1", "localhost")
            answer = requests.post(url, verify=str(lab.ca), allow_redirects=False, timeout=10)
            assert answer.status_code == (302 if sent_to else 401)
            if sent_to:
                assert answer.headers["Location"] == f"https://localhost:{lab.port(sent_to)}/PowerShell/"
