"""Sixty days on the wire: 47-day certificates, an authority that takes days, and cmdlets that fail.

The lab's clock and ours are one, and are moved from one event to the next; tests/cases/test_whole_life.py
has three years of it without a wire.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from reconciler.config.desired import IssuerSettings
from reconciler.events import Event, InvocationFinished
from reconciler.exchange.patience import Patience
from reconciler.issuers.port import Issuer
from reconciler.lab.control import ThreadedLab, open_threaded
from reconciler.operations.applying import ApplyOutcome, run_apply
from reconciler.operations.inputs import Inputs, Surroundings
from reconciler.operations.verifying import run_verify
from state.record import StateRecord
from state.stores.memory import MemoryStore
from tests.life import AGAIN, Desk, declaration, drawn_turnaround, next_event, out_of_order, signing
from tests.wire.clocked import Clock, served

SERVERS = 3
LIFETIME = timedelta(days=47)
SLOWEST = timedelta(days=10)
SPAN = timedelta(days=60)
SEED = 20261124
FAILURES = [
    {"cmdlet": "change", "probability": 0.05, "seed": SEED, "when": "before", "action": "error"},
    {"cmdlet": "change", "probability": 0.05, "seed": SEED + 1, "when": "after", "action": "reset"},
]
"""Every twentieth cmdlet that changes something fails; after every twentieth the answer is lost."""


@dataclass
class WiredFleet:
    """A lab on the wire, and who uses it.

    Attributes:
        heard: Everything that was told.
    """

    lab: ThreadedLab
    folder: Path
    clock: Clock
    desk: Desk
    store: MemoryStore = field(default_factory=MemoryStore)
    heard: list[Event] = field(default_factory=list)

    def inputs(self) -> Inputs:
        return Inputs(self.folder / "tls.yaml", connections=self.lab.connections())

    def surroundings(self) -> Surroundings:
        def open_issuer(settings: IssuerSettings, clock: Callable[[], datetime]) -> Issuer:
            return self.desk

        return Surroundings(
            self.heard.append,
            self.clock,
            store=lambda folder, organization: self.store,
            patience=Patience(lambda: self.clock.now.timestamp(), self.clock.sleep),
            open_issuer=open_issuer,
        )

    def apply(self) -> ApplyOutcome:
        return run_apply(self.inputs(), self.surroundings(), lambda planned: True)

    def problems(self) -> list[str]:
        """What verify says of the endpoints, at the fleet's instant."""
        verified = run_verify(self.inputs(), self.surroundings())
        return [one.problem for one in verified.checked if not one.is_good]

    @property
    def record(self) -> StateRecord:
        found = self.store.read().record
        assert found is not None
        return found

    def presented(self) -> dict[str, x509.Certificate]:
        """What each server shows to a stranger, as another client sees it."""
        names = [f"MBX{number}" for number in range(1, SERVERS + 1)]
        return {name: served(*self.lab.smtp(name)) for name in names}


@dataclass
class Shown:
    """What strangers saw.

    Attributes:
        certificates: Serial numbers of ours, by server.
        handshakes: How many there were.
    """

    certificates: dict[str, set[int]] = field(default_factory=dict)
    handshakes: int = 0

    def are_valid(self, presented: Mapping[str, x509.Certificate], now: datetime) -> None:
        for name, certificate in presented.items():
            self.handshakes += 1
            assert certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc, name
            is_ours = "CN=mail.contoso.com" in certificate.subject.rfc4514_string()
            assert is_ours or name not in self.certificates
            if is_ours:
                self.certificates.setdefault(name, set()).add(certificate.serial_number)

    def __str__(self) -> str:
        number = sum(map(len, self.certificates.values()))
        return f"{self.handshakes} handshakes saw {number} certificates"


@contextmanager
def wired(folder: Path, rules: list[dict[str, Any]]) -> Iterator[WiredFleet]:
    drawn = random.Random(SEED)  # noqa: S311
    clock = Clock()
    desk = Desk(signing(folder / "lab", clock, LIFETIME), clock)
    desk.turnaround = drawn_turnaround(drawn, SLOWEST)
    desk.failure = out_of_order(drawn)
    declared = declaration(SERVERS)
    declared["endpoints"] = [{"name": "mail.contoso.com", "servers": list(declared["servers"])}]
    (folder / "tls.yaml").write_text(json.dumps(declared), encoding="utf-8")
    faults = folder / "faults.json"
    faults.write_text(json.dumps(rules), encoding="utf-8")
    with open_threaded(folder / "lab", servers=SERVERS, edges=0, now=clock, faults=faults) as lab:
        yield WiredFleet(lab, folder, clock, desk)


@pytest.mark.slow  # some seventeen applies over the wire, about half a second each and more
def test_sixty_days_never_serve_what_has_expired(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Once a server presents a certificate of ours, it always does, and a valid one."""
    applies, shown = 0, Shown()
    with wired(tmp_path, FAILURES) as world:
        end = world.clock.now + SPAN
        while world.clock.now < end:
            outcome = world.apply()
            applies += 1
            there = world.presented()
            shown.are_valid(there, world.clock.now)
            is_done = outcome.applied is None or outcome.applied.is_complete
            if is_done and not world.record.requests:
                assert world.problems() == []
            due = next_event(world.record, world.desk, there.values())
            world.clock.now = min(end, due if is_done else world.clock.now + AGAIN)
            shown.are_valid(world.presented(), world.clock.now)
    failed = sum(isinstance(event, InvocationFinished) and bool(event.error) for event in world.heard)
    with capsys.disabled():
        print(
            f"\n60 days on the wire: {SERVERS} servers, {applies} applies, {shown}, {failed} cmdlets failed"
        )
    assert all(len(shown.certificates[f"MBX{number}"]) >= 2 for number in range(1, SERVERS + 1))
    assert failed
