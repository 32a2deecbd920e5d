"""Settings of Exchange that refer to a certificate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..values import UNSET, Maybe, Thumbprint, TlsCertificateName
from .attribute import TEXT, THUMBPRINT, TLS_CERTIFICATE_NAME, Optional, observed
from .resource import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateReference(Resource):
    """One property that refers to a certificate [2.5-3], in one of three ways; read, never changed.

    The two ways that it has not are UNSET; None: it refers to none.
    """

    kind: ClassVar[str] = "certificate_reference"

    setting: Maybe[str] = observed("", TEXT)
    """Exchange's name of the property."""
    thumbprint: Maybe[Thumbprint | None] = observed("", Optional(THUMBPRINT))
    tls_certificate_name: Maybe[TlsCertificateName | None] = observed("", Optional(TLS_CERTIFICATE_NAME))
    host: Maybe[str | None] = observed("", Optional(TEXT))
    """A host name that the certificate covers."""

    @property
    def value(self) -> Maybe[Thumbprint | TlsCertificateName | str | None]:
        """Whichever of the three it has."""
        ways = (self.thumbprint, self.tls_certificate_name, self.host)
        return next((way for way in ways if way is not UNSET), UNSET)
