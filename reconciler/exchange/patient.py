"""Sessions that try again: to open, and to read. What changes something is never sent twice here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from reconciler.events import Listener
from reconciler.exchange.errors import ExchangeError
from reconciler.exchange.patience import OPENING, READING, Patience
from reconciler.exchange.port import Connection, Query, Reader, Result, SessionOpener, Writer


class PatientSessions:
    """Opens the sessions of another opener, again where that may help."""

    def __init__(self, sessions: SessionOpener, patience: Patience, listener: Listener) -> None:
        self._sessions = sessions
        self._patience = patience
        self._listener = listener

    def give_up(self) -> None:
        """Try nothing again any more."""
        self._patience.give_up()

    @contextmanager
    def reader(self, connection: Connection) -> Iterator[Reader]:
        """Open a session that can only read; what it reads in vain, it reads once more over another one.

        Raises:
            ExchangeError: there is no session.
        """
        reader = _PatientReader(connection, self._sessions, self._patience, self._listener)
        try:
            self._patience.until(reader.open, OPENING, self._listener)
            yield reader
        finally:
            reader.close()

    @contextmanager
    def writer(self, connection: Connection) -> Iterator[Writer]:
        """Open a session that reads and changes; nothing was sent while it did not open.

        Raises:
            ExchangeError: there is no session.
        """
        with ExitStack() as stack:
            yield self._patience.until(
                lambda: stack.enter_context(self._sessions.writer(connection)), OPENING, self._listener
            )


class _PatientReader:
    """A `Reader` over one session after the other."""

    def __init__(
        self, connection: Connection, sessions: SessionOpener, patience: Patience, listener: Listener
    ) -> None:
        self._connection = connection
        self._sessions = sessions
        self._patience = patience
        self._listener = listener
        self._opened = ExitStack()
        self._reader: Reader | None = None

    @property
    def server(self) -> str:
        """The server's declared name."""
        return self._connection.server

    def open(self) -> Reader:
        """Open a session where none is open."""
        if self._reader is None:
            self._reader = self._opened.enter_context(self._sessions.reader(self._connection))
        return self._reader

    def close(self) -> None:
        """Close the session that is open."""
        self._reader = None
        self._opened.close()

    def read(self, queries: Sequence[Query]) -> tuple[Result, ...]:
        """See `Reader.read`. All of the queries are asked again: lists of two instants make no state."""
        return self._patience.until(
            lambda: self._read(queries), READING, self._listener, failed=_first_passing
        )

    def _read(self, queries: Sequence[Query]) -> tuple[Result, ...]:
        try:
            results = self.open().read(queries)
        except ExchangeError:
            self.close()
            raise
        if _first_passing(results) is not None:
            self.close()
        return results


def _first_passing(results: tuple[Result, ...]) -> ExchangeError | None:
    return next((each.failure for each in results if each.failure and each.failure.is_transient), None)
