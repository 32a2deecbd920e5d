"""Processor time of reading one server: ours, and stock pypsrp's for the same lists.

Stock pypsrp cannot read send connectors (it fails at their references), so neither reads them. Ours goes
on to resources, certificates decoded; stock stops at its own objects.

A server as setup leaves it has so few objects that the session itself, pypsrp's in both cases, is most of the
cost: that figure is told, and the limit is for a server in use. The least of each counts: noise only adds.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from typing import Any

from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

from reconciler.config.desired import Desired
from reconciler.credentials.reference import resolve
from reconciler.exchange.port import Command, Query, Reader, Result, Value
from reconciler.exchange.refresh import read_server
from reconciler.exchange.session import Sessions
from reconciler.operations.servers import Servers
from state.values import Name
from tests.benchmarks.figure import Figure, Spread
from tests.benchmarks.laboratory import declared_for, lab

RATIO = 1 / 3
UNREADABLE_BY_STOCK = "Get-SendConnector"
RELAYS, CERTIFICATES = 15, 6
"""What a server in use has besides what setup made."""


class WithoutSendConnectors:
    """A reader that finds none, without asking; remembers what it did ask for."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.asked: list[Query] = []

    @property
    def server(self) -> str:
        return self._reader.server

    def read(self, queries: Sequence[Query]) -> tuple[Result, ...]:
        self.asked = [query for query in queries if query.cmdlet != UNREADABLE_BY_STOCK]
        results = iter(self._reader.read(self.asked))
        return tuple(Result() if query.cmdlet == UNREADABLE_BY_STOCK else next(results) for query in queries)


def measure(repeat: int = 30, relays: int = RELAYS, certificates: int = CERTIFICATES) -> list[Figure]:
    """Read one server as setup leaves it, and in use."""
    with lab(1) as directory:
        desired = declared_for(directory)
        (name,) = desired.servers
        bare = _compare(desired, name, repeat, "as setup leaves it", None)
        _use(desired, name, relays, certificates)
        used = _compare(desired, name, repeat, "in use", RATIO)
    return [bare, used]


def _use(desired: Desired, name: Name, relays: int, certificates: int) -> None:
    """Make what administrators make: connectors for relays and devices, certificates by and by."""
    with Servers(desired, Sessions()).writer(str(name)) as session:
        for number in range(relays):
            relay: dict[str, Value] = {
                "Name": f"Relay {number}",
                "Custom": True,
                "Bindings": ("0.0.0.0:25",),
                "RemoteIPRanges": tuple(f"192.0.2.{number * 8 + each}" for each in range(8)),
            }
            session.run(Command("New-ReceiveConnector", relay))
        for number in range(certificates):
            subject: dict[str, Value] = {
                "SubjectName": f"CN=mail{number}.contoso.com",
                "DomainName": (f"mail{number}.contoso.com", f"smtp{number}.contoso.com"),
                "Services": "None",
            }
            session.run(Command("New-ExchangeCertificate", subject))


def _compare(desired: Desired, name: Name, repeat: int, state: str, limit: float | None) -> Figure:
    """Read both ways in turn, each time in a session of its own."""
    ours, stock = [], []
    for _ in range(repeat):
        spent, asked, found = _ours(desired, name)
        ours.append(spent)
        spent, stock_found = _stock(desired, name, asked)
        stock.append(spent)
        if found != stock_found:
            raise AssertionError(f"{found} objects, stock read {stock_found}")
    mine, theirs = Spread.of(ours), Spread.of(stock)
    note = (
        f"{mine.least * 1000:.1f} ms (median {mine.middle * 1000:.1f} ms) against "
        f"{theirs.least * 1000:.1f} ms (median {theirs.middle * 1000:.1f} ms), {found} objects"
    )
    return Figure(f"CPU to read a server {state}, of stock's", mine.least / theirs.least, "x", limit, note)


def _ours(desired: Desired, name: Name) -> tuple[float, list[Query], int]:
    """Processor seconds, what was asked, and how many objects came."""
    gc.collect()
    before = time.process_time()
    with Servers(desired, Sessions()).reader(name) as session:
        reader = WithoutSendConnectors(session)
        live = read_server(reader, name, edge=False)
    spent = time.process_time() - before
    lists = (live.server, live.certificates, live.receive_connectors, live.accepted_domains)
    return spent, reader.asked, sum(len(each.objects) for each in lists)


def _stock(desired: Desired, name: Name, queries: Sequence[Query]) -> tuple[float, int]:
    """Processor seconds of the same statements in one pipeline of pypsrp, and how many objects came."""
    declared = desired.connections[name]
    if declared.credential is None or declared.ca is None:
        raise AssertionError("a lab names both")
    address, path = _address(declared.url)
    trust: Any = str(declared.ca)  # it takes a path too; only its annotation says bool
    secret = resolve(declared.credential, declared.base)
    gc.collect()
    before = time.process_time()
    wsman = WSMan(
        address[0],
        port=address[1],
        path=f"{path}?serializationLevel=Full",
        username=secret.user,
        password=secret.password,
        auth="basic",
        ssl=True,
        cert_validation=trust,
    )
    with wsman, RunspacePool(wsman, configuration_name="Microsoft.Exchange") as pool:
        pipeline = PowerShell(pool)
        for query in queries:
            pipeline.add_cmdlet(query.cmdlet).add_parameters(dict(query.parameters)).add_statement()
        found = pipeline.invoke()
    return time.process_time() - before, len(found)


def _address(url: str) -> tuple[tuple[str, int], str]:
    host, _, path = url.removeprefix("https://").partition("/")
    name, _, port = host.rpartition(":")
    return (name, int(port)), path
