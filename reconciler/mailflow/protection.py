"""How well a send connector protects the mail that it carries [3-11], [3-12], [3-14]."""

from __future__ import annotations

from enum import IntEnum

from state.resources import SendConnector
from state.values import UNKNOWN, UNSET


class Protection(IntEnum):
    """On the way to the next server; a higher one protects better."""

    NONE = 0
    """STARTTLS is ignored."""
    OPPORTUNISTIC = 1
    """Encrypted where it is offered."""
    ENCRYPTED = 2
    """Encrypted or not sent; to whom is not looked at."""
    CERTIFICATE = 3
    """And the certificate comes from a trusted authority."""
    DOMAIN = 4
    """And it has the name that is asked for."""


_LEVELS = {
    None: Protection.ENCRYPTED,
    UNSET: Protection.ENCRYPTED,
    "EncryptionOnly": Protection.ENCRYPTED,
    "CertificateValidation": Protection.CERTIFICATE,
    "DomainValidation": Protection.DOMAIN,
}


def protection_of(connector: SendConnector) -> Protection | None:
    """What a connector asks for; None where what decides could not be read.

    Domain security is not taken for more than its RequireTLS: whether it is in force depends on lists in
    the transport configuration [3-14].
    """
    if connector.ignore_starttls is True:
        return Protection.NONE
    if connector.ignore_starttls is UNKNOWN or connector.require_tls is UNKNOWN:
        return None
    if connector.require_tls is not True:
        return Protection.OPPORTUNISTIC
    level = connector.tls_auth_level
    return _LEVELS.get(level) if level is None or isinstance(level, str) or level is UNSET else None
