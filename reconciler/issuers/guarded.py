"""Issuers that other people wrote: whatever they do, it ends in an answer or in a diagnostic."""

from __future__ import annotations

from typing import Final

from .kind import IssuerKind, Opening
from .port import CertificateRequest, Issued, Issuer, IssuerFailed, IssuerUnusable, RequestRefused, Waiting
from .told import error_line

_ITS_AUTHOR: Final = "tell the author of the plug-in, or use another issuer"


def open_guarded(kind: IssuerKind, opening: Opening) -> Issuer:
    """Open an issuer that is plugged in.

    Raises:
        IssuerUnusable: it cannot be opened.
    """
    try:
        return GuardedIssuer(opening.name, kind.open(opening))
    except IssuerFailed:
        raise
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
            IssuerFailed: it says so, or breaks.
        """
        try:
            said: object = self._issuer.issue(request)
        except IssuerFailed:
            raise
        except (Exception, SystemExit) as error:
            raise RequestRefused(self._name, f"it broke: {error_line(error)}", _ITS_AUTHOR) from error
        if not isinstance(said, Issued | Waiting):
            reason = f"it gave neither a certificate nor word that it waits, but {type(said).__name__}"
            raise RequestRefused(self._name, reason, _ITS_AUTHOR)
        return said
