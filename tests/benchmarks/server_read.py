"""Processor time of reading one server: ours, and stock pypsrp's for the same lists.

Stock pypsrp cannot read send connectors (it fails at their references), so neither reads them. Ours goes
on to resources, certificates decoded; stock stops at its own objects. Both are read in turn, each time in a
session of its own, and the medians are compared.

The limit is for a server in use. One that has only what setup made, or of which only a part was exported, is
told beside it without one: about half of what it costs is a session that finds nothing (7 ms, stock's 9 ms),
and that is pypsrp's both ways.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

from reconciler.config.desired import Desired
from reconciler.credentials.reference import resolve
from reconciler.exchange.port import Query, Reader, Result
from reconciler.exchange.refresh import read_first
from reconciler.exchange.session import Sessions
from reconciler.operations.servers import Servers
from state.values import Name
from tests.benchmarks.exports import export, use
from tests.benchmarks.figure import Figure, Spread
from tests.benchmarks.laboratory import declared_for, lab
from tests.contoso import unheard

RATIO = 1 / 3
UNREADABLE_BY_STOCK = "Get-SendConnector"
RELAYS, CERTIFICATES = 15, 6
"""What a server in use has besides what setup made."""


class WithoutSendConnectors:
    """A reader that finds none, without asking; remembers what it did ask for, and how much came."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.asked: list[Query] = []
        self.found = 0

    @property
    def server(self) -> str:
        return self._reader.server

    def read(self, queries: Sequence[Query]) -> tuple[Result, ...]:
        self.asked = [query for query in queries if query.cmdlet != UNREADABLE_BY_STOCK]
        results = self._reader.read(self.asked)
        self.found = sum(len(result.objects) for result in results)
        left = iter(results)
        return tuple(Result() if query.cmdlet == UNREADABLE_BY_STOCK else next(left) for query in queries)


def measure(repeat: int = 40, relays: int = RELAYS, certificates: int = CERTIFICATES) -> list[Figure]:
    """Read a server as setup leaves it and one in use; the same of the folder that EXCHANGE_CORPUS names."""
    figures = []
    with TemporaryDirectory(prefix="bench-") as folder:
        bare = export(Path(folder) / "bare", relays=0, certificates=0)
        used = export(Path(folder) / "used", relays=relays, certificates=certificates)
        for exports, state, limit in ((bare, "as setup leaves it", None), (used, "in use", RATIO)):
            with lab(0, from_clixml=exports) as directory:
                desired = declared_for(directory)
                (name,) = desired.servers
                figures.append(_compare(desired, name, repeat, state, limit))
    if corpus := os.environ.get("EXCHANGE_CORPUS"):
        with lab(0, from_clixml=Path(corpus)) as directory:
            desired = declared_for(directory)
            name = _with_most_connectors(desired)
            figures.append(_compare(desired, name, repeat, "of EXCHANGE_CORPUS", None))
            with Servers(desired, Sessions()).writer(str(name)) as session:
                use(session, relays=relays, certificates=certificates)
            figures.append(_compare(desired, name, repeat, "of EXCHANGE_CORPUS in use", RATIO))
    return figures


def _with_most_connectors(desired: Desired) -> Name:
    """The server of which most was exported: every real one has five receive connectors at least."""
    live = Servers(desired, Sessions()).refresh(desired.servers, unheard)
    return max(live.servers, key=lambda name: len(live.servers[name].receive_connectors.objects))


def _compare(desired: Desired, name: Name, repeat: int, state: str, limit: float | None) -> Figure:
    """Read one server both ways in turn, each time in a session of its own."""
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
        f"{mine.middle * 1000:.1f} ms (least {mine.least * 1000:.1f} ms) against "
        f"{theirs.middle * 1000:.1f} ms (least {theirs.least * 1000:.1f} ms), {found} objects"
    )
    if limit is None:
        note += "; no limit: with so few, about half is the session, pypsrp's both ways"
    return Figure(f"CPU to read a server {state}, of stock's", mine.middle / theirs.middle, "x", limit, note)


def _ours(desired: Desired, name: Name) -> tuple[float, list[Query], int]:
    """Processor seconds, what was asked, and how many objects came."""
    gc.collect()
    before = time.process_time()
    with Servers(desired, Sessions()).reader(name) as session:
        reader = WithoutSendConnectors(session)
        read_first(reader, name)
    return time.process_time() - before, reader.asked, reader.found


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
