"""SerializationData of Exchange's value objects, byte for byte as the exports hold it.

Layouts were read from real blobs; each function reproduces them to the last byte (tested on the
exports that EXCHANGE_CORPUS names). Not written, and so emitted without SerializationData: the
top-level objects that wrap an ADPropertyBag (send and receive connectors, servers, accepted
domains, settings: 14 to 68 KB of internal state each), NetworkAddress (has none in the exports),
SmtpReceiveDomainCapabilities (no sample).
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from functools import lru_cache
from uuid import UUID

from reconciler.lab.exchange.nrbf import (
    LibraryClass,
    Members,
    Primitive,
    Records,
    Special,
    SystemClass,
)
from reconciler.lab.exchange.nrbf_reader import SIGNED

TOKEN = "Culture=neutral, PublicKeyToken=31bf3856ad364e35"  # noqa: S105 - an assembly's public name
DATA = f"Microsoft.Exchange.Data, Version=15.0.0.0, {TOKEN}"
DIRECTORY = f"Microsoft.Exchange.Data.Directory, Version=15.0.0.0, {TOKEN}"
SYSTEM = "System, Version=4.0.0.0, Culture=neutral, PublicKeyToken=b77a5c561934e089"
MSCORLIB = "mscorlib, Version=4.0.0.0, Culture=neutral, PublicKeyToken=b77a5c561934e089"

NAMESPACE = "Microsoft.Exchange.Data."
NO_HASH_YET = -1
"""SmtpDomain computes its hash code when first asked; nobody has asked before it is serialized."""


def signed(blob: bytes, secret: bytes) -> bytes:
    """Frame a blob as servers with payload signing do [6.2-2].

    The real algorithm is not known; 32 bytes that depend on secret and payload look like it.
    """
    signature = hmac.new(secret, blob, hashlib.sha256).digest()
    return SIGNED + struct.pack("<i", len(blob)) + blob + signature


@lru_cache(maxsize=1024)
def time_span(ticks: int) -> bytes:
    """EnhancedTimeSpan; ticks of 100 ns."""
    w = started(DATA)
    w.new_class(1, NAMESPACE + "EnhancedTimeSpan", [("timeSpan", Primitive.TIME_SPAN)], 2)
    w.value(Primitive.TIME_SPAN, ticks)
    return w.end()


@lru_cache(maxsize=1024)
def unlimited_int(value: int | None) -> bytes:
    """Unlimited`1[Int32]; None is unlimited."""
    w = started(DATA)
    members: Members = [("limitedValue", Primitive.INT32), ("isUnlimited", Primitive.BOOLEAN)]
    w.new_class(1, f"{NAMESPACE}Unlimited`1[[System.Int32, {MSCORLIB}]]", members, 2)
    w.value(Primitive.INT32, value or 0)
    w.value(Primitive.BOOLEAN, value is None)
    return w.end()


@lru_cache(maxsize=1024)
def byte_size(size: int, text: str) -> bytes:
    """ByteQuantifiedSize as receive connectors hold it: quantified in bytes, the text kept."""
    w = started(DATA)
    _begin_size(w, 1, size, enum=-3, quantifier=1)
    w.string(4, text)
    return w.end()


@lru_cache(maxsize=1024)
def unlimited_bytes(size: int | None) -> bytes:
    """Unlimited`1[ByteQuantifiedSize]; None is unlimited.

    The sample is quantified in KB. No sample is unlimited: then the size is taken to be zero bytes,
    as default(ByteQuantifiedSize) has it.
    """
    w = started(DATA)
    inner = LibraryClass(NAMESPACE + "ByteQuantifiedSize", 2)
    members: Members = [("limitedValue", inner), ("isUnlimited", Primitive.BOOLEAN)]
    w.new_class(1, f"{NAMESPACE}Unlimited`1[[{NAMESPACE}ByteQuantifiedSize, {DATA}]]", members, 2)
    _begin_size(w, -3, size or 0, enum=-4, quantifier=0 if size is None else 1024)
    w.null()
    w.value(Primitive.BOOLEAN, size is None)
    return w.end()


def _begin_size(w: Records, number: int, size: int, *, enum: int, quantifier: int) -> None:
    kind = NAMESPACE + "ByteQuantifiedSize+Quantifier"
    members: Members = [
        ("bytes", Primitive.UINT64),
        ("unit", LibraryClass(kind, 2)),
        ("canonicalForm", Special.STRING),
    ]
    w.new_class(number, NAMESPACE + "ByteQuantifiedSize", members, 2)
    w.value(Primitive.UINT64, size)
    w.new_class(enum, kind, [("value__", Primitive.UINT64)], 2)
    w.value(Primitive.UINT64, quantifier)


