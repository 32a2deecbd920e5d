"""Issuers that other people wrote: whatever they do, it ends in an answer or in a diagnostic."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from reconciler.told import error_line, one_line

from .kind import IssuerKind, Opening
from .port import (
    CertificateRequest,
    Issued,
    Issuer,
    IssuerFailed,
    IssuerUnusable,
    RequestRefused,
    Revoker,
    Waiting,
)

_ITS_AUTHOR: Final = "tell the author of the plug-in, or use another issuer"
_LONGEST_REFERENCE: Final = 1000
"""Characters; the URL of an order is far shorter."""


def open_guarded(kind: IssuerKind, opening: Opening) -> Issuer:
    """Open an issuer that is plugged in.

    Raises:
        IssuerUnusable: it cannot be opened.
    """
    try:
        issuer = kind.open(opening)
        if isinstance(issuer, Revoker):
            return GuardedRevoker(opening.name, issuer, issuer)
        return GuardedIssuer(opening.name, issuer)
    except IssuerFailed as error:
        raise _tidy(opening.name, error) from error
    except (Exception, SystemExit) as error:
        raise IssuerUnusable(opening.name, f"opening it failed: {error_line(error)}", _ITS_AUTHOR) from error


class GuardedIssuer:
    """Passes on what a port promises, and nothing else."""

    def __init__(self, name: str, issuer: Issuer) -> None:
        self._name = name
        self._issuer = issuer

    def issue(self, request: CertificateRequest) -> Issued | Waiting:
        """Ask it.

        Raises:
            IssuerFailed: it says so, breaks, or answers with what no record could keep.
        """
        try:
            said: object = self._issuer.issue(request)
        except IssuerFailed as error:
            raise _tidy(self._name, error) from error
        except (Exception, SystemExit) as error:
            raise RequestRefused(self._name, f"it broke: {error_line(error)}", _ITS_AUTHOR) from error
        match said:
            case Issued():
                return self._issued(said)
            case Waiting():
                return self._waiting(said)
        raise self._wrong(f"it gave neither a certificate nor word that it waits, but {type(said).__name__}")

    def _issued(self, said: Issued) -> Issued:
        chain: object = said.chain
        if not isinstance(chain, str):
            raise self._wrong(f"its certificate is no text, but {type(chain).__name__}")
        return Issued(chain, self._instant("the end of its certificate", said.not_after))

    def _waiting(self, said: Waiting) -> Waiting:
        reference: object = said.reference
        # Not made fit: it is what the issuer knows the request by.
        if (
            not isinstance(reference, str)
            or len(reference) > _LONGEST_REFERENCE
            or not reference.isprintable()
        ):
            raise self._wrong(
                f"what it calls the request is no printable text of up to {_LONGEST_REFERENCE} characters"
            )
        reason: object = said.reason
        if not isinstance(reason, str) or not (told := one_line(reason)):
            raise self._wrong("it waits, and does not say what for")
        next_try = None if said.next_try is None else self._instant("its next try", said.next_try)
        return Waiting(reference, told, next_try)

    def _instant(self, what: str, value: object) -> datetime:
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise self._wrong(f"{what} is no instant with a time zone")
        try:
            return value.astimezone(UTC)
        except (OverflowError, ValueError):
            raise self._wrong(f"{what} is no instant that there is") from None

    def _wrong(self, reason: str) -> RequestRefused:
        return RequestRefused(self._name, reason, _ITS_AUTHOR)


class GuardedRevoker(GuardedIssuer):
    """The same, of one that can be told that a certificate is good no more."""

    def __init__(self, name: str, issuer: Issuer, revoker: Revoker) -> None:
        super().__init__(name, issuer)
        self._revoker = revoker

    def revoke(self, certificate_pem: str, reason: str) -> None:
        """Tell it.

        Raises:
            IssuerFailed: it says so, or breaks.
        """
        try:
            self._revoker.revoke(certificate_pem, reason)
        except IssuerFailed as error:
            raise _tidy(self._name, error) from error
        except (Exception, SystemExit) as error:
            raise RequestRefused(self._name, f"it broke: {error_line(error)}", _ITS_AUTHOR) from error


def _tidy(name: str, error: IssuerFailed) -> IssuerFailed:
    """What it says of itself, fit for a message."""
    kind = IssuerUnusable if isinstance(error, IssuerUnusable) else RequestRefused
    return kind(name, one_line(str(error.reason)) or "it does not say why", one_line(str(error.hint)))
