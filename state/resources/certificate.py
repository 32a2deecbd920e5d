"""Certificates in a server's machine store, and what is asked of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from ..values import UNKNOWN, DomainPattern, Maybe, Name, Thumbprint, TlsCertificateName
from .attribute import (
    BOOL,
    DOMAIN_PATTERN,
    INSTANT,
    INT,
    NAME,
    TEXT,
    THUMBPRINT,
    TLS_CERTIFICATE_NAME,
    Choice,
    Flags,
    ListOf,
    SetOf,
    observed,
    setting,
    writable,
)
from .resource import MODE, Resource

SERVICES = Flags("IMAP", "POP", "IIS", "SMTP", "Federation", "UM", "UMCallRouter")
"""Names ascending by bit as far as the bits are known; an unknown bit is kept as its number. [6.4-1]"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate(Resource):
    """One certificate on one server [1-1].

    What is writable here is set once, by New-ExchangeCertificate or Import-ExchangeCertificate;
    only ``services`` can be added to later [2.3-1].
    """

    kind: ClassVar[str] = "certificate"

    subject: Maybe[str] = writable("SubjectName", TEXT)
    """As declared, or as Exchange prints it: .NET order and quoting."""
    domains: Maybe[frozenset[DomainPattern]] = writable("DomainName", SetOf(DOMAIN_PATTERN))
    """DNS names that it covers, the subject's common name among them [2.1-6]."""
    friendly_name: Maybe[str] = writable("FriendlyName", TEXT)
    key_size: Maybe[int] = writable("KeySize", INT)
    """Bits of an RSA key."""
    exportable: Maybe[bool] = writable("PrivateKeyExportable", BOOL)
    services: Maybe[frozenset[str]] = writable("Services", SERVICES)

    thumbprint: Maybe[Thumbprint] = observed("Thumbprint", THUMBPRINT)
    public_key: Maybe[str] = observed("", TEXT)
    """SHA-256 of the SubjectPublicKeyInfo, lower-case hexadecimal: one for a request and its answer."""
    tls_certificate_name: Maybe[TlsCertificateName] = observed("", TLS_CERTIFICATE_NAME)
    """Issuer and subject as Exchange prints them [3-15]."""
    not_before: Maybe[datetime] = observed("NotBefore", INSTANT)
    not_after: Maybe[datetime] = observed("NotAfter", INSTANT)
    self_signed: Maybe[bool] = observed("IsSelfSigned", BOOL)
    renewal_id: Maybe[str] = observed("", TEXT)
    """What its authority calls it in renewal information (RFC 9773 4.1); "" where it has no such name."""
    has_private_key: Maybe[bool] = observed("HasPrivateKey", BOOL)
    status: Maybe[str] = observed("Status", TEXT)
    """``Valid``, ``PendingRequest`` ..., or a number whose name is not known [6.4-2]."""
    root_ca_type: Maybe[str] = observed("RootCAType", TEXT)

    home: Maybe[tuple[Name, ...]] = setting(ListOf(NAME))
    """The one server that holds it."""
    issuer: Maybe[str] = setting(TEXT)
    """Name under ``issuers``; UNSET: watched, never requested."""
    default_smtp: Maybe[str] = setting(Choice("keep", "replace"))
    renew_before: Maybe[str] = setting(TEXT)
    """A span such as ``30d``, or a fraction of its lifetime such as ``1/3``."""
    tlsa: Maybe[str] = setting(Choice("publish", "reuse_key"))
    """How TLSA records are kept up with; UNSET: ``publish``."""
    retire: Maybe[str] = setting(Choice("keep", "unbind"))
    """What becomes of replaced ones that only names of connectors hold; UNSET: ``keep``."""
    shared_by: Maybe[tuple[Name, ...]] = setting(ListOf(NAME))
    """Servers that have one key and one certificate, who requests it first; UNSET: a key of its own."""
    mode: Maybe[str] = setting(MODE)
    """UNSET: ``manage``."""

    @property
    def is_described(self) -> bool:
        """False for a live one that came alone, without what Exchange knows of it [6.1-1]."""
        return not (self.services is UNKNOWN and self.status is UNKNOWN and self.has_private_key is UNKNOWN)
