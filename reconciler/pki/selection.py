"""Which of a server's certificates is the declared one.

A subject alone never decides: two certificates with one issuer and subject are common after a renewal.
What could not be read decides nothing either. On Edge servers, where mark, status and key may be unreadable
[5-1], only the recorded public key does.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Literal

from reconciler.pki.asked import asked_domains
from reconciler.pki.coverage import uncovered
from state.record import Request
from state.resources import Certificate
from state.values import UNSET, Thumbprint

PENDING: Final = "PendingRequest"

_STATUSES: Final = frozenset(
    {
        "DateInvalid",
        "Invalid",
        PENDING,
        "RevocationCheckFailure",
        "Revoked",
        "Unknown",
        "Untrusted",
        "Valid",
    }
)
"""Those that have a name [2.5-1]; one that has only a number is as good as unread [6.4-2]."""

_FIT: Final = frozenset({"Valid", "RevocationCheckFailure"})
"""A server without a way to the revocation list says the latter of a good certificate."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The certificate that a declaration means.

    Attributes:
        certificate: None when there is none.
        by: What decided; None when there is none.
        unclear: Those that cover the names, but what decides about them could not be read.
        others: Those that mark or names would have led to as well, and that are as good now.
    """

    certificate: Certificate | None = None
    by: Literal["thumbprint", "record", "mark", "coverage"] | None = None
    unclear: tuple[Certificate, ...] = ()
    others: tuple[Certificate, ...] = ()


def select(
    asked: Certificate, live: Sequence[Certificate], recorded_key: str | None, mark: str, now: datetime
) -> Selection:
    """Find the declared certificate among those of its server.

    A declared thumbprint decides alone. Else the recorded public key does, of several certificates for it the
    one that began last; else our mark; else a valid one
    with a key that covers the names; of several the one that began last: whoever replaced a certificate, for
    a key that others know perhaps, did so by a newer one, whichever of them ends last. A pending request is
    never selected.
    Where the declaration names an issuer, one that signed itself is never taken for coverage: it is not what
    was asked for.

    Args:
        asked: As declared; without ``domains`` and without a common name nothing is taken for coverage.
        live: All certificates of the server.
        recorded_key: :attr:`Certificate.public_key` that the record holds for this address; None: none.
        mark: The text that our friendly names hold for this address; "": there is none.
        now: The instant to judge validity at; UTC, aware.
    """
    if isinstance(asked.thumbprint, Thumbprint):
        pinned = next(
            (certificate for certificate in live if certificate.thumbprint == asked.thumbprint), None
        )
        return Selection(pinned, "thumbprint" if pinned else None)
    candidates = [certificate for certificate in live if certificate.status != PENDING]
    if recorded_key:
        by_key = [certificate for certificate in candidates if certificate.public_key == recorded_key]
        # A pending entry whose status could not be read has the same key, and is its own issuer.
        if answered := [certificate for certificate in by_key if certificate.self_signed is False]:
            by_key = answered
        if by_key:
            newest = max(by_key, key=lambda one: (_is_current(one, now), _begin(one), _end(one)))
            return Selection(newest, "record")
    by_mark = [
        certificate
        for certificate in candidates
        if mark
        and isinstance(certificate.friendly_name, str)
        and mark in certificate.friendly_name
        and not may_be_pending(certificate)
    ]
    if by_mark:
        return _best(by_mark, "mark", now)
    covering = [certificate for certificate in candidates if _covers(certificate, asked, now)]
    fit = [certificate for certificate in covering if _is_fit(certificate)]
    unclear = tuple(certificate for certificate in covering if _is_unclear(certificate))
    if fit:
        chosen = _best(fit, "coverage", now)
        return replace(chosen, unclear=unclear)
    return Selection(unclear=unclear)


def new_pending(
    live: Sequence[Certificate], known: Collection[Thumbprint], mark: str
) -> tuple[Certificate, ...]:
    """The pending entries that a request left whose answer was lost.

    Args:
        live: All certificates of the server.
        known: What was there just before the request was sent.
        mark: The text that its friendly name was given; an entry whose friendly name could not be read
            is taken too.

    Returns:
        None of them: nothing was made. Several: somebody else made requests at the same time, and where
        the mark could not be read nothing tells them apart.
    """
    new = [
        certificate
        for certificate in live
        if may_be_pending(certificate) and certificate.thumbprint not in known
    ]
    marked = tuple(
        certificate
        for certificate in new
        if isinstance(certificate.friendly_name, str) and mark in certificate.friendly_name
    )
    return marked or tuple(
        certificate for certificate in new if not isinstance(certificate.friendly_name, str)
    )


def imported_of(live: Sequence[Certificate], request: Request) -> Certificate | None:
    """The certificate that completed a request: the same public key, another thumbprint [2.2-3].

    Where the key had a certificate before, it is one that begins later.
    """
    for certificate in live:
        if (
            certificate.public_key == request.public_key
            and (request.renews is None or _begin(certificate) > request.renews)
            and not may_be_pending(certificate)
            and (request.pending is None or certificate.thumbprint != request.pending)
        ):
            return certificate
    return None


def with_ends(certificates: Sequence[Certificate]) -> list[str]:
    """The thumbprint and the end of each: what a person can tell them apart by."""
    return [
        f"{one.thumbprint} (ends {one.not_after:%Y-%m-%d})"
        if isinstance(one.not_after, datetime)
        else str(one.thumbprint)
        for one in certificates
    ]


def newest(certificates: Sequence[Certificate]) -> Certificate | None:
    """The one that began last; None of none."""
    return max(certificates, key=lambda one: (_begin(one), _end(one)), default=None)


def may_be_pending(certificate: Certificate) -> bool:
    """True for a pending request, and for what could be one as far as it was read.

    Windows keeps a request as a certificate that is its own issuer, so where no status tells, one that an
    authority issued is none.
    """
    if isinstance(certificate.status, str) and certificate.status in _STATUSES:
        return certificate.status == PENDING
    return certificate.self_signed is not False


def _covers(certificate: Certificate, asked: Certificate, now: datetime) -> bool:
    """True when its dates and names are those of the declared one; both are in the DER, so always read."""
    wanted = asked_domains(asked)
    return (
        bool(wanted)
        and isinstance(certificate.domains, frozenset)
        and not uncovered(certificate.domains, wanted)
        and _is_current(certificate, now)
        and (asked.issuer is UNSET or certificate.self_signed is False)
    )


def _is_fit(certificate: Certificate) -> bool:
    return certificate.has_private_key is True and certificate.status in _FIT


def _is_unclear(certificate: Certificate) -> bool:
    if certificate.has_private_key is False:
        return False
    told = isinstance(certificate.status, str) and certificate.status in _STATUSES
    return not told or (certificate.status in _FIT and certificate.has_private_key is not True)


def _best(found: list[Certificate], by: Literal["mark", "coverage"], now: datetime) -> Selection:
    """The newest of those that are valid now, or of all where none is; of several as new what ends last."""
    ranked = sorted(found, key=lambda one: (_is_good(one, now), _begin(one), _end(one)), reverse=True)
    return Selection(ranked[0], by, others=tuple(one for one in ranked[1:] if _is_good(one, now)))


def _is_good(certificate: Certificate, now: datetime) -> bool:
    """Valid by its dates, and nothing that was read speaks against it."""
    told = certificate.status if certificate.status in _STATUSES else "Valid"
    return _is_current(certificate, now) and told in _FIT and certificate.has_private_key is not False


def _is_current(certificate: Certificate, now: datetime) -> bool:
    return _begin(certificate) <= now <= _end(certificate)


def _begin(certificate: Certificate) -> datetime:
    return certificate.not_before if isinstance(certificate.not_before, datetime) else _NEVER


def _end(certificate: Certificate) -> datetime:
    return certificate.not_after if isinstance(certificate.not_after, datetime) else _NEVER


_NEVER: Final = datetime.min.replace(tzinfo=UTC)
