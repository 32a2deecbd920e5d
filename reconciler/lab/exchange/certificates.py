"""A server's certificates: what is kept of each, how valid it is, and the object that Get shows."""

from __future__ import annotations

import base64
import hashlib
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from uuid import UUID

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from reconciler.lab.exchange.certificate_blob import CertificateFacts, write_element, write_facts
from reconciler.lab.exchange.clixml import Obj, Scalar
from reconciler.lab.exchange.directory import NO_GUID, SERVER_ZONE
from reconciler.lab.exchange.enums import IIS
from reconciler.lab.exchange.keys import PrivateKey
from reconciler.lab.exchange.values import OBJECT, note
from reconciler.lab.exchange.x500 import CertificateName, text_of_name

TYPES = (
    "Microsoft.Exchange.Management.SystemConfigurationTasks.ExchangeCertificate",
    "System.Security.Cryptography.X509Certificates.X509Certificate2",
    "System.Security.Cryptography.X509Certificates.X509Certificate",
    OBJECT,
)

# CertificateStatus. Valid is verified; the others are recollections [6.4-2], so a client that relies
# on them proves nothing against this lab.
VALID, DATE_INVALID, UNTRUSTED, PENDING_REQUEST = 1, 3, 4, 7
# CertificateAuthorityType: None and Registry are supported by samples [6.4-3].
CA_NONE, CA_REGISTRY, CA_UNKNOWN = 0, 3, 5

FRONT_END_SITE, BACK_END_SITE = 1, 2


@lru_cache(maxsize=4096)
def parsed(der: bytes) -> x509.Certificate:
    """Load a certificate once.

    Raises:
        ValueError: it is none.
    """
    try:
        return with_names(x509.load_der_x509_certificate(der))
    except x509.InvalidVersion as error:
        raise ValueError(str(error)) from error


def with_names(certificate: x509.Certificate) -> x509.Certificate:
    """Read both names now, without a word about lengths: ``C=Germany`` is in real exports.

    The certificate keeps them, so no later reader is warned.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        _ = certificate.subject, certificate.issuer
    return certificate


@dataclass(frozen=True)
class StoredCertificate:
    """One certificate in a server's store.

    Attributes:
        der: The certificate.
        friendly_name: May be empty.
        services: AllowedServices bits.
        sites: ``IIS://SERVER/W3SVC/n`` bindings; the IIS bit is set exactly when there are some.
        exportable: The private key may be exported.
        root_ca_type: CertificateAuthorityType of a self-signed one; others are judged by their chain.
        request: The PKCS#10 of a pending entry; None for a certificate.
        container: Name of the key container.
        export: The object as an export holds it; None for one that was made here.
        export_facts: What that object's blob says; None when it has no blob, or was made here.
    """

    der: bytes
    friendly_name: str = ""
    services: int = 0
    sites: tuple[str, ...] = ()
    exportable: bool = False
    root_ca_type: int = CA_NONE
    request: bytes | None = None
    container: UUID = NO_GUID
    export: Obj | None = None
    export_facts: CertificateFacts | None = None

    @cached_property
    def certificate(self) -> x509.Certificate:
        return parsed(self.der)

    @cached_property
    def thumbprint(self) -> str:
        """SHA-1 in upper-case hex [6.3-5]."""
        return hashlib.sha1(self.der, usedforsecurity=False).hexdigest().upper()

    @property
    def is_pending(self) -> bool:
        return self.request is not None

    @cached_property
    def name(self) -> CertificateName:
        return CertificateName.of(self.certificate)

    @property
    def is_self_signed(self) -> bool:
        return self.certificate.issuer == self.certificate.subject

    def is_current(self, now: datetime) -> bool:
        return self.certificate.not_valid_before_utc <= now <= self.certificate.not_valid_after_utc

    def domains(self) -> tuple[str, ...]:
        """DNS names it covers: the common name and the alternative names, in lower case."""
        return domains_of(self.certificate)

    def with_services(self, services: int, sites: tuple[str, ...]) -> StoredCertificate:
        bits = services | IIS if sites else services & ~IIS
        return replace(self, services=bits, sites=sites)


def domains_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """The common names, and the DNS names of SubjectAltName where that can be read."""
    names = [str(a.value) for a in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
    try:
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names += alternative.value.get_values_for_type(x509.DNSName)
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        pass  # ValueError: an extension that is damaged; cryptography reads all of them or none
    return tuple(dict.fromkeys(name.lower() for name in names))


def covers(certificate: x509.Certificate, host: str) -> bool:
    """Tell whether one of the names, wildcards for one label included, is the host's."""
    host = host.lower()
    parent = host.partition(".")[2]
    return any(name == host or (parent and name == f"*.{parent}") for name in domains_of(certificate))


# --- trust --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TrustStore:
    """Authorities: the roots that every server trusts, and what servers know of intermediates."""

    roots: tuple[x509.Certificate, ...] = ()

    def chain(
        self, leaf: x509.Certificate, known: Iterable[x509.Certificate]
    ) -> tuple[Sequence[x509.Certificate], bool]:
        """The issuing certificates from the leaf's on, and whether they end in a trusted root."""
        available = [*self.roots, *known]
        chain: list[x509.Certificate] = []
        current = leaf
        while len(chain) < 8:
            if current in self.roots:
                return chain, True
            issuer = next((c for c in available if c != current and _signed_by(current, c)), None)
            if issuer is None:
                return chain, False
            chain.append(issuer)
            current = issuer
        return chain, False


