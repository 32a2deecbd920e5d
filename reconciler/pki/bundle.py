"""An answer in the form in which an authority hands it to Windows."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7


def pkcs7_of(chain: str) -> bytes:
    """Put a chain into a PKCS#7 file without signatures (``.p7b``), DER.

    It is the one documented form that carries the issuing certificates beside the answer [2.2-2].

    Args:
        chain: PEM, as :func:`reconciler.pki.answer.check_answer` accepted it.

    Raises:
        ValueError: it is no chain.
    """
    return pkcs7.serialize_certificates(x509.load_pem_x509_certificates(chain.encode("ascii")), Encoding.DER)
