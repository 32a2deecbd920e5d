"""The certificate that signs tokens, which a lab can be told to show as missing or ended [6.1-1]."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from reconciler.lab.call import Look
from reconciler.lab.exchange.certificates import StoredCertificate, self_signed
from reconciler.lab.exchange.cmdlets.run import Run

_LIFETIME: Final = timedelta(days=1800)
_SINCE: Final = timedelta(days=30)


def auth_thumbprint(run: Run) -> str | None:
    """What Get-AuthConfig names."""
    thumbprint = run.partition.auth_thumbprint
    if thumbprint is None or Look.EXPIRED_AUTH_CERTIFICATE not in run.call.view.looks:
        return thumbprint
    every = (each for server in run.organization.members(run.partition) for each in server.certificates)
    found = next((each for each in every if each.thumbprint == thumbprint), None)
    return thumbprint if found is None else _ended(run, found).thumbprint


def as_shown(run: Run, certificates: Iterable[StoredCertificate]) -> list[StoredCertificate]:
    """A server's certificates, that one as it is to be shown."""
    looks, thumbprint = run.call.view.looks, run.partition.auth_thumbprint
    shown = list(certificates)
    if Look.MISSING_AUTH_CERTIFICATE in looks:
        return [each for each in shown if each.thumbprint != thumbprint]
    if Look.EXPIRED_AUTH_CERTIFICATE in looks:
        return [_ended(run, each) if each.thumbprint == thumbprint else each for each in shown]
    return shown


def _ended(run: Run, stored: StoredCertificate) -> StoredCertificate:
    """One with the same name and key that ended a month ago; the same one every time."""
    known = run.renderings.ended.get(stored.thumbprint)
    key = run.organization.keys.of(stored.certificate)
    if known is not None or not isinstance(key, RSAPrivateKey):  # that of an export is not here
        return known or stored
    der = self_signed(key, stored.certificate.subject, [], run.now - _LIFETIME - _SINCE, _LIFETIME)
    ended = run.renderings.ended[stored.thumbprint] = replace(stored, der=der)
    return ended