@lru_cache(maxsize=4096)
def _signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    if certificate.issuer != issuer.subject:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def judged(
    stored: StoredCertificate, trust: TrustStore, known: Iterable[x509.Certificate], now: datetime
) -> tuple[int, int]:
    """Status and RootCAType of a certificate [2.5-1].

    Self-signed ones are Valid, as all in the exports are [6.4-4]; a certificate from an export
    keeps what its blob says.
    """
    if stored.export_facts is not None:
        return stored.export_facts.status, stored.export_facts.root_ca_type
    if stored.is_pending:
        return PENDING_REQUEST, CA_UNKNOWN
    is_trusted = stored.is_self_signed or trust.chain(stored.certificate, known)[1]
    root = stored.root_ca_type if stored.is_self_signed else CA_REGISTRY if is_trusted else CA_UNKNOWN
    if not stored.is_current(now):
        return DATE_INVALID, root
    return (VALID if is_trusted else UNTRUSTED), root


# --- the object ---------------------------------------------------------------------------------


def certificate_object(stored: StoredCertificate, server_fqdn: str, status: int, root_ca_type: int) -> Obj:
    """What Get-ExchangeCertificate gives: RawData, and the rest in SerializationData [6.1-2]."""
    if stored.export is not None:
        return _exported(stored, stored.export)
    element = write_element(stored.der, stored.friendly_name, stored.container, stored.services)
    facts = CertificateFacts(
        element=element,
        self_signed=stored.is_self_signed,
        status=status,
        root_ca_type=root_ca_type,
        services=stored.services,
        sites=stored.sites,
        exportable=stored.exportable,
        identity=f"{server_fqdn}\\{stored.thumbprint}",
    )
    raw = Scalar("BA", base64.b64encode(stored.der).decode())
    return Obj(TYPES, to_string(stored), None, {"RawData": raw}, note(write_facts(facts)))


def _exported(stored: StoredCertificate, export: Obj) -> Obj:
    """The export's object as it was; its blob is written anew only once services have changed."""
    facts = stored.export_facts
    if facts is None or (facts.services, facts.sites) == (stored.services, stored.sites):
        return export
    blob = write_facts(replace(facts, services=stored.services, sites=stored.sites))
    return replace(export, notes={**(export.notes or {}), **note(blob)})


def to_string(stored: StoredCertificate) -> str:
    """X509Certificate2.ToString(): dates in the server's zone and culture [6.1-6]."""
    certificate = stored.certificate
    serial = f"{certificate.serial_number:X}"
    parts = {
        "Subject": text_of_name(certificate.subject),
        "Issuer": text_of_name(certificate.issuer),
        "Serial Number": serial.zfill(len(serial) + len(serial) % 2),
        "Not Before": _local(certificate.not_valid_before_utc),
        "Not After": _local(certificate.not_valid_after_utc),
        "Thumbprint": stored.thumbprint,
    }
    return "\r\n".join(f"[{title}]\r\n  {text}\r\n" for title, text in parts.items())


def _local(moment: datetime) -> str:
    return moment.astimezone(SERVER_ZONE).strftime("%m/%d/%Y %H:%M:%S")


# --- making them --------------------------------------------------------------------------------


def self_signed(
    key: rsa.RSAPrivateKey, subject: x509.Name, domains: Sequence[str], now: datetime, lifetime: timedelta
) -> bytes:
    """A certificate as New-ExchangeCertificate makes it; DER."""
    start = now.replace(microsecond=0)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + lifetime)
    )
    for extension, is_critical in _extensions(domains):
        builder = builder.add_extension(extension, is_critical)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def signing_request(key: rsa.RSAPrivateKey, subject: x509.Name, domains: Sequence[str]) -> bytes:
    """A PKCS#10 as New-ExchangeCertificate -GenerateRequest makes it; DER."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    for extension, is_critical in _extensions(domains):
        builder = builder.add_extension(extension, is_critical)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return builder.add_extension(identifier, False).sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def _extensions(domains: Sequence[str]) -> list[tuple[x509.ExtensionType, bool]]:
    usage = x509.KeyUsage(
        digital_signature=True,
        key_encipherment=True,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    extensions: list[tuple[x509.ExtensionType, bool]] = [(usage, True)]
    if domains:
        extensions.append((x509.SubjectAlternativeName([x509.DNSName(name) for name in domains]), False))
    extensions.append((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False))
    extensions.append((x509.BasicConstraints(ca=False, path_length=None), True))
    return extensions


def look_alike(original: x509.Certificate, key: PrivateKey, issuer_key: PrivateKey) -> bytes:
    """A certificate with the same names and dates, and a key that is here; PEM.

    An export holds no private keys, yet SMTP must present something.
    """
    builder = (
        x509.CertificateBuilder()
        .subject_name(original.subject)
        .issuer_name(original.issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(original.not_valid_before_utc)
        .not_valid_after(original.not_valid_after_utc)
    )
    domains = [name for name in domains_of(original) if " " not in name]
    for extension, is_critical in _extensions(domains):
        builder = builder.add_extension(extension, is_critical)
    signer = key if original.issuer == original.subject else issuer_key
    return builder.sign(signer, hashes.SHA256()).public_bytes(Encoding.PEM)
