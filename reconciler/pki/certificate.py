"""What one certificate says, taken from its DER alone.

Exchange's own text for a certificate depends on the server's culture and clock [6.1-6]; the DER does not.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from reconciler.pki import der
from reconciler.pki.common_names import with_common_names
from reconciler.pki.names import DistinguishedName
from reconciler.pki.renewal_info import renewal_id
from state.errors import InvalidValue
from state.values import UNKNOWN, DomainPattern, Thumbprint, TlsCertificateName, Unknown

LARGEST: Final = 64 * 1024
"""Bytes; real certificates have 1 to 10 KB."""


@dataclass
class NotACertificate(Exception):
    """Bytes that are no X.509 certificate.

    Attributes:
        size: How many bytes there were.
    """

    reason: str
    size: int

    def __str__(self) -> str:
        return f"{self.size} bytes are no certificate: {self.reason}"


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What a certificate says; the names are those of :class:`state.resources.Certificate`.

    Attributes:
        public_key: SHA-256 of the SubjectPublicKeyInfo, lower-case hexadecimal.
        key_type: ``RSA``, ``EC`` or ``other``.
        key_size: Bits of the modulus or of the curve; UNKNOWN for other keys.
        subject: As Exchange prints it.
        issuer: As Exchange prints it.
        name: The subject, taken apart.
        alternative_domains: DNS names of SubjectAltName, for which clients accept it (RFC 9525 6.3); UNKNOWN
            when the extension cannot be understood.
        domains: These, and the common names that are domains: what Exchange takes it to be for; UNKNOWN too.
        other_names: Names of SubjectAltName that are no domains.
        not_before: UTC, aware; to the second.
        not_after: UTC, aware; to the second, still valid at that second (RFC 5280 4.1.2.5).
        self_signed: It is its own issuer, and no other key signed it as far as the signature can be checked.
        renewal_id: What its authority calls it in renewal information (RFC 9773 4.1); "" for no such name.
    """

    thumbprint: Thumbprint
    public_key: str
    key_type: str
    key_size: int | Unknown
    subject: str
    issuer: str
    name: DistinguishedName
    alternative_domains: frozenset[DomainPattern] | Unknown
    domains: frozenset[DomainPattern] | Unknown
    other_names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    self_signed: bool
    renewal_id: str = ""

    @property
    def tls_certificate_name(self) -> TlsCertificateName:
        """What a connector's TlsCertificateName must hold to mean this certificate [3-15]."""
        return TlsCertificateName(self.issuer, self.subject)


def certificate_facts(data: bytes) -> CertificateFacts:
    """Read one certificate.

    Args:
        data: DER.

    Raises:
        NotACertificate: it is none, or has parts that contradict X.509.
    """
    if len(data) > LARGEST:
        raise NotACertificate(f"over {LARGEST} bytes", len(data))
    try:
        certificate = x509.load_der_x509_certificate(data)
        not_before, not_after = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        issuer, subject, key = _names_and_key(certificate.tbs_certificate_bytes)
        issuer_name, name = DistinguishedName.from_element(issuer), DistinguishedName.from_element(subject)
    except (ValueError, x509.InvalidVersion, der.NotDer) as error:
        raise NotACertificate(str(error), len(data)) from error
    key_type, key_size = kind_of_key(certificate)
    alternative_domains, other_names = alternative_names(certificate)
    return CertificateFacts(
        thumbprint=Thumbprint(hashlib.sha1(data, usedforsecurity=False).hexdigest().upper()),
        public_key=hashlib.sha256(key.encoded).hexdigest(),
        key_type=key_type,
        key_size=key_size,
        subject=str(name),
        issuer=str(issuer_name),
        name=name,
        alternative_domains=alternative_domains,
        domains=with_common_names(alternative_domains, name),
        other_names=other_names,
        not_before=not_before,
        not_after=not_after,
        self_signed=issuer.encoded == subject.encoded and _no_other_key_signed(certificate),
        renewal_id=renewal_id(certificate),
    )


def _names_and_key(tbs: bytes) -> tuple[der.Element, der.Element, der.Element]:
    """Issuer, subject and SubjectPublicKeyInfo of a TBSCertificate (RFC 5280 4.1)."""
    fields = list(der.parse(tbs).children())
    if fields and fields[0].tag == der.CONTEXT_0:  # the version, which version 1 leaves out
        del fields[0]
    if len(fields) < 6:
        raise der.NotDer("a field of the certificate is missing")
    _serial, _algorithm, issuer, _validity, subject, key, *_ = fields
    return issuer, subject, key


def kind_of_key(holder: x509.Certificate | x509.CertificateSigningRequest) -> tuple[str, int | Unknown]:
    """``RSA``, ``EC`` or ``other``, and the bits."""
    try:
        key = holder.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return "other", UNKNOWN
    match key:
        case RSAPublicKey():
            return "RSA", key.key_size
        case EllipticCurvePublicKey():
            return "EC", key.key_size
        case _:
            return "other", UNKNOWN


def alternative_names(
    holder: x509.Certificate | x509.CertificateSigningRequest,
) -> tuple[frozenset[DomainPattern] | Unknown, tuple[str, ...]]:
    """The domains in SubjectAltName, and the names in it that are none."""
    domains: set[DomainPattern] = set()
    others: list[str] = []
    try:
        alternative = holder.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset(), ()
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return UNKNOWN, ()
    for general_name in alternative:
        value = general_name.value
        try:
            if not isinstance(general_name, x509.DNSName):
                raise InvalidValue(str(value), "a domain name")
            domains.add(DomainPattern.parse(value))
        except InvalidValue:
            others.append(f"{type(general_name).__name__} {value}")
    return frozenset(domains), tuple(others)


def _no_other_key_signed(certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(certificate)
    except InvalidSignature:
        return False
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return (
            True  # setup of 2019 still signs with the 1990s' sha1RSA (1.3.14.3.2.29), which nobody verifies
        )
    return True
