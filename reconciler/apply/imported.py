"""What Exchange itself thinks of a certificate that it has just taken."""

from __future__ import annotations

from typing import Final

from reconciler.diagnostics import Diagnostic, Severity
from reconciler.exchange.errors import ExchangeError
from reconciler.exchange.port import Reader
from reconciler.exchange.refresh import read_own_certificate
from state.address import Address
from state.values import Thumbprint

_HINTS: Final = {
    "RevocationCheckFailure": (
        "let the server reach the authority's lists over http (netsh winhttp show proxy); the certificate is "
        "used all the same"
    ),
    "Untrusted": (
        "import the authority's root into Trusted Root Certification Authorities of the server, and what is "
        "between into Intermediate Certification Authorities of the computer"
    ),
    "Invalid": "look at it on the server: certutil -store my, then certutil -verify",
    "Revoked": "ask the authority why, and replace the certificate",
    "DateInvalid": "compare the clock of the server",
}
_PROBABLY: Final = {
    "2": "Revoked",
    "3": "DateInvalid",
    "4": "Untrusted",
    "5": "Invalid",
    "6": "RevocationCheckFailure",
}
"""[exp: status-numbers] A recollection; only that of Valid is known [6.4-2]. So it stops nothing."""

_LOOK: Final = "look at it on the server: Get-ExchangeCertificate, and certutil -verify"


def opinion(address: Address, thumbprint: Thumbprint, reader: Reader) -> tuple[Diagnostic, ...]:
    """Read a certificate back in the session that imported it, and warn where its status is not good.

    What cannot be read is no reason for anything.
    """
    try:
        certificate = read_own_certificate(reader, thumbprint)
    except ExchangeError:
        return ()  # the next cmdlet meets it, and it is told there
    if certificate is None or not isinstance(certificate.status, str):
        return ()
    status = certificate.status
    if status == "Valid":
        return ()
    named = _PROBABLY.get(status, status)
    said = f"status {status}, probably {named}" if named != status else f"status {status}"
    root = certificate.root_ca_type
    authority = f", and RootCAType {root}" if isinstance(root, str) else ""
    return (
        Diagnostic(
            summary="Exchange doubts the certificate",
            detail=(
                f'"{reader.server}" gives the certificate {thumbprint} of {address} {said}, not Valid'
                f"{authority}."
            ),
            hint=_HINTS.get(named, _LOOK),
            subject=str(address),
            severity=Severity.WARNING,
        ),
    )
