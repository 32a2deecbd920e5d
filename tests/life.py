"""A fleet over years, without a wire: its clock is moved, its authority takes its time."""

from __future__ import annotations

import gc
import itertools
import json
import random
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache, lru_cache
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from reconciler.config.desired import IssuerSettings
from reconciler.events import Event
from reconciler.exchange import refresh
from reconciler.exchange.errors import CmdletFailed, ErrorRecord, ExchangeError, Unreachable
from reconciler.exchange.patience import Patience
from reconciler.exchange.port import Command, Connection, Outcome, Query, Reader, Result, Writer
from reconciler.issuers.local import LocalIssuer
from reconciler.issuers.port import CertificateRequest, Issued, Issuer, RequestRefused, Waiting
from reconciler.lab.exchange import files
from reconciler.lab.exchange.certificates import StoredCertificate
from reconciler.lab.exchange.smtp import chosen
from reconciler.operations import inputs, reading, servers
from reconciler.operations.applying import ApplyOutcome, run_apply
from reconciler.operations.inputs import Inputs, Surroundings
from reconciler.operations.planning import Planned, run_plan
from reconciler.pki.renewal import renewal_date, turnaround
from reconciler.pki.request import parse_request
from state.record import StateRecord
from state.stores.memory import MemoryStore
from state.values import UNSET
from tests import direct
from tests.authority import rsa_key
from tests.direct import DirectLab, direct_lab
from tests.stored import organization_of


@cache
def many_keys() -> Sequence[tuple[int, int]]:
    """Pairs of primes: every two of them make another key, and drawing a prime is what takes time."""
    primes = [prime for number in range(30) for prime in _primes(rsa_key(number))]
    return tuple(combinations(primes, 2))


def _primes(key: rsa.RSAPrivateKey) -> tuple[int, int]:
    numbers = key.private_numbers()
    return numbers.p, numbers.q


def another_key(number: int) -> rsa.RSAPrivateKey:
    """One of 1770 keys of 2048 bits."""
    p, q = many_keys()[number % len(many_keys())]
    d = pow(65537, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(65537, p * q)
    return rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public).private_key(
        unsafe_skip_rsa_key_validation=True
    )


@dataclass
class Desk:
    """An authority where people work: it answers a request after a while, and sometimes fails.

    Attributes:
        authority: Opens who signs.
        clock: Of the fleet; UTC, aware.
        turnaround: Draws how long the next new request takes.
        failure: Says of each time it is asked why it fails; "" when it does not.
        ready: When each request is answered, by its public key, and what that was used for until then.
        answers: What was answered, so that the same request gets the same certificate.
    """

    authority: Callable[[], LocalIssuer]
    clock: Callable[[], datetime]
    turnaround: Callable[[], timedelta] = lambda: timedelta()
    failure: Callable[[], str] = lambda: ""
    ready: dict[str, datetime] = field(default_factory=dict)
    answers: dict[str, Issued] = field(default_factory=dict)

    def issue(self, request: CertificateRequest) -> Issued | Waiting:
        if failed := self.failure():
            raise RequestRefused("desk", failed)
        key = parse_request(request.csr).public_key
        key += f" after {request.renews}" if request.renews is not None else ""
        at = self.ready.setdefault(key, self.clock() + self.turnaround())
        if self.clock() < at:
            return Waiting(f"order {len(self.ready)}", "the authority checks the organization")
        if key not in self.answers:
            self.answers[key] = self.authority().issue(request)
        return self.answers[key]


@dataclass
class Fleet:
    """Servers of one organization, their declaration and their record.

    Attributes:
        declared: The YAML, as values; changed ones count from the next run.
        desk: Who signs.
        heard: Everything that was told.
        issuer: Who is asked instead of the desk.
        sessions: Instead of the lab's own.
    """

    lab: DirectLab
    folder: Path
    declared: dict[str, Any]
    desk: Desk
    store: MemoryStore = field(default_factory=MemoryStore)
    heard: list[Event] = field(default_factory=list)
    issuer: Issuer | None = None
    sessions: Remembering | None = None

    @property
    def now(self) -> datetime:
        return self.lab.now

    def pass_time(self, span: timedelta) -> None:
        self.lab.now += span

    def inputs(self) -> Inputs:
        path, connections = self.folder / "tls.yaml", self.lab.directory / "connections.yaml"
        path.write_text(json.dumps(self.declared), encoding="utf-8")
        return Inputs(path, connections=connections if connections.exists() else self.lab.connections())

    def surroundings(self) -> Surroundings:
        def open_issuer(settings: IssuerSettings, clock: Callable[[], datetime]) -> Issuer:
            return self.issuer or self.desk

        return Surroundings(
            self.heard.append,
            lambda: self.lab.now,
            self.sessions or self.lab,
            lambda folder, organization: self.store,
            patience=Patience(lambda: self.lab.now.timestamp(), self._sleep),
            open_issuer=open_issuer,
        )

    def _sleep(self, seconds: float) -> None:
        self.lab.now += timedelta(seconds=seconds)

    def plan(self) -> Planned:
        return run_plan(self.inputs(), self.surroundings())

    def apply(self) -> ApplyOutcome:
        return run_apply(self.inputs(), self.surroundings(), lambda planned: True)

    @property
    def record(self) -> StateRecord:
        found = self.store.read().record
        assert found is not None
        return found


