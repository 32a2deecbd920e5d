"""From servers to live state: the organization is read once, each server by the way that works."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from reconciler.credentials.errors import CredentialError
from reconciler.events import Listener, ReadFinished, ReadStarted
from reconciler.exchange.errors import ExchangeError, Garbage, Refused, ServerBusy, TimedOut, Unreachable
from reconciler.exchange.port import Reader
from reconciler.exchange.refresh import read_as_shown_by, read_edge_server, read_first, read_mailbox_server
from reconciler.exchange.remedies import remedy
from state.resources import Build
from state.snapshot import LiveOrganization, LiveServer, LiveState, Unreadable
from state.values import Name

T = TypeVar("T")

AT_ONCE = 16
"""Servers read at the same time: beyond, one process has no more to gain."""

_OUT_OF_REACH = (Unreachable, ServerBusy, TimedOut, Refused, Garbage)
"""What another server's endpoint helps against. A wrong password or an untrusted certificate is mended."""


@dataclass(frozen=True, slots=True)
class _Failed:
    """Why a server's own endpoint did not answer.

    Attributes:
        is_out_of_reach: Another endpoint may answer for it.
    """

    why: Unreadable
    is_out_of_reach: bool = False


class Reading:
    """One reading of the servers that a run needs.

    Args:
        reader: Opens a session with a server's own endpoint.
        controller: The domain controller to ask, where the run keeps to one already.
    """

    def __init__(
        self,
        reader: Callable[[Name], AbstractContextManager[Reader]],
        listener: Listener,
        controller: str = "",
        give_up: Callable[[], None] = lambda: None,
    ) -> None:
        self._give_up = give_up
        self._reader = reader
        self._listener = listener
        self._controller = controller
        self._failed: dict[Name, _Failed] = {}

    def read(self, mailbox: Iterable[Name], edge: Iterable[Name], others: Iterable[Name]) -> LiveState:
        """Read servers beside each other; one that cannot be read is part of what is told.

        Args:
            mailbox: In the order in which they are asked for what they share.
            others: Mailbox servers that need not be read, and may answer for those that do not answer.
        """
        mailbox, edge = tuple(mailbox), tuple(edge)
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="read") as pool, self._interruptible():
            edges = {name: pool.submit(self._edge, name) for name in edge}
            organization, servers = self._organization(mailbox, others)
            reading: dict[Name, Future[tuple[LiveServer, Unreadable | None] | _Failed]] = {
                name: pool.submit(self._own, name, organization)
                for name in mailbox
                if name not in servers and name not in self._failed
            }
            unpinned = organization.unpinned
            for name, future in reading.items():
                found = future.result()
                if isinstance(found, _Failed):
                    self._failed[name] = found
                else:
                    servers[name], hidden = found
                    unpinned = unpinned or hidden
            edge_servers = {name: future.result() for name, future in edges.items()}
        organization = self._as_the_newest_shows(organization, servers)
        shared = organization.send_connectors
        servers = {name: replace(server, send_connectors=shared) for name, server in servers.items()}
        lost = [name for name in mailbox if name not in servers]
        servers |= self._through_another(lost, organization) | edge_servers
        return LiveState(
            {name: servers[name] for name in (*mailbox, *edge)}, replace(organization, unpinned=unpinned)
        )

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """After Ctrl-C no thread waits to try again: the run would wait for it."""
        try:
            yield
        except KeyboardInterrupt:
            self._give_up()
            raise

    def _organization(
        self, mailbox: tuple[Name, ...], others: Iterable[Name]
    ) -> tuple[LiveOrganization, dict[Name, LiveServer]]:
        """What the servers share, by the first that answers; and that one itself."""
        for name in mailbox:
            self._listener(ReadStarted(str(name)))
            found = self._try(name, partial(read_first, name=name, controller=self._controller))
            if not isinstance(found, _Failed):
                self._finished(name)
                return found[0], {name: found[1]}
            self._failed[name] = found
        if any(failed.is_out_of_reach for failed in self._failed.values()):
            for name in others:
                found = self._try(name, partial(read_first, name=name, controller=self._controller))
                if not isinstance(found, _Failed):
                    return found[0], {}
        first = next((self._failed[name].why for name in mailbox), None)
        return LiveOrganization.lost(first) if first else LiveOrganization(), {}

    def _as_the_newest_shows(
        self, organization: LiveOrganization, servers: Mapping[Name, LiveServer]
    ) -> LiveOrganization:
        """The send connectors by a server of the newest version, where an older one told them."""
        versions = {name: version for name, server in servers.items() if (version := _version(server))}
        asked = versions.get(organization.read_from) if organization.read_from else None
        newest = next((name for name in versions if versions[name] == max(versions.values())), None)
        if asked is None or newest is None or versions[newest] <= asked:
            return organization
        found = self._try(newest, partial(read_as_shown_by, organization=organization))
        if isinstance(found, _Failed) or found.send_connectors.unreadable:
            return organization
        return found

    def _own(
        self, name: Name, organization: LiveOrganization
    ) -> tuple[LiveServer, Unreadable | None] | _Failed:
        self._listener(ReadStarted(str(name)))
        found = self._try(name, partial(read_mailbox_server, name=name, organization=organization))
        if not isinstance(found, _Failed):
            self._finished(name)
        return found

    def _edge(self, name: Name) -> LiveServer:
        self._listener(ReadStarted(str(name)))
        found = self._try(name, partial(read_edge_server, name=name))
        if isinstance(found, _Failed):
            found = LiveServer.lost(name, found.why)
        self._finished(name, found)
        return found

    def _through_another(
        self, lost: Iterable[Name], organization: LiveOrganization
    ) -> dict[Name, LiveServer]:
        """Servers whose own endpoint is out of reach, by the one that answered for the organization."""
        through = organization.read_from
        servers: dict[Name, LiveServer] = {}
        for name in lost:
            failed = self._failed[name]
            found: tuple[LiveServer, Unreadable | None] | _Failed = failed
            if failed.is_out_of_reach and through is not None:
                found = self._try(through, partial(read_mailbox_server, name=name, organization=organization))
            if isinstance(found, _Failed):
                servers[name] = LiveServer.lost(name, failed.why)
            else:
                servers[name] = replace(
                    found[0], domain_controller="", through=through, own_endpoint=failed.why
                )
            self._finished(name, servers[name])
        return servers

    def _try(self, name: Name, read: Callable[[Reader], T]) -> T | _Failed:
        try:
            with self._reader(name) as session:
                return read(session)
        except ExchangeError as error:
            reason = str(error).removeprefix(f"{name}: ")
            return _Failed(Unreadable(reason, remedy=remedy(error)), isinstance(error, _OUT_OF_REACH))
        except CredentialError as error:
            known = error.hint or f"see that {error.reference} leads to user:password"
            return _Failed(Unreadable(str(error), remedy=known))

    def _finished(self, name: Name, server: LiveServer | None = None) -> None:
        unreachable = server.unreachable if server else None
        self._listener(ReadFinished(str(name), unreachable.reason if unreachable else ""))


def _version(server: LiveServer) -> tuple[int, int] | None:
    """What decides which attributes a server shows: 2010 to 2019 differ in the first two numbers."""
    for itself in server.server.objects:
        if itself.name == server.name and isinstance(itself.build, Build):
            return itself.build.major, itself.build.minor
    return None
