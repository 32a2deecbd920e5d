"""What a planner has to say of what could not be read, one function a problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from reconciler.diagnostics import Diagnostic, Severity
from state.address import Address
from state.snapshot import Unreadable


def not_identified(address: Address, server: str, what: str) -> Diagnostic:
    return Diagnostic(
        summary="Object not identified",
        detail=(
            f"Some {what} that {server} shows have no name, guid or comment that could be read: one of them "
            "may be this one. Unknown is not absent: nothing is planned."
        ),
        hint=(
            "look at Get-SendConnector or Get-ReceiveConnector in the Exchange Management Shell: part of an "
            "update may be missing; else reach the server itself, not through what rewrites its answers"
        ),
        subject=str(address),
    )


def not_compared(address: Address, reasons: Mapping[str, str]) -> tuple[Diagnostic, ...]:
    """Nothing where everything could be read."""
    if not reasons:
        return ()
    told = Diagnostic(
        summary="Attribute not compared",
        detail=(
            f"{', '.join(reasons)}: Exchange did not tell the present value ({'; '.join(reasons.values())}). "
            "It is taken to be as it was last set; a change by hand would not be seen."
        ),
        hint="update the server, or this program where the server is the newer one",
        subject=str(address),
        severity=Severity.WARNING,
    )
    return (told,)


def certificates_unread(address: Address, server: str, count: int) -> Diagnostic:
    return Diagnostic(
        summary="Certificate not judged",
        detail=(
            f"{count} of the certificates of {server} could not be read at all: one of them may be "
            "this one. Unknown is not absent: nothing is planned."
        ),
        hint="look at Get-ExchangeCertificate on the server, and remove or renew what it cannot show either",
        subject=str(address),
    )


def not_judged(address: Address, server: str, told: Sequence[str], *, edge: bool) -> Diagnostic:
    """On an Edge server that is how it is; elsewhere something keeps the account from reading.

    Args: told: each certificate with its end.
    """
    one = len(told) == 1
    held = "a certificate" if one else f"{len(told)} certificates"
    what = (
        "whether it is valid, has its key and is ours" if one else "which is valid, has its key and is ours"
    )
    which = "" if one else " --thumbprint THUMBPRINT"
    what_then = "A new one is requested" if edge else "Unknown is not absent: nothing is planned"
    return Diagnostic(
        summary="Certificate not judged",
        detail=(
            f"{server} holds {held} for these domains, but {what} could not be read: {', '.join(told)}. "
            f"{what_then}."
        ),
        hint=f"if the declared one is there, say so: reconciler import PATH '{address}'{which}",
        subject=str(address),
        severity=Severity.WARNING if edge else Severity.ERROR,
    )


def request_not_judged(address: Address, server: str, thumbprints: list[str]) -> Diagnostic:
    return Diagnostic(
        summary="Certificate not judged",
        detail=(
            f"{server} holds what may be a request for this certificate, made by this tool, whose mark and "
            f"status could not be read: {', '.join(thumbprints)}. Unknown is not absent: nothing is planned."
        ),
        hint="mend what keeps them from being read; or, if it is none of ours, remove it in Exchange",
        subject=str(address),
    )


def certificates_undescribed(server: str, cause: str, remedy: str) -> Diagnostic:
    return Diagnostic(
        summary="Certificates not described",
        detail=(
            f"{server} sent its certificates alone, without their services, status and friendly names: "
            f"{cause}. What is recorded of them is believed; nothing that rests on the rest is planned."
        ),
        hint=remedy,
        subject=server,
        severity=Severity.WARNING,
    )


def auth_certificate(thumbprint: str, ended: datetime | None) -> tuple[str, str]:
    """Why certificates come undescribed, and what to do, where the auth certificate is at fault [6.1-1]."""
    state = f"ended {ended:%Y-%m-%d}" if ended else "is not on this server"
    return (
        f"the auth certificate that Get-AuthConfig names, {thumbprint}, {state}, and then Exchange sends no "
        "more than that",
        "renew the auth certificate, as MonitorExchangeAuthCertificate.ps1 of CSS-Exchange does; plan again",
    )


NO_SERIALIZATION_DATA = (
    "the session carries no serialization data",
    "reach the server itself, not through what drops ?serializationLevel=Full from the path; and see that "
    "the certificate that Get-AuthConfig names is there and valid",
)


def domains_unread(server: str, why: Unreadable) -> Diagnostic:
    return Diagnostic(
        summary="List not read",
        detail=(
            f"The accepted domains, asked of {server}, could not be read: {why.reason}. Whether a partner is "
            "one of them is not checked."
        ),
        hint=why.remedy or "let the account run Get-AcceptedDomain",
        subject=server,
        severity=Severity.WARNING,
    )


def name_unread(server: str, why: str) -> Diagnostic:
    return Diagnostic(
        summary="Server not known",
        detail=(f"What answered for {server} does not tell its name: {why}. Build and role are not checked."),
        hint="look at Get-ExchangeServer in the Exchange Management Shell",
        subject=server,
        severity=Severity.WARNING,
    )
