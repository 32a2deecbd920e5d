"""What happened, as values; who shows them is none of the teller's business."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, TypeAlias


@dataclass(frozen=True, slots=True)
class Event:
    type: ClassVar[str]


@dataclass(frozen=True, slots=True)
class ReadStarted(Event):
    type: ClassVar[str] = "read_started"
    server: str


@dataclass(frozen=True, slots=True)
class ReadFinished(Event):
    """``error`` is "" when the server was read."""

    type: ClassVar[str] = "read_finished"
    server: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class Retrying(Event):
    """What failed may pass by itself: after ``seconds`` it is tried again, for the ``attempt``-th time."""

    type: ClassVar[str] = "retrying"
    server: str
    doing: str
    error: str
    attempt: int
    attempts: int
    seconds: int


@dataclass(frozen=True, slots=True)
class InvocationStarted(Event):
    """``number`` of ``total`` counts from 1 over the whole apply."""

    type: ClassVar[str] = "invocation_started"
    address: str
    server: str
    cmdlet: str
    number: int
    total: int


@dataclass(frozen=True, slots=True)
class InvocationFinished(Event):
    """``error`` is "" when the cmdlet succeeded; with ``in_doubt`` it may have been done all the same."""

    type: ClassVar[str] = "invocation_finished"
    address: str
    server: str
    cmdlet: str
    number: int
    total: int
    error: str = ""
    in_doubt: bool = False


@dataclass(frozen=True, slots=True)
class IssueStarted(Event):
    type: ClassVar[str] = "issue_started"
    address: str
    issuer: str


@dataclass(frozen=True, slots=True)
class IssueFinished(Event):
    """``not_after`` is ISO 8601; "" when there was no certificate, and ``error`` says why."""

    type: ClassVar[str] = "issue_finished"
    address: str
    issuer: str
    not_after: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class IssueWaiting(Event):
    """The issuer has a request and no answer yet. ``next_try`` is ISO 8601; "" where it named no time."""

    type: ClassVar[str] = "issue_waiting"
    address: str
    issuer: str
    reason: str
    next_try: str = ""


@dataclass(frozen=True, slots=True)
class CertificateRevoked(Event):
    """Its issuer was told that a replaced certificate is good no more."""

    type: ClassVar[str] = "certificate_revoked"
    address: str
    issuer: str
    thumbprint: str
    reason: str


@dataclass(frozen=True, slots=True)
class ResourceRecorded(Event):
    """Adopted or forgotten: nothing was sent to Exchange."""

    type: ClassVar[str] = "resource_recorded"
    address: str
    action: str


@dataclass(frozen=True, slots=True)
class ApplyFinished(Event):
    """Counts of invocations; ``stopped`` when it ended part-way, ``waiting`` for an issuer.

    ``verification``: ``passed``, ``failed``, ``not_seen`` or ``interrupted``; "" where nothing was to be
    verified.
    """

    type: ClassVar[str] = "apply_finished"
    done: int
    failed: int
    not_started: int
    in_doubt: int
    stopped: bool
    waiting: int = 0
    verification: str = ""


@dataclass(frozen=True, slots=True)
class EndpointChecked(Event):
    """One STARTTLS handshake. ``problem`` is "" when what was presented is what is declared.

    ``server`` is "" at the address that the world knows. ``only_told``: TLS ends before Exchange there.
    """

    type: ClassVar[str] = "endpoint_checked"
    name: str
    server: str
    address: str
    subject: str = ""
    not_after: str = ""
    problem: str = ""
    only_told: bool = False


@dataclass(frozen=True, slots=True)
class ServingAwaited(Event):
    """What was applied is not presented yet, or not as it should be; told when the reason is another one.

    ``seconds`` are left at most. ``server`` is "" at the address that the world knows.
    """

    type: ClassVar[str] = "serving_awaited"
    name: str
    server: str
    address: str
    reason: str
    seconds: int


@dataclass(frozen=True, slots=True)
class SteppingBack(Event):
    """What is presented is worse than it was: the changes behind ``certificate`` are taken back."""

    type: ClassVar[str] = "stepping_back"
    name: str
    server: str
    certificate: str
    reason: str


Listener: TypeAlias = Callable[[Event], None]
