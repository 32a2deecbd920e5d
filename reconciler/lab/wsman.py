"""The server half of WS-Management for remote shells, without sockets, clock or chance.

Loop: :meth:`WSManServer.receive_data` each request body under a ticket of the caller's choice, drain
:meth:`~WSManServer.next_event` until None, then answer what :meth:`~WSManServer.data_to_send` yields. A
ticket may be answered much later: Receive is a long poll, ended by output, by its OperationTimeout
(:meth:`~WSManServer.advance`) or by the end of its shell. Source: MS-WSMV 3.1.4.
"""

from __future__ import annotations

import base64
import binascii
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from reconciler.lab import refusals, soap
from reconciler.lab.shell_events import (
    CommandSignalled,
    CommandStarted,
    Event,
    InputArrived,
    ReceiveArrived,
    Reply,
    ShellClosed,
    ShellOpened,
)
from reconciler.lab.soap import SHELL, TRANSFER, Code, Request, WSManFault

IDLE_TIMEOUT: Final = timedelta(minutes=15)
"""How long a shell lives without a request when the client asks for nothing else."""

SHELLS_PER_USER: Final = 30
"""WinRM's MaxShellsPerUser since Windows Server 2012; before it was 5."""

_CREATE: Final = f"{TRANSFER}/Create"
_DELETE: Final = f"{TRANSFER}/Delete"
_GET: Final = f"{TRANSFER}/Get"
_STATE: Final = f"{SHELL}/CommandState"
_CTRL_C: Final = frozenset(
    # Windows misspells its own signal, and others follow it or do not.
    {f"{SHELL}/signal/ctrl_c", "powershell/signal/crtl_c", "powershell/signal/ctrl_c"}
)
_TERMINATE: Final = frozenset({f"{SHELL}/signal/terminate", f"{SHELL}/signal/Terminate"})
_ENVELOPE_OVERHEAD: Final = 2048
_CHUNK_OVERHEAD: Final = 120


@dataclass(slots=True)
class _Poll:
    ticket: int
    request: Request
    deadline: datetime


@dataclass(frozen=True, slots=True)
class _Spoiled:
    """What a Receive is answered instead; body None: its connection is closed."""

    body: bytes | None
    resets: bool


@dataclass(slots=True)
class _Stream:
    """Output of a shell (command None) or of one command, and the Receives that wait for it."""

    command: UUID | None
    chunks: deque[bytes] = field(default_factory=deque)
    polls: deque[_Poll] = field(default_factory=deque)
    finished: bool = False
    spoiled: deque[_Spoiled] = field(default_factory=deque)


@dataclass(slots=True)
class _Shell:
    id: UUID
    owner: str
    opened: datetime
    used: datetime
    idle_timeout: timedelta
    streams: dict[UUID | None, _Stream]


