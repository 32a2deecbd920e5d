"""A running lab: every listener of every server, over one organization."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from reconciler.lab import authority, process
from reconciler.lab.accounts import Account, open_accounts
from reconciler.lab.call import Exchange, Role, ServerFacts
from reconciler.lab.connections import FILES, NEGOTIATE, Address, write_connections
from reconciler.lab.endpoint import RemoteShells, kind_of
from reconciler.lab.engine import Engine
from reconciler.lab.faults import read_faults
from reconciler.lab.http import PATH, Front, Guests
from reconciler.lab.ledger import Ledger, read_tally
from reconciler.lab.negotiation import Users
from reconciler.lab.smtp import SmtpFront
from reconciler.lab.transcript import Transcript

NO_LATENCY: Final = timedelta(0)


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Ports:
    """The TCP ports of one server on loopback."""

    https: int
    smtp: int
    http: int = 0


class Emulator:
    """One lab inside a running event loop.

    Args:
        exchange: The organization; used from one thread at a time.
        directory: The lab's own: authorities, accounts, ledger, connections files.
        latency: Waited before each HTTP request.
        faults: File of rules, see :mod:`reconciler.lab.faults`.
        transcript: Keep everything that is sent.
        ports: Ports wanted, by server; others are ephemeral.
        now: The clock; UTC, aware.

    Raises:
        FileUnreadable: the rules cannot be read.
    """

    def __init__(
        self,
        exchange: Exchange,
        directory: Path,
        *,
        latency: timedelta = NO_LATENCY,
        faults: Path | None = None,
        transcript: bool = False,
        ports: Mapping[str, Ports] | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._exchange = exchange
        self._directory = directory
        self._latency = latency
        self._faults = read_faults(faults)
        self._transcript = Transcript(directory) if transcript else None
        self._ports = ports or {}
        self._now = now
        self._engine = Engine(exchange)
        self._ledger = Ledger(directory, now)
        self._fronts: list[Front | SmtpFront] = []
        self.accounts: tuple[Account, ...] = ()
        self.servers: tuple[ServerFacts, ...] = ()
        self.addresses: tuple[Address, ...] = ()
        self.remarks: tuple[str, ...] = ()
        self.ports: dict[str, Ports] = {}

    async def start(self) -> None:
        """Start every listener and write the connections files; on failure nothing is left listening."""
        try:
            authority.open_authorities(self._directory, self._now())
            self.accounts = open_accounts(self._directory)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(
                self._directory / authority.LISTENER, self._directory / authority.LISTENER_KEY
            )
            names = [account.name for account in self.accounts]
            certificates = authority.open_client_certificates(self._directory, names, self._now())
            # Asked for and not demanded: most clients sign on otherwise.
            context.verify_mode = ssl.CERT_OPTIONAL
            context.load_verify_locations(self._directory / authority.CLIENT_CA)
            guests = Guests(self.accounts, Users(self._directory, self.accounts), certificates)
            await self._engine.ask(lambda exchange: exchange.replicate(self._faults.replication))
            self.servers = tuple(await self._engine.ask(lambda exchange: exchange.servers()))
            for facts in self.servers:
                await self._start_server(facts, context, guests)
            self.remarks = write_connections(self._directory, self.addresses)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop every listener. What clients still wait for is faulted."""
        for front in self._fronts:
            await front.stop()
        self._fronts.clear()
        self._engine.close()
        self._ledger.close()

    async def _start_server(self, facts: ServerFacts, context: ssl.SSLContext, guests: Guests) -> None:
        wanted = self._ports.get(facts.name, Ports(0, 0))
        shells = RemoteShells(
            facts, self._directory, self._engine, self._ledger, self._faults, self._now, self._transcript
        )
        front = Front(shells, guests, self._latency, self._https_port)
        https, http = process.loopback_socket(wanted.https), process.loopback_socket(wanted.http)
        self._fronts.append(front)
        await front.start(https, http, context, self._listener_hash())
        smtp_front = SmtpFront(facts, self._engine, self._directory, self._faults.smtp(facts.name))
        smtp = process.loopback_socket(wanted.smtp)
        self._fronts.append(smtp_front)
        await smtp_front.start(smtp)
        ports = Ports(https.getsockname()[1], smtp.getsockname()[1], http.getsockname()[1])
        self.ports[facts.name] = ports
        kind = kind_of(facts)
        urls = f"https://127.0.0.1:{ports.https}{PATH[kind]}", f"http://127.0.0.1:{ports.http}{PATH[kind]}"
        self.addresses += (Address(facts.name, kind, *urls, f"127.0.0.1:{ports.smtp}"),)

    def _https_port(self, server: str) -> int:
        return next(ports.https for name, ports in self.ports.items() if name.casefold() == server.casefold())

    def _listener_hash(self) -> bytes:
        pem = (self._directory / authority.LISTENER).read_text(encoding="ascii")
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).digest()


