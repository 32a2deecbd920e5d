"""The PSRP machine against psrpcore's client half, without a transport."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psrpcore
import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st
from psrpcore.types import (
    HostInfo,
    PSCredential,
    PSDateTime,
    PSDuration,
    PSGuid,
    PSInt64,
    PSInvocationState,
    PSSecureString,
    PSThreadOptions,
    PSVersion,
    RunspacePoolState,
    deserialize,
)

from reconciler.lab import records
from reconciler.lab.call import Argument, Credential, ErrorRecord, Prompt, Secret
from reconciler.lab.psrp import (
    FRAGMENT,
    MalformedInput,
    MetadataRequested,
    PipelineRequested,
    PowerShellServer,
    PromptAnswered,
    RequestedCommand,
)

ERROR = ErrorRecord("broke", "Microsoft.Exchange.Data.DataValidationException", "Id,Cmdlet", 5, "target")


class Pair:
    """A client and the server under test, joined by hand."""

    def __init__(self, **options: Any) -> None:
        self.server = PowerShellServer()
        self.client = psrpcore.ClientRunspacePool(**options)
        self.client.open()
        self.to_server()
        self.to_client()

    def to_server(self) -> None:
        while (payload := self.client.data_to_send(FRAGMENT)) is not None:
            self.server.receive_data(payload.data)

    def to_client(self) -> list[Any]:
        """Hand over everything; returns the client's events."""
        self.chunks = list(iter(self.server.data_to_send, None))
        for chunk in self.chunks:
            self.client.receive_data(
                psrpcore.PSRPPayload(chunk.data, psrpcore.StreamType.default, chunk.pipeline)
            )
        return list(iter(self.client.next_event, None))

    def run(self, shell: Any) -> PipelineRequested:
        """Start a pipeline; returns what the server was asked."""
        shell.start()
        first = self.client.data_to_send(FRAGMENT)
        assert first is not None
        self.server.start_pipeline(shell.pipeline_id, first.data)
        self.to_server()
        request = self.server.next_event()
        assert isinstance(request, PipelineRequested)
        return request

    def shell(self, *cmdlets: str) -> Any:
        shell = psrpcore.ClientPowerShell(self.client)
        for cmdlet in cmdlets:
            shell.add_command(cmdlet)
            if len(cmdlets) > 1:
                shell.add_statement()
        return shell


@pytest.fixture
def pair() -> Pair:
    return Pair()


class TestAPool:
    def test_opens(self, pair: Pair) -> None:
        assert pair.client.state == RunspacePoolState.Opened
        assert pair.server.is_open
        assert pair.client.application_private_data["PSVersionTable"]["WSManStackVersion"] == PSVersion("3.0")

    def test_marks_the_byte_order_as_windows_does(self) -> None:
        pair = Pair()
        pair.server.write_output(UUID(int=5), "<S>x</S>")
        pair.to_client()
        assert pair.chunks[0].content[40:43] == b"\xef\xbb\xbf"

    def test_answers_questions_about_its_size(self) -> None:
        pair = Pair(min_runspaces=1, max_runspaces=3)
        assert pair.server.max_runspaces == 3
        call = pair.client.get_available_runspaces()
        pair.to_server()
        (event,) = pair.to_client()
        assert (event.ci, event.count) == (call, 3)
        pair.client.set_max_runspaces(5)
        pair.to_server()
        pair.to_client()
        assert pair.server.max_runspaces == 5


class TestARequest:
    def test_of_statements_keeps_them_apart(self, pair: Pair) -> None:
        request = pair.run(pair.shell("Get-A", "Get-B"))
        assert [[command.name for command in statement] for statement in request.statements] == [
            ["Get-A"],
            ["Get-B"],
        ]

    def test_of_a_chain_keeps_it_together(self, pair: Pair) -> None:
        shell = pair.shell("Get-A")
        shell.add_command("Select-B")
        (statement,) = pair.run(shell).statements
        assert [command.name for command in statement] == ["Get-A", "Select-B"]

    def test_of_a_script_says_so(self, pair: Pair) -> None:
        shell = psrpcore.ClientPowerShell(pair.client)
        shell.add_script("$x")
        assert pair.run(shell).statements == ((RequestedCommand("$x", True, ()),),)

    @pytest.mark.parametrize(
        ("host", "able"),
        [
            (None, False),
            (
                HostInfo(IsHostNull=True, IsHostUINull=True, IsHostRawUINull=True, UseRunspaceHost=False),
                False,
            ),
            (
                HostInfo(IsHostNull=False, IsHostUINull=True, IsHostRawUINull=True, UseRunspaceHost=False),
                False,
            ),
            (
                HostInfo(IsHostNull=False, IsHostUINull=False, IsHostRawUINull=True, UseRunspaceHost=False),
                True,
            ),
        ],
    )
    def test_knows_whether_the_client_can_be_asked(self, host: HostInfo | None, able: bool) -> None:
        pair = Pair(host=host)
        assert pair.run(pair.shell("Get-A")).can_prompt is able

    def test_before_the_pool_is_open_is_refused(self) -> None:
        with pytest.raises(MalformedInput):
            PowerShellServer().start_pipeline(UUID(int=1), b"")

    def test_for_metadata_is_told(self, pair: Pair) -> None:
        shell = psrpcore.ClientGetCommandMetadata(pair.client, "*")
        shell.start()
        first = pair.client.data_to_send(FRAGMENT)
        assert first is not None
        pair.server.start_pipeline(shell.pipeline_id, first.data)
        assert pair.server.next_event() == MetadataRequested(shell.pipeline_id)


