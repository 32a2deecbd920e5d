"""The server half of one PowerShell runspace pool, over psrpcore, without sockets or clock.

psrpcore parses what clients send, keeps the session key and writes host calls. Output is injected into its
send buffer as CLIXML of our own: its serializer cannot write an Exchange object (enums, empty ToString,
value-equal objects). That buffer is private, hence psrpcore is pinned to one version.

Loop: feed :meth:`PowerShellServer.receive_data` (or ``start_pipeline``), drain ``next_event``, write output,
drain ``data_to_send``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from psrpcore import (
    CreatePipelineEvent,
    GetAvailableRunspacesEvent,
    GetCommandMetadataEvent,
    PipelineHostResponseEvent,
    PSRPPayload,
    ResetRunspaceStateEvent,
    ServerPipeline,
    ServerRunspacePool,
    SetMaxRunspacesEvent,
    SetMinRunspacesEvent,
    StreamType,
)
from psrpcore.types import (
    ChoiceDescription,
    FieldDescription,
    HostMethodIdentifier,
    PSInvocationState,
    PSRPMessageType,
    PSVersion,
    RunspacePoolState,
)

from reconciler.lab import records
from reconciler.lab.arguments import argument, plain_value
from reconciler.lab.call import Argument, ErrorRecord, Field, Prompt

FRAGMENT: Final = 32_768
"""Bytes of one fragment with its header; WinRM's own plugin reads and writes by 32 KiB."""

MAX_MESSAGE: Final = 32 * 1024 * 1024
"""Bytes a client may send without completing a message."""

_BOM: Final = b"\xef\xbb\xbf"
_FRAGMENT_HEADER: Final = 21
"""Object id, fragment id, start and end bits, and the length of what follows (MS-PSRP 2.2.4)."""
_MESSAGE_HEADER: Final = 40
"""Destination, type, pool id and pipeline id before the CLIXML (MS-PSRP 2.2.1)."""

_STOPPED: Final = ErrorRecord(
    message="The pipeline has been stopped.",
    exception_type="System.Management.Automation.PipelineStoppedException",
    fully_qualified_id="PipelineStopped",
    category=14,
)


class MalformedInput(Exception):
    """A client sent what no PowerShell client sends."""


@dataclass(frozen=True, slots=True)
class RequestedCommand:
    """One command as a pipeline holds it."""

    name: str
    is_script: bool
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class PipelineRequested:
    """A client asks to run statements, each a chain of commands.

    Attributes:
        can_prompt: The client has a host with a user interface.
        has_input: The client is going to pipe objects in.
    """

    pipeline: UUID
    statements: tuple[tuple[RequestedCommand, ...], ...]
    can_prompt: bool
    has_input: bool


@dataclass(frozen=True, slots=True)
class PromptAnswered:
    """What the client's host returned: a choice, values by parameter, or None when it failed."""

    pipeline: UUID
    answer: int | dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class MetadataRequested:
    """GET_COMMAND_METADATA, what Import-PSSession sends."""

    pipeline: UUID


Event = PipelineRequested | PromptAnswered | MetadataRequested


@dataclass(frozen=True, slots=True)
class Chunk:
    """Fragments for the pool (``pipeline`` None) or for one pipeline; ``last``: nothing follows for it."""

    pipeline: UUID | None
    data: bytes
    last: bool = False

    @property
    def content(self) -> bytes:
        """The message bytes without fragment headers, as a transcript wants them."""
        parts: list[bytes] = []
        rest = self.data
        while rest:
            length = int.from_bytes(rest[17:21], "big")
            parts.append(rest[21 : 21 + length])
            rest = rest[21 + length :]
        return b"".join(parts)


