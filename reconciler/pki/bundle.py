"""An answer in the form in which an authority hands it to Windows."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7


def pem_of(der: bytes) -> str:
    """The same certificate as text.

    Raises:
        ValueError: it is none.
    """
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode("ascii")


def pkcs7_of(chain: str) -> bytes:
    """Put a chain into a PKCS#7 file without signatures (``.p7b``), DER.

    It is the one documented form that carries the issuing certificates beside the answer [2.2-2].

    Args:
        chain: PEM, as :func:`reconciler.pki.answer.check_answer` accepted it.

    Raises:
        ValueError: it is no chain.
    """
    # What stands around the blocks may be any text, such as the issuer's name in its own alphabet.
    certificates = x509.load_pem_x509_certificates(chain.encode("utf-8", "replace"))
    return pkcs7.serialize_certificates(certificates, Encoding.DER)
