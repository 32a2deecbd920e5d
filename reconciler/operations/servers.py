"""From declared connections to open sessions, and from servers to live state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol

from reconciler.config.desired import Connection, Desired
from reconciler.config.suggestion import suggestion
from reconciler.credentials.errors import CredentialError
from reconciler.credentials.reference import resolve
from reconciler.diagnostics import Diagnostic
from reconciler.events import Listener, ReadFinished, ReadStarted
from reconciler.exchange import port
from reconciler.exchange.errors import ExchangeError
from reconciler.exchange.port import Reader, Writer
from reconciler.exchange.refresh import read_server
from reconciler.exchange.remedies import remedy
from state.address import Address
from state.snapshot import LiveServer, LiveState, Unreadable
from state.values import CredentialReference, Name

from .failed import OperationFailed
from .inputs import SessionOpener

_SHOWN = 6
"""Addresses in a hint: who looks for one among hundreds finds it in the plan."""

AT_ONCE = 16
"""Servers read at the same time: beyond, one process has no more to gain."""


class Reached(Protocol):
    """How servers are reached: a desired state says so, or a connections file alone."""

    @property
    def connections(self) -> Mapping[Name, Connection]: ...

    def is_edge(self, name: Name) -> bool: ...


class Servers:
    """The servers of one organization: opens sessions, reads them all."""

    def __init__(self, reached: Reached, sessions: SessionOpener) -> None:
        self._reached = reached
        self._sessions = sessions

    @contextmanager
    def reader(self, name: Name) -> Iterator[Reader]:
        """Open a session that can only read.

        Raises:
            ExchangeError, CredentialError: there is no session.
        """
        with self._sessions.reader(self._connection(name)) as session:
            yield session

    @contextmanager
    def writer(self, name: str) -> Iterator[Writer]:
        """Open a session that reads and changes.

        Raises:
            ExchangeError, CredentialError: there is no session.
        """
        with self._sessions.writer(self._connection(Name(name))) as session:
            yield session

    def refresh(self, names: Iterable[Name], listener: Listener) -> LiveState:
        """Read servers beside each other; one that cannot be read is part of what is told."""
        wanted = tuple(names)
        if not wanted:
            return LiveState({})
        with ThreadPoolExecutor(max_workers=min(AT_ONCE, len(wanted)), thread_name_prefix="read") as pool:
            read = pool.map(lambda name: self._read(name, listener), wanted)
            return LiveState(dict(zip(wanted, read, strict=True)))

    def _read(self, name: Name, listener: Listener) -> LiveServer:
        listener(ReadStarted(str(name)))
        try:
            with self.reader(name) as session:
                server = read_server(session, name, edge=self._reached.is_edge(name))
        except ExchangeError as error:
            reason = str(error).removeprefix(f"{name}: ")
            server = LiveServer.lost(name, Unreadable(reason, remedy=remedy(error)))
        except CredentialError as error:
            known = error.hint or f"see that {error.reference} leads to user:password"
            server = LiveServer.lost(name, Unreadable(str(error), remedy=known))
        listener(ReadFinished(str(name), server.unreachable.reason if server.unreachable else ""))
        return server

    def _connection(self, name: Name) -> port.Connection:
        declared: Connection = self._reached.connections[name]
        if declared.credential is None:
            raise CredentialError(
                "(none)", f"no credential is declared for {name}", "declare connection: {credential: ...}"
            )
        secret = resolve(declared.credential, declared.base)
        return port.Connection(
            server=str(name),
            url=declared.url,
            endpoint=port.Endpoint(declared.endpoint),
            user=secret.user,
            password=secret.password,
            ca=declared.ca,
            auth=port.Auth(declared.auth),
        )


def relay_credential(desired: Desired, reference: CredentialReference) -> port.Credential:
    """Fetch the secret of a smart host.

    Raises:
        CredentialError: there is none.
    """
    text = str(reference)
    secret = resolve(text, desired.credentials.get(text, desired.path))
    return port.Credential(secret.user, secret.password)


def require_declared(desired: Desired, addresses: Iterable[Address]) -> None:
    """Refuse addresses that the YAML does not hold.

    Raises:
        OperationFailed: with a diagnostic for each.
    """
    unknown = [address for address in addresses if address not in desired.snapshot.resources]
    if unknown:
        there = [str(address) for address in desired.snapshot.resources if address.type != "server"]
        raise OperationFailed(
            Diagnostic(
                summary="Address not declared",
                detail=f"{address} is not among the resources of {desired.path}.",
                hint=_declared_like(str(address), there),
                subject=str(address),
            )
            for address in unknown
        )


def _declared_like(address: str, there: list[str]) -> str:
    """The addresses that may have been meant: those below it, else the most similar, else some of all."""
    below = [one for one in there if one.startswith(f"{address}.")]
    if not below and (close := suggestion(address, there)):
        return f'did you mean "{close}"?'
    shown = (below or there)[:_SHOWN]
    more = len(below or there) - len(shown)
    return "one of: " + ", ".join(shown) + (f" and {more} more" if more else "")
