"""An authority that can be told what is good no more, and the command that has it told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from reconciler.config.desired import IssuerSettings
from reconciler.exchange.errors import CmdletFailed, ErrorRecord
from reconciler.exchange.port import Command, Connection, Outcome, Reader, Result, Writer
from reconciler.issuers.port import CertificateRequest, Issued, Issuer, RequestRefused, Waiting
from reconciler.operations.applying import ApplyOutcome
from reconciler.operations.replacing import Reason, run_replace
from reconciler.pki.answer import read_chain
from state.address import Address
from state.resources import Certificate
from tests.life import Desk, Fleet

MBX1, MBX2 = (Address.of("certificate", server, "internet") for server in ("MBX1", "MBX2"))


@dataclass
class RevokingDesk:
    """An authority that can be told."""

    desk: Desk
    revoked: list[tuple[str, str]] = field(default_factory=list)
    refuses: bool = False

    def issue(self, request: CertificateRequest) -> Issued | Waiting:
        return self.desk.issue(request)

    def revoke(self, certificate_pem: str, reason: str) -> None:
        if self.refuses:
            raise RequestRefused("desk", "come back tomorrow")
        self.revoked.append((str(read_chain(certificate_pem)[0].thumbprint), reason))


def replaced(
    world: Fleet,
    issuer: Issuer,
    address: Address | None = MBX1,
    name: str = "",
    reason: Reason = "compromise",
    **others: Any,
) -> ApplyOutcome:
    """``certificates --replace``; what is made is the issuer's from now on."""
    world.issuer = issuer

    def open_issuer(settings: IssuerSettings, clock: Callable[[], datetime]) -> Issuer:
        return issuer

    surroundings = replace(world.surroundings(), **{"open_issuer": open_issuer, **others})
    return run_replace(address, name, reason, world.inputs(), surroundings, lambda planned: True)


def recorded(world: Fleet, address: Address) -> Certificate:
    resource = world.record.resources[address].resource
    assert isinstance(resource, Certificate)
    return resource


@dataclass
class Failing:
    """Sessions in which one cmdlet fails, on one server.

    Attributes:
        cmdlet: "" when it is over.
    """

    sessions: Any
    cmdlet: str
    at: str

    @contextmanager
    def reader(self, connection: Connection) -> Iterator[Reader]:
        with self.sessions.reader(connection) as session:
            yield session

    @contextmanager
    def writer(self, connection: Connection) -> Iterator[Writer]:
        with self.sessions.writer(connection) as session:
            yield _FailingWriter(session, self)


@dataclass
class _FailingWriter:
    session: Writer
    failing: Failing

    @property
    def server(self) -> str:
        return self.session.server

    def read(self, queries: Any) -> tuple[Result, ...]:
        return self.session.read(queries)

    def run(self, command: Command) -> Outcome:
        if command.cmdlet == self.failing.cmdlet and self.server == self.failing.at:
            told = ErrorRecord("Told", 0, "", "", "LocalizedException", "no")
            raise CmdletFailed(self.server, command.cmdlet, (told,))
        return self.session.run(command)
