"""Sessions: who reads or changes a server holds one, for as long as a ``with`` block lasts."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from reconciler.exchange.errors import ErrorRecord, Redirected, Refused, TimedOut
from reconciler.exchange.port import Command, Connection, Endpoint, Outcome, Query, Reader, Result, Writer
from reconciler.exchange.session.batch import SNAP_IN, Batch, failure
from reconciler.exchange.session.pool import Pool, Statement
from reconciler.exchange.session.prompts import Respondent
from reconciler.exchange.session.redirection import MOST, follow

SHELLS_PER_SERVER: Final = 2
"""Exchange and WinRM count shells per account, and refuse the next one; people need some too."""


class Sessions:
    """Opens sessions, at most `SHELLS_PER_SERVER` at a time on one server; threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shells: defaultdict[str, threading.BoundedSemaphore] = defaultdict(
            lambda: threading.BoundedSemaphore(SHELLS_PER_SERVER)
        )

    @contextmanager
    def reader(self, connection: Connection) -> Iterator[Reader]:
        """Open a session that can only read, and close it.

        Raises:
            ExchangeError: there is no session.
        """
        with self._shell(connection), _opened(connection) as pool:
            yield _ReadSession(connection, pool)

    @contextmanager
    def writer(self, connection: Connection) -> Iterator[Writer]:
        """Open a session that reads and changes, and close it.

        Raises:
            ExchangeError: there is no session.
        """
        respondent = Respondent(connection.server)
        with self._shell(connection), _opened(connection, respondent) as pool:
            yield _WriteSession(connection, pool, respondent)

    @contextmanager
    def _shell(self, connection: Connection) -> Iterator[None]:
        with self._lock:
            shells = self._shells[connection.url]
        patience = connection.timeouts.invocation
        if not shells.acquire(timeout=patience):
            raise TimedOut(connection.server, patience, "waiting for one of its shells")
        try:
            yield
        finally:
            shells.release()


@contextmanager
def _opened(connection: Connection, respondent: Respondent | None = None) -> Iterator[Pool]:
    """Open a pool where the connection leads, or where its server sends us, and close it."""
    pool = Pool(connection, respondent)
    try:
        for _ in range(MOST):
            try:
                pool.open()
                break
            except Redirected as redirected:
                connection = follow(connection, redirected.location)
                pool.close()
                pool = Pool(connection, respondent)
        else:
            raise Redirected(connection.server, connection.url, f"{MOST} addresses were tried")
        yield pool
    finally:
        pool.close()


class _ReadSession:
    """A `Reader` over one pool."""

    def __init__(self, connection: Connection, pool: Pool) -> None:
        self._connection = connection
        self._pool = pool
        self._is_loaded = connection.endpoint is not Endpoint.WINRM
        self._loading: tuple[ErrorRecord, ...] = ()
        self._runs_batches = pool.runs_batches
        self._took_batches: bool | None = None

    @property
    def server(self) -> str:
        """The server's declared name."""
        return self._connection.server

    @property
    def protocol_version(self) -> str:
        """See `Conversant.protocol_version`."""
        return self._pool.protocol_version

    @property
    def takes_batches(self) -> bool | None:
        """See `Conversant.takes_batches`."""
        return self._took_batches

    def read(self, queries: Sequence[Query]) -> tuple[Result, ...]:
        """See `Reader.read`."""
        for query in queries:
            if not query.cmdlet.startswith("Get-"):
                raise ValueError(f"{query.cmdlet} does not only read")
        batch = Batch(self.server, tuple(queries), not self._runs_batches, self._loading)
        while statements := batch.next_statements():
            self._run_batch(batch, statements)
            # What did not work once is not tried again in this session.
            self._runs_batches = self._runs_batches and not batch.alone
        self._loading = batch.snap_in_errors
        return batch.results()

    def _run_batch(self, batch: Batch, statements: tuple[Query, ...]) -> None:
        if not self._is_loaded and not self._runs_batches:
            self._load()
            batch.snap_in_errors = self._loading
        # Loaded as a command: there is no script text even where it would be allowed.
        prelude: tuple[Statement, ...] = () if self._is_loaded else (SNAP_IN,)
        pipeline = (*prelude, *statements)
        try:
            ended = self._pool.run(pipeline)
        except Refused as refused:
            if len(pipeline) == 1 or refused.is_transient:
                raise
            batch.refuse()
            self._took_batches = False
            return
        # A pipeline that only failed may have been refused as a whole.
        self._is_loaded = not prelude or ended.completed or bool(ended.outputs)
        batch.take(ended, beside_snap_in=bool(prelude))
        if len(pipeline) > 1:
            self._took_batches = not batch.alone

    def _load(self) -> None:
        """Load the snap-in alone, so that no error of it can be taken for one of a command."""
        self._loading = self._pool.run((SNAP_IN,)).errors
        self._is_loaded = True


class _WriteSession(_ReadSession):
    """A `Writer` over one pool, which can be asked questions."""

    def __init__(self, connection: Connection, pool: Pool, respondent: Respondent) -> None:
        super().__init__(connection, pool)
        self._respondent = respondent

    def run(self, command: Command) -> Outcome:
        """See `Writer.run`."""
        if not self._is_loaded:
            self._respondent.expect(SNAP_IN.cmdlet, ())
            self._load()
        self._respondent.expect(command.cmdlet, command.answers)
        ended = self._pool.run((command,))
        if not ended.completed or ended.errors:
            raise failure(self.server, command, ended.errors, self._loading)
        return Outcome(ended.outputs, ended.warnings, self._respondent.answered)
