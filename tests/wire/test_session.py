"""Sessions against a scripted server that answers in every way that PowerShell remoting allows.

The server reads requests with psrpcore and writes its answers by hand, so it shares nothing with the client.
"""

from __future__ import annotations

import base64
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import defusedxml.ElementTree as ET
import psrpcore
import pytest
from psrpcore import PSRPPayload, StreamType
from psrpcore._payload import create_fragment, create_message
from psrpcore.types import PSRPMessageType

from reconciler.cmdlets.invocation import Answer
from reconciler.exchange.clixml import Object
from reconciler.exchange.errors import (
    CmdletFailed,
    CmdletMissing,
    Garbage,
    Refused,
    TimedOut,
    UnexpectedPrompt,
    Unreachable,
)
from reconciler.exchange.port import Command, Connection, Credential, Endpoint, Query, Timeouts
from reconciler.exchange.session import Sessions
from tests.rules import rule

Wire = Any  # of conftest.py, which test files cannot import
Run = Callable[["Call"], Iterator["Said"]]
RSP = "{http://schemas.microsoft.com/wbem/wsman/1/windows/shell}"

SEND = Query("Get-SendConnector", frozenset({"Send"}))
RECEIVE = Query("Get-ReceiveConnector", frozenset({"Receive"}))


@dataclass(frozen=True)
class Call:
    """A pipeline as the server received it: its statements, and the answers to what it asked so far."""

    statements: list[tuple[str, dict[str, Any]]]
    answers: list[Any]


@dataclass(frozen=True)
class Said:
    """One message of the server; ``waits`` when it goes on only after an answer."""

    kind: PSRPMessageType
    xml: str
    waits: bool = False


def output(xml: str) -> Said:
    return Said(PSRPMessageType.PipelineOutput, xml)


def thing(type_name: str, text: str = "x") -> Said:
    return output(f'<Obj RefId="0"><TN RefId="0"><T>{type_name}</T></TN><ToString>{text}</ToString></Obj>')


def record(id: str, activity: str = "", target: str = "") -> str:
    return (
        f'<S N="FullyQualifiedErrorId">{id}</S><I32 N="ErrorCategory_Category">7</I32>'
        f'<S N="ErrorCategory_Activity">{activity}</S><S N="TargetObject">{target}</S>'
        '<Obj N="Exception" RefId="1"><Props><S N="Message">told</S></Props></Obj>'
    )


def error(id: str, activity: str = "", target: str = "") -> Said:
    return Said(PSRPMessageType.ErrorRecord, f'<Obj RefId="0"><MS>{record(id, activity, target)}</MS></Obj>')


def ends(state: int = 4, inner: str = "") -> Said:
    failure = f'<Obj N="ExceptionAsErrorRecord" RefId="8"><MS>{inner}</MS></Obj>' if inner else ""
    return Said(
        PSRPMessageType.PipelineState,
        f'<Obj RefId="0"><MS><I32 N="PipelineState">{state}</I32>{failure}</MS></Obj>',
    )


BROKEN = '<Obj RefId="0"><MS><I32 N="RunspaceState">5</I32></MS></Obj>'


def asks(message: str, *labels: str, method: int = 26) -> Said:
    choices = "".join(f'<Obj><MS><S N="label">{label}</S></MS></Obj>' for label in labels)
    return Said(
        PSRPMessageType.PipelineHostCall,
        f'<Obj RefId="0"><MS><I64 N="ci">1</I64><Obj N="mi" RefId="1"><I32>{method}</I32></Obj>'
        f'<Obj N="mp" RefId="2"><LST><S>Confirm</S><S>{message}</S><Obj><LST>{choices}</LST></Obj>'
        "<I32>0</I32></LST></Obj></MS></Obj>",
        waits=True,
    )


