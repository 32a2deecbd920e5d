"""What an authority that keeps to X.509 signs, so that it is known before a request is made."""

from __future__ import annotations

from typing import Final

from reconciler.pki.names import COMMON_NAME, COUNTRY, NameAttribute

SMALLEST_KEY: Final = 2048
"""Bits of an RSA key. Source: CA/Browser Forum Baseline Requirements 6.1.5."""

_LENGTHS: Final = {COUNTRY: (2, 2), "1.3.6.1.4.1.311.60.2.1.3": (2, 2), COMMON_NAME: (1, 64)}
"""Bytes, least and most; the second is the country of incorporation of extended validation.
Source: RFC 5280 A.1, X520countryName and ub-common-name."""


def is_signable(attribute: NameAttribute) -> bool:
    """Tell whether an attribute of a subject has the form that X.509 demands."""
    length = len(attribute.value.encode())
    shortest, longest = _LENGTHS.get(attribute.type, (1, length))
    return attribute.is_text and shortest <= length <= longest
