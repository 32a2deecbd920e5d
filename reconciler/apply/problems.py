"""What an applier has to say to a person, one function a problem."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.credentials.errors import CredentialError
from reconciler.diagnostics import Diagnostic, Severity
from reconciler.exchange.errors import ExchangeError
from reconciler.exchange.remedies import remedy
from reconciler.pki.problem import Problem
from state.address import Address


def _then_again(cause: str) -> str:
    return f"{cause or 'mend the cause'}; then run apply again: it reads Exchange and goes on from there"


def cmdlet_failed(address: Address, error: ExchangeError) -> Diagnostic:
    return Diagnostic(
        summary="Cmdlet failed",
        detail=f"{error}",
        hint=_then_again(remedy(error)),
        subject=str(address),
    )


def certificate_kept(address: Address, thumbprint: object, error: ExchangeError) -> Diagnostic:
    return Diagnostic(
        summary="Replaced certificate kept",
        detail=(
            f"Exchange does not remove {thumbprint}: {error}. It is not recorded any more, and not tried "
            "again."
        ),
        hint="remove it in Exchange once nothing uses it",
        subject=str(address),
        severity=Severity.WARNING,
    )


def answer_lost(address: Address, cmdlet: str, error: Exception) -> Diagnostic:
    return Diagnostic(
        summary="Answer lost",
        detail=f"{cmdlet} for {address} was sent, and may have been done; no answer tells: {error}.",
        hint="run apply again: it reads Exchange to see whether it was done, and does nothing twice",
        subject=str(address),
    )


def not_continued(addresses: Iterable[Address]) -> Diagnostic:
    return Diagnostic(
        summary="Apply not continued",
        detail=(
            "After an answer was lost Exchange was read. What is left to do is not what was approved, for "
            f"{', '.join(map(str, addresses))}."
        ),
        hint="plan again, and look at what is different",
    )


def other_domain_controller(before: str, now: str) -> Diagnostic:
    return Diagnostic(
        summary="Apply not continued",
        detail=(
            f"After an answer was lost Exchange was read from domain controller {now}; what was sent before "
            f"went to {before}, and may not be there yet."
        ),
        hint="when the domain controllers have replicated, run apply again: it reads Exchange and goes on",
    )


def no_session(server: str, error: ExchangeError | CredentialError) -> Diagnostic:
    known = error.hint if isinstance(error, CredentialError) else remedy(error)
    return Diagnostic(
        summary="No session",
        detail=f"{error}. Nothing was sent to {server}.",
        hint=_then_again(known),
        subject=server,
    )


def request_wrong(address: Address, problems: Iterable[Problem]) -> Diagnostic:
    return Diagnostic(
        summary="Request not as declared",
        detail=(
            f"The request that the server made for {address} was not given to the issuer: "
            + "; ".join(map(str, problems))
            + "."
        ),
        hint="compare subject, domains and key_size in the YAML with what the server can make",
        subject=str(address),
    )


def issuer_failed(address: Address, error: Exception, hint: str) -> Diagnostic:
    return Diagnostic(
        summary="No certificate issued",
        detail=f"{address}: {error}",
        hint=hint or "mend the issuer; the request stays and is used again",
        subject=str(address),
    )


def other_certificate(address: Address, expected: str, found: str) -> Diagnostic:
    return Diagnostic(
        summary="Another certificate imported",
        detail=f"Exchange answered the import for {address} with {found}, not {expected}.",
        hint="look at the server's certificates; nothing was enabled or bound",
        subject=str(address),
    )


def no_output(address: Address, cmdlet: str, expected: str) -> Diagnostic:
    return Diagnostic(
        summary="Answer not understood",
        detail=f"{cmdlet} for {address} succeeded, but its output is not {expected}.",
        hint="run apply again: it reads Exchange to see what was done",
        subject=str(address),
    )


def not_carried(address: Address, source: str, why: str) -> Diagnostic:
    return Diagnostic(
        summary="Key not carried over",
        detail=(
            f"What {source} exported for {address} is no PKCS #12 with an encrypted key: {why}. "
            "It was dropped, and imported nowhere."
        ),
        hint=_then_again(f"look at what Export-ExchangeCertificate gives on {source}"),
        subject=str(address),
    )


def secret_missing(address: Address, error: CredentialError) -> Diagnostic:
    return Diagnostic(
        summary="Credential not found",
        detail=f"{address}: {error}",
        hint=_then_again(error.hint or "set what the reference names"),
        subject=str(address),
    )


def not_replicated(address: Address, reason: str) -> Diagnostic:
    return Diagnostic(
        summary="Not replicated yet",
        detail=(
            f"{address} takes something away from mail, and was not sent: what protects it instead may not "
            f"be known everywhere. {reason}."
        ),
        hint=_then_again("wait for Active Directory to replicate, or look at repadmin /showrepl"),
        subject=str(address),
    )


def not_remembered(error: Exception) -> Diagnostic:
    return Diagnostic(
        summary="Record not written",
        detail=f"{error}. Nothing more was sent: what cannot be remembered is not done.",
        hint="free the place of the record, and apply again",
    )
