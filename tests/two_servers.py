"""Two Mailbox servers that ask two domain controllers, declared and applied without a wire."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from reconciler.events import Event
from reconciler.exchange.errors import ExchangeError, Unreachable
from reconciler.exchange.patience import Patience
from reconciler.exchange.port import Command, Connection, Outcome, Query, Reader, Result, Writer
from reconciler.operations.applying import ApplyOutcome, run_apply, run_saved_plan
from reconciler.operations.inputs import Inputs, Surroundings
from reconciler.operations.planning import Planned, run_plan
from reconciler.plan.plan_file import SavedPlan
from tests.direct import DirectLab, copy_of, direct_lab

TRUSTED = "send_connector.internet.tls_required"


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Organization:
    """A lab, its declaration, and who is out of reach.

    Attributes:
        down: Why endpoints do not answer, by server.
        opened: Servers that sessions were opened with, in order.
        pauses: Seconds of every pause; the lab's clock moves with them.
        fatal: The cmdlet after which the process is gone.
        watch: Looks at the lab after every command, and while time passes.
    """

    lab: DirectLab
    path: Path
    down: dict[str, ExchangeError] = field(default_factory=dict)
    opened: list[str] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    watch: Callable[[], None] = lambda: None
    fatal: str = ""

    def declare(self, **changed: Any) -> None:
        declared = {
            "version": 1,
            "organization": "contoso",
            "connection": {"auth": "basic"},
            "partners": {"trusted": ["fabrikam.com", "adatum.com"], "broken": ["oldmail.example"]},
            "servers": {
                "MBX1": {"role": "mailbox", "host": "mbx1.contoso.com"},
                "MBX2": {"role": "mailbox", "host": "mbx2.contoso.com"},
            },
            "send_connectors": {
                "internet": {
                    "servers": ["MBX1", "MBX2"],
                    "tls_required": {"to": "trusted"},
                    "tls_never": {"to": "broken"},
                    "opportunistic": {"to": ["*"]},
                }
            },
            **changed,
        }
        self.path.write_text(json.dumps(declared), encoding="utf-8")

    def take_down(self, *servers: str) -> None:
        """Nothing listens where the endpoints of these servers were."""
        self.down = {name: Unreachable(name, "connection refused", was_connected=False) for name in servers}

    @contextmanager
    def reader(self, connection: Connection) -> Iterator[Reader]:
        self._open(connection)
        with self.lab.reader(connection) as session:
            yield session

    @contextmanager
    def writer(self, connection: Connection) -> Iterator[Writer]:
        self._open(connection)
        with self.lab.writer(connection) as session:
            yield _Watched(session, self)

    def _open(self, connection: Connection) -> None:
        self.opened.append(connection.server)
        if connection.server in self.down:
            raise self.down[connection.server]

    def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.pass_time(seconds)

    def pass_time(self, seconds: float, steps: int = 8) -> None:
        for _ in range(steps):
            self.lab.now += timedelta(seconds=seconds / steps)
            self.watch()

    @property
    def inputs(self) -> Inputs:
        return Inputs(self.path, connections=self.lab.connections())

    @property
    def surroundings(self) -> Surroundings:
        clock = lambda: self.lab.now.timestamp()  # noqa: E731 - the lab's, in seconds
        return Surroundings(
            self.events.append, lambda: self.lab.now, self, patience=Patience(clock, self._pause)
        )

    def plan(self) -> Planned:
        return run_plan(self.inputs, self.surroundings)

    def apply(self) -> ApplyOutcome:
        return run_apply(self.inputs, self.surroundings, lambda planned: True)

    def apply_saved(self, saved: SavedPlan) -> ApplyOutcome:
        return run_saved_plan(saved, self.surroundings, lambda planned: True)

    def shown(self, controller: str) -> dict[str, Any]:
        """The send connectors by name, as one domain controller shows them."""
        found: dict[str, Any] = self.lab.exchange.snapshot()["controllers"][f"{controller}.contoso.com"]
        return found


class _Watched:
    """A writing session; somebody looks at the lab after every command."""

    def __init__(self, session: Writer, organization: Organization) -> None:
        self._session = session
        self._organization = organization

    @property
    def server(self) -> str:
        return self._session.server

    def read(self, queries: Sequence[Query]) -> tuple[Result, ...]:
        return self._session.read(queries)

    def run(self, command: Command) -> Outcome:
        outcome = self._session.run(command)
        self._organization.watch()
        if command.cmdlet == self._organization.fatal:
            raise Killed
        return outcome


def organization(folder: Path, *, mailbox: int = 2, edges: int = 0, **declared: Any) -> Organization:
    made = Organization(direct_lab(folder / "lab", servers=mailbox, edges=edges), folder / "tls.yaml")
    made.declare(**declared)
    return made


def copied(original: Organization, folder: Path) -> Organization:
    """The same organization once more, with its record."""
    made = Organization(copy_of(original.lab.directory, folder / "lab"), folder / "tls.yaml")
    shutil.copytree(original.path.parent / ".reconciler", folder / ".reconciler")
    made.declare()
    return made


def told(diagnostics: Any) -> list[str]:
    return [one.summary for one in diagnostics]