@dataclass
class Server:
    """One PowerShell endpoint whose pipelines end as ``run`` says."""

    run: Run
    requests: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    hang_up_on: str = ""
    silent_on: str = ""
    is_broken: bool = False
    released: threading.Event = field(default_factory=threading.Event)
    _pool: psrpcore.ServerRunspacePool = field(default_factory=psrpcore.ServerRunspacePool)
    _pipeline: uuid.UUID | None = None
    _script: Iterator[Said] | None = None
    _waiting: bool = False
    _sent: int = 1000

    def answer(self, request: bytes) -> bytes:
        """Answer one HTTP request."""
        head, _, body = request.partition(b"\r\n\r\n")
        self.paths.append(head.split(b" ")[1].decode())
        action = re.search(rb"Action[^>]*>([^<]+)<", body)
        name = action[1].decode().rpartition("/")[2] if action else "?"
        self.requests.append(name)
        if name == self.silent_on:
            self.released.wait(5)
        if name in (self.hang_up_on, self.silent_on):
            return b""
        return self.http(self.envelope(getattr(self, f"on_{name.lower()}")(ET.fromstring(body)), body))

    @staticmethod
    def http(body: str) -> bytes:
        raw = body.encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(raw)}\r\nConnection: close\r\n\r\n"
        return head.encode() + raw

    @staticmethod
    def envelope(body: str, request: bytes) -> str:
        found = re.search(rb"MessageID>(uuid:[^<]+)<", request)
        return (
            '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
            'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
            'xmlns:rsp="http://schemas.microsoft.com/wbem/wsman/1/windows/shell"><s:Header>'
            f"<a:RelatesTo>{found[1].decode() if found else ''}</a:RelatesTo></s:Header>"
            f"<s:Body>{body}</s:Body></s:Envelope>"
        )

    def feed(self, data: str, pipeline: uuid.UUID | None) -> None:
        self._pool.receive_data(PSRPPayload(base64.b64decode(data), StreamType.default, pipeline))
        events: Iterator[Any] = iter(self._pool.next_event, None)
        for event in events:
            if event.message_type is PSRPMessageType.CreatePipeline:
                assert pipeline is not None
                commands = event.pipeline.commands
                statements = [(command.command_text, dict(command.parameters)) for command in commands]
                self.calls.append(Call(statements, []))
                self._script = self.run(self.calls[-1])
            elif event.message_type is PSRPMessageType.PipelineHostResponse:
                self.calls[-1].answers.append(event.result)
                self._waiting = False

    def on_create(self, root: Any) -> str:
        self._pool.runspace_pool_id = uuid.UUID(root.find(f".//{RSP}Shell").attrib["ShellId"])
        xml = root.find(".//{http://schemas.microsoft.com/powershell}creationXml").text
        self.feed(xml, None)
        return "<rsp:Shell><rsp:ShellId>1</rsp:ShellId></rsp:Shell>"

    def on_command(self, root: Any) -> str:
        line = root.find(f".//{RSP}CommandLine")
        self._pipeline = uuid.UUID(line.attrib["CommandId"])
        psrpcore.ServerPipeline(self._pool, self._pipeline)
        self.feed(line.find(f"{RSP}Arguments").text, self._pipeline)
        number = f"<rsp:CommandId>{line.attrib['CommandId']}</rsp:CommandId>"
        return f"<rsp:CommandResponse>{number}</rsp:CommandResponse>"

    def on_send(self, root: Any) -> str:
        stream = root.find(f".//{RSP}Stream")
        self.feed(
            stream.text, uuid.UUID(stream.attrib["CommandId"]) if "CommandId" in stream.attrib else None
        )
        return "<rsp:SendResponse />"

    def on_receive(self, _: Any) -> str:
        data = b""
        while (payload := self._pool.data_to_send()) is not None:
            data += payload.data
        if self.is_broken:
            data += self.fragment(Said(PSRPMessageType.RunspacePoolState, BROKEN))
        while self._script is not None and not self._waiting and (said := next(self._script, None)):
            data += self.fragment(said)
            self._waiting = said.waits
        stream = f'<rsp:Stream Name="stdout">{base64.b64encode(data).decode()}</rsp:Stream>'
        return f"<rsp:ReceiveResponse>{stream}</rsp:ReceiveResponse>"

    def fragment(self, said: Said) -> bytes:
        pool, self._sent = self._pool.runspace_pool_id, self._sent + 1
        message = create_message(False, said.kind, said.xml.encode(), pool, self._pipeline)
        return create_fragment(self._sent, 0, message)

    def on_signal(self, _: Any) -> str:
        return "<rsp:SignalResponse />"

    def on_delete(self, _: Any) -> str:
        return ""


