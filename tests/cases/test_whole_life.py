"""Three years of a fleet whose certificates live 47 days, and whose authority takes up to ten of them.

In process, from one event to the next: something is due, an answer is there, something is tried again. Each
time ``apply`` is run as a pipeline runs it.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.life import Desk, Fleet, Remembering, drawn_turnaround, fleet, presented, remember_what_was_read

SERVERS = 20
YEARS = timedelta(days=3 * 365)
LIFETIME = timedelta(days=47)
SLOWEST = timedelta(days=10)
AGAIN = timedelta(hours=8)
"""After a failure the pipeline is run again."""


def an_unsteady_desk(drawn: random.Random) -> object:
    def change(desk: Desk) -> Desk:
        desk.turnaround = drawn_turnaround(drawn, SLOWEST)
        desk.failure = lambda: "out of order" if drawn.random() < 0.05 else ""
        return desk

    return change


def next_event(world: Fleet) -> datetime:
    """When the pipeline has something to do again."""
    record = world.record
    answers = [
        world.desk.ready[request.public_key]
        for request in record.requests.values()
        if request.public_key in world.desk.ready
    ]
    due = [
        one.certificate.not_valid_after_utc - LIFETIME / 3
        for one in presented(world).values()
        if one is not None
    ]
    coming = [at for at in (*answers, *due) if at > world.now]
    return min(coming)


class TestALife:
    def test_of_three_years_never_serves_what_has_expired(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        remember_what_was_read(monkeypatch)
        drawn = random.Random(20261124)  # noqa: S311
        world = fleet(tmp_path, servers=SERVERS, lifetime=LIFETIME, desk=an_unsteady_desk(drawn))
        world.sessions = Remembering(world.lab)
        end = world.now + YEARS
        while world.now < end:
            outcome = world.apply()
            failed = outcome.applied is not None and not outcome.applied.is_complete
            world.lab.now = world.now + AGAIN if failed else next_event(world)
            self.check(world)

    def check(self, world: Fleet) -> None:
        for name, stored in presented(world).items():
            assert stored is None or stored.is_current(world.now), name
