"""Keys, requests and certificates for tests. RSA costs 0.06 s a key, so each is made once a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@cache
def rsa_key(number: int = 0, bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def name(*attributes: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    """Relative names in the order of the encoding, one attribute each."""
    return x509.Name([x509.NameAttribute(*attribute) for attribute in attributes])


def common_name(text: str) -> x509.Name:
    return name((NameOID.COMMON_NAME, text))


CONTOSO = name(
    (NameOID.COUNTRY_NAME, "US"),
    (NameOID.ORGANIZATION_NAME, "Contoso Ltd"),
    (NameOID.COMMON_NAME, "mail1.contoso.com"),
)


@dataclass(frozen=True)
class Authority:
    """A small authority; the default one is 5 years from its end."""

    certificate: x509.Certificate
    key: PrivateKey

    @classmethod
    def make(
        cls,
        text: str = "Contoso Test CA",
        *,
        key: PrivateKey | None = None,
        not_after: datetime = NOW + timedelta(days=5 * 365),
        ca: bool = True,
        issuer: Authority | None = None,
    ) -> Authority:
        key = key or rsa_key(9)
        certificate = make_certificate(
            common_name(text),
            (),
            key,
            issuer,
            not_before=NOW - timedelta(days=30),
            not_after=not_after,
            ca=ca,
            server_auth=None,
        )
        return cls(certificate, key)

    @property
    def pem(self) -> str:
        return pem(self.certificate)

    @property
    def key_pem(self) -> bytes:
        return private_pem(self.key)


def make_certificate(
    subject: x509.Name = CONTOSO,
    domains: Sequence[str | x509.GeneralName] = ("mail1.contoso.com",),
    key: PrivateKey | None = None,
    issuer: Authority | None = None,
    *,
    not_before: datetime = NOW - timedelta(days=1),
    not_after: datetime = NOW + timedelta(days=89),
    ca: bool = False,
    server_auth: bool | None = True,
    key_usage: x509.KeyUsage | None = None,
) -> x509.Certificate:
    """A certificate; without ``issuer`` it signs itself. ``server_auth`` None: no extended key usage."""
    key = key or rsa_key()
    signer = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if domains:
        builder = builder.add_extension(x509.SubjectAlternativeName(general_names(domains)), critical=False)
    if issuer:
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    if server_auth is not None:
        usage = ExtendedKeyUsageOID.SERVER_AUTH if server_auth else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    if ca or key_usage:
        builder = builder.add_extension(key_usage or usage_of(key_cert_sign=True), critical=True)
    return builder.sign(signer, hashes.SHA256())


def make_request(
    subject: x509.Name = CONTOSO,
    domains: Sequence[str | x509.GeneralName] = ("mail1.contoso.com",),
    key: PrivateKey | None = None,
) -> x509.CertificateSigningRequest:
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    if domains:
        builder = builder.add_extension(x509.SubjectAlternativeName(general_names(domains)), critical=False)
    return builder.sign(key or rsa_key(), hashes.SHA256())


def general_names(names: Sequence[str | x509.GeneralName]) -> list[x509.GeneralName]:
    return [x509.DNSName(item) if isinstance(item, str) else item for item in names]


def usage_of(**allowed: bool) -> x509.KeyUsage:
    """A key usage that allows what is named."""
    usages = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{usage: allowed.get(usage, False) for usage in usages})


def pem(*items: x509.Certificate | x509.CertificateSigningRequest) -> str:
    return "".join(item.public_bytes(serialization.Encoding.PEM).decode() for item in items)


def der(item: x509.Certificate | x509.CertificateSigningRequest) -> bytes:
    return item.public_bytes(serialization.Encoding.DER)


def private_pem(key: PrivateKey, passphrase: bytes | None = None) -> bytes:
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        encryption = serialization.BestAvailableEncryption(passphrase)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
