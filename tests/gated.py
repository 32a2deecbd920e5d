"""A server whose gate is watched: the lab says what it would present, and a rule of the test spoils it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

from reconciler.cli.commands.apply import _code
from reconciler.cli.exit_code import ExitCode
from reconciler.config.desired import IssuerSettings
from reconciler.events import ApplyFinished, Event, SteppingBack
from reconciler.exchange.patience import Patience
from reconciler.exchange.port import Command, Connection, Outcome, Reader, Writer
from reconciler.issuers.port import Issuer, RequestRefused
from reconciler.operations.applying import ApplyOutcome, run_apply
from reconciler.operations.inputs import Inputs, Surroundings
from reconciler.operations.issuers import open_issuer
from reconciler.operations.planning import Planned, run_plan
from reconciler.verify.chain import Authorities
from reconciler.verify.starttls import Fault, Handshake, HandshakeProblem
from state.address import Address
from state.errors import StateUnwritable
from state.journal import Entry
from state.record import Learned, Recorded, StateRecord
from state.store import Fence
from state.stores.memory import MemoryStore
from state.values import Fqdn
from tests.authority import Authority
from tests.direct import DirectLab, direct_lab

YAML = """\
version: 1
organization: contoso
issuers:
  house: {type: local, certificate: ca.pem, key: ca.key}
endpoints: [{name: mail.contoso.com, servers: [MBX1]}]
partners: {trusted: [fabrikam.com]}
servers:
  MBX1:
    role: mailbox
    host: mbx1.contoso.com
    certificates:
      public:
        subject: "O=Contoso Ltd, CN=mail.contoso.com"
        domains: [mail.contoso.com]
        issuer: house
    send_connectors:
      tls_required: {to: trusted, certificate: public}
      opportunistic: {to: ["*"], certificate: public}
    receive_connectors:
      "Default Frontend MBX1": {certificate: public}
"""
WITH_ANOTHER_ISSUER = YAML.replace(
    "        issuer: house\n",
    """\
        issuer: house
      other:
        subject: "O=Contoso Ltd, CN=other.contoso.com"
        domains: [other.contoso.com]
        issuer: desk