class Exchange:
    """A scripted server on loopback, and sessions with it."""

    def __init__(self, wire: Wire, endpoint: Endpoint, run: Run) -> None:
        self.wire, self.endpoint, self.server = wire, endpoint, Server(run)
        self.sessions = Sessions()

    @contextmanager
    def connection(self, invocation: float = 10, read: float = 5) -> Iterator[Connection]:
        path = "/PowerShell/" if self.endpoint is Endpoint.EXCHANGE else "/wsman"
        timeouts = Timeouts(connect=5, read=read, operation=5, invocation=invocation)
        with self.wire.peer(self.server.answer, self.wire.for_loopback) as port:
            url = f"https://127.0.0.1:{port}{path}"
            yield Connection("EX1", url, self.endpoint, "admin", "secret", self.wire.ca, timeouts)

    def read(self, *queries: Query) -> Any:
        with self.connection() as connection, self.sessions.reader(connection) as reader:
            return reader.read(queries)

    def run(self, command: Command) -> Any:
        with self.connection() as connection, self.sessions.writer(connection) as writer:
            return writer.run(command)


@pytest.fixture
def exchange(wire: Wire) -> Callable[..., Exchange]:
    return lambda run, endpoint=Endpoint.EXCHANGE: Exchange(wire, endpoint, run)


New = Callable[..., Exchange]


class TestReading:
    def test_of_many_lists_takes_five_requests(self, exchange: New) -> None:
        """Open 2, pipeline 2, close 1, however many statements there are."""

        def run(call: Call) -> Iterator[Said]:
            yield thing("Receive", "b")
            yield thing("Send", "a")
            yield ends()

        made = exchange(run)
        send, receive = made.read(SEND, RECEIVE)
        assert [found.to_string for found in send.objects] == ["a"]
        assert [found.to_string for found in receive.objects] == ["b"]
        assert made.server.requests == ["Create", "Receive", "Command", "Receive", "Delete"]
        assert made.server.calls[0].statements == [("Get-SendConnector", {}), ("Get-ReceiveConnector", {})]

    @rule("6.1-3")
    def test_asks_for_everything_that_exchange_can_tell(self, exchange: New) -> None:
        """Without this level a certificate has no services [6.1-3]."""
        made = exchange(lambda _: iter([ends()]))
        made.read(SEND)
        assert set(made.server.paths) == {"/PowerShell/?serializationLevel=Full"}

    def test_on_an_edge_server_loads_the_snap_in_first(self, exchange: New) -> None:
        made = exchange(lambda _: iter([ends()]), Endpoint.WINRM)
        made.read(SEND)
        assert set(made.server.paths) == {"/wsman"}
        assert made.server.requests == ["Create", "Receive", "Command", "Receive", "Delete"]
        assert made.server.calls[0].statements == [
            ("Add-PSSnapin", {"Name": "Microsoft.Exchange.Management.PowerShell.E2010"}),
            ("Get-SendConnector", {}),
        ]

    def test_goes_on_without_a_list_that_ends_the_pipeline(self, exchange: New) -> None:
        def run(call: Call) -> Iterator[Said]:
            if ("Get-ReceiveConnector", {}) in call.statements:
                yield thing("Send")
                yield ends(5, record("CommandNotFoundException", target="Get-ReceiveConnector"))
            else:
                yield thing("Send")
                yield ends()

        send, receive = exchange(run).read(SEND, RECEIVE)
        assert isinstance(receive.failure, CmdletMissing)
        assert len(send.objects) == 1

    @rule("5-6")
    def test_keeps_objects_that_stock_clients_lose(self, exchange: New) -> None:
        """A reference into a list of an unknown type [5-6]."""
        xml = (
            '<Obj RefId="0"><TN RefId="0"><T>Send</T></TN><Props><Obj N="a" RefId="1"><TN RefId="1">'
            '<T>Microsoft.Exchange.Data.SomeList</T></TN><LST><Obj RefId="2"><ToString>in</ToString>'
            '</Obj></LST></Obj><Ref N="b" RefId="2" /></Props></Obj>'
        )
        (send,) = exchange(lambda _: iter([output(xml), ends()])).read(SEND)
        assert isinstance(inner := send.objects[0].get("b"), Object)
        assert inner.to_string == "in"

    def test_sends_nothing_but_get(self, exchange: New) -> None:
        made = exchange(lambda _: iter([ends()]))
        with pytest.raises(ValueError, match="Set-SendConnector"):
            made.read(Query("Set-SendConnector", frozenset()))
        assert not made.server.calls

    def test_of_an_output_that_is_no_clixml_is_garbage(self, exchange: New) -> None:
        made = exchange(lambda _: iter([output("<html>"), ends()]))
        with pytest.raises(Garbage):
            made.read(SEND)
        assert made.server.requests[-1] == "Delete"

    def test_waits_no_longer_than_it_may(self, exchange: New) -> None:
        made = exchange(lambda _: iter([]))
        with (
            made.connection(0.3) as connection,
            pytest.raises(TimedOut) as caught,
            made.sessions.reader(connection) as reader,
        ):
            reader.read((SEND,))
        assert caught.value.doing == "Get-SendConnector"
        assert made.server.requests[-1] == "Delete"

    def test_waits_for_a_silent_server_once(self, exchange: New) -> None:
        """pypsrp would ask five times more."""
        made = exchange(lambda _: iter([ends()]))
        with made.connection(read=0.2) as connection:
            with made.sessions.reader(connection) as reader:
                made.server.silent_on = "Receive"
                with pytest.raises(TimedOut):
                    reader.read((SEND,))
                made.server.released.set()
            assert made.server.requests == ["Create", "Receive", "Command", "Receive", "Delete"]

    def test_cannot_be_asked(self, exchange: New) -> None:
        """A reader's host is null, so that a server does not wait for somebody who is not there."""
        made = exchange(lambda _: iter([ends()]))
        with made.connection() as connection, made.sessions.reader(connection) as reader:
            assert not hasattr(reader, "run")


