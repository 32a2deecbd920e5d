"""Signatures that can be forged, and keys that can be computed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes

from reconciler.pki.certificate import CertificateFacts
from reconciler.pki.problem import Problem, Rule
from reconciler.pki.signable import SMALLEST_KEY

_SMALLEST_CURVE: Final = 224
_WEAK: Final = {"md2": "MD2", "md4": "MD4", "md5": "MD5", "sha1": "SHA-1"}
_WEAK_BY_NUMBER: Final = {
    "1.2.840.113549.1.1.2": "MD2",
    "1.2.840.113549.1.1.3": "MD4",
    "1.3.14.3.2.29": "SHA-1",
    "1.3.14.3.2.15": "SHA-1",
}
"""What the library has no hash for: setup of 2019 still signs with the third."""


def weak_hash(signed: x509.Certificate | x509.CertificateSigningRequest) -> str:
    """The hash of a signature that can be forged; "" for one that is good, or that nobody here knows."""
    try:
        hash = signed.signature_hash_algorithm
    except (UnsupportedAlgorithm, ValueError):
        return _WEAK_BY_NUMBER.get(signed.signature_algorithm_oid.dotted_string, "")
    return _WEAK.get(hash.name, "") if isinstance(hash, hashes.HashAlgorithm) else ""


def weaknesses(
    chain: Sequence[x509.Certificate], facts: Sequence[CertificateFacts], declared: int
) -> Iterator[Problem]:
    """Tell what of a chain is too weak.

    The signature of a root does not count: it is trusted because it is known, not because it signed itself.

    Args:
        facts: Of each of the chain.
        declared: Bits that the certificate's own key was declared with; so many are enough for it.
    """
    for position, (certificate, known) in enumerate(zip(chain, facts, strict=True)):
        name = known.subject if position else "it"
        is_root = position > 0 and known.self_signed
        if not is_root and (hash := weak_hash(certificate)):
            yield Problem(Rule.WEAK_SIGNATURE, name, hash)
        least = {"RSA": SMALLEST_KEY, "EC": _SMALLEST_CURVE}.get(known.key_type, 0)
        if position == 0 and known.key_type == "RSA":
            least = min(least, declared)
        if isinstance(known.key_size, int) and known.key_size < least:
            yield Problem(Rule.WEAK_KEY, name, str(known.key_size))
