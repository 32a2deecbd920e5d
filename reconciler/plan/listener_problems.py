"""What a planner has to say of receive connectors, one function a problem."""

from __future__ import annotations

from reconciler.cmdlets.receive_interlocks import Interlock
from reconciler.diagnostics import Diagnostic, Severity
from state.address import Address
from state.values import Binding


def missing(address: Address, name: str, server: str, there: list[str]) -> Diagnostic:
    others = "declare one of " + ", ".join(f'"{other}"' for other in there) + ", or " if there else ""
    return Diagnostic(
        summary="Receive connector not found",
        detail=(
            f'{server} has no receive connector "{name}", and without bindings and remote_ip_ranges none is '
            "created."
        ),
        hint=f"{others}declare both to have it created",
        subject=str(address),
    )


def fqdn_refused(address: Address, fqdn: object, own: str) -> Diagnostic:
    return Diagnostic(
        summary="Fqdn not the server's own",
        detail=(
            "The connector authenticates Exchange servers (AuthMechanism ExchangeServer), so its Fqdn must "
            f"be the server's own name, {own}, not {fqdn}."
        ),
        hint="leave fqdn out: a certificate that is bound by name is presented whatever the Fqdn",
        subject=str(address),
    )


def default_renamed(address: Address, fqdn: object, own: str) -> Diagnostic:
    return Diagnostic(
        summary="Fqdn of a default connector",
        detail=(
            f"The connector that Exchange servers pass mail on through must answer as {own}; as {fqdn}, mail "
            "between them would stop."
        ),
        hint="leave fqdn out, and create a connector of its own for the clients that need another name",
        subject=str(address),
    )


def interlocked(address: Address, interlock: Interlock) -> Diagnostic:
    """One that shows only beside what is live."""
    return Diagnostic(
        summary=interlock.summary,
        detail=f"With what Exchange has already, the connector {interlock.detail}; Exchange refuses that.",
        hint=interlock.hint,
        subject=str(address),
    )


def binding_taken(address: Address, binding: Binding, other: str) -> Diagnostic:
    return Diagnostic(
        summary="Binding taken",
        detail=(
            f'{binding} is a binding of "{other}" too, and the clients they are for are the same, or overlap.'
        ),
        hint="let the ranges differ, one inside the other or apart, or take another address or port",
        subject=str(address),
    )


def binding_swapped(address: Address, binding: Binding, other: str) -> Diagnostic:
    return Diagnostic(
        summary="Bindings swapped",
        detail=(
            f'The connector takes {binding}, which "{other}" gives up only when it gets what this one has: '
            "neither can go first."
        ),
        hint="move one of them to a port that is free, apply, and declare the final bindings then",
        subject=str(address),
    )


def two_services(address: Address, binding: Binding, other: str) -> Diagnostic:
    return Diagnostic(
        summary="One binding for two services",
        detail=(
            f'{binding} is a binding of "{other}" too, which belongs to the other transport role: two '
            "services cannot listen in one place, and Exchange may refuse it."
        ),
        hint="declare the same transport_role for both, or take another address or port",
        subject=str(address),
        severity=Severity.WARNING,
    )


def nobody_may_submit(address: Address) -> Diagnostic:
    return Diagnostic(
        summary="Nobody may submit mail",
        detail="A connector is created, and it takes mail from nobody until permission_groups says who may.",
        hint="declare permission_groups, such as [AnonymousUsers]",
        subject=str(address),
        severity=Severity.WARNING,
    )
