"""Runs a plan: servers beside each other, on each one invocation at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from threading import Lock

from reconciler.cmdlets.domain_controller import domain_controller_of
from reconciler.cmdlets.invocation import Invocation
from reconciler.credentials.errors import CredentialError
from reconciler.diagnostics import Diagnostic, has_errors
from reconciler.events import InvocationFinished, InvocationStarted, ResourceRecorded
from reconciler.exchange.errors import ExchangeError
from reconciler.exchange.port import Writer
from reconciler.plan.change import Change, Plan
from state.address import Address
from state.errors import StateError

from . import problems
from .known import KnownValues
from .ledger import Ledger
from .replication import Replication
from .schedule import Schedule, Turn
from .steps import ChangeRun
from .tools import Kept, Parked, Stopped, Tools


@dataclass(slots=True)
class Applied:
    """What an apply came to, counted in invocations.

    Attributes:
        sent: Invocations that reached a server, whatever came of them.
        in_doubt: Sent, and nobody knows what came of them.
        passing: Why it stopped, where that may pass by itself and nothing else stopped it.
        made_key: What came of the making of a key is among what is in doubt.
        waiting: The addresses whose issuer has not answered, and what needs them.
        parked: Invocations that wait with them.
    """

    total: int
    done: int = 0
    failed: int = 0
    in_doubt: int = 0
    sent: int = 0
    diagnostics: tuple[Diagnostic, ...] = ()
    was_interrupted: bool = False
    passing: ExchangeError | None = None
    made_key: bool = False
    waiting: tuple[Address, ...] = ()
    parked: int = 0

    @property
    def not_started(self) -> int:
        return self.total - self.done - self.failed - self.in_doubt - self.parked

    @property
    def is_through(self) -> bool:
        """True when nothing stopped it. What an issuer has not given, or refuses to give, is not in doubt."""
        return self.done + self.parked == self.total and not self.was_interrupted

    @property
    def is_complete(self) -> bool:
        """True when everything was done that can be, and nothing is wrong."""
        return self.done + self.parked == self.total and not has_errors(self.diagnostics)


def apply(
    plan: Plan, ledger: Ledger, tools: Tools, known: KnownValues, earlier: Applied | None = None
) -> Applied:
    """Run the invocations of a plan, and no other.

    The first failure lets nothing more start anywhere; what is running on other servers ends. An
    interrupt does the same.

    Args:
        plan: One that holds no error.
        ledger: Open; the caller closes it.
        known: Grows with what the plan deferred.
        earlier: What the rounds of the same apply before this one came to; the plan is what they left.
    """
    record_only = [change for change in plan.changes if change.learned and not change.invocations]
    ledger.learn(*(change.learned for change in record_only if change.learned))
    for change in record_only:
        tools.listener(ResourceRecorded(str(change.address), change.action.value))
    changes = [change for change in plan.changes if change.action.is_run and change.invocations]
    known.start(plan.certificate_names, {domain_controller_of(plan.organization): tools.controllers.written})
    return _Apply(changes, ledger, tools, known, earlier or Applied(0)).run()


class _Apply:
    def __init__(
        self, changes: list[Change], ledger: Ledger, tools: Tools, known: KnownValues, earlier: Applied
    ) -> None:
        self._ledger = ledger
        self._tools = tools
        self._known = known
        self._schedule = Schedule(change.address for change in changes)
        self._queues: dict[str, list[Change]] = {}
        for change in changes:
            self._queues.setdefault(_home_of(change), []).append(change)
        left = sum(len(change.invocations) for change in changes)
        done = max(earlier.done, earlier.total - left)  # what was found done in Exchange is done
        self._applied = Applied(total=done + left, done=done, sent=earlier.sent)
        self._started = done
        self._may_pass = True
        self._replication = Replication(tools.controllers, tools.patience, tools.listener)
        self._counting = Lock()
        self._elsewhere = Lock()

    def run(self) -> Applied:
        if self._queues:
            with ThreadPoolExecutor(max_workers=len(self._queues), thread_name_prefix="apply") as pool:
                self._wait_for(
                    [pool.submit(self._server, name, queue) for name, queue in self._queues.items()]
                )
        if self._applied.was_interrupted or not self._may_pass:
            self._applied.passing = None
        return self._applied

    def _wait_for(self, running: list[Future[None]]) -> None:
        """Wait for all servers. Ctrl-C lets each finish the invocation that it has sent."""
        pending = set(running)
        while pending:
            try:
                finished, pending = wait(pending, timeout=0.5, return_when=FIRST_COMPLETED)
            except KeyboardInterrupt:
                self._applied.was_interrupted = True
                self._schedule.stop()
                self._tools.patience.give_up()
            else:
                for future in finished:
                    future.result()

    def _server(self, server: str, queue: Iterable[Change]) -> None:
        """All changes of one server, over one session that is opened when it is needed."""
        try:
            with ExitStack() as stack:
                session: Writer | None = None
                for change in queue:
                    turn = self._schedule.turn(change.requires)
                    if turn is Turn.STOP:
                        return
                    if turn is Turn.PARK:
                        self._park(change, 0)
                        continue
                    if session is None:
                        session = stack.enter_context(self._tools.writer(server))
                    if not self._change(change, session):
                        return
        except (
            ExchangeError,
            CredentialError,
        ) as error:  # a secret may be gone by now
            self._problem(problems.no_session(server, error))
        except StateError as error:
            self._problem(problems.not_remembered(error))
        except BaseException:
            self._schedule.stop()
            raise

    def _change(self, change: Change, session: Writer) -> bool:
        """Run the invocations of one change, as far as what they need is there; False when it stopped."""
        try:
            self._replication.before(change, session)
        except Stopped as stopped:
            self._problem(stopped.diagnostic)
            return False
        with closing(ChangeRun(change, self._ledger, self._known, self._tools)) as run:
            try:
                return self._run(change, run, session)
            finally:
                for warning in run.told:
                    self._tell(warning)

    def _run(self, change: Change, run: ChangeRun, session: Writer) -> bool:
        """Run the invocations in turn; those that close a change also when it stops after its first one."""
        closing = len(change.invocations) - change.closing
        is_begun = is_done = False
        for position, invocation in enumerate(change.invocations[:closing]):
            if self._schedule.turn(self._known.needed(invocation, change)) is Turn.PARK:
                self._park(change, position)
                return True
            if self._schedule.is_stopped:
                break
            is_begun = True
            try:
                if not self._send(change, run, session, position):
                    break
            except Parked as parked:
                if parked.problem is not None:
                    self._tell(parked.problem)
                self._park(change, position)
                return True
        else:
            is_done = True
        if is_begun:
            for position in range(closing, len(change.invocations)):
                is_done = self._send(change, run, session, position) and is_done
        if is_done:
            self._schedule.done(change.address)
        return is_done

    def _send(self, change: Change, run: ChangeRun, session: Writer, position: int) -> bool:
        """Run one invocation of a change; False when it did not succeed, which is told and stops all.

        Raises:
            Parked: it has to wait.
        """
        invocation = change.invocations[position]
        with self._counting:
            self._started += 1
            number = self._started
        told = (str(change.address), invocation.server, invocation.cmdlet, number, self._applied.total)
        self._tools.listener(InvocationStarted(*told))
        try:
            with self._session_with(invocation.server, session, change) as writer:
                was_sent = run.run(invocation, writer, is_last=position == len(change.invocations) - 1)
        except Kept as kept:
            was_sent = True
            self._tell(kept.problem)
        except Stopped as stopped:
            self._count(stopped, invocation)
            self._tools.listener(
                InvocationFinished(*told, error=stopped.diagnostic.summary, in_doubt=stopped.in_doubt)
            )
            self._problem(stopped.diagnostic, stopped.passing)
            return False
        with self._counting:
            self._applied.done += 1
            self._applied.sent += was_sent
        self._tools.listener(InvocationFinished(*told))
        return True

    @contextmanager
    def _session_with(self, server: str, session: Writer, change: Change) -> Iterator[Writer]:
        """The session of a change, or one of its own for what another server has to give to it.

        One at a time: a server that many need something of has few sessions for one account.
        """
        if server == _home_of(change):
            yield session
            return
        with ExitStack() as stack:
            stack.enter_context(self._elsewhere)
            try:
                writer = stack.enter_context(self._tools.writer(server))
            except (ExchangeError, CredentialError) as error:
                raise Stopped(problems.no_session(server, error), was_sent=False) from error
            yield writer

    def _park(self, change: Change, done: int) -> None:
        """Leave the rest of a change to a later apply."""
        with self._counting:
            self._applied.waiting = (*self._applied.waiting, change.address)
            self._applied.parked += len(change.invocations) - done
        self._schedule.park(change.address)

    def _count(self, stopped: Stopped, invocation: Invocation) -> None:
        makes_key = invocation.cmdlet == "New-ExchangeCertificate"
        with self._counting:
            self._applied.made_key |= stopped.in_doubt and makes_key
            self._applied.sent += stopped.was_sent
            self._applied.in_doubt += stopped.in_doubt
            self._applied.failed += not stopped.in_doubt

    def _problem(self, diagnostic: Diagnostic, passing: ExchangeError | None = None) -> None:
        with self._counting:
            self._may_pass = self._may_pass and passing is not None
            self._applied.passing = self._applied.passing or passing
        self._tell(diagnostic)
        self._schedule.stop()

    def _tell(self, diagnostic: Diagnostic) -> None:
        with self._counting:
            if diagnostic not in self._applied.diagnostics:  # one full disk stops all servers
                self._applied.diagnostics = (*self._applied.diagnostics, diagnostic)


def _home_of(change: Change) -> str:
    """The server that a change is about: what is sent to others first is only fetched there."""
    return change.invocations[-1].server
