"""The next certificate for a key that is there already: its request, and both packed together.

The key is in memory only, as long as one of these functions runs, and only an encrypted PKCS#12 is returned.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

from reconciler.pki.answer import encoded_chain
from reconciler.pki.asked import asked_domains, asked_subject
from reconciler.pki.bought import read_by_every_windows
from reconciler.pki.certificate import NotACertificate, certificate_facts
from reconciler.pki.names import DistinguishedName
from state.resources import Certificate


@dataclass
class KeyNotUsable(Exception):
    """What a server exported is no key for another certificate; no byte of it is told."""

    reason: str

    def __str__(self) -> str:
        return self.reason


@dataclass(frozen=True, slots=True)
class RequestAgain:
    """A request for a key that has a certificate.

    Attributes:
        pem: PKCS#10.
        begins: Of the certificate that it has; UTC, aware.
    """

    pem: str
    begins: datetime


def request_again(data: bytes, password: str, asked: Certificate) -> RequestAgain:
    """Sign a request for the key in a PKCS#12.

    Args:
        data: As a server exported it.
        asked: As declared. Where the certificate in the file has that subject, or none is declared, the
            request has it as it is there.

    Raises:
        KeyNotUsable: it cannot be opened, holds no RSA key, or the subject is none that can be requested.
    """
    key, before = _opened(data, password)
    wanted = asked_subject(asked)
    try:
        subject = before.subject if wanted is None or _is(before, wanted) else _subject(wanted)
        names = [x509.DNSName(name) for name in sorted(domain.name for domain in asked_domains(asked))]
        builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        pem = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode("ascii")
        return RequestAgain(pem, before.not_valid_before_utc)
    except ValueError as error:
        raise KeyNotUsable(f"no request can be made of the declared subject: {error}") from None


def packed_again(data: bytes, password: str, chain: str) -> bytes:
    """The key in a PKCS#12 with another certificate for it, encrypted under the same password.

    Args:
        data: As a server exported it.
        chain: PEM, the certificate for that key first.

    Raises:
        KeyNotUsable: it cannot be opened, or the certificate is for another key.
    """
    key, _ = _opened(data, password)
    leaf, *above = (x509.load_der_x509_certificate(one) for one in encoded_chain(chain))
    if leaf.public_key() != key.public_key():
        raise KeyNotUsable("it is not the key that the certificate was issued for")
    return pkcs12.serialize_key_and_certificates(None, key, leaf, above, read_by_every_windows(password))


def _opened(data: bytes, password: str) -> tuple[RSAPrivateKey, x509.Certificate]:
    try:
        held = pkcs12.load_pkcs12(data, password.encode())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyNotUsable("it cannot be opened") from None
    if held.cert is None or not isinstance(held.key, RSAPrivateKey):
        raise KeyNotUsable("it does not hold a certificate with an RSA key")
    return held.key, held.cert.certificate


def _is(certificate: x509.Certificate, wanted: DistinguishedName) -> bool:
    try:
        name = certificate_facts(certificate.public_bytes(Encoding.DER)).name
    except NotACertificate:
        return False
    return not name.lacks(wanted) and not wanted.lacks(name)


def _subject(wanted: DistinguishedName) -> x509.Name:
    """A declared subject, its attributes in the order of the text turned round, as Exchange encodes it."""
    return x509.Name(
        x509.RelativeDistinguishedName(
            [x509.NameAttribute(x509.ObjectIdentifier(one.type), one.value) for one in rdn]
        )
        for rdn in wanted.rdns
    )
