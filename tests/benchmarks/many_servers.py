"""Many servers that each take their time: read beside each other, and one after the other."""

from __future__ import annotations

import time
from collections.abc import Iterable

from reconciler.config.desired import Desired
from reconciler.exchange.session import Sessions
from reconciler.operations.servers import Servers
from state.snapshot import LiveServer
from state.values import Name
from tests.benchmarks.figure import Figure, Spread
from tests.benchmarks.laboratory import declared_for, lab
from tests.contoso import unheard

SERVERS, LATENCY_MS = 50, 20
RATIO = 1 / 3


def measure(servers: int = SERVERS, latency_ms: int = LATENCY_MS, repeat: int = 3) -> list[Figure]:
    """Time both ways in turn, so that both meet the same noise."""
    beside, serial = [], []
    with lab(servers, latency_ms=latency_ms) as directory:
        desired = declared_for(directory)
        for _ in range(repeat):
            beside.append(_seconds(desired, [desired.servers]))
            serial.append(_seconds(desired, [[name] for name in desired.servers]))
    together, alone = Spread.of(beside), Spread.of(serial)
    note = (
        f"{together.least:.2f} s (median {together.middle:.2f} s) against {alone.least:.2f} s "
        f"(median {alone.middle:.2f} s), {latency_ms} ms a request"
    )
    return [
        Figure(f"read {servers} servers, of serial time", together.middle / alone.middle, "x", RATIO, note)
    ]


def _seconds(desired: Desired, groups: Iterable[Iterable[Name]]) -> float:
    """Read all servers, one group after the other: a group of one has a concurrency of one."""
    reading = Servers(desired, Sessions())
    before = time.perf_counter()
    for group in groups:
        for server in reading.refresh(group, unheard).servers.values():
            _expect_read(server)
    return time.perf_counter() - before


def _expect_read(server: LiveServer) -> None:
    if server.unreachable or not server.receive_connectors.objects:
        raise AssertionError(f"{server.name}: {server.unreachable}")
