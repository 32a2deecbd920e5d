"""One running pipeline: its statements go through Exchange, what they say goes to the client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol
from uuid import UUID

from reconciler.lab import refusals
from reconciler.lab.accounts import Account
from reconciler.lab.call import (
    Argument,
    Call,
    Endpoint,
    ErrorRecord,
    Failed,
    Field,
    Output,
    Prompt,
    Role,
    Warned,
)
from reconciler.lab.engine import Engine, Progress
from reconciler.lab.faults import Faults, Rule
from reconciler.lab.languages import in_language, language_of
from reconciler.lab.ledger import Ledger, answer
from reconciler.lab.psrp import PipelineRequested, RequestedCommand

_PATIENCE: Final = 1.0
"""Seconds a client of a long pipeline waits for what is ready already."""

_HIDDEN: Final = frozenset({"DomainController"})
"""A parameter that the reader's role lacks, so that there is one; real roles are made by administrators."""

_ERRORS: Final = {
    "error": refusals.TRANSIENT,
    "directory": refusals.DIRECTORY,
    "busy": refusals.BUSY,
}

_MICRO_DELAY: Final = "Micro delay applied. Actual delayed: {} msecs, Enforced."
"""What Exchange warns of when it has slowed an account down."""

_GARBAGE: Final = b"<html><head><title>502</title></head><body>Bad Gateway</body></html>"


@dataclass(slots=True)
class Session:
    """What the pipelines of one shell share."""

    server: str
    endpoint: Endpoint
    account: Account
    full: bool
    snapin_loaded: bool = False

    @property
    def is_restricted(self) -> bool:
        """RBAC hides things on Mailbox servers only; an Edge server has none [5-1, 5-4]."""
        return self.endpoint == "exchange" and self.account.role is Role.READER


class Client(Protocol):
    """The client as a pipeline sees it."""

    def write(self, pipeline: UUID, emission: Output | Warned | Failed, cmdlet: str) -> None: ...

    def prompt(self, pipeline: UUID, prompt: Prompt) -> None: ...

    def prompt_for(self, pipeline: UUID, cmdlet: str, fields: tuple[Field, ...]) -> None: ...

    def complete(self, pipeline: UUID) -> None: ...

    def fail(self, pipeline: UUID, error: ErrorRecord, cmdlet: str) -> None: ...

    def stop(self, pipeline: UUID) -> None: ...

    def flush(self) -> None:
        """Send what was written."""

    def spoil(self, pipeline: UUID, body: bytes | None, *, resets: bool = False) -> None:
        """Answer the next Receive with this body; None: close its connection."""

    def lose_shell(self) -> None:
        """Let the shell be gone."""

    async def released(self) -> None:
        """Return when a held answer may go: the client is gone, or the lab was told to let go."""

    @property
    def is_gone(self) -> bool: ...


class _Ended(Exception):
    """The pipeline is over before its statements are: its client stopped it or is gone."""

    def __init__(self, result: str) -> None:
        super().__init__(result)
        self.result = result


@dataclass(slots=True)
class _Outcome:
    """What became of one command: in Exchange (``result``), and what its client was told (``error``)."""

    result: str = ""
    error: str | None = None
    answers: list[dict[str, Any]] = field(default_factory=list)

    def note(self, result: str, error: ErrorRecord | None) -> None:
        self.result = result
        self.error = error.fully_qualified_id if error else None


