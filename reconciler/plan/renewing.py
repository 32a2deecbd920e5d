"""Renewing with the same key, so that TLSA records that name it stay right.

Exchange makes another key for each request, so the key leaves its server twice for a moment, encrypted: its
request is signed here, and it goes back with its next certificate.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from reconciler.diagnostics import Diagnostic, Severity
from reconciler.pki.asked import asked_subject
from reconciler.pki.signable import is_signable
from state.address import Address
from state.resources import Certificate

from .case import Case, may_leave

_SMALLEST_RSA_KEY: Final = 1024
"""Bits [2.1-5]; of an elliptic curve they are fewer."""


def why_not_again(case: Case, current: Certificate) -> str:
    """Why the key of the certificate that is there cannot have another one; "" when it can."""
    if not may_leave(case, current):
        if current.exportable is False:
            return "it was made so that it never leaves its server"
        return "whether it may leave its server could not be read"
    if not isinstance(current.public_key, str) or not isinstance(current.not_before, datetime):
        return "it could not be read"
    if isinstance(current.key_size, int) and current.key_size < _SMALLEST_RSA_KEY:
        return "it is no RSA key"
    subject = asked_subject(case.asked)
    if subject is not None and not all(map(is_signable, subject.attributes)):
        return "no request can be made here of the declared subject"
    size = case.asked.key_size
    if isinstance(size, int) and current.key_size != size:
        return f"it has {current.key_size} bits, and {size} are declared"
    return ""


def another_key(address: Address, reason: str) -> Diagnostic:
    return Diagnostic(
        summary="Key not used again",
        detail=(
            f"{address} is to be renewed with the same key, and that is not possible: {reason}. It gets "
            "another one, and TLSA records that name the old one are to be published anew, as the plan tells."
        ),
        hint="with exportable: true declared, the new one can be used again at the renewal after this",
        subject=str(address),
        severity=Severity.WARNING,
    )
