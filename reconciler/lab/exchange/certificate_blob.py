"""SerializationData of an ExchangeCertificate: [6.3-1] to [6.3-4], written and read."""

from __future__ import annotations

import hashlib
import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from reconciler.lab.exchange.blobs import SYSTEM
from reconciler.lab.exchange.nrbf import (
    ArrayOf,
    LibraryClass,
    Members,
    Primitive,
    Records,
    Special,
    SystemClass,
)
from reconciler.lab.exchange.nrbf_reader import BadBlob, read, unframed

LIBRARY = "Microsoft.Exchange.Management, Version=15.0.0.0, Culture=neutral, PublicKeyToken=31bf3856ad364e35"
TASKS = "Microsoft.Exchange.Management.SystemConfigurationTasks."
DER = 32
FRIENDLY_NAME = 11


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What the blob says beside the certificate itself.

    Attributes:
        element: CertData, the serialized certificate element.
        self_signed: Issuer and subject are one.
        status: CertificateStatus [6.4-2].
        root_ca_type: CertificateAuthorityType [6.4-3].
        services: AllowedServices bits [6.4-1].
        sites: IIS bindings in the form ``IIS://SERVER/W3SVC/1``.
        exportable: The private key may leave the server.
        identity: ``server FQDN\\THUMBPRINT``.
    """

    element: bytes
    self_signed: bool
    status: int
    root_ca_type: int
    services: int
    sites: tuple[str, ...]
    exportable: bool
    identity: str


def write_facts(facts: CertificateFacts) -> bytes:
    """Write the unsigned blob."""
    w = Records()
    w.library(2, LIBRARY)
    status = LibraryClass(TASKS + "CertificateStatus", 2)
    authority = LibraryClass(TASKS + "CertificateAuthorityType", 2)
    services = LibraryClass(TASKS + "AllowedServices", 2)
    site = LibraryClass(TASKS + "IisService", 2)
    site_list = SystemClass(f"System.Collections.Generic.List`1[[{site.name}, {LIBRARY}]]")
    members: Members = [
        ("CertData", ArrayOf(Primitive.BYTE)),
        ("SelfSigned", Primitive.BOOLEAN),
        ("Status", status),
        ("RootCAType", authority),
        ("Services", services),
        ("IISServices", site_list),
        ("PrivateKeyExportable", Primitive.BOOLEAN),
        ("Identity", Special.STRING),
    ]
    w.new_class(1, TASKS + "ExchangeCertificate", members, 2)
    w.reference(3)
    w.value(Primitive.BOOLEAN, facts.self_signed)
    enums = ((-4, status, facts.status), (-5, authority, facts.root_ca_type), (-6, services, facts.services))
    for number, kind, value in enums:
        w.new_class(number, kind.name, [("value__", Primitive.INT32)], 2)
        w.value(Primitive.INT32, value)
    w.reference(7)
    w.value(Primitive.BOOLEAN, facts.exportable)
    w.string(8, facts.identity)
    w.byte_array(3, facts.element)
    items = LibraryClass(site.name + "[]", 2)
    parts: Members = [("_items", items), ("_size", Primitive.INT32), ("_version", Primitive.INT32)]
    w.new_class(7, site_list.name, parts, None)
    w.reference(9)
    w.value(Primitive.INT32, len(facts.sites))
    w.value(Primitive.INT32, 1)
    _sites(w, facts.sites, site)
    return w.end()


def _sites(w: Records, sites: tuple[str, ...], kind: LibraryClass) -> None:
    capacity = 4 if sites else 0  # a List grows from 0 to 4; no server has more than two sites
    w.class_array(9, capacity, kind)
    if not sites:
        return
    numbers = range(10, 10 + len(sites))
    for number in numbers:
        w.reference(number)
    w.nulls(capacity - len(sites))
    library = numbers.stop
    w.library(library, SYSTEM)
    validation = LibraryClass(TASKS + "UrlValidation", 2)
    url = LibraryClass("System.Uri", library)
    members: Members = [
        ("serviceName", Special.STRING),
        ("internalUrl", url),
        ("internalUrlValid", validation),
        ("externalUrl", url),
        ("externalUrlValid", validation),
    ]
    following = library + 1
    first_enum = -(library + 2)
    for number, name in zip(numbers, sites, strict=True):
        if number == numbers.start:
            w.new_class(number, kind.name, members, 2)
        else:
            w.same_class(number, numbers.start)
        w.string(following, name)
        for enum in (-(following + 1), -(following + 2)):
            w.null()
            if enum == first_enum:
                w.new_class(enum, validation.name, [("value__", Primitive.INT32)], 2)
            else:
                w.same_class(enum, first_enum)
            w.value(Primitive.INT32, 0)
        following += 3


def read_facts(blob: bytes) -> CertificateFacts:
    """Read a blob, signed or not.

    Raises:
        BadBlob: it is not an ExchangeCertificate's.
    """
    root = read(unframed(blob))
    try:
        return CertificateFacts(
            element=bytes(root["CertData"]),
            self_signed=bool(root["SelfSigned"]),
            status=int(root["Status"]["value__"]),
            root_ca_type=int(root["RootCAType"]["value__"]),
            services=int(root["Services"]["value__"]),
            sites=tuple(str(item["serviceName"]) for item in root["IISServices"]["_items"] if item),
            exportable=bool(root["PrivateKeyExportable"]),
            identity=str(root["Identity"]),
        )
    except (KeyError, TypeError) as missing:
        raise BadBlob(f"no ExchangeCertificate: {missing}") from None


# --- CertData: what Windows keeps with a certificate (CertSerializeCertificateStoreElement) -----


def write_element(der: bytes, friendly_name: str, container: UUID, salt: int) -> bytes:
    """Write CertData of a certificate whose key lies in ``container``.

    Two captures of one certificate differ in the order of their properties [6.3-4]; ``salt``
    chooses the order. The certificate itself is always last.
    """
    properties = _properties(x509.load_der_x509_certificate(der), der, container)
    if friendly_name:
        properties[FRIENDLY_NAME] = _utf16(friendly_name)
    order = sorted(properties)
    seed = hashlib.sha256(der).digest() + struct.pack("<i", salt)
    random.Random(seed).shuffle(order)  # noqa: S311 - nothing secret: an order that looks arbitrary
    return b"".join(_property(number, properties[number]) for number in order) + _property(DER, der)


def read_element(element: bytes) -> dict[int, bytes]:
    """Take CertData apart: property id to value.

    Raises:
        BadBlob: lengths do not add up.
    """
    return dict(_elements(element))


def friendly_name_of(element: bytes) -> str:
    """The friendly name, or the empty string."""
    return read_element(element).get(FRIENDLY_NAME, b"").decode("utf-16-le").rstrip("\0")


def _elements(element: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(element):
        if at + 12 > len(element):
            raise BadBlob("CertData ends inside a property's header")
        number, _, length = struct.unpack_from("<III", element, at)
        at += 12 + length
        if at > len(element):
            raise BadBlob(f"property {number} of CertData is longer than the rest")
        yield number, element[at - length : at]


def _property(number: int, value: bytes) -> bytes:
    return struct.pack("<III", number, 1, len(value)) + value


def _properties(certificate: x509.Certificate, der: bytes, container: UUID) -> dict[int, bytes]:
    """The hashes and names that wincrypt.h calls CERT_*_PROP_ID."""
    key = certificate.public_key()
    public = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    algorithm = certificate.signature_hash_algorithm
    digest = algorithm.name if algorithm else "sha256"
    family, size, bits = "ECDSA", 0, public
    if isinstance(key, rsa.RSAPublicKey):
        family, size, bits = "RSA", key.key_size, key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        size, bits = key.key_size, key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return {
        2: _key_provider(container),
        3: hashlib.sha1(der, usedforsecurity=False).digest(),
        4: hashlib.md5(der, usedforsecurity=False).digest(),
        15: hashlib.new(digest, certificate.tbs_certificate_bytes, usedforsecurity=False).digest(),
        20: hashlib.sha1(public, usedforsecurity=False).digest(),
        25: hashlib.md5(bits, usedforsecurity=False).digest(),
        89: _utf16(f"{family}/{digest.upper()}"),
        92: struct.pack("<I", size),
    }


def _key_provider(container: UUID) -> bytes:
    """CRYPT_KEY_PROV_INFO: provider type 12 (Schannel), machine key set, key exchange key."""
    name = _utf16(str(container))
    padded = name + b"\0" * (-len(name) % 4)
    return struct.pack("<7I", 28, 0, 12, 0x20, 0, 0, 1) + padded + b"\0" * 4


def _utf16(text: str) -> bytes:
    return (text + "\0").encode("utf-16-le")
