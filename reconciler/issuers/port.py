"""What every issuer does: take a request, and give a certificate, at once or later."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from reconciler.pki.renewal_info import SuggestedWindow
from state.address import Address
from state.values import DomainPattern


@dataclass(frozen=True, slots=True)
class CertificateRequest:
    """One request.

    Attributes:
        address: The certificate that it is for.
        csr: PKCS#10, PEM, checked by :func:`reconciler.pki.request.check_request`.
        domains: The names that the certificate must cover.
        reference: What the issuer called it when it was last asked; "" when it never was.
        since: When it was first brought to the issuer; None: now. UTC, aware.
        replaces: What the issuer calls the certificate whose place it takes (RFC 9773 4.1); "" where there is
            none of its own.
        renews: Begin of the certificate that its key has already, where it is renewed with the same key: the
            answer begins later. UTC, aware.
    """

    address: Address
    csr: str
    domains: frozenset[DomainPattern]
    reference: str = ""
    since: datetime | None = None
    replaces: str = ""
    renews: datetime | None = None


@dataclass(frozen=True, slots=True)
class Issued:
    """The answer.

    Attributes:
        chain: Certificates, PEM: the one that was asked for first, then those that issued it.
        not_after: End of the first one's validity; UTC, aware.
    """

    chain: str
    not_after: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """No answer yet: a person, or a queue, has to do something first.

    Attributes:
        reference: What the issuer calls the request; brought again with it.
        reason: What is waited for, in one sentence's worth of words.
        next_try: When it is worth asking again; UTC, aware. None: at any time. Nobody asks before, but once a
            day, and for what is replaced at once.
    """

    reference: str
    reason: str
    next_try: datetime | None = None


@dataclass
class IssuerFailed(Exception):
    """An issuer gave no certificate, and will not without a change.

    Attributes:
        issuer: Its name under ``issuers``.
        reason: What and why, in one sentence's worth of words.
        hint: The next thing to try; "" where there is none.
    """

    issuer: str
    reason: str
    hint: str = ""

    def __str__(self) -> str:
        return f"issuer {self.issuer}: {self.reason}"


class IssuerUnusable(IssuerFailed):
    """It cannot issue anything: its settings or its files are not in order."""


class RequestRefused(IssuerFailed):
    """It issues, but not for this request."""


@runtime_checkable
class Revoker(Protocol):
    """An issuer that can be told that a certificate is good no more."""

    def revoke(self, certificate_pem: str, reason: str) -> None:
        """Have a certificate revoked; one that is revoked already is no failure.

        Args:
            reason: ``compromise``, ``superseded``, ``cessation`` or ``unspecified``.

        Raises:
            RequestRefused: the authority does not do it.
            IssuerUnusable: it does not answer.
        """
        ...


@runtime_checkable
class Adviser(Protocol):
    """An issuer that says when it wants what it issued renewed."""

    def suggested(self, renewal_ids: Sequence[str]) -> Iterator[tuple[str, SuggestedWindow]]:
        """Ask about certificates, one after the other. Whoever plans may: no account is used or made.

        What it does not know, or does not say, is left out: asking never fails.

        Args:
            renewal_ids: :attr:`state.resources.Certificate.renewal_id` of each, not "".
        """
        ...


class Issuer(Protocol):
    """Whoever signs requests. Threads may share it; it keeps nothing between calls that a run needs."""

    def issue(self, request: CertificateRequest) -> Issued | Waiting:
        """Ask for a certificate, or for what became of the request that was brought before.

        The same request may be brought again at any time, also by another machine, and after a lost answer.
        By the reference that it got while it waited it is one request, and has one certificate; without one
        it may be signed once more, and any of its certificates will do. It waits a short while for a machine,
        never for a person.

        Raises:
            RequestRefused: not for this request.
            IssuerUnusable: not for any.
        """
        ...