def fleet(
    folder: Path,
    *,
    servers: int = 2,
    lifetime: timedelta = timedelta(days=47),
    desk: Callable[[Desk], Desk] = lambda desk: desk,
    **certificate: Any,
) -> Fleet:
    """An organization whose Mailbox servers each need a certificate for what the world connects to."""
    numbers = itertools.count()
    lab = direct_lab(
        folder / "lab", servers=servers, edges=0, new_key=lambda bits: another_key(next(numbers))
    )
    authority = signing(lab.directory, lambda: lab.now, lifetime)
    declared = declaration(servers, **certificate)
    return Fleet(lab, folder, declared, desk(Desk(authority, lambda: lab.now)))


def signing(folder: Path, clock: Callable[[], datetime], lifetime: timedelta) -> Callable[[], LocalIssuer]:
    """Opens a lab's own authority, as one that issues for ``lifetime``: once, to check its key takes long."""

    @cache
    def authority() -> LocalIssuer:
        opened = LocalIssuer.open("desk", folder / "issuer.pem", folder / "issuer.key", clock=clock)
        opened._lifetime = lifetime
        return opened

    return authority


def declaration(servers: int, **certificate: Any) -> dict[str, Any]:
    """Mailbox servers that each need a certificate for what the world connects to, as values of the YAML."""
    names = [f"MBX{number}" for number in range(1, servers + 1)]
    return {
        "version": 1,
        "organization": "contoso",
        "connection": {"auth": "basic"},
        "issuers": {"desk": {"type": "local", "certificate": "ca.pem", "key": "ca.key"}},
        "partners": {"trusted": ["fabrikam.com"], "broken": ["oldmail.example"]},
        "servers": {
            name: {
                "role": "mailbox",
                "host": f"{name.lower()}.contoso.com",
                "receive_connectors": {f"Default Frontend {name}": {"certificate": "internet"}},
            }
            for name in names
        },
        "certificates": {
            "internet": {
                "servers": names,
                "subject": "C=US, O=Contoso Ltd, CN=mail.contoso.com",
                "domains": ["mail.contoso.com"],
                "issuer": "desk",
                **certificate,
            }
        },
        "send_connectors": {
            "internet": {
                "servers": names,
                "tls_required": {"to": "trusted", "certificate": "internet"},
                "tls_never": {"to": "broken"},
                "opportunistic": {"to": ["*"], "certificate": "internet"},
            }
        },
    }


def drawn_turnaround(random: random.Random, most: timedelta) -> Callable[[], timedelta]:
    """From nothing to ``most``, evenly."""
    return lambda: most * random.random()


def out_of_order(random: random.Random, probability: float = 0.05) -> Callable[[], str]:
    """Fails now and then."""
    return lambda: "out of order" if random.random() < probability else ""


AGAIN: Final = timedelta(hours=8)
"""After a failure the pipeline is run again."""


def next_event(record: StateRecord, desk: Desk, there: Iterable[x509.Certificate]) -> datetime:
    """When a pipeline has something to do again: an answer is there, or one of these is to be renewed."""
    took = turnaround(record, "desk")
    due = [
        renewal_date(one.not_valid_before_utc, one.not_valid_after_utc, UNSET, took)
        for one in there
        if one.not_valid_after_utc - one.not_valid_before_utc < timedelta(days=365)  # not Exchange's own
    ]
    answers = [desk.ready.get(request.public_key) for request in record.requests.values()]
    now = desk.clock()
    return min((at for at in (*due, *answers) if at is not None and at > now), default=now + AGAIN)


def presented(world: Fleet) -> dict[str, StoredCertificate | None]:
    """What each server would show to a stranger now."""
    servers = organization_of(world.lab).servers.values()
    return {server.name: chosen(server, world.now) for server in servers}


