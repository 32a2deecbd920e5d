"""Three years of a fleet whose certificates live 47 days, and whose authority takes up to ten of them.

In process, from one event to the next: an answer is there, a renewal is due, something is tried again. At the
next night, of every other one, ``apply`` is run as a pipeline runs it. tests/wire/test_life.py has sixty days
on the wire.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from cryptography import x509

from reconciler.lab.exchange.certificates import StoredCertificate
from tests.life import (
    Desk,
    Fleet,
    Remembering,
    calm_collector,
    drawn_turnaround,
    every_twentieth,
    fleet,
    next_event,
    out_of_order,
    presented,
    remember_what_was_read,
)
from tests.stored import organization_of

SERVERS = 20
SPARE = 4
"""So many have a second certificate that no connector names: what it replaces is free to go."""
YEARS = timedelta(days=3 * 365)
LIFETIME = timedelta(days=47)
SLOWEST = timedelta(days=10)
EVERY = timedelta(days=2)
"""A pipeline runs every other night; one without anything due is skipped."""
SEED = 20261124
NAMES = ("mail", "spare")


def a_fleet(folder: Path) -> Fleet:
    """Every twentieth request to the authority fails, and every twentieth cmdlet."""
    drawn = random.Random(SEED)  # noqa: S311

    def unsteady(desk: Desk) -> Desk:
        desk.turnaround = drawn_turnaround(drawn, SLOWEST)
        desk.failure = out_of_order(drawn)
        return desk

    world = fleet(folder, servers=SERVERS, lifetime=LIFETIME, desk=unsteady)
    world.declared["certificates"]["spare"] = {
        **world.declared["certificates"]["internet"],
        "servers": [f"MBX{number}" for number in range(1, SPARE + 1)],
        "subject": "C=US, O=Contoso Ltd, CN=spare.contoso.com",
        "domains": ["spare.contoso.com"],
    }
    world.sessions = Remembering(world.lab, every_twentieth(random.Random(SEED + 1)))  # noqa: S311
    return world


@cache
def is_for(der: bytes, name: str) -> bool:
    return f"CN={name}.contoso.com" in x509.load_der_x509_certificate(der).subject.rfc4514_string()


def ours(world: Fleet, name: str) -> Iterator[tuple[str, list[StoredCertificate]]]:
    """What each server's store has of one declared certificate, requests included."""
    for server in organization_of(world.lab).servers.values():
        found = [one for one in server.certificates if is_for(one.der, name)]
        if found:
            yield server.name, found


@dataclass
class Seen:
    """What the fleet was seen to be, before and after each step.

    Attributes:
        served: Servers that have presented a certificate of ours.
        requests: The most open requests, of one certificate on one server.
        retained: The most certificates that are kept, by name of the declared one.
    """

    served: set[str] = field(default_factory=set)
    requests: int = 0
    retained: Counter[str] = field(default_factory=Counter)

    def look_from_outside(self, world: Fleet) -> None:
        for server, stored in presented(world).items():
            is_ours = stored is not None and is_for(stored.der, "mail")
            assert is_ours or server not in self.served, f"{server} presents none of ours"
            if stored is not None:
                assert stored.is_current(world.now), f"{server} presents an expired one"
            if is_ours:
                self.served.add(server)

    def look_into_stores(self, world: Fleet, *, is_done: bool) -> None:
        """Count what is there: two retained after an apply that came to its end, else one more."""
        for name in NAMES:
            for server, there in ours(world, name):
                pending = sum(one.is_pending for one in there)
                assert pending <= 1, f"{server} has {pending} open requests of {name}"
                self.requests = max(self.requests, pending)
                assert name != "spare" or len(there) - pending <= 3, f"{server} retains {there}"
                if is_done:
                    self.retained[name] = max(self.retained[name], len(there) - pending)


@pytest.mark.slow  # more than a thousand applies to twenty servers
def test_three_years_never_serve_what_has_expired(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor is a request open beside another, nor do certificates pile up where they can go.

    Those that connectors name by issuer and subject are held apart: Exchange does not give them up.
    """
    remember_what_was_read(monkeypatch)
    world, seen = a_fleet(tmp_path), Seen()
    assert world.sessions is not None
    begun, applies, incomplete, first = time.monotonic(), 0, 0, world.now
    with calm_collector():
        while world.now < first + YEARS:
            outcome = world.apply()
            applies += 1
            is_done = outcome.applied is None or outcome.applied.is_complete
            incomplete += not is_done
            seen.look_into_stores(world, is_done=is_done)
            seen.look_from_outside(world)
            world.lab.now = next_step(world, first, is_done)
            seen.look_from_outside(world)
    with capsys.disabled():
        print(
            f"\n3 years, {SERVERS} servers: {applies} applies, {incomplete} of them not complete, "
            f"{world.sessions.failed} cmdlets failed, in {time.monotonic() - begun:.0f} s; at most "
            f"{seen.requests} open request and {seen.retained['spare']} retained, "
            f"{seen.retained['mail']} with those that are held"
        )
    assert len(seen.served) == SERVERS
    assert incomplete
    assert world.sessions.failed
    assert seen.requests == 1
    assert seen.retained["spare"] == 2


def next_step(world: Fleet, begun: datetime, is_done: bool) -> datetime:
    """The first run that has something to do; after a failure the very next one."""
    if is_done:
        stored = [one for name in NAMES for _, found in ours(world, name) for one in found]
        there = [one.certificate for one in stored if not one.is_pending]
        due = next_event(world.record, world.desk, there)
    else:
        due = world.now + timedelta(seconds=1)
    return begun + -((begun - due) // EVERY) * EVERY