class TestACommand:
    SET = Command("Set-SendConnector", {"Identity": "Mail", "Port": 26, "Enabled": False, "Fqdn": None})

    def test_is_sent_as_command_and_parameters(self, exchange: New) -> None:
        made = exchange(lambda _: iter([ends()]))
        command = Command(
            "Set-X", {"A": ("x", "y"), "B": b"\0\1", "C": 2**40, "D": None, "E": True, "F": 'a"; `$(b)'}
        )
        made.run(command)
        ((name, parameters),) = made.server.calls[0].statements
        assert name == "Set-X"
        assert list(parameters.pop("A")) == ["x", "y"]
        assert parameters == {"B": b"\0\1", "C": 2**40, "D": None, "E": True, "F": 'a"; `$(b)'}

    def test_gives_its_outputs_and_warnings(self, exchange: New) -> None:
        warning = '<Obj RefId="0"><MS><S N="InformationalRecord_Message">nothing changed</S></MS></Obj>'
        made = exchange(
            lambda _: iter([output("<S>request</S>"), Said(PSRPMessageType.WarningRecord, warning), ends()])
        )
        outcome = made.run(self.SET)
        assert [found.text for found in outcome.outputs] == ["request"]
        assert outcome.warnings == ("nothing changed",)

    def test_that_tells_an_error_has_failed_even_if_it_went_on(self, exchange: New) -> None:
        made = exchange(lambda _: iter([error("Id1", "Set-SendConnector", "Mail"), error("Id2"), ends()]))
        with pytest.raises(CmdletFailed) as caught:
            made.run(self.SET)
        assert [found.fully_qualified_id for found in caught.value.records] == ["Id1", "Id2"]
        assert (caught.value.record.category, caught.value.record.target) == (7, "Mail")
        assert not caught.value.outcome_unknown

    def test_that_does_not_exist_is_missing(self, exchange: New) -> None:
        made = exchange(
            lambda _: iter([ends(5, record("CommandNotFoundException", target="Set-SendConnector"))])
        )
        with pytest.raises(CmdletMissing):
            made.run(self.SET)

    def test_that_is_stopped_by_the_server_has_failed(self, exchange: New) -> None:
        with pytest.raises(CmdletFailed):
            exchange(lambda _: iter([ends(3)])).run(self.SET)

    def test_whose_answer_is_lost_may_have_run(self, exchange: New) -> None:
        made = exchange(lambda _: iter([ends()]))
        made.server.hang_up_on = "Command"
        with pytest.raises(Unreachable) as caught:
            made.run(self.SET)
        assert caught.value.outcome_unknown

    def test_on_an_edge_server_runs_after_the_snap_in_alone(self, exchange: New) -> None:
        """So that no error of the snap-in counts as one of the command."""

        def run(call: Call) -> Iterator[Said]:
            if call.statements[0][0] == "Add-PSSnapin":
                yield error("AddPSSnapInRead", "Add-PSSnapin")
            yield ends()

        made = exchange(run, Endpoint.WINRM)
        made.run(self.SET)
        assert [[name for name, _ in call.statements] for call in made.server.calls] == [
            ["Add-PSSnapin"],
            ["Set-SendConnector"],
        ]

    def test_carries_a_password_under_the_session_key(self, exchange: New) -> None:
        made = exchange(lambda _: iter([ends()]))
        made.run(Command("Set-SendConnector", {"AuthenticationCredential": Credential("relay", "pässword")}))
        credential = made.server.calls[0].statements[0][1]["AuthenticationCredential"]
        assert credential.UserName == "relay"
        assert credential.Password.decrypt() == "pässword"


