"""What renewal information of ACME calls a certificate, and what it says of one (RFC 9773)."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509


@dataclass(frozen=True, slots=True)
class SuggestedWindow:
    """When an authority wants a certificate renewed.

    Attributes:
        start: UTC, aware, like ``end``; to the second.
        explanation: URL of a page that says why, on one line, printable and bounded; "" where there is none.
    """

    start: datetime
    end: datetime
    explanation: str = ""


def renewal_id(certificate: x509.Certificate) -> str:
    """What its authority calls a certificate (RFC 9773 4.1); "" where it does not tell its issuer's key."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
        serial = certificate.serial_number
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return ""
    if not (key := extension.value.key_identifier):
        return ""
    # As the certificate has it, an INTEGER with a sign: 0x87 has a zero byte before it.
    octets = serial.to_bytes(serial.bit_length() // 8 + 1, "big", signed=True)
    return f"{_base64url(key)}.{_base64url(octets)}"


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")