""",
).replace("issuers:\n", "issuers:\n  desk: {type: local, certificate: ca.pem, key: ca.key}\n")
PUBLIC = Address.parse("certificate.MBX1.public")
ANSWERS = Address.parse('receive_connector.MBX1."Default Frontend MBX1"')
SENDS = [Address.parse(f"send_connector.MBX1.{kind}") for kind in ("tls_required", "opportunistic")]
NO_TLS = Handshake(problems=(HandshakeProblem(Fault.NO_STARTTLS),))
SILENT = Handshake(problems=(HandshakeProblem(Fault.UNREACHABLE),))


class Killed(BaseException):
    """The process is gone."""


class Full(MemoryStore):
    """A store whose disk is full for what is learned of one milestone.

    Attributes:
        times: So often nothing can be written, counted from then on.
    """

    def __init__(self, milestone: str, times: int) -> None:
        super().__init__()
        self._milestone = milestone
        self._is_reached = False
        self.times = times

    def append(self, entries: Iterable[Entry], fence: Fence) -> None:
        given = tuple(entries)
        self._is_reached = self._is_reached or any(map(self._is_about_it, given))
        self._refuse()
        super().append(given, fence)

    def write(self, record: StateRecord, fence: Fence) -> None:
        self._refuse()
        super().write(record, fence)

    def _is_about_it(self, entry: Entry) -> bool:
        learned = entry.recorded if isinstance(entry, Learned) else None
        return learned is not None and self._milestone in learned.milestones

    def _refuse(self) -> None:
        if self._is_reached and self.times:
            self.times -= 1
            raise StateUnwritable("the store", "no space left on device")


@dataclass
class World:
    """A server, a record, and a clock that nobody waits for.

    Attributes:
        spoiled: What a handshake shows instead of what it would; None: nothing else.
        at_sleep: Done while somebody waits.
        killed_at: At which instant of a step back the process dies: before and after each command, from 0.
        refusing: The name of an issuer that is out of order.
        issuer: Who is asked instead of the declared one.
        kept: What stood in a file that is missing.
    """

    lab: DirectLab
    path: Path
    store: MemoryStore = field(default_factory=MemoryStore)
    heard: list[Event] = field(default_factory=list)
    spoiled: Callable[[Handshake], Handshake | None] = lambda _: None
    at_sleep: Callable[[], object] = lambda: None
    killed_at: int | None = None
    refusing: str = ""
    issuer: Issuer | None = None
    kept: bytes = b""
    spent: float = 0.0
    connections: str = "connections.yaml"

    def shake(self, *arguments: Any, **options: Any) -> Handshake:
        true = self.lab.shake(*arguments, **options)
        return self.spoiled(true) or true

    def sleep(self, seconds: float) -> None:
        self.spent += seconds
        self.lab.now += timedelta(seconds=seconds)
        self.at_sleep()

    @property
    def surroundings(self) -> Surroundings:
        return Surroundings(
            self.heard.append,
            lambda: self.lab.now,
            self,
            lambda folder, organization: self.store,
            Patience(lambda: self.spent, self.sleep),
            open_issuer=self.open_issuer,
            shake=self.shake,
        )

    def open_issuer(self, settings: IssuerSettings, clock: Callable[[], datetime]) -> Issuer:
        if settings.name == self.refusing:
            return _Refusing(settings.name)
        return self.issuer or open_issuer(settings, clock)

    @contextmanager
    def reader(self, connection: Connection) -> Iterator[Reader]:
        with self.lab.reader(connection) as session:
            yield session

    @contextmanager
    def writer(self, connection: Connection) -> Iterator[Writer]:
        with self.lab.writer(connection) as session:
            yield _Mortal(session, self)

    @property
    def inputs(self) -> Inputs:
        self.lab.connections()
        return Inputs(self.path, connections=self.lab.directory / self.connections)

    @property
    def steps_back(self) -> bool:
        return any(isinstance(one, SteppingBack) for one in self.heard)

    def plan(self) -> Planned:
        return run_plan(self.inputs, self.surroundings)

    def apply(self) -> ApplyOutcome:
        self.heard.clear()
        self.lab.sent.clear()
        return run_apply(self.inputs, self.surroundings, lambda planned: True)

    def recorded(self, address: Address = PUBLIC) -> Recorded:
        stored = self.store.read()
        assert stored.record is not None
        return stored.record.resources[address]

    def bound(self) -> dict[str, str]:
        """What each connector is bound by, by the connector's name."""
        planned = self.plan()
        (server,) = planned.live.servers.values()
        connectors = [*server.receive_connectors.objects, *server.send_connectors.objects]
        return {str(one.name): str(one.tls_certificate_name) for one in connectors}

    def another_authority(self) -> None:
        """The issuer changes: from now on certificates have another issuer, and so another name."""
        known = json.loads(self.lab.connections().read_text())
        other = Authority.make("Another CA")
        (self.lab.directory / "other.pem").write_text(other.pem)
        key = self.lab.directory / "other.key"
        key.write_bytes(other.key_pem)
        key.chmod(0o600)
        old = known["issuers"]["*"]
        known["issuers"]["house"] = {**old, "certificate": "other.pem", "key": "other.key"}
        self.connections = "other.yaml"
        (self.lab.directory / self.connections).write_text(json.dumps(known))


@dataclass
class _Refusing:
    name: str

    def issue(self, request: object) -> NoReturn:
        raise RequestRefused(self.name, "the file in its folder is no certificate")


@dataclass
class _Mortal:
    session: Writer
    world: World

    @property
    def server(self) -> str:
        return self.session.server

    def read(self, queries: Any) -> Any:
        return self.session.read(queries)

    def run(self, command: Command) -> Outcome:
        left = self.world.killed_at if self.world.steps_back else None
        if left == 0:
            raise Killed
        outcome = self.session.run(command)
        if left == 1:
            raise Killed
        if left is not None:
            self.world.killed_at = left - 2
        return outcome


def with_another_authority(world: World) -> World:
    """All is set up; the certificate is due, and the issuer is another one."""
    assert code(world.apply()) is ExitCode.DONE
    world.another_authority()
    world.lab.now += timedelta(days=61)
    return world


def world_of(folder: Path, text: str = YAML, **lab: Any) -> World:
    path = folder / "tls.yaml"
    path.write_text(text, encoding="utf-8")
    return World(direct_lab(folder / "lab", **{"servers": 1, "edges": 0, **lab}), path)


def spoils_new_ones(world: World) -> None:
    """From now on only what is presented already works: whatever else is bound takes STARTTLS away."""
    known = presented(world).certificate
    world.spoiled = lambda true: None if true.certificate == known else NO_TLS


def presented(world: World) -> Handshake:
    """What the only server presents now, trusted by nobody."""
    return world.lab.shake("127.0.0.1", 1, Fqdn("mail.contoso.com"), Authorities(), world.lab.now)


def code(outcome: ApplyOutcome) -> ExitCode:
    assert outcome.applied is not None
    return _code(outcome.applied, outcome.gated)


def told(outcome: ApplyOutcome) -> list[str]:
    return [one.summary for one in outcome.gated.diagnostics]


def finished(world: World) -> str:
    (event,) = (one for one in world.heard if isinstance(one, ApplyFinished))
    return event.verification
