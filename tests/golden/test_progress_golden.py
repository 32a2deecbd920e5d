"""Problems, progress and the table of endpoints, as they are read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from reconciler.diagnostics import Diagnostic, Severity, SourceRange
from reconciler.events import (
    ApplyFinished,
    EndpointChecked,
    Event,
    InvocationFinished,
    InvocationStarted,
    IssueFinished,
    IssueStarted,
    IssueWaiting,
    ReadFinished,
    ReadStarted,
    ResourceRecorded,
    Retrying,
    ServingAwaited,
    SteppingBack,
)
from reconciler.views.diagnostics import render_diagnostics
from reconciler.views.events_json import render_event_json
from reconciler.views.events_text import render_event
from reconciler.views.verify_text import render_verification

Golden = Callable[[str, str], None]

EDGE = "certificate.EDGE1.public"
APPLY: tuple[Event, ...] = (
    ReadStarted("EX1"),
    ReadFinished("EX1"),
    Retrying("EX2", "reading", "connection refused", 2, 5, 3),
    ReadFinished("EX2", "connection refused"),
    InvocationStarted(EDGE, "EDGE1", "New-ExchangeCertificate", 1, 12),
    InvocationFinished(EDGE, "EDGE1", "New-ExchangeCertificate", 1, 12),
    IssueStarted(EDGE, "house"),
    IssueFinished(EDGE, "house", "2027-02-22T10:00:00Z"),
    InvocationFinished(EDGE, "EDGE1", "Import-ExchangeCertificate", 2, 12, "access denied\x1b[2J"),
    InvocationFinished(
        "send_connector.EX1.tls_never", "EX1", "New-SendConnector", 3, 12, "Answer lost", in_doubt=True
    ),
    ResourceRecorded("send_connector.internet.opportunistic", "adopt"),
    IssueWaiting("certificate.EX1.public", "desk", "the authority has not answered", "2026-12-01T08:00:00Z"),
    ServingAwaited(
        "mail.contoso.com",
        "EX1",
        "ex1.contoso.local:25",
        "presents another certificate than the declared one: CN=mail.contoso.com",
        900,
    ),
    EndpointChecked(
        "mail.contoso.com",
        "EX1",
        "ex1.contoso.local:25",
        "CN=mail.contoso.com",
        "2027-02-22T10:00:00Z",
    ),
    EndpointChecked("mail.contoso.com", "EX2", "ex2.contoso.local:25", problem="does not offer STARTTLS"),
    EndpointChecked(
        "mail.contoso.com",
        "",
        "203.0.113.25:25",
        "CN=gateway.contoso.com",
        "2027-01-10T10:00:00Z",
        "presents a certificate for other names: gateway.contoso.com",
        only_told=True,
    ),
    SteppingBack("mail.contoso.com", "EX2", "certificate.EX2.public", "does not offer STARTTLS"),
    ApplyFinished(done=2, failed=1, not_started=8, in_doubt=1, stopped=True, waiting=3),
)
ENDPOINTS = (
    EndpointChecked(
        "mail.contoso.com", "EX1", "127.0.0.1:2525", "CN=mail.contoso.com", "2027-02-22T10:00:00Z"
    ),
    EndpointChecked(
        "mail1.contoso.com", "EDGE1", "edge1.dmz.contoso.com:25", problem="STARTTLS is not offered"
    ),
    EndpointChecked(
        "mail.contoso.com",
        "",
        "203.0.113.25:25",
        "CN=gateway.contoso.com",
        "2027-01-10T10:00:00Z",
        "presents a certificate for other names: gateway.contoso.com",
        only_told=True,
    ),
)
LONG = (
    "  - {domain: woodgrovebank.com, "
    + "reason: because, " * 12
    + "tls_domain: not a domain, owner: mail team}"
)
PROBLEMS = (
    Diagnostic(
        summary="Server not read",
        detail="EX2: connection refused. What is declared for it cannot be planned.",
        hint="mend the connection, or plan the rest with --target",
        subject="EX2",
    ),
    Diagnostic(
        summary="TlsDomain not a domain",
        detail="A domain, or *. and a domain.",
        where=SourceRange("tls.yaml", 120, LONG.index("not a") + 1, LONG, len("not a domain")),
    ),
    Diagnostic(
        summary="TlsDomain not set",
        detail='Send connector "tls_required" asks for DomainValidation but names no tls_domain.',
        hint="add tls_domain, or lower tls_auth_level to CertificateValidation",
        where=SourceRange(
            "tls.yaml", 14, 5, "    tls_required: {to: trusted, tls_auth_level: DomainValidation}", 12
        ),
    ),
    Diagnostic(
        summary="Key is short",
        detail="1024 bits.",
        where=SourceRange("tls.yaml", 9, 3),
        severity=Severity.WARNING,
    ),
)


class TestProblems:
    def test_read_like_this(self, golden: Golden) -> None:
        golden("diagnostics.txt", render_diagnostics(PROBLEMS))

    def test_read_like_this_in_colour(self, golden: Golden) -> None:
        golden("diagnostics-colour.txt", render_diagnostics(PROBLEMS, colour=True))


class TestAnApply:
    def test_reads_like_this(self, golden: Golden) -> None:
        golden("apply.txt", "".join(map(render_event, APPLY)))

    def test_streams_these_lines(self, golden: Golden) -> None:
        at = datetime(2026, 11, 24, 10, 0, 0, 123456, tzinfo=UTC)
        golden("apply.jsonl", "".join(render_event_json(event, at) for event in APPLY))


class TestAVerification:
    def test_reads_like_this(self, golden: Golden) -> None:
        golden("verify.txt", render_verification(ENDPOINTS))
