"""What a reference leads to: a user and a password, or a certificate and its key."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Secret:
    """A user and a password; the password is in no text that Python makes of it.

    Attributes:
        user: As the server knows it: ``user``, ``DOMAIN\\user`` or ``user@domain``.
    """

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A certificate, perhaps with those of its authorities, and its private key; all PEM, in no text."""

    pem: str = field(repr=False)