class WSManServer:
    """Remote shells of one server under one resource URI.

    Args:
        resource_uri: The only session configuration there is; others are faulted as WinRM does.
        machine: Host name told in faults.
        new_id: Source of message ids.
        shells_per_user: How many shells an account may have open.
        largest_answer: Bytes of an answer, whatever a client would take.
    """

    def __init__(
        self,
        resource_uri: str,
        machine: str,
        new_id: Callable[[], UUID],
        *,
        shells_per_user: int = SHELLS_PER_USER,
        largest_answer: int = soap.MAX_ENVELOPE,
    ) -> None:
        self._shells_per_user = shells_per_user
        self._largest_answer = largest_answer
        self._resource_uri = resource_uri
        self._machine = machine
        self._new_id = new_id
        self._shells: dict[UUID, _Shell] = {}
        self._events: deque[Event] = deque()
        self._replies: deque[Reply] = deque()

    @property
    def open_shells(self) -> int:
        return len(self._shells)

    def receive_data(self, ticket: int, data: bytes, *, user: str, full: bool, now: datetime) -> None:
        """Take one request body.

        Args:
            ticket: Names the request in the reply.
            data: The SOAP envelope.
            user: Who was authenticated; a shell answers only to its owner.
            full: The endpoint was addressed with ``serializationLevel=Full``.
            now: The instant of arrival; UTC, aware.
        """
        try:
            request = soap.parse_request(data)
        except WSManFault as error:
            self._reject(ticket, error.message_id, error)
            return
        try:
            self._dispatch(ticket, request, user, full, now)
        except WSManFault as error:
            self._reject(ticket, request.message_id, error)

    def next_event(self) -> Event | None:
        return self._events.popleft() if self._events else None

    def data_to_send(self) -> Reply | None:
        return self._replies.popleft() if self._replies else None

    def fail(self, ticket: int, reason: str) -> None:
        """Take back the queued answer to a request and fault it: what it carried could not be processed."""
        queued = [reply for reply in self._replies if reply.ticket == ticket]
        self._replies = deque(reply for reply in self._replies if reply.ticket != ticket)
        relates_to = queued[0].relates_to if queued else ""
        self._reject(ticket, relates_to, WSManFault(Code.PROVIDER_FAILURE, reason))

    def defect(self, reason: str) -> bytes:
        """The fault for a request that was not even looked at."""
        return soap.fault(WSManFault(Code.PROVIDER_FAILURE, reason), "", self._new_id(), self._machine)

    def close(self, shell: UUID) -> None:
        """End a shell from this side."""
        found = self._shells.get(shell)
        if found is not None:
            self._close(found, expired=False)

    def forget(self, ticket: int) -> None:
        """The connection that carried this request is gone: its answer goes to the next Receive."""
        for shell in self._shells.values():
            for stream in shell.streams.values():
                stream.polls = deque(poll for poll in stream.polls if poll.ticket != ticket)

    def send_output(self, shell: UUID, command: UUID | None, chunk: bytes) -> None:
        """Queue one chunk of output; a chunk is never split over two answers.

        Chunks for a shell or command that is gone are dropped: nobody can ask for them any more.
        """
        stream = self._stream(shell, command)
        if stream is not None:
            stream.chunks.append(chunk)

    def flush(self) -> None:
        """Answer every Receive that can be answered with what is queued now."""
        for shell in self._shells.values():
            for stream in shell.streams.values():
                self._feed(stream)

    def finish_command(self, shell: UUID, command: UUID) -> None:
        """No output follows: the answer that carries the last chunk says Done."""
        stream = self._stream(shell, command)
        if stream is not None:
            stream.finished = True

    def spoil(self, shell: UUID, command: UUID, body: bytes | None, *, resets: bool = False) -> None:
        """Answer the next Receive for a command with ``body``; None: by closing its connection."""
        stream = self._stream(shell, command)
        if stream is not None:
            stream.spoiled.append(_Spoiled(body, resets))

    def lose(self, shell: UUID) -> None:
        """Forget a shell, as a server does whose worker process ended: nobody who waits is told by it."""
        found = self._shells.pop(shell, None)
        if found is None:
            return
        for stream in found.streams.values():
            for poll in stream.polls:
                self._reject(poll.ticket, poll.request.message_id, refusals.shell_not_found(_shown(shell)))
            stream.polls.clear()
        self._events.append(ShellClosed(shell, expired=False))

    def refusal(self, data: bytes, error: WSManFault) -> bytes:
        """The fault for a request that is not acted on."""
        try:
            message_id = soap.parse_request(data).message_id
        except WSManFault as unreadable:
            message_id = unreadable.message_id
        return soap.fault(error, message_id, self._new_id(), self._machine)

    def shell_of(self, data: bytes) -> UUID | None:
        """The shell that a request is for; None where it names none that is open."""
        try:
            text = soap.parse_request(data).selectors.get("ShellId", "")
            found = self._shells.get(_uuid(text))
        except WSManFault:
            return None
        return found.id if found else None

    def advance(self, now: datetime) -> None:
        """Time out the Receives whose client waits no longer, and end shells that nobody used."""
        for shell in list(self._shells.values()):
            for stream in shell.streams.values():
                for poll in [poll for poll in stream.polls if poll.deadline <= now]:
                    stream.polls.remove(poll)
                    shell.used = now
                    self._reject(poll.ticket, poll.request.message_id, refusals.timed_out())
            if self._idle_deadline(shell) is not None and shell.used + shell.idle_timeout <= now:
                self._close(shell, expired=True)

    def next_deadline(self) -> datetime | None:
        """When :meth:`advance` has something to do next."""
        deadlines = [
            poll.deadline
            for shell in self._shells.values()
            for stream in shell.streams.values()
            for poll in stream.polls
        ]
        deadlines += [
            idle for shell in self._shells.values() if (idle := self._idle_deadline(shell)) is not None
        ]
        return min(deadlines, default=None)

    def _idle_deadline(self, shell: _Shell) -> datetime | None:
        """None while a Receive is pending: a client that waits is not idle."""
        if any(stream.polls for stream in shell.streams.values()):
            return None
        return shell.used + shell.idle_timeout

    def _dispatch(self, ticket: int, request: Request, user: str, full: bool, now: datetime) -> None:
        if request.action == _GET and request.resource_uri == SHELL:
            self._get(ticket, request, self._find(request, user, now), now)
            return
        if request.resource_uri.casefold() != self._resource_uri.casefold():
            raise WSManFault(
                Code.INVALID_RESOURCE_URI,
                "The WS-Management service cannot process the request. The resource URI"
                f" ({request.resource_uri}) was not found in the WS-Management catalog.",
            )
        if request.action == _CREATE:
            self._create(ticket, request, user, full, now)
            return
        handlers: dict[str, Callable[[int, Request, _Shell, datetime], None]] = {
            f"{SHELL}/Command": self._command,
            f"{SHELL}/Send": self._send,
            f"{SHELL}/Receive": self._receive,
            f"{SHELL}/Signal": self._signal,
            _DELETE: self._delete,
        }
        handler = handlers.get(request.action)
        if handler is None:
            # Disconnect, Reconnect, Connect and Enumerate among them: the lab keeps no disconnected shells.
            raise WSManFault(
                Code.ACTION_NOT_SUPPORTED, f"The resource does not support the action {request.action}."
            )
        handler(ticket, request, self._find(request, user, now), now)

    def _find(self, request: Request, user: str, now: datetime) -> _Shell:
        text = request.selectors.get("ShellId", "")
        shell = self._shells.get(_uuid(text))
        if shell is None or shell.owner != user:
            raise refusals.shell_not_found(text)
        shell.used = now
        return shell

    def _create(self, ticket: int, request: Request, user: str, full: bool, now: datetime) -> None:
        body = _expect(request, "Shell")
        content = body.findtext(f"{{{soap.POWERSHELL}}}creationXml") or ""
        if not content:
            raise WSManFault(
                Code.INVALID_PARAMETER, "The shell has no creationXml: it is not a PowerShell session."
            )
        shell_id = _uuid(body.get("ShellId", "")) if body.get("ShellId") else self._new_id()
        if shell_id in self._shells:
            raise WSManFault(Code.INVALID_PARAMETER, f"There is a shell with the id {shell_id}.")
        if sum(shell.owner == user for shell in self._shells.values()) >= self._shells_per_user:
            raise refusals.shell_quota(self._shells_per_user)
        idle = body.findtext(f"{{{SHELL}}}IdleTimeOut")
        try:
            idle_timeout = soap.parse_duration(idle) if idle else IDLE_TIMEOUT
        except ValueError as error:
            raise WSManFault(Code.INVALID_PARAMETER, f"IdleTimeOut is not a duration: {idle}.") from error
        shell = _Shell(shell_id, user, now, now, idle_timeout, {None: _Stream(None)})
        opened = ShellOpened(shell_id, user, full, _decode(content))
        self._shells[shell_id] = shell
        self._events.append(opened)
        created = (
            f"<x:ResourceCreated><a:Address>{escape(request.to)}</a:Address><a:ReferenceParameters>"
            f"<w:ResourceURI>{escape(request.resource_uri)}</w:ResourceURI><w:SelectorSet>"
            f'<w:Selector Name="ShellId">{_shown(shell_id)}</w:Selector></w:SelectorSet>'
            f"</a:ReferenceParameters></x:ResourceCreated>{self._described(shell, now)}"
        )
        self._reply(ticket, request, created)

    def _get(self, ticket: int, request: Request, shell: _Shell, now: datetime) -> None:
        self._reply(ticket, request, self._described(shell, now))

    def _command(self, ticket: int, request: Request, shell: _Shell, now: datetime) -> None:
        body = _expect(request, "CommandLine")
        command = _uuid(body.get("CommandId", ""))
        if command in shell.streams:
            raise WSManFault(Code.INVALID_PARAMETER, f"There is a command with the id {command}.")
        content = _decode("".join(argument.text or "" for argument in body.iterfind(f"{{{SHELL}}}Arguments")))
        shell.streams[command] = _Stream(command)
        self._events.append(CommandStarted(shell.id, command, content))
        self._reply(
            ticket,
            request,
            f"<rsp:CommandResponse><rsp:CommandId>{_shown(command)}</rsp:CommandId></rsp:CommandResponse>",
        )

    def _send(self, ticket: int, request: Request, shell: _Shell, now: datetime) -> None:
        streams = _expect(request, "Send").findall(f"{{{SHELL}}}Stream")
        for stream in streams:
            command = _uuid(stream.get("CommandId", "")) if stream.get("CommandId") else None
            self._known(shell, command)
            self._events.append(InputArrived(shell.id, command, _decode(stream.text or "")))
        self._reply(ticket, request, "<rsp:SendResponse/>")

    def _receive(self, ticket: int, request: Request, shell: _Shell, now: datetime) -> None:
        desired = _expect(request, "Receive").find(f"{{{SHELL}}}DesiredStream")
        if desired is None:
            raise WSManFault(Code.INVALID_PARAMETER, "Receive names no stream.")
        command = _uuid(desired.get("CommandId", "")) if desired.get("CommandId") else None
        stream = self._known(shell, command)
        stream.polls.append(_Poll(ticket, request, now + request.operation_timeout))
        self._events.append(ReceiveArrived(shell.id, command))
        self._feed(stream)

    def _signal(self, ticket: int, request: Request, shell: _Shell, now: datetime) -> None:
        body = _expect(request, "Signal")
        command = _uuid(body.get("CommandId", ""))
        stream = self._known(shell, command)
        code = (body.findtext(f"{{{SHELL}}}Code") or "").strip()
        if code in _TERMINATE:
            del shell.streams[command]
            self._abort(stream)
        elif code not in _CTRL_C:
            raise WSManFault(Code.INVALID_PARAMETER, f"The signal {code} is not known.")
        self._events.append(CommandSignalled(shell.id, command))
        self._reply(ticket, request, "<rsp:SignalResponse/>")

    def _delete(self, ticket: int, request: Request, shell: _Shell, now: datetime) -> None:
        self._close(shell, expired=False)
        self._reply(ticket, request, "")

    def _close(self, shell: _Shell, *, expired: bool) -> None:
        del self._shells[shell.id]
        for stream in shell.streams.values():
            self._abort(stream)
        self._events.append(ShellClosed(shell.id, expired))

    def _abort(self, stream: _Stream) -> None:
        """Fault EVERY Receive that waits here; one left alone hangs its client until a socket timeout."""
        reason = (
            "The I/O operation has been aborted because of either a thread exit or an application request."
        )
        while stream.polls:
            poll = stream.polls.popleft()
            self._reject(poll.ticket, poll.request.message_id, WSManFault(Code.ABORTED, reason))

    def _feed(self, stream: _Stream) -> None:
        while stream.polls and (stream.chunks or stream.finished or stream.spoiled):
            poll = stream.polls.popleft()
            if stream.spoiled:
                spoiled = stream.spoiled.popleft()
                self._replies.append(
                    Reply(poll.ticket, 200, spoiled.body, poll.request.message_id, spoiled.resets)
                )
                continue
            room = min(poll.request.max_envelope, self._largest_answer)
            self._reply(poll.ticket, poll.request, self._received(stream, room))

    def _received(self, stream: _Stream, max_envelope: int) -> str:
        command = f' CommandId="{_shown(stream.command)}"' if stream.command else ""
        parts: list[str] = []
        room = max_envelope - _ENVELOPE_OVERHEAD
        while stream.chunks:
            size = 4 * ((len(stream.chunks[0]) + 2) // 3) + _CHUNK_OVERHEAD
            if parts and size > room:
                break
            room -= size
            content = base64.b64encode(stream.chunks.popleft()).decode()
            parts.append(f'<rsp:Stream Name="stdout"{command}>{content}</rsp:Stream>')
        if stream.finished and not stream.chunks:
            parts.append(
                f'<rsp:CommandState{command} State="{_STATE}/Done"><rsp:ExitCode>0</rsp:ExitCode>'
                "</rsp:CommandState>"
            )
        return f"<rsp:ReceiveResponse>{''.join(parts)}</rsp:ReceiveResponse>"

    def _described(self, shell: _Shell, now: datetime) -> str:
        seconds = f"{shell.idle_timeout.total_seconds():.3f}"
        return (
            f"<rsp:Shell><rsp:ShellId>{_shown(shell.id)}</rsp:ShellId>"
            f"<rsp:ResourceUri>{escape(self._resource_uri)}</rsp:ResourceUri><rsp:Owner>{escape(shell.owner)}</rsp:Owner>"
            f"<rsp:ClientIP>127.0.0.1</rsp:ClientIP><rsp:IdleTimeOut>PT{seconds}S</rsp:IdleTimeOut>"
            "<rsp:InputStreams>stdin pr</rsp:InputStreams><rsp:OutputStreams>stdout</rsp:OutputStreams>"
            "<rsp:MaxIdleTimeOut>PT2147483.647S</rsp:MaxIdleTimeOut><rsp:Locale>en-US</rsp:Locale>"
            "<rsp:DataLocale>en-US</rsp:DataLocale><rsp:CompressionMode>NoCompression</rsp:CompressionMode>"
            "<rsp:ProfileLoaded>Yes</rsp:ProfileLoaded><rsp:Encoding>UTF8</rsp:Encoding>"
            "<rsp:BufferMode>Block</rsp:BufferMode><rsp:State>Connected</rsp:State>"
            f"<rsp:ShellRunTime>{_duration(now - shell.opened)}</rsp:ShellRunTime>"
            f"<rsp:ShellInactivity>{_duration(now - shell.used)}</rsp:ShellInactivity></rsp:Shell>"
        )

    def _reply(self, ticket: int, request: Request, body: str) -> None:
        data = soap.response(request.action, request.message_id, self._new_id(), body)
        self._replies.append(Reply(ticket, 200, data, request.message_id))

    def _reject(self, ticket: int, relates_to: str, error: WSManFault) -> None:
        data = soap.fault(error, relates_to, self._new_id(), self._machine)
        self._replies.append(Reply(ticket, 500, data, relates_to))

    def _stream(self, shell: UUID, command: UUID | None) -> _Stream | None:
        found = self._shells.get(shell)
        return found.streams.get(command) if found else None

    def _known(self, shell: _Shell, command: UUID | None) -> _Stream:
        stream = shell.streams.get(command)
        if stream is None:
            raise WSManFault(
                Code.UNEXPECTED_SELECTORS,
                f"The request for the Windows Remote Shell with ShellId {_shown(shell.id)} failed because the"
                f" command {command} was not found on the server.",
            )
        return stream


def _expect(request: Request, name: str) -> Element:
    if request.body is None or request.body.tag != f"{{{SHELL}}}{name}":
        raise WSManFault(Code.INVALID_PARAMETER, f"The body holds no {name}.")
    return request.body


def _uuid(text: str) -> UUID:
    try:
        return UUID(text.strip().removeprefix("uuid:"))
    except ValueError as error:
        raise WSManFault(
            Code.UNEXPECTED_SELECTORS, f"Not the id of a shell or command: {text[:80]!r}."
        ) from error


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise WSManFault(Code.INVALID_PARAMETER, "A stream is not base64.") from error


def _shown(value: UUID) -> str:
    return str(value).upper()


def _duration(span: timedelta) -> str:
    minutes, seconds = divmod(span.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"P{span.days}DT{hours}H{minutes}M{seconds}S"