class TestAQuestion:
    NO = Answer("default_smtp", "no")
    TEXT = f"{'A' * 40} or {'B' * 40}?"

    def enable(self, made: Exchange, *answers: Answer) -> Any:
        return made.run(Command("Enable-ExchangeCertificate", {"Services": "SMTP"}, answers))

    def test_that_was_foreseen_is_answered(self, exchange: New) -> None:
        def run(call: Call) -> Iterator[Said]:
            yield asks(self.TEXT, "&amp;Yes", "Yes to &amp;All", "&amp;No", "No to A&amp;ll")
            yield ends()

        made = exchange(run)
        assert self.enable(made, self.NO).answered == (self.NO,)
        assert made.server.calls[0].answers == [2]

    def test_that_was_not_foreseen_stops_the_command(self, exchange: New) -> None:
        def run(call: Call) -> Iterator[Said]:
            yield asks("Are you sure?", "&amp;Yes", "&amp;No")
            yield ends()

        made = exchange(run)
        with pytest.raises(UnexpectedPrompt, match="Are you sure"):
            self.enable(made, self.NO)
        assert made.server.calls[0].answers == []
        assert made.server.requests[-2:] == ["Signal", "Delete"]


class TestASession:
    def test_is_closed_after_an_interrupt(self, exchange: New) -> None:
        made = exchange(lambda _: iter([ends()]))
        with (
            made.connection() as connection,
            pytest.raises(KeyboardInterrupt),
            made.sessions.reader(connection),
        ):
            raise KeyboardInterrupt
        assert made.server.requests[-1] == "Delete"

    def test_is_closed_when_its_pool_breaks(self, exchange: New) -> None:
        """pypsrp leaves the shell of a broken pool open."""
        made = exchange(lambda _: iter([ends()]))
        made.server.is_broken = True
        with pytest.raises(Garbage):
            made.read(SEND)
        assert made.server.requests[-1] == "Delete"

    def test_that_cannot_be_closed_hides_no_error(self, exchange: New) -> None:
        made = exchange(lambda _: iter([ends(5, record("X"))]))
        made.server.hang_up_on = "Delete"
        with pytest.raises(CmdletFailed):
            made.run(TestACommand.SET)

    def test_waits_for_one_of_two_shells(self, exchange: New) -> None:
        """Servers refuse the shell too many; here the third waits, and not for ever."""
        made = exchange(lambda _: iter([ends()]))
        with made.connection(0.2) as connection:
            semaphore = made.sessions._shells[connection.url]
            with (
                semaphore,
                semaphore,
                pytest.raises(TimedOut, match="shells"),
                made.sessions.reader(connection),
            ):
                pytest.fail("a third shell")
            assert made.server.requests == []
            with semaphore, made.sessions.reader(connection):
                assert made.server.requests == ["Create", "Receive"]

    def test_leaves_no_thread_behind(self, exchange: New) -> None:
        before = threading.active_count()
        exchange(lambda _: iter([ends()])).read(SEND)
        assert threading.active_count() == before

    def test_that_the_server_dropped_is_refused(self, exchange: New, monkeypatch: pytest.MonkeyPatch) -> None:
        made = exchange(lambda _: iter([ends()]))
        fault = (
            "<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text>gone</s:Text></s:Reason>"
            '<s:Detail><f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" '
            'Code="2150858843"/></s:Detail></s:Fault>'
        )
        answer = made.server.answer

        def drop(request: bytes) -> bytes:
            if b"shell/Command" in request:
                said = made.server.http(made.server.envelope(fault, request))
                return said.replace(b"200 OK", b"500 Internal Server Error")
            return answer(request)

        monkeypatch.setattr(made.server, "answer", drop)
        with pytest.raises(Refused) as caught:
            made.read(SEND)
        assert (caught.value.code, caught.value.reason) == (2150858843, "gone")