@dataclass
class Remembering:
    """Sessions that ask the lab again only for what may have changed: a fleet is read a thousand times.

    What a server says of its certificates changes with what is sent to it about certificates, and when one of
    them begins or ends; send connectors change for all.

    Attributes:
        failure: Asked of each cmdlet that is run: what its sender learns, and whether it is done.
        failed: How many failed so.
    """

    lab: DirectLab
    failure: Callable[[], tuple[ExchangeError | None, bool]] = lambda: (None, True)
    failed: int = 0
    _known: dict[tuple[str, ...], tuple[object, Result]] = field(default_factory=dict)
    _changes: Counter[tuple[str, str]] = field(default_factory=Counter)

    @contextmanager
    def reader(self, connection: Connection) -> Iterator[Reader]:
        with self.lab.reader(connection) as session:
            yield _RememberingSession(session, self)

    @contextmanager
    def writer(self, connection: Connection) -> Iterator[Writer]:
        with self.lab.writer(connection) as session:
            yield _RememberingWriter(session, self)

    def result(self, session: Reader, query: Query) -> Result:
        server = organization_of(self.lab).servers[session.server.casefold()]
        noun = query.cmdlet.removeprefix("Get-")
        valid = noun == "ExchangeCertificate" and tuple(
            one.is_current(self.lab.now) for one in server.certificates
        )
        where = "" if noun == "SendConnector" else session.server
        asked = (session.server, query.cmdlet, str(query.parameters))
        as_of = (valid, self._changes[where, noun])
        if asked not in self._known or self._known[asked][0] != as_of:
            (result,) = session.read([query])
            self._known[asked] = (as_of, result)
        return self._known[asked][1]

    def changed(self, server: str, cmdlet: str) -> None:
        noun = cmdlet.partition("-")[2]
        self._changes["" if noun == "SendConnector" else server, noun] += 1


@dataclass
class _RememberingSession:
    session: Reader
    sessions: Remembering

    @property
    def server(self) -> str:
        return self.session.server

    def read(self, queries: Sequence[Query]) -> tuple[Result, ...]:
        return tuple(self.sessions.result(self.session, query) for query in queries)


@dataclass
class _RememberingWriter(_RememberingSession):
    session: Writer

    def run(self, command: Command) -> Outcome:
        error, is_done = self.sessions.failure()
        outcome = Outcome()
        if is_done:
            self.sessions.changed(self.server, command.cmdlet)
            outcome = self.session.run(command)
        if error is not None:
            self.sessions.failed += 1
            raise error
        return outcome


def every_twentieth(random: random.Random) -> Callable[[], tuple[ExchangeError | None, bool]]:
    """Cmdlets that fail: half of them say so, of the others the answer is lost, before or after they ran."""

    def failure() -> tuple[ExchangeError | None, bool]:
        if random.random() >= 0.05:
            return None, True
        if random.random() < 0.5:
            return CmdletFailed(
                "EX", "", (ErrorRecord("Told", 0, "", "", "LocalizedException", "no"),)
            ), False
        return Unreachable("EX", "connection reset by peer"), random.random() < 0.5

    return failure


@contextmanager
def calm_collector() -> Iterator[None]:
    """What is remembered for years is not gone through again and again for what could be freed."""
    usual = gc.get_threshold()
    gc.set_threshold(100_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def remember_what_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make what is shown or declared as before be understood once: it is the same a thousand times."""
    monkeypatch.setattr(direct, "understood", lru_cache(_MOST_REMEMBERED)(direct.understood))
    for name in ("read_resource", "read_certificate"):
        monkeypatch.setattr(refresh, name, _once_each(getattr(refresh, name)))
    monkeypatch.setattr(reading, "ThreadPoolExecutor", _OneAfterTheOther)
    monkeypatch.setattr(servers, "connection_to", _once_each(servers.connection_to))
    monkeypatch.setattr(inputs, "load", _once_for_each_text(inputs.load))
    monkeypatch.setattr(files.os, "fsync", lambda descriptor: None)


class _OneAfterTheOther(Executor):
    """Where nothing is waited for, threads only wait for each other."""

    def __init__(self, *_: object, **__: object) -> None: ...

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(function(*arguments, **options))
        except Exception as error:  # noqa: BLE001 - as the library's executors do
            done.set_exception(error)
        return done


_MOST_REMEMBERED = 3000


def _once_each(function: Callable[..., Any]) -> Callable[..., Any]:
    known: OrderedDict[tuple[object, ...], tuple[object, Any]] = OrderedDict()

    def remembering(*arguments: Any, **options: Any) -> Any:
        key = (*map(id, arguments), *options.values())
        if key not in known:
            known[key] = (
                arguments,
                function(*arguments, **options),
            )  # kept: an id is used again
            if len(known) > _MOST_REMEMBERED:
                known.popitem(last=False)
        known.move_to_end(key)
        return known[key][1]

    return remembering


def _once_for_each_text(load: Callable[..., Any]) -> Callable[..., Any]:
    known: dict[str, Any] = {}

    def remembering(path: Path, **options: Any) -> Any:
        text = path.read_text(encoding="utf-8")
        if text not in known:
            known[text] = load(path, **options)
        return known[text]

    return remembering
