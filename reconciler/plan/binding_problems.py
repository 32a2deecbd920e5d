"""What a planner has to say of what connectors are bound to, one function a problem."""

from __future__ import annotations

from reconciler.diagnostics import Diagnostic, Severity
from state.address import Address


def certificate_blocked(address: Address, certificate: Address) -> Diagnostic:
    return Diagnostic(
        summary="Certificate not usable",
        detail=f"The connector is bound to {certificate}, which cannot be planned.",
        hint=f"mend what is said of {certificate}",
        subject=str(address),
        is_apart=True,
    )


def names_differ(address: Address, names: list[str]) -> Diagnostic:
    return Diagnostic(
        summary="Certificates of one set differ",
        detail=(
            "A connector names its certificate by issuer and subject, once for all its source servers; "
            f"theirs are {' and '.join(names)}."
        ),
        hint=(
            "declare one certificate with the same subject and issuer for all servers of the set; with "
            "key: shared, where the authority issues under several names in turn"
        ),
        subject=str(address),
    )


def name_not_everywhere(address: Address, bound: str, names: list[str]) -> Diagnostic:
    return Diagnostic(
        summary="New name not on all servers",
        detail=(
            f"The connector stays bound to {bound}, of which every source server has a certificate. Those "
            f"that are declared are named {' and '.join(names)}: the new name is bound when all have it."
        ),
        hint=(
            "apply again: what was not issued just now is renewed; renew by hand what has no issuer; declare "
            "key: shared, where the authority issues under several names in turn"
        ),
        subject=str(address),
        severity=Severity.WARNING,
    )


def not_on_other_sources(address: Address, name: str, reasons: list[str]) -> Diagnostic:
    return Diagnostic(
        summary="Certificate not on all source servers",
        detail=(
            f'"{name}" stays bound as it is: other servers send through it, too, and would be left without a '
            f"certificate: {'; '.join(reasons)}."
        ),
        hint="declare the certificate for each of them, or take them out of the connector's source servers",
        subject=str(address),
        severity=Severity.WARNING,
    )


def name_waits(address: Address, bound: str, names: list[str]) -> Diagnostic:
    return Diagnostic(
        summary="New name not on all servers",
        detail=(
            f"The connector stays bound to {bound}: the certificates that came are named "
            f"{' and '.join(names)}, and the new name is bound when all source servers have it."
        ),
        hint="apply again: what was not issued just now is renewed",
        subject=str(address),
        severity=Severity.WARNING,
    )