class TestAnArgument:
    @pytest.mark.parametrize(
        ("sent", "seen"),
        [
            ("text", "text"),
            (True, True),
            (3, 3),
            (PSInt64(2**40), 2**40),
            (1.5, 1.5),
            (b"\x00", b"\x00"),
            ([1, "a"], [1, "a"]),
            ({"Add": ["a"], "Remove": None}, {"Add": ["a"], "Remove": None}),
            (PSDuration(days=1, hours=2, seconds=3), "1.02:00:03"),
            (PSDuration(seconds=-1.5), "-00:00:01.5000000"),
            (PSDateTime(2026, 5, 4), "2026-05-04T00:00:00"),
            (PSGuid(int=1), str(UUID(int=1))),
            (PSVersion("15.2"), "15.2"),
            (PSThreadOptions.ReuseThread, "ReuseThread"),
        ],
    )
    def test_becomes_plain(self, pair: Pair, sent: object, seen: object) -> None:
        shell = pair.shell("Get-A")
        shell.add_parameter("-Name:", sent)
        ((command,),) = pair.run(shell).statements
        assert command.arguments == (Argument("Name", seen),)
        assert type(command.arguments[0].value) is type(seen)

    def test_without_a_name_is_positional(self, pair: Pair) -> None:
        shell = pair.shell("Get-A")
        shell.add_argument("x")
        ((command,),) = pair.run(shell).statements
        assert command.arguments == (Argument(None, "x"),)

    def test_may_be_secret_after_the_key_exchange(self, pair: Pair) -> None:
        pair.client.exchange_key()
        pair.to_server()
        pair.to_client()
        shell = pair.shell("Get-A")
        shell.add_parameter("Password", PSSecureString("pw"))
        shell.add_parameter("Credential", PSCredential(UserName="u", Password=PSSecureString("ü")))
        ((command,),) = pair.run(shell).statements
        assert [argument.value for argument in command.arguments] == [
            Secret("pw"),
            Credential("u", Secret("ü")),
        ]
        assert "pw" not in repr(command)


class TestWhatIsWritten:
    @pytest.fixture
    def shell(self, pair: Pair) -> Any:
        shell = pair.shell("Get-A")
        pair.run(shell)
        return shell

    def test_output_is_told_as_it_was_written(self, pair: Pair, shell: Any) -> None:
        pair.server.write_output(shell.pipeline_id, "<S>a_x000A_b</S>")
        (event,) = pair.to_client()
        assert event.data == "a\nb"

    def test_output_of_any_size_arrives(self, pair: Pair, shell: Any) -> None:
        pair.server.write_output(shell.pipeline_id, f"<S>{'z' * 200_000}</S>")
        (event,) = pair.to_client()
        assert len(event.data) == 200_000
        assert len(pair.chunks) == 7
        assert all(len(chunk.data) <= FRAGMENT for chunk in pair.chunks)

    def test_an_error_keeps_its_facts(self, pair: Pair, shell: Any) -> None:
        pair.server.write_error(shell.pipeline_id, ERROR, "Get-A")
        (event,) = pair.to_client()
        record = event.record
        assert record.FullyQualifiedErrorId == "Id,Cmdlet"
        assert record.CategoryInfo.Category.value == 5
        assert record.CategoryInfo.Activity == "Get-A"
        assert record.CategoryInfo.Reason == "DataValidationException"
        assert record.CategoryInfo.TargetName == "target"
        assert record.Exception.Message == "broke"

    def test_a_warning_keeps_its_text(self, pair: Pair, shell: Any) -> None:
        pair.server.write_warning(shell.pipeline_id, "<careful>\r\n\x00")
        (event,) = pair.to_client()
        assert event.record.Message == "<careful>\r\n\x00"

    def test_the_end_comes_after_everything_else(self, pair: Pair, shell: Any) -> None:
        pair.server.write_output(shell.pipeline_id, "<I32>1</I32>")
        pair.server.complete(shell.pipeline_id)
        output, state = pair.to_client()
        assert (output.data, state.state) == (1, PSInvocationState.Completed)
        assert [(chunk.pipeline, chunk.last) for chunk in pair.chunks][-1] == (shell.pipeline_id, True)

    def test_an_end_may_be_a_failure(self, pair: Pair, shell: Any) -> None:
        pair.server.fail(shell.pipeline_id, ERROR, "Get-A")
        (state,) = pair.to_client()
        assert state.state == PSInvocationState.Failed
        assert state.reason.FullyQualifiedErrorId == "Id,Cmdlet"

    def test_an_end_is_told_once(self, pair: Pair, shell: Any) -> None:
        pair.server.complete(shell.pipeline_id)
        pair.server.stop(shell.pipeline_id)
        assert [event.state for event in pair.to_client()] == [PSInvocationState.Completed]

    def test_a_prompt_brings_a_choice(self, pair: Pair, shell: Any) -> None:
        pair.server.prompt(shell.pipeline_id, Prompt("c", "m", (("&Yes", "y"), ("&No", "n")), 1))
        (call,) = pair.to_client()
        assert call.method_parameters[:2] == ["c", "m"]
        assert [choice.HelpMessage for choice in call.method_parameters[2]] == ["y", "n"]
        assert call.method_parameters[3] == 1
        shell.host_response(call.ci, 0)
        pair.to_server()
        assert pair.server.next_event() == PromptAnswered(shell.pipeline_id, 0)

    def test_pipelines_share_the_pool_and_stay_apart(self, pair: Pair, shell: Any) -> None:
        other = pair.shell("Get-B")
        pair.run(other)
        pair.server.write_output(shell.pipeline_id, "<I32>1</I32>")
        pair.server.write_output(other.pipeline_id, "<I32>2</I32>")
        seen = {event.pipeline_id: event.data for event in pair.to_client()}
        assert seen == {shell.pipeline_id: 1, other.pipeline_id: 2}