@lru_cache(maxsize=1024)
def fqdn(name: str) -> bytes:
    w = started(DATA)
    members: Members = [("SmtpDomain+domain", Special.STRING), ("SmtpDomain+hashCode", Primitive.INT32)]
    w.new_class(1, NAMESPACE + "Fqdn", members, 2)
    w.string(3, name)
    w.value(Primitive.INT32, NO_HASH_YET)
    return w.end()


@lru_cache(maxsize=1024)
def domain_with_subdomains(domain: str | None, subdomains: bool) -> bytes:
    """SmtpDomainWithSubdomains; domain None is the star."""
    w = started(DATA)
    _domain_with_subdomains(w, 1, 3, domain, subdomains)
    return w.end()


def _domain_with_subdomains(
    w: Records, number: int, child: int, domain: str | None, subdomains: bool
) -> None:
    """The object and, queued behind it, the domain: ids ``number``, ``child`` and ``child + 1``."""
    inner = LibraryClass(NAMESPACE + "SmtpDomain", 2)
    members: Members = [
        ("domain", inner),
        ("includeSubdomains", Primitive.BOOLEAN),
        ("hashCode", Primitive.INT32),
    ]
    w.new_class(number, NAMESPACE + "SmtpDomainWithSubdomains", members, 2)
    if domain is None:
        w.null()
    else:
        w.reference(child)
    w.value(Primitive.BOOLEAN, subdomains)
    w.value(Primitive.INT32, NO_HASH_YET)
    if domain is not None:
        w.new_class(child, inner.name, [("domain", Special.STRING), ("hashCode", Primitive.INT32)], 2)
        w.string(child + 1, domain)
        w.value(Primitive.INT32, NO_HASH_YET)


@lru_cache(maxsize=1024)
def address_space(kind: str, other: str | None, domain: str | None, subdomains: bool, cost: int) -> bytes:
    """AddressSpace.

    Args:
        kind: ``SMTP`` or another address type, in the casing given.
        other: The address of a non-SMTP space; None for SMTP (only SMTP has a sample).
        domain: The SMTP domain; None is the star.
        subdomains: The address began with ``*``.
        cost: 1 to 100.
    """
    w = started(DATA)
    members: Members = [
        ("type", Special.STRING),
        ("addressSpace", Special.STRING),
        ("smtpDomainWithSubdomains", LibraryClass(NAMESPACE + "SmtpDomainWithSubdomains", 2)),
        ("x400Address", LibraryClass(NAMESPACE + "RoutingX400Address", 2)),
        ("cost", Primitive.INT32),
        ("isLocal", Primitive.BOOLEAN),
    ]
    w.new_class(1, NAMESPACE + "AddressSpace", members, 2)
    w.string(3, kind)
    if other is None:
        w.null()
        w.reference(4)
    else:
        w.string(4, other)
        w.null()
    w.null()
    w.value(Primitive.INT32, cost)
    w.value(Primitive.BOOLEAN, False)
    if other is None:
        _domain_with_subdomains(w, 4, 5, domain, subdomains)
    return w.end()


@lru_cache(maxsize=1024)
def x509_identifier(issuer: str, subject: str, common_name: str | None, subdomains: bool) -> bytes:
    """SmtpX509Identifier.

    Args:
        issuer: Issuer as text.
        subject: Subject as text.
        common_name: The subject's CN without a leading ``*.``; None where it is no domain.
        subdomains: The CN began with ``*.``.
    """
    w = started(DATA)
    cn_type = LibraryClass(NAMESPACE + "SmtpDomainWithSubdomains", 2)
    members: Members = [
        ("<CertificateSubject>k__BackingField", Special.STRING),
        ("<CertificateIssuer>k__BackingField", Special.STRING),
        ("<SubjectCommonName>k__BackingField", cn_type),
    ]
    w.new_class(1, NAMESPACE + "SmtpX509Identifier", members, 2)
    w.string(3, subject)
    w.string(4, issuer)
    if common_name is None:
        w.null()
    else:
        w.reference(5)
        _domain_with_subdomains(w, 5, 6, common_name, subdomains)
    return w.end()


@lru_cache(maxsize=64)
def object_version(major: int, minor: int, build: tuple[int, int, int, int]) -> bytes:
    """ExchangeObjectVersion, such as 0.1 (8.0.535.0)."""
    w = started(DATA)
    inner = LibraryClass(NAMESPACE + "ExchangeBuild", 2)
    members: Members = [("Major", Primitive.BYTE), ("Minor", Primitive.BYTE), ("ExchangeBuild", inner)]
    w.new_class(1, NAMESPACE + "ExchangeObjectVersion", members, 2)
    w.value(Primitive.BYTE, major)
    w.value(Primitive.BYTE, minor)
    parts: Members = [
        ("Major", Primitive.BYTE),
        ("Minor", Primitive.BYTE),
        ("Build", Primitive.UINT16),
        ("BuildRevision", Primitive.UINT16),
    ]
    w.new_class(-3, inner.name, parts, 2)
    for kind, value in zip(
        (Primitive.BYTE, Primitive.BYTE, Primitive.UINT16, Primitive.UINT16), build, strict=True
    ):
        w.value(kind, value)
    return w.end()