class RunningPipeline:
    """Runs the statements of one pipeline.

    What statements say is kept until the pipeline ends, asks, or has run for a while: a client then gets the
    answer to a batch in one Receive.

    Args:
        request: What to run.
        session: On whose behalf and where.
        client: Who is told.
        engine: Runs cmdlets.
        ledger: Records them.
        faults: Which to disturb.
    """

    def __init__(
        self,
        request: PipelineRequested,
        session: Session,
        client: Client,
        engine: Engine,
        ledger: Ledger,
        faults: Faults,
    ) -> None:
        self._request = request
        self._id = request.pipeline
        self._session = session
        self._client = client
        self._engine = engine
        self._ledger = ledger
        self._faults = faults
        self._answer: asyncio.Future[int | dict[str, Any] | None] | None = None
        self._interrupted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._outbox: list[tuple[Output | Warned | Failed, str]] = []
        self._delivering = True

    def answer(self, answer: int | dict[str, Any] | None) -> None:
        """The client's host chose, or gave values; None: it failed."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)

    def interrupt(self) -> None:
        """Stop as soon as the cmdlet that runs now is done or waits."""
        if not self._interrupted.done():
            self._interrupted.set_result(None)

    async def run(self) -> None:
        """Run to the end; the client is told how it ended."""
        try:
            await self._run_statements()
        except _Ended:
            if self._delivering:
                self._send()
                self._client.stop(self._id)
        self._client.flush()

    async def _run_statements(self) -> None:
        """Run a batch as Windows PowerShell runs the ExtraCmds of a remote client.

        Read in PowerShell's source (PowerShell.cs, ServerPowerShellDriver.cs), not seen on a wire: a
        terminating error in a statement after the first ends the pipeline as Failed, one in the first goes to
        the error stream and the pipeline ends with its second statement. Either way the rest still runs,
        unheard.
        """
        statements = self._request.statements
        last_heard = len(statements) - 1
        clock = asyncio.get_running_loop().time
        sent = clock()
        for index, commands in enumerate(statements):
            error, cmdlet = await self._run_statement(commands)
            if not self._delivering:
                continue
            if error is not None and index == 0 and last_heard > 0:
                self._outbox.append((Failed(error), cmdlet))
                last_heard = 1
            elif error is not None:
                self._send()
                self._client.fail(self._id, error, cmdlet)
                self._client.flush()
                self._delivering = False
            elif index == last_heard:
                self._send()
                self._client.complete(self._id)
                self._client.flush()
                self._delivering = False
            elif clock() - sent > _PATIENCE:
                self._send()
                self._client.flush()
                sent = clock()

    async def _run_statement(self, commands: tuple[RequestedCommand, ...]) -> tuple[ErrorRecord | None, str]:
        """Run one statement; returns its terminating error and who raised it."""
        if len(commands) != 1 or self._request.has_input:
            return refusals.NO_CHAIN, ""
        command = commands[0]
        call = Call(
            server=self._session.server,
            account=self._session.account.name,
            endpoint=self._session.endpoint,
            full=self._session.full,
            cmdlet=command.name,
            arguments=command.arguments,
            is_script=command.is_script,
            hidden=_HIDDEN if self._session.is_restricted else frozenset(),
            view=self._faults.view(
                self._session.server,
                self._session.account.name,
                command.name,
                has_roles=self._session.endpoint == "exchange",
            ),
        )
        record = self._ledger.begin(call)
        outcome = _Outcome()
        try:
            error = await self._run_command(call, record, outcome)
        except _Ended as ended:
            outcome.result = outcome.result or ended.result
            raise
        finally:
            self._ledger.end(record, outcome.result or "abandoned", outcome.error, outcome.answers)
        # An error about a command that does not exist names no cmdlet that raised it.
        nobodys = error is not None and (refusals.is_not_found(error) or error is refusals.NO_LANGUAGE)
        return error, "" if nobodys else call.cmdlet

    async def _run_command(self, call: Call, record: int, outcome: _Outcome) -> ErrorRecord | None:
        """Run one command with the disturbances it is to meet; returns its terminating error."""
        rule = self._faults.match(call.server, call.cmdlet)
        disturbance = await self._disturb(rule, "before", record)
        if rule is not None and disturbance is not None:
            outcome.note("failed", disturbance)
            return self._told(rule, disturbance, call.cmdlet)
        error, errors = await self._execute(call, outcome.answers)
        first = error or next(iter(errors), None)
        outcome.note("failed" if first else "completed", first)
        disturbance = await self._disturb(rule, "after", record)
        outcome.note(outcome.result, first or disturbance)
        if error is None and rule is not None and disturbance is not None:
            return self._told(rule, disturbance, call.cmdlet)
        return error

    def _told(self, rule: Rule, error: ErrorRecord, cmdlet: str) -> ErrorRecord | None:
        """The error where it ends the pipeline; one that does not is told on the way."""
        if rule.terminating:
            return error
        if self._delivering:
            self._outbox.append((Failed(error), cmdlet))
        return None

    async def _execute(
        self, call: Call, answers: list[dict[str, Any]]
    ) -> tuple[ErrorRecord | None, list[ErrorRecord]]:
        """Run one command; returns its terminating error and its other errors."""
        refused = self._refuse(call)
        if refused is not None:
            return in_language(refused, language_of(call.view.looks)), []
        if call.cmdlet.casefold() == "add-pssnapin":
            error = self._add_snapin(call)
            if error is not None:
                self._outbox.append((Failed(error), call.cmdlet))
            return None, [error] if error else []
        errors: list[ErrorRecord] = []
        progress = await self._run_to_end(call, answers, errors)
        if progress.missing and self._can_ask:
            given = await self._ask_for(call.cmdlet, progress.missing, answers)
            if given:
                call = replace(call, arguments=call.arguments + given)
                progress = await self._run_to_end(call, answers, errors)
        return progress.error, errors

    async def _run_to_end(
        self, call: Call, answers: list[dict[str, Any]], errors: list[ErrorRecord]
    ) -> Progress:
        running = self._engine.start(call)
        choice: int | None = None
        try:
            while True:
                progress = await self._engine.proceed(running, choice)
                errors += self._take(progress, call.cmdlet)
                if progress.prompt is None:
                    return progress
                choice = await self._ask(progress.prompt) if self._can_ask else None
                if choice is None:
                    return Progress((), error=refusals.NO_HOST)
                answers.append(answer(progress.prompt, choice))
        finally:
            await self._engine.give_up(running)

    @property
    def _can_ask(self) -> bool:
        return self._request.can_prompt and self._delivering

    def _take(self, progress: Progress, cmdlet: str) -> list[ErrorRecord]:
        if self._delivering:
            self._outbox += [(emission, cmdlet) for emission in progress.emissions]
        return [emission.error for emission in progress.emissions if isinstance(emission, Failed)]

    def _refuse(self, call: Call) -> ErrorRecord | None:
        """The error for what this session does not run at all."""
        session = self._session
        if call.is_script:
            return refusals.NO_LANGUAGE
        name = call.cmdlet.casefold()
        if session.endpoint == "exchange":
            hidden = call.view.is_hidden or (session.is_restricted and not name.startswith("get-"))
            return refusals.not_found(call.cmdlet) if hidden or name == "add-pssnapin" else None
        if name != "add-pssnapin" and not session.snapin_loaded:
            return refusals.not_found(call.cmdlet)
        return None

    def _add_snapin(self, call: Call) -> ErrorRecord | None:
        names = [
            item.value
            for item in call.arguments
            if item.name is None or "name".startswith(item.name.casefold())
        ]
        name = names[0][0] if names and isinstance(names[0], list) and names[0] else next(iter(names), "")
        if str(name).casefold() not in refusals.SNAPINS:
            return refusals.no_snapin(str(name))
        if self._session.snapin_loaded:
            return refusals.snapin_loaded(str(name))
        self._session.snapin_loaded = True
        return None

    async def _ask(self, prompt: Prompt) -> int | None:
        choice = await self._answered(lambda: self._client.prompt(self._id, prompt))
        return choice if isinstance(choice, int) else None

    async def _ask_for(
        self, cmdlet: str, fields: tuple[Field, ...], answers: list[dict[str, Any]]
    ) -> tuple[Argument, ...]:
        """The values that the client gives for mandatory parameters; empty when it gives none."""
        given = await self._answered(lambda: self._client.prompt_for(self._id, cmdlet, fields))
        if not isinstance(given, dict):
            return ()
        names = [field.name for field in fields if field.name in given]
        answers.append({"prompt": "mandatory parameters", "answer": names})
        return tuple(Argument(name, given[name]) for name in names)

    async def _answered(self, ask: Callable[[], None]) -> int | dict[str, Any] | None:
        self._answer = asyncio.get_running_loop().create_future()
        self._send()
        ask()
        self._client.flush()
        await self._unless_interrupted(self._answer)
        return self._answer.result()

    async def _disturb(self, rule: Rule | None, when: str, record: int) -> ErrorRecord | None:
        """Make the disturbance that a rule wants now; returns the error the cmdlet is to end with, if any."""
        self._check_interrupted()
        if rule is None or rule.when != when:
            return None
        if rule.action in _ERRORS:
            return _ERRORS[rule.action]
        if rule.action in ("late", "throttle"):
            # Being late is the disturbance itself, so this does wait for time to pass.
            await self._unless_interrupted(asyncio.ensure_future(asyncio.sleep(rule.seconds)))
            if rule.action == "throttle" and self._delivering:
                self._outbox.append((Warned(_MICRO_DELAY.format(round(rule.seconds * 1000))), rule.cmdlet))
        elif rule.action == "hold":
            self._ledger.hold(record, True)
            await self._unless_interrupted(asyncio.ensure_future(self._client.released()))
            self._ledger.hold(record, False)
            if self._client.is_gone and when == "before":
                raise _Ended("abandoned")
        else:
            if rule.action == "shell_gone":
                self._client.lose_shell()
            else:
                body = _GARBAGE if rule.action == "garbage" else None
                self._client.spoil(self._id, body, resets=rule.action == "reset")
            if when == "before":
                raise _Ended("abandoned")
        return None

    def _check_interrupted(self) -> None:
        if self._interrupted.done():
            raise _Ended("stopped")

    async def _unless_interrupted(self, awaited: asyncio.Future[Any]) -> None:
        await asyncio.wait({awaited, self._interrupted}, return_when=asyncio.FIRST_COMPLETED)
        if not awaited.done():
            awaited.cancel()
            self._check_interrupted()

    def _send(self) -> None:
        for emission, cmdlet in self._outbox:
            self._client.write(self._id, emission, cmdlet)
        self._outbox.clear()
