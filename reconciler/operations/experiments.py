"""The read-only experiments of docs/unverified.md, over sessions of our own.

docs/evidence.md says what each tells.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, TypeAlias

from reconciler.cmdlets.capabilities import PARAMETERS
from reconciler.credentials.errors import CredentialError
from reconciler.exchange.clixml import Object, Primitive
from reconciler.exchange.errors import ExchangeError
from reconciler.exchange.port import Connection, Conversant, Query, Reader, Result, SessionOpener, Value
from reconciler.exchange.reading import read_certificate
from reconciler.exchange.reading.evidence import CERTIFICATES, evidence_of, parameter_names, public_id
from reconciler.exchange.refresh import DOMAIN_CONTROLLER
from state.resources import Certificate, Json
from state.values import Name, Thumbprint

Answers: TypeAlias = Sequence[tuple[Query, Result]]

_PARTIAL: Final = "?serializationLevel=Partial"
_ASKED_AGAIN: Final = (CERTIFICATES, "Get-SendConnector")
_NOBODY: Final = "no connector, asks reconciler doctor"
SETTINGS: Final = (
    "Get-AuthConfig",
    "Get-FederationTrust",
    "Get-HybridConfiguration",
    "Get-ImapSettings",
    "Get-PopSettings",
    "Get-Queue",
    "Get-TransportConfig",
    "Get-TransportService",
)
"""Asked for experiments alone: an account that may not run them loses nothing else."""
COMMANDS: Final = "Get-Command"
_SETTINGS_OF_EDGE: Final = ("Get-Queue", "Get-TransportConfig", "Get-TransportService")
_QUEUES: Final = 20
_NAMES: Final = 5
"""So many names are asked who would be presented for them; each is a request."""


@dataclass(frozen=True, slots=True)
class Experiments:
    """What else one server is asked after it has answered what plans ask.

    Attributes:
        answers: To what plans ask.
        other: A Mailbox server of the same organization; None where none is declared.
    """

    name: Name
    edge: bool
    answers: Answers
    other: Name | None
    connection: Callable[[], Connection]
    sessions: SessionOpener
    now: datetime

    def made(self) -> dict[str, Json]:
        """Make all of them; one that fails says with which class of error."""
        found: dict[str, Json] = {}
        try:
            with self.sessions.reader(self.connection()) as session:
                for key, told in self._in_one_session(session):
                    found[key] = told
        except (ExchangeError, CredentialError) as error:
            found["ended_by"] = type(error).__name__
        if not self.edge:
            found["partial"] = self._partial()
        return found

    def _in_one_session(self, session: Reader) -> Iterator[tuple[str, Json]]:
        again = [query for query, _ in self.answers if query.cmdlet in _ASKED_AGAIN]
        if not self.edge:
            pin = {DOMAIN_CONTROLLER: domain_controller(self.answers)}
            yield "pinned", self._told(session, [_with(query, pin) for query in again])
        # One at a time from here: what these return is told apart from nothing else.
        settings = _SETTINGS_OF_EDGE if self.edge else SETTINGS
        yield "settings", [each for name in settings for each in self._told(session, [_settings(name)])]
        if self.other is not None:
            own = [query for query, _ in self.answers if "Server" in query.parameters]
            elsewhere = [_with(query, {"Server": str(self.other)}) for query in own]
            yield "elsewhere", [each for query in elsewhere for each in self._told(session, [query])]
        yield "missed", self._missed(session)
        yield "chosen", [*self._chosen(session)]
        yield "commands", {cmdlet: self._parameters(session, cmdlet) for cmdlet in PARAMETERS}
        yield "session", _conversation(session)

    def _partial(self) -> Json:
        """The same lists in a session that asks for less than all [6.1-3]."""
        again = [query for query, _ in self.answers if query.cmdlet in _ASKED_AGAIN]
        try:
            connection = self.connection()
            connection = replace(connection, url=f"{connection.url}{_PARTIAL}")
            with self.sessions.reader(connection) as session:
                return self._told(session, again)
        except (ExchangeError, CredentialError) as error:
            return {"ended_by": type(error).__name__}

    def _missed(self, session: Reader) -> Json:
        """Whether a name that no connector has is an error, nothing, or everything [1-8]."""
        missing = {"Identity": _NOBODY}
        asked = [_with(query, missing) for query, _ in self.answers if query.cmdlet == "Get-SendConnector"]
        return self._told(session, asked)

    def _chosen(self, session: Reader) -> Iterator[Json]:
        """Which certificates come for a name, and in which order: the first would be presented [2.5-2]."""
        listed = [read_certificate(one)[0] for one in objects(self.answers, CERTIFICATES)]
        own = next((query for query, _ in self.answers if query.cmdlet == CERTIFICATES), None)
        if own is None:
            return
        thumbprints = [one.thumbprint for one in listed]
        for name in _names(listed)[:_NAMES]:
            (result,) = session.read((_with(own, {"DomainName": name}),))
            if result.failure is not None:
                yield {"error": public_id(result.failure.record.fully_qualified_id)}
                continue
            came = [read_certificate(one)[0].thumbprint for one in result.objects if isinstance(one, Object)]
            yield [thumbprints.index(one) if one in thumbprints else None for one in came]

    def _parameters(self, session: Reader, cmdlet: str) -> Json:
        """What a cmdlet has for this account on this build [5-4]."""
        (result,) = session.read((Query(COMMANDS, frozenset(), {"Name": cmdlet}),))
        if result.failure is not None:
            return {"error": public_id(result.failure.record.fully_qualified_id)}
        return [*sorted({name for one in result.objects for name in parameter_names(one)})]

    def _told(self, session: Reader, queries: Sequence[Query]) -> list[Json]:
        return told(tuple(zip(queries, session.read(queries), strict=True)), self.now)


def told(answers: Answers, now: datetime) -> list[Json]:
    """What answers look like, without what they say."""
    return [evidence_of(query, result, now) for query, result in answers]


def objects(answers: Answers, cmdlet: str) -> list[Object]:
    """The objects that a cmdlet returned."""
    return [
        output
        for query, result in answers
        for output in result.objects
        if query.cmdlet == cmdlet and isinstance(output, Object)
    ]


def domain_controller(answers: Answers) -> str:
    """The one that answered; "" where no object tells."""
    found = (
        member.text
        for query, _ in answers
        for one in objects(answers, query.cmdlet)
        if isinstance(member := one.get("OriginatingServer"), Primitive)
    )
    return next(found, "")


def _with(query: Query, parameters: Mapping[str, Value]) -> Query:
    return replace(query, parameters={**query.parameters, **parameters})


def _settings(cmdlet: str) -> Query:
    return Query(cmdlet, frozenset(), {"ResultSize": _QUEUES} if cmdlet == "Get-Queue" else {})


def _names(listed: Sequence[Certificate]) -> list[str]:
    """Names that certificates hold, each once; first those of several certificates, for they tell most."""
    held: dict[str, set[Thumbprint]] = {}
    for one in listed:
        if isinstance(one.domains, frozenset) and isinstance(one.thumbprint, Thumbprint):
            for domain in one.domains:
                held.setdefault(str(domain), set()).add(one.thumbprint)
    return sorted((name for name in held if "*" not in name), key=lambda name: (-len(held[name]), name))


def _conversation(session: Reader) -> Json:
    if not isinstance(session, Conversant):
        return None
    version = session.protocol_version
    return {
        "protocol": version if re.fullmatch(r"[0-9.]{1,12}", version) else "other",
        "batches": session.takes_batches,
    }