@lru_cache(maxsize=64)
def server_version(version: tuple[int, int, int, int]) -> bytes:
    w = started(DATA)
    members: Members = [
        ("version", SystemClass("System.Version")),
        ("filePatchLevelDescription", Special.STRING),
    ]
    w.new_class(1, NAMESPACE + "ServerVersion", members, 2)
    w.reference(3)
    w.null()
    parts: Members = [(name, Primitive.INT32) for name in ("_Major", "_Minor", "_Build", "_Revision")]
    w.new_class(3, "System.Version", parts, None)
    for value in version:
        w.value(Primitive.INT32, value)
    return w.end()


@lru_cache(maxsize=64)
def local_path(path: str, assembly_version: str) -> bytes:
    """LocalLongFullPath of a drive path such as ``C:\\\\Program Files``."""
    w = Records()
    w.library(2, f"Microsoft.Exchange.Data.Common, Version={assembly_version}, {TOKEN}")
    members: Members = [
        ("LongPath+pathName", Special.STRING),
        ("LongPath+isValid", Primitive.BOOLEAN),
        ("LongPath+isLocalFull", Primitive.BOOLEAN),
        ("LongPath+isUnc", Primitive.BOOLEAN),
        ("LongPath+driveName", Special.STRING),
        ("LongPath+serverName", Special.STRING),
    ]
    w.new_class(1, NAMESPACE + "LocalLongFullPath", members, 2)
    w.string(3, path)
    for value in (True, True, False):
        w.value(Primitive.BOOLEAN, value)
    w.string(4, path[:2])
    w.null()
    return w.end()


_GUID = SystemClass("System.Guid")
_NULLABLE_GUID = SystemClass(f"System.Nullable`1[[System.Guid, {MSCORLIB}]]")
_GUID_PARTS: Members = [
    ("_a", Primitive.INT32),
    ("_b", Primitive.INT16),
    ("_c", Primitive.INT16),
    *((f"_{letter}", Primitive.BYTE) for letter in "defghijk"),
]
_AD_OBJECT_ID = LibraryClass(NAMESPACE + "Directory.ADObjectId", 2)
_ORGANIZATION_ID = LibraryClass(NAMESPACE + "Directory.OrganizationId", 2)
_PARTITION_ID = LibraryClass(NAMESPACE + "Directory.PartitionId", 2)
_ORGANIZATION_MEMBERS: Members = [
    ("orgUnit", _AD_OBJECT_ID),
    ("configUnit", _AD_OBJECT_ID),
    ("partitionId", _PARTITION_ID),
    ("externalDirectoryOrganizationId", _NULLABLE_GUID),
    ("safeExternalDirectoryOrganizationId", _NULLABLE_GUID),
]


def ad_object_id(partition: UUID, forest: str, guid: UUID, dn: str, depth: int, text: str) -> bytes:
    """ADObjectId; a bare link (its GUID is zero) carries no organization."""
    w = started(DIRECTORY)
    members: Members = [
        ("partitionGuid", _GUID),
        ("partitionFqdn", Special.STRING),
        ("objectGuid", _GUID),
        ("distinguishedName", Special.STRING),
        ("securityIdentifierString", Special.STRING),
        ("depth", Primitive.INT32),
        ("toStringVal", Special.STRING),
        ("executingUserOrganization", _ORGANIZATION_ID),
    ]
    w.new_class(1, _AD_OBJECT_ID.name, members, 2)
    w.new_class(-3, _GUID.name, _GUID_PARTS, None)
    _guid(w, partition)
    w.string(4, forest)
    w.same_class(-5, -3)
    _guid(w, guid)
    w.string(6, dn)
    w.null()
    w.value(Primitive.INT32, depth)
    w.string(7, text)
    if guid.int == 0:
        w.null()
        return w.end()
    w.reference(8)
    w.new_class(8, _ORGANIZATION_ID.name, _ORGANIZATION_MEMBERS, 2)
    w.null()
    w.null()
    w.reference(9)
    w.null()
    w.null()
    members = [("forestFQDN", Special.STRING), ("partitionObjectId", _NULLABLE_GUID)]
    w.new_class(9, _PARTITION_ID.name, members, 2)
    w.string(10, forest)
    w.null()
    return w.end()


@lru_cache(maxsize=1)
def organization_id() -> bytes:
    """OrganizationId of the first organization, which names nothing."""
    w = started(DIRECTORY)
    w.new_class(1, _ORGANIZATION_ID.name, _ORGANIZATION_MEMBERS, 2)
    for _ in _ORGANIZATION_MEMBERS:
        w.null()
    return w.end()


def _guid(w: Records, guid: UUID) -> None:
    w.out += guid.bytes_le


def started(library: str) -> Records:
    w = Records()
    w.library(2, library)
    return w
