"""A second client, on psrpcore's client half: stock pypsrp alone overlooks what other clients hang on."""

from __future__ import annotations

import base64
import http.client
import shutil
import ssl
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

import psrpcore
import pytest
from defusedxml.ElementTree import fromstring
from psrpcore.types import (
    HostInfo,
    HostMethodIdentifier,
    PSInvocationState,
    PSSecureString,
    RunspacePoolState,
)

from reconciler.lab.emulator import ThreadedLab
from tests.rules import rule

SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
ENVELOPE = """<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"
 xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"
 xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" xmlns:rsp="{shell}"><s:Header>
<a:To>{url}</a:To><a:Action s:mustUnderstand="true">{action}</a:Action><a:MessageID>uuid:{id}</a:MessageID>
<w:ResourceURI>http://schemas.microsoft.com/powershell/Microsoft.Exchange</w:ResourceURI>
<w:MaxEnvelopeSize>153600</w:MaxEnvelopeSize><w:OperationTimeout>PT{timeout}S</w:OperationTimeout>
<w:SelectorSet><w:Selector Name="ShellId">{selector}</w:Selector></w:SelectorSet></s:Header>
<s:Body>{body}</s:Body></s:Envelope>"""


HOST = HostInfo(IsHostNull=False, IsHostUINull=False, IsHostRawUINull=True, UseRunspaceHost=False)


class Answer:
    """One answer: HTTP status, fault code if any, the streams, and whether the command is done."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        root: Element = fromstring(body)
        fault = root.find(".//{http://schemas.microsoft.com/wbem/wsman/1/wsmanfault}WSManFault")
        self.fault = None if fault is None else int(fault.get("Code", ""))
        self.streams = [base64.b64decode(item.text or "") for item in root.iter(f"{{{SHELL}}}Stream")]
        self.done = any(
            (item.get("State") or "").endswith("Done") for item in root.iter(f"{{{SHELL}}}CommandState")
        )


class Client:
    """A client that keeps to MS-PSRP and MS-WSMV, one HTTP connection a request."""

    def __init__(self, lab: ThreadedLab, host: HostInfo | None = None) -> None:
        self._lab = lab
        self.pool = psrpcore.ClientRunspacePool(host=host) if host else psrpcore.ClientRunspacePool()
        self.id = str(self.pool.runspace_pool_id).upper()
        self.events: list[Any] = []

    def post(self, action: str, body: str = "", timeout: int = 20) -> Answer:
        connection = self.request(action, body, timeout)
        try:
            response = connection.getresponse()
            return Answer(response.status, response.read())
        finally:
            connection.close()

    def request(self, action: str, body: str, timeout: int = 20) -> http.client.HTTPSConnection:
        """Send a request, and leave its answer on the connection."""
        url = urlsplit(self._lab.url("MBX1"))
        account = self._lab.account()
        token = base64.b64encode(f"{account.name}:{account.password}".encode()).decode()
        connection = http.client.HTTPSConnection(
            "127.0.0.1", url.port, timeout=20, context=ssl.create_default_context(cafile=self._lab.ca)
        )
        envelope = ENVELOPE.format(
            shell=SHELL,
            url=url.geturl(),
            action=action,
            id=uuid.uuid4(),
            timeout=timeout,
            selector=self.id,
            body=body,
        )
        connection.request(
            "POST",
            url.path,
            envelope.encode(),
            {"Authorization": f"Basic {token}", "Content-Type": "application/soap+xml;charset=UTF-8"},
        )
        return connection

    def open(self) -> None:
        self.pool.open()
        content = base64.b64encode(self.pool.data_to_send().data).decode()
        created = self.post(
            f"{TRANSFER}/Create",
            f'<rsp:Shell ShellId="{self.id}"><rsp:InputStreams>stdin pr</rsp:InputStreams>'
            "<rsp:OutputStreams>stdout</rsp:OutputStreams>"
            f'<creationXml xmlns="http://schemas.microsoft.com/powershell">{content}</creationXml></rsp:Shell>',
        )
        assert created.status == 200
        while self.pool.state != RunspacePoolState.Opened:
            self.receive()

    def start(self, *statements: str, **parameters: Any) -> psrpcore.ClientPowerShell:
        shell = psrpcore.ClientPowerShell(self.pool)
        for statement in statements:
            shell.add_command(statement)
            for name, value in parameters.items():
                shell.add_parameter(name, value)
            shell.add_statement()
        shell.start()
        first = self.pool.data_to_send(100_000)
        content = base64.b64encode(first.data).decode()
        self.post(
            f"{SHELL}/Command",
            f'<rsp:CommandLine CommandId="{self.name(shell)}"><rsp:Command/>'
            f"<rsp:Arguments>{content}</rsp:Arguments></rsp:CommandLine>",
        )
        self.send()
        return shell

    def send(self) -> None:
        while (payload := self.pool.data_to_send(100_000)) is not None:
            content = base64.b64encode(payload.data).decode()
            command = f' CommandId="{str(payload.pipeline_id).upper()}"' if payload.pipeline_id else ""
            self.post(
                f"{SHELL}/Send", f'<rsp:Send><rsp:Stream Name="pr"{command}>{content}</rsp:Stream></rsp:Send>'
            )

    def receive(self, shell: Any = None, timeout: int = 20) -> Answer:
        answer = self.post(f"{SHELL}/Receive", self.wanted(shell), timeout)
        for stream in answer.streams:
            self.pool.receive_data(psrpcore.PSRPPayload(stream, psrpcore.StreamType.default, None))
        while (event := self.pool.next_event()) is not None:
            self.events.append(event)
        return answer

    def finish(self, shell: psrpcore.ClientPowerShell) -> list[Any]:
        """Receive until the command is done; returns its output."""
        while not self.receive(shell).done:
            pass
        return [event.data for event in self.events if isinstance(event, psrpcore.PipelineOutputEvent)]

    def signal(self, shell: Any, code: str) -> Answer:
        return self.post(
            f"{SHELL}/Signal",
            f'<rsp:Signal CommandId="{self.name(shell)}"><rsp:Code>{code}</rsp:Code></rsp:Signal>',
        )

    def wanted(self, shell: Any) -> str:
        """The body of a Receive for a pipeline, or for the pool."""
        command = f' CommandId="{self.name(shell)}"' if shell else ""
        return f"<rsp:Receive><rsp:DesiredStream{command}>stdout</rsp:DesiredStream></rsp:Receive>"

    def name(self, shell: Any) -> str:
        return str(shell.pipeline_id).upper()


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
            thread.join(10)


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
        assert exchange.entered.wait(5)
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
            assert exchange.entered.wait(5)
            exchange.proceed.set()
            client.finish(shell)
            before = lab.status()["requests"]["MBX1"]
            waiting = Waiting(client, [None, None])
            waiting.until_all_wait(lab, before + 2)
        waiting.join()
        assert [answer.fault for answer in waiting.answers] == [995, 995]

    def test_after_an_answer_to_one_receive_answers_the_other(self, client: Client, exchange: Any) -> None:
        """Both waited for one pipeline, whose end is told once with its output and once without."""
        shell = client.start("Set-Slow")
        waiting = Waiting(client, [shell, shell])
        assert exchange.entered.wait(5)
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
