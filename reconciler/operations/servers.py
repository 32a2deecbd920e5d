"""From declared connections to open sessions, and from servers to live state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from reconciler.config.desired import Connection, Desired
from reconciler.config.suggestion import suggestion
from reconciler.credentials.errors import CredentialError
from reconciler.credentials.reference import resolve
from reconciler.diagnostics import Diagnostic
from reconciler.events import Listener
from reconciler.exchange import port
from reconciler.exchange.patient import PatientSessions
from reconciler.exchange.port import Reader, SessionOpener, Writer
from state.address import Address
from state.snapshot import LiveState
from state.values import CredentialReference, Name

from .access import connection_to
from .failed import OperationFailed
from .reading import Reading

_SHOWN = 6
"""Addresses in a hint: who looks for one among hundreds finds it in the plan."""


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
        self._routes: dict[Name, Name] = {}
        self._controller = ""
        self._writing: dict[Name, port.Connection] = {}

    def _give_up(self) -> None:
        if isinstance(self._sessions, PatientSessions):
            self._sessions.give_up()

    @contextmanager
    def reader(self, name: Name) -> Iterator[Reader]:
        """Open a session that can only read.

        Raises:
            ExchangeError, CredentialError: there is no session.
        """
        with self._sessions.reader(connection_to(self._reached.connections[name], writes=False)) as session:
            yield session

    @contextmanager
    def writer(self, name: str) -> Iterator[Writer]:
        """Open a session that reads and changes, with the endpoint that answered for the server.

        Raises:
            ExchangeError, CredentialError: there is no session.
        """
        with self._sessions.writer(self._for_writing(Name(name))) as session:
            yield session

    @contextmanager
    def read_back(self, name: Name) -> Iterator[Reader]:
        """Open a session that can only read, as who writes: the other account may not see what was written.

        Raises:
            ExchangeError, CredentialError: there is no session.
        """
        with self._sessions.reader(self._for_writing(name)) as session:
            yield session

    def open_accounts(self, names: Iterable[str]) -> None:
        """Fetch the accounts that change these servers: one that is missing stops nothing half-way then.

        Raises:
            OperationFailed: with a diagnostic for each that cannot be had.
        """
        missing = []
        for name in sorted(set(names)):
            try:
                self._for_writing(Name(name))
            except CredentialError as error:
                missing.append(
                    Diagnostic(
                        summary="Account not available",
                        detail=f"{name} cannot be changed: {error}. Nothing was sent.",
                        hint=error.hint or f"see that {error.reference} leads to user:password",
                        subject=name,
                    )
                )
        if missing:
            raise OperationFailed(missing)

    def _for_writing(self, name: Name) -> port.Connection:
        """Where a server is changed, and by whom; a reference is followed once in a run."""
        endpoint = self._routes.get(name, name)
        if endpoint not in self._writing:
            self._writing[endpoint] = connection_to(self._reached.connections[endpoint], writes=True)
        return self._writing[endpoint]

    def keep_to(self, controller: str) -> None:
        """Read at this domain controller: another one need not know what was done there."""
        self._controller = controller

    def refresh(self, names: Iterable[Name], listener: Listener) -> LiveState:
        """Read servers, and remember by which way each was reached; see :meth:`Reading.read`.

        Read again, it asks the same domain controller.
        """
        wanted, reached = tuple(names), self._reached
        others = [name for name in reached.connections if name not in wanted and not reached.is_edge(name)]
        live = Reading(self.reader, listener, self._controller, self._give_up).read(
            [name for name in wanted if not reached.is_edge(name)],
            [name for name in wanted if reached.is_edge(name)],
            others,
        )
        self._controller = live.organization.domain_controller
        self._routes = {name: server.through for name, server in live.servers.items() if server.through}
        return LiveState({name: live.servers[name] for name in wanted}, live.organization)


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
