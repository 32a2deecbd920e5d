"""What there is to say of certificates that are to be revoked, one function a problem."""

from __future__ import annotations

from reconciler.diagnostics import Diagnostic, Severity
from state.address import Address
from state.record import Predecessor

BY_HAND = "have its authority revoke it, by its serial number or its thumbprint"


def waits(address: Address, one: Predecessor, reason: str) -> Diagnostic:
    """Args: reason: what it waits for; "" where nothing but an apply is left to do."""
    told = f"{reason}. Nobody is to be presented a certificate that is revoked" if reason else "apply does it"
    return Diagnostic(
        summary="Revocation waits",
        detail=(
            f"{address} was replaced ({one.revoke}), and the old certificate {one.thumbprint} is still to be "
            f"revoked: {told}."
        ),
        hint="see to that and apply: it is looked at each time; where it cannot wait, " + BY_HAND
        if reason
        else "apply, even where there is nothing else to do",
        subject=str(address),
        severity=Severity.WARNING,
    )


def by_hand(address: Address, one: Predecessor, why: str) -> Diagnostic:
    """Args: why: why it is not done here, a sentence without its stop."""
    return Diagnostic(
        summary="To be revoked by hand",
        detail=(
            f"{address} was replaced ({one.revoke}), and {why}: the old certificate {one.thumbprint} is good "
            f"until {one.not_after:%Y-%m-%d}."
        ),
        hint=BY_HAND,
        subject=str(address),
        severity=Severity.WARNING,
    )


def not_revoked(address: Address, one: Predecessor, reason: str) -> Diagnostic:
    return Diagnostic(
        summary="Not revoked",
        detail=(
            f"{address} was replaced ({one.revoke}), and the old certificate {one.thumbprint} is not "
            f"revoked: {reason}."
        ),
        hint=f"apply again: it is tried then; or {BY_HAND}",
        subject=str(address),
        severity=Severity.WARNING,
    )


def replacement_forgotten(address: Address, reason: str, thumbprint: str) -> Diagnostic:
    """Of an address that is no longer declared while what is to replace its certificate is under way."""
    return Diagnostic(
        summary="To be revoked by hand",
        detail=(
            f"{address} was being replaced ({reason}) and is no longer declared: "
            f"its certificate {thumbprint} is not revoked."
        ),
        hint=BY_HAND,
        subject=str(address),
        severity=Severity.WARNING,
    )
