"""``doctor``: why a server cannot be reached or read, step by step. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from reconciler.cmdlets.capabilities import PARAMETERS
from reconciler.cmdlets.releases import build_text, is_newer_than_known, is_older_than_known
from reconciler.config.desired import Connection
from reconciler.config.loading import load_servers
from reconciler.credentials.errors import CredentialError
from reconciler.diagnostics import Diagnostic, StepExamined
from reconciler.events import ReadFinished, ReadStarted
from reconciler.exchange import port
from reconciler.exchange.errors import CmdletMissing, ExchangeError
from reconciler.exchange.port import Query, Result
from reconciler.exchange.reading import read_certificate, read_resource
from reconciler.exchange.reading.evidence import CERTIFICATES
from reconciler.exchange.refresh import needed
from reconciler.exchange.remedies import remedy
from reconciler.exchange.way import way
from state.resources import Build, Json, Server
from state.values import UNKNOWN, Name

from .access import connection_to
from .experiments import Answers, Experiments, objects, told
from .failed import OperationFailed
from .inputs import Inputs, Surroundings, load_declared
from .reading import AT_ONCE
from .servers import Reached

_PUBLIC: Final = {"tls": "tls", "endpoint": "offered", "server": "build"}
"""Steps that have something for the report, and what it is called there."""


@dataclass(frozen=True, slots=True)
class Examined:
    """One server, looked at.

    Attributes:
        steps: As far as the way led.
        evidence: What its answers look like, without what they say; None where none was asked for.
    """

    server: str
    steps: tuple[StepExamined, ...]
    evidence: Json = None

    @property
    def is_well(self) -> bool:
        return not any(step.is_bad for step in self.steps)


@dataclass(frozen=True, slots=True)
class Examination:
    """All servers in the order they are declared, and the warnings of what declares them."""

    servers: tuple[Examined, ...]
    diagnostics: tuple[Diagnostic, ...]


def run_doctor(
    inputs: Inputs | None, connections: Path | None, surroundings: Surroundings, *, evidence: bool
) -> Examination:
    """Go to every server as far as the way leads, and read what plans rest on.

    Args:
        inputs: The YAML; None where the connections file alone says which servers there are.
        evidence: Collect what answers look like.

    Raises:
        OperationFailed: what declares the servers has an error.
    """
    reached, diagnostics = _reached(inputs, connections, surroundings)
    with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="doctor") as pool:
        examined = pool.map(
            lambda name: _examine(name, reached, surroundings, evidence=evidence), reached.connections
        )
        return Examination(tuple(examined), diagnostics)


def _reached(
    inputs: Inputs | None, connections: Path | None, surroundings: Surroundings
) -> tuple[Reached, tuple[Diagnostic, ...]]:
    if inputs is not None:
        declared = load_declared(inputs, surroundings)
        return declared.desired, declared.diagnostics
    if connections is None:
        raise OperationFailed((_nothing_named(),))
    servers, diagnostics = load_servers(connections)
    if servers is None:
        raise OperationFailed(diagnostics)
    return servers, diagnostics


def _examine(name: Name, reached: Reached, surroundings: Surroundings, *, evidence: bool) -> Examined:
    server = _Server(name, reached.connections[name], reached.is_edge(name), surroundings)
    surroundings.listener(ReadStarted(str(name)))
    steps = tuple(server.steps())
    found = server.evidence(steps, _other(name, reached)) if evidence else None
    bad = next((step.found for step in steps if step.is_bad), "")
    surroundings.listener(ReadFinished(str(name), bad))
    return Examined(str(name), steps, found)


def _other(name: Name, reached: Reached) -> Name | None:
    """Another Mailbox server, for what one is asked about another; an Edge server knows itself alone."""
    if reached.is_edge(name):
        return None
    return next((one for one in reached.connections if one != name and not reached.is_edge(one)), None)


class _Server:
    """One server while it is examined."""

    def __init__(self, name: Name, declared: Connection, edge: bool, surroundings: Surroundings) -> None:
        self._name = name
        self._declared = declared
        self._edge = edge
        self._surroundings = surroundings
        self._answers: Answers = ()

    def steps(self) -> Iterator[StepExamined]:
        """Each step, until one is bad that nothing comes after."""
        try:
            connection = connection_to(self._declared, writes=False)
        except CredentialError as error:
            yield self._step("credential", str(error), error.hint or "see what the reference leads to")
            return
        yield self._step("credential", f"signs on as {connection.who}, with {connection.auth.value}")
        for step in way(connection, self._surroundings.now()):
            yield step
            if step.is_bad:
                return
        yield from self._session(connection)

    def evidence(self, steps: tuple[StepExamined, ...], other: Name | None) -> Json:
        """What the answers look like, and what experiments told; of what was not read there is nothing.

        Args:
            steps: What `steps` gave.
            other: Another Mailbox server of the organization.
        """
        found: dict[str, Json] = {
            "role": "edge" if self._edge else "mailbox",
            "endpoint": self._declared.endpoint,
            "auth": self._declared.auth,
            "encrypted_by": "tls" if self._declared.url.startswith("https:") else "messages",
            **{_PUBLIC[step.step]: [*step.public] for step in steps if step.public},
            "answers": told(self._answers, self._surroundings.now()),
        }
        if self._answers:
            found |= Experiments(
                name=self._name,
                edge=self._edge,
                answers=self._answers,
                other=other,
                connection=lambda: connection_to(self._declared, writes=False),
                sessions=self._surroundings.sessions,
                now=self._surroundings.now(),
            ).made()
        return found

    def _session(self, connection: port.Connection) -> Iterator[StepExamined]:
        queries = needed(self._name, edge=self._edge)
        try:
            with self._surroundings.sessions.reader(connection) as session:
                yield self._step("session", f"opened on {connection.endpoint.value}")
                self._answers = tuple(zip(queries, session.read(queries), strict=True))
        except ExchangeError as error:
            reason = str(error).removeprefix(f"{self._name}: ")
            yield self._step("session", reason, remedy(error) or "see what the error says")
            return
        for query, result in self._answers:
            if not isinstance(result.failure, CmdletMissing) or self._is_known(query.cmdlet):
                yield self._read(query, result)
        yield from self._itself()
        yield from self._certificates()

    def _is_known(self, cmdlet: str) -> bool:
        """Whether the build of the server has a cmdlet: 2010 has no auth configuration, and needs none."""
        found = (read_resource(Server, one)[0] for one in objects(self._answers, "Get-ExchangeServer"))
        build = next((one.build for one in found if isinstance(one.build, Build)), None)
        return any(scope.holds(build, edge=self._edge) for scope in PARAMETERS[cmdlet].values())

    def _read(self, query: Query, result: Result) -> StepExamined:
        if result.failure is None:
            return self._step(query.cmdlet, f"{len(result.objects)} read")
        reason = str(result.failure).removeprefix(f"{self._name}: ")
        return self._step(query.cmdlet, reason, remedy(result.failure) or "see what the error says")

    def _itself(self) -> Iterator[StepExamined]:
        """Whether what answered is the server that was meant, of a build and a role that fit."""
        found = [read_resource(Server, one)[0] for one in objects(self._answers, "Get-ExchangeServer")]
        if not found:
            return
        itself = next((one for one in found if one.name == self._name), None)
        if itself is None:
            names = ", ".join(sorted(str(one.name) for one in found))
            yield self._step(
                "server", f"what answers knows {names}, not {self._name}", "correct the name, host or url"
            )
            return
        if isinstance(itself.is_edge, bool) and itself.is_edge != self._edge:
            role = "an Edge" if itself.is_edge else "a Mailbox"
            yield self._step("server", f"it is {role} server", "correct its role, or its endpoint")
        if not isinstance(itself.build, Build):
            yield self._step("server", "its build could not be read", "see its AdminDisplayVersion", True)
        else:
            yield self._build(itself.build)

    def _build(self, build: Build) -> StepExamined:
        text = build_text(build)
        step = StepExamined(str(self._name), "server", text, public=(text,))
        if is_newer_than_known(build) or is_older_than_known(build):
            found = f"{text} is not among the builds that are known here"
            return replace(
                step, found=found, remedy="look for a newer release of this program", is_warning=True
            )
        return step

    def _certificates(self) -> Iterator[StepExamined]:
        """Whether Exchange says of its certificates what only it can say [6.1-1]."""
        found = [read_certificate(one)[0] for one in objects(self._answers, CERTIFICATES)]
        if self._edge or not found:
            return
        silent = sum(certificate.services is UNKNOWN for certificate in found)
        if silent:
            yield self._step(
                "certificates",
                f"of {silent} of {len(found)} neither services nor status are told",
                "see whether the certificate that Get-AuthConfig names has expired or is missing; a session "
                "without serializationLevel=Full does the same",
                True,
            )

    def _step(self, name: str, found: str, remedy: str = "", is_warning: bool = False) -> StepExamined:
        return StepExamined(str(self._name), name, found, remedy, is_warning)


def _nothing_named() -> Diagnostic:
    return Diagnostic(
        summary="Nothing to examine",
        detail="Neither a desired state nor a connections file was named.",
        hint="name the YAML, or --connections FILE",
    )
