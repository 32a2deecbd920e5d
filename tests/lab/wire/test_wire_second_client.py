"""A second client, on psrpcore's client half: stock pypsrp alone overlooks what other clients hang on."""

from __future__ import annotations

import base64
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psrpcore
import pytest
from psrpcore.types import (
    HostMethodIdentifier,
    PSInvocationState,
    PSSecureString,
)

from reconciler.lab.emulator import ThreadedLab
from tests.lab.second_client import HOST, SHELL, TRANSFER, Answer, Client
from tests.rules import rule


@pytest.fixture
def client(lab: ThreadedLab) -> Iterator[Client]:
    opened = Client(lab)
    opened.open()
    yield opened
    opened.post(f"{TRANSFER}/Delete")


class Waiting:
    """Receives that are pending, each in a thread of its own."""

    def __init__(self, client: Client, shells: list[Any]) -> None:
        self.answers: list[Answer] = []
        self._threads = [threading.Thread(target=self._wait, args=(client, shell)) for shell in shells]
        for thread in self._threads:
            thread.start()

    def _wait(self, client: Client, shell: Any) -> None:
        self.answers.append(client.post(f"{SHELL}/Receive", client.wanted(shell)))

    def until_all_wait(self, lab: ThreadedLab, requests: int) -> None:
        """Wait until the lab has taken so many requests; their polls are then pending."""
        while lab.status()["requests"]["MBX1"] < requests:
            pass

    def join(self) -> None:
        for thread in self._threads:
            thread.join(60)


class TestAPipeline:
    def test_gives_output_and_its_state(self, client: Client) -> None:
        (thing,) = client.finish(client.start("Get-Thing"))
        assert thing.Name == "one"
        assert thing.Count == 1
        assert client.events[-1].state == PSInvocationState.Completed

    def test_never_says_running(self, client: Client) -> None:
        """It would cost each pipeline one more Receive."""
        client.finish(client.start("Get-Thing"))
        states = [event.state for event in client.events if isinstance(event, psrpcore.PipelineStateEvent)]
        assert states == [PSInvocationState.Completed]

    def test_that_fails_says_why(self, client: Client) -> None:
        client.finish(client.start("Get-Broken"))
        state = client.events[-1]
        assert state.state == PSInvocationState.Failed
        assert state.reason.CategoryInfo.Category.value == 5
        assert state.reason.TargetObject == "x"
        assert "LocalizedException" in " ".join(state.reason.Exception.PSTypeNames)

    def test_of_long_arguments_arrives_in_pieces(self, client: Client) -> None:
        assert client.finish(client.start("Get-Echo", Value="y" * 300_000)) == ["str 300000"]

    @rule("5-7")
    def test_prompts_and_goes_on_with_the_answer(self, lab: ThreadedLab) -> None:
        client = Client(lab, HOST)
        client.open()
        shell = client.start("Enable-Asking")
        client.receive(shell)
        call = client.events[-1]
        assert isinstance(call, psrpcore.PipelineHostCallEvent)
        assert call.method_identifier.value == 26
        assert [choice.Label for choice in call.method_parameters[2]] == ["&Yes", "&No"]
        shell.host_response(call.ci, 1)
        client.send()
        assert client.finish(shell) == [1]
        client.post(f"{TRANSFER}/Delete")

    @pytest.mark.parametrize(
        ("answer", "output", "error"),
        [
            ({"Name": "two"}, ["'two'"], None),
            ({}, [], "MissingMandatoryParameter,Set-Needy"),
            (7, [], "MissingMandatoryParameter,Set-Needy"),
        ],
        ids=["values", "none", "nonsense"],
    )
    def test_prompts_for_a_mandatory_parameter(
        self, lab: ThreadedLab, answer: object, output: list[str], error: str | None
    ) -> None:
        """PowerShell asks in remote sessions, too, whenever the client has somebody to ask."""
        client = Client(lab, HOST)
        client.open()
        shell = client.start("Set-Needy")
        client.receive(shell)
        call = client.events[-1]
        assert (call.method_identifier, call.method_identifier.value) == (HostMethodIdentifier.Prompt, 23)
        caption, message, (field,) = call.method_parameters
        assert caption == "cmdlet Set-Needy at command pipeline position 1"
        assert message == "Supply values for the following parameters:"
        assert (field.Name, field.IsMandatory) == ("Name", True)
        shell.host_response(call.ci, answer)
        client.send()
        assert client.finish(shell) == output
        reason = client.events[-1].reason
        assert (reason.FullyQualifiedErrorId if reason else None) == error
        client.post(f"{TRANSFER}/Delete")

    def test_without_a_host_fails_for_a_mandatory_parameter(self, client: Client) -> None:
        client.finish(client.start("Set-Needy"))
        assert client.events[-1].reason.FullyQualifiedErrorId == "MissingMandatoryParameter,Set-Needy"

    @rule("2.2-5")
    def test_takes_a_secure_string_after_the_key_exchange(self, client: Client) -> None:
        client.pool.exchange_key()
        client.send()
        client.receive()
        assert client.finish(client.start("Get-Echo", Password=PSSecureString("pw"))) == ["Secret pw"]


