"""The remote shells of one server: the two protocol machines, put together over asyncio."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from reconciler.lab import refusals, shell_events
from reconciler.lab.accounts import Account
from reconciler.lab.call import Endpoint, ErrorRecord, Failed, Field, Output, Prompt, ServerFacts, Warned
from reconciler.lab.engine import Engine
from reconciler.lab.faults import RELEASE, Faults
from reconciler.lab.ledger import Ledger
from reconciler.lab.pipeline import RunningPipeline, Session
from reconciler.lab.psrp import (
    MetadataRequested,
    PipelineRequested,
    PowerShellServer,
    PromptAnswered,
)
from reconciler.lab.shell_events import Reply
from reconciler.lab.soap import MAX_ENVELOPE
from reconciler.lab.transcript import Transcript
from reconciler.lab.wsman import SHELLS_PER_USER, WSManServer

_log = logging.getLogger(__name__)

CONFIGURATION: Final[dict[Endpoint, str]] = {
    "exchange": "http://schemas.microsoft.com/powershell/Microsoft.Exchange",
    "winrm": "http://schemas.microsoft.com/powershell/Microsoft.PowerShell",
}

_GLANCE: Final = 0.05
"""Seconds between two looks whether a held answer may go: a file that appears tells nobody."""


class RequestRefused(Exception):
    """A request that is faulted, while its shell lives on."""


def kind_of(facts: ServerFacts) -> Endpoint:
    """An Edge server has no Exchange endpoint [5-1]."""
    return "winrm" if facts.is_edge else "exchange"


class RemoteShells:
    """All shells of one server.

    Args:
        facts: The server.
        directory: The lab's.
        engine: Runs cmdlets.
        ledger: Records them, and how many shells are open.
        faults: Which cmdlets to disturb.
        now: The clock; UTC, aware.
        transcript: Gets every message sent, when one is kept.
    """

    def __init__(
        self,
        facts: ServerFacts,
        directory: Path,
        engine: Engine,
        ledger: Ledger,
        faults: Faults,
        now: Callable[[], datetime],
        transcript: Transcript | None,
    ) -> None:
        self.facts = facts
        self.endpoint = kind_of(facts)
        self.engine = engine
        self.ledger = ledger
        self.faults = faults
        self.directory = directory
        self.transcript = transcript
        limits = faults.limits(facts.name)
        self.wsman = WSManServer(
            CONFIGURATION[self.endpoint],
            facts.fqdn,
            uuid.uuid4,
            shells_per_user=limits.shells or SHELLS_PER_USER,
            largest_answer=limits.envelope or MAX_ENVELOPE,
        )
        self._now = now
        self._shells: dict[UUID, _Shell] = {}
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._tickets = 0
        self._timer: asyncio.TimerHandle | None = None
        self._transports: dict[int, asyncio.BaseTransport | None] = {}
        self._accounts: dict[str, Account] = {}

    async def answer(
        self, body: bytes, account: Account, full: bool, transport: asyncio.BaseTransport | None
    ) -> Reply:
        """Answer one request; returns when there is something to say, maybe much later."""
        self._tickets += 1
        ticket = self._tickets
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[ticket] = reply
        self._transports[ticket] = transport
        self._accounts[account.name] = account
        try:
            try:
                self.wsman.receive_data(ticket, body, user=account.name, full=full, now=self._now())
                self.settle(ticket)
            except Exception as error:  # noqa: BLE001 - whatever broke, the client learns it as WinRM would say it
                self._fault(ticket, error)
                self._hand_out()
            return await reply
        finally:
            del self._waiting[ticket]
            del self._transports[ticket]
            if reply.cancelled():
                self.wsman.forget(ticket)

    def lose_shell_of(self, body: bytes) -> None:
        """Let the shell that a request is for be gone before the request is looked at."""
        shell = self.wsman.shell_of(body)
        if shell is not None:
            self.wsman.lose(shell)
            self.settle(None)

    async def close(self) -> None:
        """End every shell."""
        if self._timer is not None:
            self._timer.cancel()
        shells = list(self._shells.values())
        for shell in shells:
            self.wsman.close(shell.id)
        self.settle(None)
        for shell in shells:
            await shell.ended()
        if self._timer is not None:
            self._timer.cancel()

    def settle(self, ticket: int | None) -> None:
        """Act on what arrived, and answer what can be answered."""
        self._handle_events(ticket)
        for shell in list(self._shells.values()):
            try:
                shell.drain()
            except Exception as error:  # noqa: BLE001 - a shell that cannot speak ends, so that nobody waits for it
                self._fault(ticket, error)
                self.wsman.close(shell.id)
        self._handle_events(None)
        self.wsman.flush()
        self._hand_out()
        self._set_timer()

    def _handle_events(self, ticket: int | None) -> None:
        while (event := self.wsman.next_event()) is not None:
            try:
                self._handle(event, ticket)
            except RequestRefused as refused:
                if ticket is not None:
                    self.wsman.fail(ticket, str(refused))
            except Exception as error:  # noqa: BLE001 - psrpcore raises whatever it meets in what is not PSRP
                self._fault(ticket, error)
                self.wsman.close(event.shell)

    def _fault(self, ticket: int | None, error: Exception) -> None:
        _log.error("a request to %s could not be processed", self.facts.name, exc_info=error)
        if ticket is not None:
            self.wsman.fail(ticket, f"The request could not be processed: {type(error).__name__}: {error}")

    def _hand_out(self) -> None:
        while (reply := self.wsman.data_to_send()) is not None:
            waiting = self._waiting.get(reply.ticket)
            if waiting is not None and not waiting.done():
                waiting.set_result(reply)

    def _handle(self, event: shell_events.Event, ticket: int | None) -> None:
        if isinstance(event, shell_events.ShellOpened):
            session = Session(self.facts.name, self.endpoint, self._accounts[event.user], event.full)
            shell = _Shell(event.shell, session, self)
            self._shells[event.shell] = shell
            self.ledger.note_shells(self.facts.name, len(self._shells))
            shell.machine.receive_data(event.content)
        elif isinstance(event, shell_events.ShellClosed):
            closed = self._shells.pop(event.shell, None)
            if closed is not None:
                closed.close()
                self.ledger.note_shells(self.facts.name, len(self._shells))
            return
        else:
            shell = self._shells[event.shell]
            if isinstance(event, shell_events.CommandStarted):
                shell.machine.start_pipeline(event.command, event.content)
            elif isinstance(event, shell_events.InputArrived):
                shell.machine.receive_data(event.content)
            elif isinstance(event, shell_events.CommandSignalled):
                shell.interrupt(event.command)
        if ticket is not None:
            shell.transport = self._transports.get(ticket)
        shell.handle_events()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = self.wsman.next_deadline()
        if deadline is not None:
            delay = max(0.0, (deadline - self._now()).total_seconds())
            self._timer = asyncio.get_running_loop().call_later(delay, self._advance)

    def _advance(self) -> None:
        self.wsman.advance(self._now())
        self.settle(None)


class _Shell:
    """One shell: a runspace pool and the pipelines that run in it. It is the Client of those pipelines."""

    def __init__(self, shell: UUID, session: Session, shells: RemoteShells) -> None:
        self.id = shell
        self.session = session
        self._refuses_batches = shells.faults.batches(session.server)
        self.machine = PowerShellServer("2.1" if self._refuses_batches == "first" else "2.3")
        self.transport: asyncio.BaseTransport | None = None
        self._shells = shells
        self._pipelines: dict[UUID, RunningPipeline] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._places: asyncio.Semaphore | None = None
        self._closed = False

    def handle_events(self) -> None:
        while (event := self.machine.next_event()) is not None:
            if isinstance(event, PipelineRequested):
                self._start(event)
            elif isinstance(event, PromptAnswered):
                running = self._pipelines.get(event.pipeline)
                if running is not None:
                    running.answer(event.answer)
            elif isinstance(event, MetadataRequested):
                self.machine.fail(event.pipeline, refusals.NO_METADATA, "")

    def drain(self) -> None:
        """Hand what the pool wants to say to the transport."""
        while (chunk := self.machine.data_to_send()) is not None:
            if chunk.last and chunk.pipeline is not None:
                self._shells.wsman.finish_command(self.id, chunk.pipeline)
                continue
            if self._shells.transcript is not None:
                self._shells.transcript.message(self.session.server, self.id, chunk.pipeline, chunk.content)
            self._shells.wsman.send_output(self.id, chunk.pipeline, chunk.data)

    def interrupt(self, pipeline: UUID) -> None:
        running = self._pipelines.get(pipeline)
        if running is not None:
            running.interrupt()

    def close(self) -> None:
        self._closed = True
        for running in self._pipelines.values():
            running.interrupt()

    async def ended(self) -> None:
        """Wait for the pipelines of a closed shell."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, request: PipelineRequested) -> None:
        shells = self._shells
        if len(request.statements) > 1 and self._refuses_batches is not None:
            if self._refuses_batches != "first":
                self.machine.fail(request.pipeline, refusals.NO_BATCH, "")
            if self._refuses_batches == "fault":
                raise RequestRefused(refusals.NO_BATCH.message)
            if self._refuses_batches == "error":
                return
            request = replace(request, statements=request.statements[:1])
        running = RunningPipeline(request, self.session, self, shells.engine, shells.ledger, shells.faults)
        self._pipelines[request.pipeline] = running
        task = asyncio.get_running_loop().create_task(self._run(request.pipeline, running))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, pipeline: UUID, running: RunningPipeline) -> None:
        if self._places is None:
            self._places = asyncio.Semaphore(self.machine.max_runspaces)
        try:
            async with self._places:
                await running.run()
        except Exception:  # noqa: BLE001 - a defect of the lab must reach the client, not be silence
            _log.exception("a pipeline of the lab broke")
            self.machine.fail(pipeline, refusals.DEFECT, "")
            self.flush()
        finally:
            del self._pipelines[pipeline]

    # What RunningPipeline asks of its client.

    def write(self, pipeline: UUID, emission: Output | Warned | Failed, cmdlet: str) -> None:
        if isinstance(emission, Output):
            self.machine.write_output(pipeline, emission.xml)
        elif isinstance(emission, Warned):
            self.machine.write_warning(pipeline, emission.message)
        else:
            self.machine.write_error(pipeline, emission.error, cmdlet)

    def prompt(self, pipeline: UUID, prompt: Prompt) -> None:
        self.machine.prompt(pipeline, prompt)

    def prompt_for(self, pipeline: UUID, cmdlet: str, fields: tuple[Field, ...]) -> None:
        self.machine.prompt_for(pipeline, cmdlet, fields)

    def complete(self, pipeline: UUID) -> None:
        self.machine.complete(pipeline)

    def fail(self, pipeline: UUID, error: ErrorRecord, cmdlet: str) -> None:
        self.machine.fail(pipeline, error, cmdlet)

    def stop(self, pipeline: UUID) -> None:
        self.machine.stop(pipeline)

    def flush(self) -> None:
        self._shells.settle(None)

    def spoil(self, pipeline: UUID, body: bytes | None, *, resets: bool = False) -> None:
        self._shells.wsman.spoil(self.id, pipeline, body, resets=resets)
        self._shells.settle(None)

    def lose_shell(self) -> None:
        self._shells.wsman.lose(self.id)
        self._shells.settle(None)

    async def released(self) -> None:
        release = self._shells.directory / RELEASE
        while not (self.is_gone or release.exists()):
            await asyncio.sleep(_GLANCE)

    @property
    def is_gone(self) -> bool:
        """The shell was closed, or the connection that last spoke for it is."""
        return self._closed or (self.transport is not None and self.transport.is_closing())
