"""When an authority wants a certificate renewed (RFC 9773)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography import x509

from reconciler.issuers.told import one_line


@dataclass(frozen=True, slots=True)
class SuggestedWindow:
    """When to renew.

    Attributes:
        start: UTC, aware, like ``end``.
        explanation: URL of a page that says why; "" where there is none.
    """

    start: datetime
    end: datetime
    explanation: str = ""


def suggested_window(document: Mapping[str, Any]) -> SuggestedWindow | None:
    """Read what an authority says about a certificate; None where that is no window."""
    window = document.get("suggestedWindow")
    if not isinstance(window, Mapping):
        return None
    start, end = _instant(window.get("start")), _instant(window.get("end"))
    if start is None or end is None or end <= start:
        return None  # RFC 9773 4.2: a window that ends before it starts counts as none
    page = document.get("explanationURL")
    return SuggestedWindow(start, end, one_line(page) if isinstance(page, str) else "")


def certificate_id(certificate: x509.Certificate) -> str | None:
    """What renewal information calls a certificate (RFC 9773 4.1); None where it names no issuer's key."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    except (x509.ExtensionNotFound, ValueError):
        return None
    if (identifier := extension.value.key_identifier) is None:
        return None
    serial = certificate.serial_number
    octets = serial.to_bytes(serial.bit_length() // 8 + 1, "big")
    return f"{_base64url(identifier)}.{_base64url(octets)}"


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def _instant(text: Any) -> datetime | None:
    try:
        read = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return read if read.tzinfo is not None else None