class TestStopping:
    def test_ends_the_pipeline_as_stopped(self, client: Client, lab: ThreadedLab, exchange: Any) -> None:
        shell = client.start("Set-Slow", "Get-Thing")
        assert exchange.entered.wait(60)
        assert client.signal(shell, "powershell/signal/ctrl_c").status == 200
        exchange.proceed.set()
        client.finish(shell)
        assert client.events[-1].state == PSInvocationState.Stopped
        assert client.events[-1].reason.FullyQualifiedErrorId == "PipelineStopped"
        assert [call.cmdlet for call in exchange.calls] == ["Set-Slow"]

    def test_by_terminate_faults_every_receive_that_waits(
        self, client: Client, lab: ThreadedLab, exchange: Any
    ) -> None:
        shell = client.start("Set-Slow")
        before = lab.status()["requests"]["MBX1"]
        waiting = Waiting(client, [shell, shell])
        waiting.until_all_wait(lab, before + 2)
        assert client.signal(shell, f"{SHELL}/signal/terminate").status == 200
        waiting.join()
        exchange.proceed.set()
        assert [answer.fault for answer in waiting.answers] == [995, 995]

    def test_of_the_shell_faults_every_receive_that_waits(
        self, client: Client, lab: ThreadedLab, exchange: Any
    ) -> None:
        shell = client.start("Set-Slow")
        before = lab.status()["requests"]["MBX1"]
        waiting = Waiting(client, [shell, None])
        waiting.until_all_wait(lab, before + 2)
        assert client.post(f"{TRANSFER}/Delete").status == 200
        waiting.join()
        exchange.proceed.set()
        assert [answer.fault for answer in waiting.answers] == [995, 995]

    def test_of_the_lab_faults_every_receive_that_waits(self, exchange: Any, tmp_path: Path) -> None:
        with ThreadedLab(exchange, tmp_path / "lab") as lab:
            client = Client(lab)
            client.open()
            shell = client.start("Set-Slow")
            assert exchange.entered.wait(60)
            exchange.proceed.set()
            client.finish(shell)
            before = lab.status()["requests"]["MBX1"]
            waiting = Waiting(client, [None, None])
            waiting.until_all_wait(lab, before + 2)
        waiting.join()
        # One that was counted and does not wait yet finds its shell gone.
        assert len(waiting.answers) == 2
        assert {answer.fault for answer in waiting.answers} <= {995, 2150858843}

    def test_after_an_answer_to_one_receive_answers_the_other(self, client: Client, exchange: Any) -> None:
        """Both waited for one pipeline, whose end is told once with its output and once without."""
        shell = client.start("Set-Slow")
        waiting = Waiting(client, [shell, shell])
        assert exchange.entered.wait(60)
        exchange.proceed.set()
        waiting.join()
        assert [answer.done for answer in waiting.answers] == [True, True]
        assert sorted(len(answer.streams) for answer in waiting.answers) == [0, 1]


class TestAReceive:
    def test_times_out_and_loses_nothing(self, client: Client, exchange: Any) -> None:
        shell = client.start("Set-Slow")
        assert client.receive(shell, timeout=1).fault == 2150858793
        exchange.proceed.set()
        assert client.finish(shell) == ["done"]

    def test_whose_connection_ends_loses_nothing(
        self, client: Client, lab: ThreadedLab, exchange: Any
    ) -> None:
        shell = client.start("Set-Slow")
        before = lab.status()["requests"]["MBX1"]
        connection = client.request(f"{SHELL}/Receive", client.wanted(shell))
        while lab.status()["requests"]["MBX1"] == before:
            pass
        connection.close()
        client.post(f"{TRANSFER}/Get")  # by its answer the lab has seen the end of the other connection
        exchange.proceed.set()
        assert client.finish(shell) == ["done"]

    def test_for_what_is_not_there_is_a_fault(self, client: Client) -> None:
        stranger = psrpcore.ClientPowerShell(psrpcore.ClientRunspacePool())
        assert client.receive(stranger).fault == 2150858843


class TestADefect:
    """Of the lab itself is told as a fault: no WinRM sends a bare HTTP 500."""

    def test_before_a_request_is_looked_at(self, exchange: Any, tmp_path: Path) -> None:
        with ThreadedLab(exchange, tmp_path / "lab") as lab:
            lab._running._ledger._file.close()  # a record that cannot be written
            assert Client(lab).post(f"{TRANSFER}/Create").fault == 0x80338003

    def test_while_it_is_answered(self, exchange: Any, tmp_path: Path) -> None:
        with ThreadedLab(exchange, tmp_path / "lab", transcript=True) as lab:
            client = Client(lab)
            client.open()
            shutil.rmtree(tmp_path / "lab" / "transcript")
            (tmp_path / "lab" / "transcript").write_text("what was sent cannot be kept")
            shell = client.start("Get-Thing")
            assert client.post(f"{SHELL}/Receive", client.wanted(shell)).fault == 0x80338003
            assert lab.status()["shells_open"]["MBX1"] == 0


class TestNonsense:
    def test_instead_of_psrp_is_a_fault_and_the_end_of_the_shell(
        self, client: Client, lab: ThreadedLab
    ) -> None:
        garbage = base64.b64encode(b"\x00" * 21 + b"not a fragment").decode()
        body = f'<rsp:Send><rsp:Stream Name="stdin">{garbage}</rsp:Stream></rsp:Send>'
        assert client.post(f"{SHELL}/Send", body).fault == 0x80338003
        assert client.receive().fault == 2150858843
        assert lab.status()["shells_open"]["MBX1"] == 0

    def test_of_an_unknown_action_is_a_fault(self, client: Client) -> None:
        assert client.post(f"{SHELL}/Disconnect").fault == 0x80338013
