"""Requests under way that an authority may turn down for how they are signed."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.diagnostics import Diagnostic, Severity
from reconciler.pki.request import weak_signature
from state.resources import Certificate

from .situation import Situation


def weak_requests(situation: Situation) -> Iterator[Diagnostic]:
    """Warn of open requests that are signed with MD5 or SHA-1, as old servers do; none is refused."""
    for address, request in situation.record.requests.items():
        asked = situation.desired.resources.get(address)
        hash = "" if request.answer or not isinstance(asked, Certificate) else weak_signature(request.csr)
        if hash:
            yield Diagnostic(
                summary="Request weakly signed",
                detail=(
                    f"The request of {address} is signed with {hash}; some authorities turn such requests "
                    "down, days later. The certificate itself may be signed better."
                ),
                hint="ask the authority before it is sent; a server with a later build signs with SHA-256",
                subject=str(address),
                severity=Severity.WARNING,
            )
