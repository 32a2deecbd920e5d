"""What a planner has to say of enabling certificates, one function a problem."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from reconciler.diagnostics import Diagnostic, Severity
from state.address import Address


def default_replaced(address: Address, server: str, subscriptions: list[str], unknown: str) -> Diagnostic:
    edge = ""
    if subscriptions:
        edge = f" Then the Edge subscription of {_listed(subscriptions)} must be made again, as acknowledged."
    elif unknown:
        edge = f" Whether an Edge subscription rests on it is unknown, as acknowledged: {unknown}."
    return Diagnostic(
        summary="Default SMTP certificate replaced",
        detail=(
            f"The certificate becomes the default SMTP certificate of {server}: by it other Exchange servers "
            f"of the organization know the server, and it is presented where nothing else fits.{edge}"
        ),
        hint="make the subscription again with New-EdgeSubscription"
        if subscriptions
        else "write default_smtp: keep unless that is meant",
        subject=str(address),
        severity=Severity.WARNING,
    )


def one_of_several(address: Address, server: str, taken: str, others: Sequence[str], by: str) -> Diagnostic:
    """Args: by: what leads to all of them, in words."""
    return Diagnostic(
        summary="One of several certificates taken",
        detail=(
            f"The record does not say which certificate of {server} is {address}, and several that are valid "
            f"{by}: {taken} is taken, which began last, and not {', '.join(others)}."
        ),
        hint=(
            "bring the record back if another one is meant; remove from the store what is not to be used, "
            "above all what was replaced because others know its key"
        ),
        subject=str(address),
        severity=Severity.WARNING,
    )


def request_superseded(address: Address, server: str) -> Diagnostic:
    return Diagnostic(
        summary="Request replaced",
        detail=(
            f"A request of {address} is under way on {server}, and nobody waits for its answer any more: the "
            "certificate that was bought takes its place. The pending entry stays; where its mark can be "
            "read, the next renewal goes on with it."
        ),
        hint="cancel the order at its authority; remove the pending request if its key is not to be used",
        subject=str(address),
        severity=Severity.WARNING,
    )


def request_compromised(address: Address, server: str) -> Diagnostic:
    return Diagnostic(
        summary="Request replaced",
        detail=(
            f"A request of {address} is under way on {server}, and its key lies beside the one that is known "
            "to others. A new one is made, and the pending entry of the old one is removed."
        ),
        hint="cancel the order at its authority",
        subject=str(address),
        severity=Severity.WARNING,
    )


def key_not_rsa(address: Address) -> Diagnostic:
    return Diagnostic(
        summary="Key not RSA",
        detail=(
            f"The certificate that was bought for {address} has a key of an elliptic curve. Exchange takes "
            "such from the updates of April 2024 on, where that is switched on; else it refuses to enable it."
        ),
        hint="take one with an RSA key, unless the servers are known to take this",
        subject=str(address),
        severity=Severity.WARNING,
    )


def breaks_subscription(address: Address, server: str, subscriptions: list[str], unknown: str) -> Diagnostic:
    why = (
        f"breaks the Edge subscription of {_listed(subscriptions)}: mail stops there until it is made again"
        if subscriptions
        else f"would break an Edge subscription, and whether there is one is unknown: {unknown}"
    )
    return Diagnostic(
        summary="Edge subscription would break",
        detail=f"Replacing the default SMTP certificate of {server} {why}.",
        hint='write default_smtp: keep, or acknowledge: [{rule: edge-subscription, reason: "..."}]',
        subject=str(address),
        is_refusal=True,
    )


def requires_ssl(address: Address, server: str) -> Diagnostic:
    return Diagnostic(
        summary="IIS will require SSL",
        detail=(
            f"Enabling a certificate for IIS binds it to the default web site of {server}, and turns on "
            "Require SSL there."
        ),
        hint='take IIS away from services, or acknowledge: [{rule: require-ssl, reason: "..."}]',
        subject=str(address),
        severity=Severity.WARNING,
    )


def window_not_waited_for(address: Address, ends: datetime, opens: str) -> Diagnostic:
    return Diagnostic(
        summary="Maintenance window not waited for",
        detail=(
            f"The certificate that is in use ends {ends:%Y-%m-%d %H:%M} UTC, and the next window opens "
            f"{opens}: that may be too late, so the new one is put to use outside of a window."
        ),
        hint="let windows open more often, or raise renew_before",
        subject=str(address),
        severity=Severity.WARNING,
    )


def unfit_name(server: str, connector: str, fqdn: str) -> Diagnostic:
    return Diagnostic(
        summary="Fqdn not fit for certificates",
        detail=(
            f'Receive connector "{connector}" of {server} answers with a name that holds characters unknown '
            f"to DNS ({fqdn}): enabling any certificate for SMTP on the server may fail with 0xe0434352."
        ),
        hint=f"correct it first: Set-ReceiveConnector '{server}\\{connector}' -Fqdn NAME",
        subject=server,
        severity=Severity.WARNING,
    )


def _listed(names: list[str]) -> str:
    return " and ".join(sorted(names))


def predecessors_held(
    address: Address, server: str, held: Sequence[tuple[str, str]], *, is_unbound: bool, is_passing: bool
) -> Diagnostic:
    """Args: held: thumbprints, and what holds each. is_unbound: ``retire: unbind`` is declared. is_passing:
    a later run removes them all.
    """
    told = "; ".join(f"{thumbprint}: {why}" for thumbprint, why in held)
    way = "" if is_unbound else "write retire: unbind where only names hold them, or "
    return Diagnostic(
        summary="Replaced certificates held",
        detail=f"Certificates of {server} that were replaced stay, for something refers to them. {told}.",
        hint="nothing is to be done: a later apply removes them, when that is over"
        if is_passing
        else f"{way}bind what names them to something else, and let the account read what could not be read",
        subject=str(address),
        severity=Severity.WARNING,
    )


def presented_by_others(
    address: Address, server: str, new: str, told: Sequence[tuple[str, str, str]]
) -> Diagnostic:
    """Args: new: what is presented from then on. told: connectors, what each presents now, and by what."""
    lines = "; ".join(f"{what}: {before} now, {new} then, {by}" for what, before, by in told)
    return Diagnostic(
        summary="Changes what unmanaged connectors present",
        detail=(
            f"Once the certificate is enabled for SMTP on {server}, connectors that are not managed "
            f"present it, unless it comes with another issuer or other names than expected. {lines}."
        ),
        hint=(
            "tell those who send to or receive from them; list the connectors with follow: [certificate] to "
            "have them always bound to it"
        ),
        subject=str(address),
        severity=Severity.WARNING,
    )