def describe(
    directory: Path,
    servers: tuple[ServerFacts, ...],
    addresses: tuple[Address, ...],
    remarks: tuple[str, ...],
) -> dict[str, Any]:
    """The part of a lab's status that does not change while it runs."""
    return {
        "directory": str(directory),
        "servers": [
            {
                "name": facts.name,
                "fqdn": facts.fqdn,
                "role": "edge" if facts.is_edge else "mailbox",
                "build": facts.build,
                "url": address.url,
                "http": address.http,
                "smtp": address.smtp,
            }
            for facts, address in zip(servers, addresses, strict=True)
        ],
        "remarks": list(remarks),
    }


def tally_of(directory: Path, servers: Sequence[str]) -> dict[str, Any]:
    """The part of a lab's status that the ledger tells; every server has its numbers, be they zero."""
    tally = read_tally(directory)
    return {
        "requests": {server: tally.requests.get(server, 0) for server in servers},
        "cmdlets": tally.cmdlets,
        "held": tally.held,
        "shells_open": {server: tally.shells_open.get(server, 0) for server in servers},
        "shells_max": {server: tally.shells_max.get(server, 0) for server in servers},
    }


class ThreadedLab:
    """A lab in a thread of this process, for tests: ``with ThreadedLab(exchange, directory) as lab``.

    Args:
        exchange: The organization.
        directory: The lab's own; made if need be.
        options: Those of :class:`Emulator`.
    """

    def __init__(self, exchange: Exchange, directory: Path, **options: Any) -> None:
        self.directory = directory
        self._exchange = exchange
        self._options = options
        self._emulator: Emulator | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="lab", daemon=True)
        self._remarks: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        process.make_private_directory(self.directory)
        self._remarks = tuple(self._exchange.remarks())
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._emulator is not None:
            asyncio.run_coroutine_threadsafe(self._emulator.stop(), self._loop).result()
        self._end()

    def connections(self, role: Role = Role.ADMIN) -> Path:
        """The connections file of an account."""
        return self.directory / FILES[role]

    @property
    def negotiate_connections(self) -> Path:
        """The connections file that signs the administrator on with Negotiate over http."""
        return self.directory / NEGOTIATE

    @property
    def ca(self) -> Path:
        """The CA that vouches for the HTTPS listeners."""
        return self.directory / authority.CA

    def account(self, role: Role = Role.ADMIN) -> Account:
        return next(account for account in self._running.accounts if account.role is role)

    def url(self, server: str) -> str:
        return self._address(server).url

    def http(self, server: str) -> str:
        """Where a server answers without TLS."""
        return self._address(server).http

    def port(self, server: str) -> int:
        """The HTTPS port of a server."""
        return self._running.ports[server].https

    def smtp(self, server: str) -> tuple[str, int]:
        """Host and port of a server's SMTP listener."""
        host, _, port = self._address(server).smtp.rpartition(":")
        return host, int(port)

    def status(self) -> dict[str, Any]:
        """As ``lab status --json`` tells it."""
        running = self._running
        described = describe(
            self.directory, running.servers, running.addresses, self._remarks + running.remarks
        )
        return {**described, "running": True, **tally_of(self.directory, list(running.ports))}

    @property
    def _running(self) -> Emulator:
        if self._emulator is None:
            raise RuntimeError("the lab is not running")
        return self._emulator

    def _address(self, server: str) -> Address:
        return next(address for address in self._running.addresses if address.name == server)

    async def _start(self) -> None:
        emulator = Emulator(self._exchange, self.directory, **self._options)
        await emulator.start()
        self._emulator = emulator

    def _end(self) -> None:
        asyncio.run_coroutine_threadsafe(_abort_connections(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _abort_connections() -> None:
    """Close what clients left half open: a TLS handshake or farewell that its peer never finished."""
    # asyncio has no public list of connections, and a Server forgets those that it accepted.
    connections: Mapping[int, asyncio.WriteTransport] = getattr(asyncio.get_running_loop(), "_transports", {})
    while open_ones := [connection for connection in connections.values() if not connection.is_closing()]:
        for connection in open_ones:
            connection.abort()
    for _ in range(3):
        # A transport closes its socket in a callback of its own.
        await asyncio.sleep(0)
