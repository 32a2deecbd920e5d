"""Certificates that are good no more: their authority is told, once what replaced them is presented."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from reconciler.apply.ledger import Ledger
from reconciler.config.desired import Desired
from reconciler.credentials.errors import CredentialError
from reconciler.diagnostics import Diagnostic, Severity
from reconciler.events import CertificateRevoked
from reconciler.exchange.errors import ExchangeError
from reconciler.exchange.refresh import read_certificate_text
from reconciler.issuers.port import IssuerFailed, Revoker
from state.address import Address
from state.record import Learned, Predecessor, Recorded
from state.resources import Certificate
from state.values import Name

from .inputs import Surroundings
from .servers import Servers


def revoke_replaced(
    ledger: Ledger,
    desired: Desired,
    watched: Collection[Address],
    servers: Servers,
    surroundings: Surroundings,
) -> tuple[Diagnostic, ...]:
    """Revoke what was replaced out of its turn, as soon as its successor is served.

    What is watched at no endpoint counts as served once it is enabled. What cannot be revoked is told, and
    tried again by the next apply; an issuer that has no way to revoke is told once.

    Args:
        watched: Certificates that a handshake can show.
        ledger: Learns what was revoked.
    """
    told: list[Diagnostic] = []
    for address, recorded in tuple(ledger.record.resources.items()):
        due = [one for one in recorded.predecessors if one.revoke]
        is_used = ("served" if address in watched else "enabled") in recorded.milestones
        certificate = recorded.resource
        if not due or not is_used or not isinstance(certificate, Certificate):
            continue
        for one in due:
            problem, is_settled = _revoke(address, certificate, one, desired, servers, surroundings)
            told += [problem] if problem is not None else []
            if is_settled:
                _learn(address, one, ledger)
    return tuple(told)


def _revoke(
    address: Address,
    successor: Certificate,
    one: Predecessor,
    desired: Desired,
    servers: Servers,
    surroundings: Surroundings,
) -> tuple[Diagnostic | None, bool]:
    """Revoke one; what is to be told, and whether that is the end of it."""
    name = str(successor.issuer)
    server = successor.home[0] if isinstance(successor.home, tuple) and successor.home else Name("")
    try:
        revoker = _revoker(name, desired, surroundings)
        if revoker is None:
            return _by_hand(address, one, name), True
        with servers.read_back(server) as session:
            text = read_certificate_text(session, one.thumbprint)
        if not text:
            return _not_revoked(address, one, "Exchange does not show it any more"), True
        revoker.revoke(text, one.revoke)
    except (IssuerFailed, ExchangeError, CredentialError) as error:
        return _not_revoked(address, one, str(error)), False
    surroundings.listener(CertificateRevoked(str(address), name, str(one.thumbprint), one.revoke))
    return None, True


def _revoker(issuer: str, desired: Desired, surroundings: Surroundings) -> Revoker | None:
    """The issuer, where it can revoke; None where it cannot, or is declared no more.

    Raises:
        IssuerUnusable: it cannot be opened.
    """
    if issuer not in desired.issuers:
        return None
    opened = surroundings.open_issuer(desired.issuers[issuer], surroundings.now)
    return opened if isinstance(opened, Revoker) else None


def _learn(address: Address, revoked: Predecessor, ledger: Ledger) -> None:
    recorded: Recorded = ledger.record.resources[address]
    left = tuple(replace(one, revoke="") if one == revoked else one for one in recorded.predecessors)
    ledger.learn(Learned(address, replace(recorded, predecessors=left), ledger.record.requests.get(address)))


def _by_hand(address: Address, one: Predecessor, issuer: str) -> Diagnostic:
    return Diagnostic(
        summary="To be revoked by hand",
        detail=(
            f"{address} was replaced ({one.revoke}), and issuer {issuer} has no way to revoke: "
            f"the old certificate {one.thumbprint} is good until {one.not_after:%Y-%m-%d}."
        ),
        hint="have its authority revoke it, by its serial number or its thumbprint",
        subject=str(address),
        severity=Severity.WARNING,
    )


def _not_revoked(address: Address, one: Predecessor, reason: str) -> Diagnostic:
    return Diagnostic(
        summary="Not revoked",
        detail=(
            f"{address} was replaced ({one.revoke}), and the old certificate {one.thumbprint} is not "
            f"revoked: {reason}."
        ),
        hint="apply again: it is tried then; or have its authority revoke it",
        subject=str(address),
        severity=Severity.WARNING,
    )