class TestHostileInput:
    def test_with_a_dtd_is_refused(self, pair: Pair) -> None:
        shell = pair.shell("Get-A")
        shell.add_parameter("Name", "MARK")
        shell.start()
        payload = pair.client.data_to_send(FRAGMENT)
        assert payload is not None
        with pytest.raises(MalformedInput):
            pair.server.start_pipeline(shell.pipeline_id, payload.data.replace(b"MARK", b"<!x>"))

    def test_without_end_is_refused(self, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("reconciler.lab.psrp.MAX_MESSAGE", 100_000)
        for fragment in itertools.islice(pieces_without_end(), 97):
            pair.server.receive_data(fragment)
        with pytest.raises(MalformedInput, match="no whole message"):
            pair.server.receive_data(next(itertools.islice(pieces_without_end(), 97, None)))

    def test_without_end_is_not_hidden_by_whole_messages(
        self, pair: Pair, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One message is kept open for ever while others come and go."""
        monkeypatch.setattr("reconciler.lab.psrp.MAX_MESSAGE", 100_000)

        def interleaved() -> None:
            for fragment in itertools.islice(pieces_without_end(), 200):
                pair.server.receive_data(fragment)
                pair.client.get_available_runspaces()
                pair.to_server()
                pair.to_client()

        with pytest.raises(MalformedInput, match="no whole message"):
            interleaved()

    def test_of_a_fragment_that_is_cut_off_is_refused(self, pair: Pair) -> None:
        with pytest.raises(MalformedInput, match="cut off"):
            pair.server.receive_data(bytes(20))

    def test_of_tiny_fragments_takes_linear_time(self, pair: Pair) -> None:
        """Half a megabyte of them; psrpcore by itself copies gigabytes for that."""
        began = time.process_time()
        data = b"".join(
            (99).to_bytes(8, "big") + index.to_bytes(8, "big") + bytes([index == 0]) + bytes(4)
            for index in range(25_000)
        )
        pair.server.receive_data(data)
        assert time.process_time() - began < 3

    @given(st.binary(max_size=200))
    def test_of_any_kind_ends(self, data: bytes) -> None:
        """It may raise what psrpcore raises; it must come back, and ask for nothing."""
        server = PowerShellServer()
        try:
            server.receive_data(data)
        except Exception:  # noqa: BLE001 - the endpoint turns whatever it is into a SOAP fault
            return
        assert server.next_event() is None


def pieces_without_end() -> Iterator[bytes]:
    for index in itertools.count():
        header = (99).to_bytes(8, "big") + index.to_bytes(8, "big") + (b"\x01" if index == 0 else b"\x00")
        yield header + (1000).to_bytes(4, "big") + b"x" * 1000


@given(st.text())
def test_any_text_survives_being_written_for_clixml(text: str) -> None:
    assert deserialize(fromstring(f"<S>{records.encode(text)}</S>"), None) == text