def _fragments(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        end = at + _FRAGMENT_HEADER + int.from_bytes(data[at + 17 : at + _FRAGMENT_HEADER], "big")
        if end > len(data):
            raise MalformedInput("a fragment is cut off")
        yield data[at:end]
        at = end


def _answered(event: Any) -> int | dict[str, Any] | None:
    if event.error is not None or event.result is None:
        return None
    answer = plain_value(event.result)
    return answer if isinstance(answer, dict) else int(answer)


class _Pool(ServerRunspacePool):
    """psrpcore's pool, writing a byte order mark before each message as Windows does, and refusing DTDs."""

    def prepare_message(self, *args: Any, **kwargs: Any) -> None:
        super().prepare_message(*args, **kwargs)
        message = self._send_buffer[-1]
        data = message._data
        if message.message_type == PSRPMessageType.SessionCapability:
            data[_MESSAGE_HEADER:] = records.session_capability(
                str(self.our_capability.protocolversion)
            ).encode()
        if len(data) > _MESSAGE_HEADER:
            data[_MESSAGE_HEADER:_MESSAGE_HEADER] = _BOM

    def inject(self, message_type: PSRPMessageType, xml: str, pipeline: UUID) -> None:
        """Queue a message for a pipeline whose CLIXML we wrote ourselves."""
        # The empty message is what psrpcore makes without serializing; its type and text are then put in.
        super().prepare_message(None, pipeline_id=pipeline)
        message = self._send_buffer[-1]
        message.message_type = message_type
        message._data[4:8] = int(message_type).to_bytes(4, "little")
        message._data += _BOM + xml.encode()

    def _process_message(self, message: Any) -> Any:
        # psrpcore parses with the standard library. CLIXML escapes "<", so this is a DTD or a comment.
        if b"<!" in message.data:
            raise MalformedInput("a message holds markup that CLIXML does not have")
        return super()._process_message(message)


class PowerShellServer:
    """One runspace pool.

    Args:
        protocol: Version of the protocol that the server knows; 2.1 is that of PowerShell 2.0.
    """

    def __init__(self, protocol: str = "2.3") -> None:
        table = {"PSVersion": PSVersion("5.1.17763.5830"), "WSManStackVersion": PSVersion("3.0")}
        self._pool = _Pool({"PSVersionTable": table})
        self._pool.our_capability.protocolversion = PSVersion(protocol)
        self._events: deque[Event] = deque()
        self._ended: deque[UUID] = deque()
        self._calls: dict[int, UUID] = {}
        self._unfinished = 0

    @property
    def is_open(self) -> bool:
        return bool(self._pool.state == RunspacePoolState.Opened)

    @property
    def max_runspaces(self) -> int:
        """How many pipelines the client wants to run at once."""
        return max(1, int(self._pool.max_runspaces))

    def receive_data(self, data: bytes) -> None:
        """Take fragments from the client.

        Raises:
            MalformedInput: a fragment that is cut off, more than MAX_MESSAGE bytes without a complete
                message, or a DTD.
            Exception: whatever psrpcore meets in data that is not PSRP; the pool is then of no further use.
        """
        # One fragment at a time: psrpcore copies what is left of its buffer for each.
        for fragment in _fragments(data):
            self._unfinished += len(fragment)
            if self._unfinished > MAX_MESSAGE:
                raise MalformedInput(f"more than {MAX_MESSAGE} bytes that are no whole message")
            self._pool.receive_data(PSRPPayload(fragment, StreamType.default, None))
            while (event := self._pool.next_event()) is not None:
                self._handle(event)
            if not self._pool._incoming_fragments:  # while one message is kept open, others may not hide it
                self._unfinished = 0

    def start_pipeline(self, pipeline: UUID, data: bytes) -> None:
        """Take the first fragments of a new pipeline; the rest may follow through :meth:`receive_data`."""
        if not self.is_open:
            raise MalformedInput("a pipeline before the pool is open")
        # psrpcore looks the pipeline up when CREATE_PIPELINE is complete: it must exist before.
        ServerPipeline(self._pool, pipeline)
        self.receive_data(data)

    def next_event(self) -> Event | None:
        return self._events.popleft() if self._events else None

    def data_to_send(self) -> Chunk | None:
        """The next chunk of fragments, pools and pipelines in the order written."""
        payload = self._pool.data_to_send(FRAGMENT)
        if payload is not None:
            return Chunk(payload.pipeline_id, payload.data)
        if self._ended:
            return Chunk(self._ended.popleft(), b"", last=True)
        return None

    def write_output(self, pipeline: UUID, xml: str) -> None:
        """Write one object: a CLIXML element that refers to nothing outside itself."""
        self._pool.inject(PSRPMessageType.PipelineOutput, xml, pipeline)

    def write_warning(self, pipeline: UUID, message: str) -> None:
        self._pool.inject(PSRPMessageType.WarningRecord, records.warning(message), pipeline)

    def write_error(self, pipeline: UUID, error: ErrorRecord, cmdlet: str) -> None:
        """Write a non-terminating error."""
        self._pool.inject(PSRPMessageType.ErrorRecord, records.error_record(error, cmdlet), pipeline)

    def prompt(self, pipeline: UUID, prompt: Prompt) -> None:
        """Ask the client's host to choose; :class:`PromptAnswered` follows."""
        choices = [ChoiceDescription(label, help_message) for label, help_message in prompt.choices]
        parameters = [prompt.caption, prompt.message, choices, prompt.default]
        call = self._pool.host_call(HostMethodIdentifier.PromptForChoice, parameters, pipeline)
        self._calls[call] = pipeline

    def prompt_for(self, pipeline: UUID, cmdlet: str, fields: Sequence[Field]) -> None:
        """Ask the client's host for values, as PowerShell does for mandatory parameters.

        Read in PowerShell's source (CmdletParameterBinderController), not seen on a wire.
        """
        descriptions = [
            # The assembly of Exchange's types: its client does not have it, and falls back to text.
            FieldDescription(field.name, field.type, field.type, "", f"&{field.name}", IsMandatory=True)
            for field in fields
        ]
        caption = f"cmdlet {cmdlet} at command pipeline position 1"
        parameters = [caption, "Supply values for the following parameters:", descriptions]
        call = self._pool.host_call(HostMethodIdentifier.Prompt, parameters, pipeline)
        self._calls[call] = pipeline

    def complete(self, pipeline: UUID) -> None:
        self._end(pipeline, PSInvocationState.Completed, records.pipeline_state(records.COMPLETED))

    def fail(self, pipeline: UUID, error: ErrorRecord, cmdlet: str) -> None:
        """End a pipeline with a terminating error."""
        self._end(pipeline, PSInvocationState.Failed, records.pipeline_state(records.FAILED, error, cmdlet))

    def stop(self, pipeline: UUID) -> None:
        """End a pipeline because its client asked for it."""
        self._end(pipeline, PSInvocationState.Stopped, records.pipeline_state(records.STOPPED, _STOPPED))

    def _end(self, pipeline: UUID, state: PSInvocationState, xml: str) -> None:
        found = self._pool.pipeline_table.get(pipeline)
        if found is None:
            return
        self._pool.inject(PSRPMessageType.PipelineState, xml, pipeline)
        # A Running state was never told: it would cost each pipeline one more Receive.
        found._change_state(state, emit=False)
        found.close()
        self._ended.append(pipeline)

    def _handle(self, event: Any) -> None:
        if isinstance(event, CreatePipelineEvent):
            self._request(event)
        elif isinstance(event, GetCommandMetadataEvent):
            self._events.append(MetadataRequested(event.pipeline_id))
        elif isinstance(event, PipelineHostResponseEvent):
            pipeline = self._calls.pop(event.ci, None)
            if pipeline is not None:
                self._events.append(PromptAnswered(pipeline, _answered(event)))
        elif isinstance(event, SetMaxRunspacesEvent | SetMinRunspacesEvent | ResetRunspaceStateEvent):
            self._pool.runspace_availability_response(event.ci, True)
        elif isinstance(event, GetAvailableRunspacesEvent):
            free = self.max_runspaces - len(self._pool.pipeline_table)
            self._pool.runspace_availability_response(event.ci, max(0, free))

    def _request(self, event: CreatePipelineEvent) -> None:
        pipeline = event.pipeline
        self._pool.pipeline_table[event.pipeline_id]._change_state(PSInvocationState.Running, emit=False)
        host = self._pool.host if pipeline.host is None or pipeline.host.UseRunspaceHost else pipeline.host
        statements: list[tuple[RequestedCommand, ...]] = []
        commands: list[RequestedCommand] = []
        for command in pipeline.commands:
            arguments = tuple(argument(name, value) for name, value in command.parameters)
            commands.append(RequestedCommand(str(command.command_text), bool(command.is_script), arguments))
            if command.end_of_statement:
                statements.append(tuple(commands))
                commands = []
        self._events.append(
            PipelineRequested(
                event.pipeline_id,
                tuple(statements),
                can_prompt=host is not None and not host.IsHostNull and not host.IsHostUINull,
                has_input=not pipeline.no_input,
            )
        )
