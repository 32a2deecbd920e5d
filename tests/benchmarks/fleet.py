"""The pure planner: how its cost grows with servers, and with replaced certificates that stay on them."""

from __future__ import annotations

import gc
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

from reconciler.plan.change import Action
from reconciler.plan.planner import plan
from reconciler.plan.situation import Situation
from state.address import Address
from state.record import Predecessor, Recorded
from state.resources import Resource, SendConnector
from state.snapshot import Listing, LiveServer, LiveState
from state.values import UNSET, AddressSpace, Fqdn, Name, Thumbprint
from tests.benchmarks.figure import Figure, Spread
from tests.situations import (
    BOUND,
    NOW,
    certificate,
    connector,
    live_certificate,
    live_connector,
    live_receive_connector,
    live_server,
    marked,
    receive_connector,
    recorded,
    situation,
)

FEW, MANY = 50, 400
SERVERS_GROWTH = 10.0
"""Eight times the servers: what every server needs once of all others would cost sixty times as much."""
HELD_FEW, HELD_MANY = 10, 80
HELD_GROWTH = 4.0
"""Eight times the certificates; most of what a server costs is not about those that were replaced."""

_LISTENERS = 5
_ROLES = ("tls_required", "opportunistic", "tls_never")


def fleet(servers: int, *, held: int, renewing: bool) -> Situation:
    """Mailbox servers with a certificate, five receive connectors and three send connectors of them all.

    Args:
        held: Certificates of each server that were replaced and that connectors still name.
        renewing: Each is to be renewed; else nothing is to be done.
    """
    names = tuple(Name(f"EX{number}") for number in range(1, servers + 1))
    of_all = tuple(Address.of("certificate", str(name), "public") for name in names)
    desired: dict[Address, Resource] = {}
    record: dict[Address, Recorded] = {}
    shared = tuple(_sender(role, names, of_all, desired, record) for role in _ROLES)
    live = [
        _server(number, name, desired, record, held=held, days=5 if renewing else 80)
        for number, name in enumerate(names)
    ]
    made = situation(desired, *live, record=record)
    listing = Listing(shared)
    known = {name: replace(server, send_connectors=listing) for name, server in made.live.servers.items()}
    return replace(made, live=LiveState(known))


def _sender(
    role: str,
    names: tuple[Name, ...],
    certificates: tuple[Address, ...],
    desired: dict[Address, Resource],
    record: dict[Address, Recorded],
) -> SendConnector:
    address = Address.of("send_connector", "internet", role)
    both: dict[str, Any] = {
        "name": Name(role),
        "address_spaces": frozenset({AddressSpace(f"{role.replace('_', '-')}.example")}),
        "source_transport_servers": frozenset(names),
    }
    asked = connector(**both, role=role, home=names, certificates=certificates, declared_in="internet")
    found = live_connector(
        **both, tls_certificate_name=BOUND, guid=f"guid of {role}", comment=marked(address)
    )
    desired[address] = asked
    record[address] = recorded(asked.with_(guid=found.guid, tls_certificate_name=BOUND))
    return found


def _server(
    number: int,
    name: Name,
    desired: dict[Address, Resource],
    record: dict[Address, Recorded],
    *,
    held: int,
    days: int,
) -> LiveServer:
    address = Address.of("certificate", str(name), "public")
    current, *replaced = (
        live_certificate(
            thumbprint=Thumbprint(f"{number * 1000 + age:040X}"),
            public_key=f"key {number} {age}",
            not_before=NOW - timedelta(days=60 + 30 * age),
            not_after=NOW + timedelta(days=days - 30 * age),
        )
        for age in range(held + 1)
    )
    asked = desired[address] = certificate(home=(name,))
    known = asked.with_(thumbprint=current.thumbprint, public_key=current.public_key)
    predecessors = tuple(
        Predecessor(one.thumbprint, one.public_key, BOUND, one.not_after, created=True, superseded=NOW)
        for one in replaced
        if isinstance(one.thumbprint, Thumbprint)
    )
    record[address] = replace(recorded(known), predecessors=predecessors)
    listeners = []
    for each in range(_LISTENERS):
        its = Address.of("receive_connector", str(name), f"listener{each}")
        wanted = receive_connector(
            name=Name(f"Listener {each}"), home=(name,), certificates=UNSET if each else (address,)
        )
        desired[its] = wanted
        found = live_receive_connector(
            name=wanted.name,
            server=name,
            banner=wanted.banner,
            fqdn=Fqdn(f"{name}.contoso.local".lower()),
            guid=f"guid of {its}",
            tls_certificate_name=None if each else BOUND,
        )
        listeners.append(found)
        record[its] = recorded(wanted.with_(guid=found.guid), created=False)
    return live_server(name, certificates=[current, *replaced], receive_connectors=listeners)


def plan_once(servers: int, *, held: int, renewing: bool) -> float:
    """Plan a fleet that nobody planned before.

    Returns:
        Processor seconds of the planner alone.
    """
    given = fleet(servers, held=held, renewing=renewing)
    gc.collect()
    before = time.process_time()
    made = plan(given)
    spent = time.process_time() - before
    replaced = sum(change.action is Action.REPLACE for change in made.changes)
    told = {diagnostic.summary for diagnostic in made.diagnostics}
    if replaced != (servers if renewing else 0) or told != {"Replaced certificates held"}:
        raise AssertionError(f"{replaced} replaced, {told}")
    return spent


def measure(
    few: int = FEW, many: int = MANY, held: tuple[int, int] = (HELD_FEW, HELD_MANY), repeat: int = 5
) -> list[Figure]:
    """Compare few servers with many, and few replaced certificates with many."""
    figures = []
    for renewing in (True, False):
        what = "all renewed" if renewing else "none renewed"
        small, large = (_spent(servers, held[0], renewing, repeat) for servers in (few, many))
        note = f"{large.least:.3f} s for {many}, {small.least:.3f} s for {few}"
        ratio = large.least / small.least
        figures.append(Figure(f"plan servers, {what}, growth", ratio, "x", SERVERS_GROWTH, note))
    small, large = (_spent(few, each, False, repeat) for each in held)
    note = f"{large.least:.3f} s for {held[1]}, {small.least:.3f} s for {held[0]}, on {few} servers"
    ratio = large.least / small.least
    figures.append(Figure("plan replaced certificates, growth", ratio, "x", HELD_GROWTH, note))
    return figures


def _spent(servers: int, held: int, renewing: bool, repeat: int) -> Spread:
    return Spread.of([plan_once(servers, held=held, renewing=renewing) for _ in range(repeat)])
