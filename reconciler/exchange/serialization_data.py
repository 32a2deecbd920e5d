"""Reads ``SerializationData``: the private copy of itself that Exchange hangs on each object it returns.

For a certificate it is the only place that tells its services, status and friendly name, and whether its key
may be exported [6.1-2], [6.3]. Nothing here ever goes back to a server [6.2-3].
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.exchange import nrbf

SIGNED_MARK: Final = b"#sig#"
SIGNATURE_BYTES: Final = 32
CERTIFICATE_CLASS: Final = "Microsoft.Exchange.Management.SystemConfigurationTasks.ExchangeCertificate"


class BlobError(Exception):
    """A blob that is not framed as [6.2] says, or not about what was asked.

    Attributes:
        reason: What is wrong.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)

    def __str__(self) -> str:
        return f"serialization data not readable: {self.reason}"


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob, decoded to its last byte.

    Attributes:
        signature: The 32 bytes after a signed one, None without. A client has no means to check it [6.2-2].
    """

    stream: nrbf.Stream
    signature: bytes | None


def decode(data: bytes, limits: nrbf.Limits = nrbf.DEFAULT_LIMITS) -> Blob:
    """Decode a blob, signed or not.

    Raises:
        BlobError: the frame is broken, or the stream inside is.
    """
    stream, signature = data, None
    if data.startswith(SIGNED_MARK):
        start = len(SIGNED_MARK) + 4
        if len(data) < start:
            raise BlobError("ends inside the length of its signed part")
        (length,) = struct.unpack_from("<i", data, len(SIGNED_MARK))
        if length < 0 or len(data) != start + length + SIGNATURE_BYTES:
            raise BlobError(f"says {length} signed bytes, holds {len(data) - start} with the signature")
        stream, signature = data[start : start + length], data[start + length :]
    try:
        return Blob(nrbf.decode(stream, limits), signature)
    except nrbf.NrbfError as error:
        raise BlobError(str(error)) from error


@dataclass(frozen=True, slots=True)
class CertData:
    """A Windows serialized certificate element: properties by id [6.3-4].

    The order and the set of ids differ between two captures of one certificate: never compare or hash it.
    """

    properties: Mapping[int, bytes]

    @classmethod
    def parse(cls, data: bytes) -> CertData:
        """Split ``[uint32 id][uint32 encoding][uint32 length][data]``, repeated, to the last byte.

        Raises:
            BlobError: it does not end where its last part does, or an id stands twice.
        """
        found: dict[int, bytes] = {}
        for number, value in _elements(data):
            if number in found:
                raise BlobError(f"certificate property {number} twice")
            found[number] = value
        return cls(found)

    @property
    def der(self) -> bytes | None:
        """The certificate itself (CERT_CERT_PROP_ID)."""
        return self.properties.get(32)

    @property
    def friendly_name(self) -> str | None:
        """The only place where the friendly name is (CERT_FRIENDLY_NAME_PROP_ID): UTF-16LE and a NUL.

        Raises:
            BlobError: it is not UTF-16.
        """
        raw = self.properties.get(11)
        if raw is None:
            return None
        try:
            return raw.decode("utf-16-le").removesuffix("\0")
        except UnicodeDecodeError:
            raise BlobError("a friendly name that is not UTF-16") from None

    @property
    def has_key_provider(self) -> bool:
        """Whether it names where its private key is (CERT_KEY_PROV_INFO_PROP_ID)."""
        return 2 in self.properties


@dataclass(frozen=True, slots=True)
class ExchangeCertificate:
    """What the blob of a certificate says [6.3-1]. Numbers stay numbers: few of their names are known [6.4].

    Attributes:
        services: Sum of bits: 1 and 2 IMAP and POP, 8 IIS, 16 SMTP; others exist [6.4-1].
        iis_services: Names of the web sites it is bound to, ``IIS://<server>/W3SVC/<n>``.
        identity: ``<server FQDN>\\<THUMBPRINT>``.
    """

    cert_data: CertData
    self_signed: bool
    status: int
    root_ca_type: int
    services: int
    iis_services: tuple[str, ...]
    private_key_exportable: bool
    identity: str

    @classmethod
    def from_blob(cls, data: bytes) -> ExchangeCertificate:
        """Decode the blob of a certificate.

        Raises:
            BlobError: it is no blob, or one about something else, or a member is missing or of another type.
        """
        stream = decode(data).stream
        root = stream.root
        if not isinstance(root, nrbf.ClassRecord) or root.class_name != CERTIFICATE_CLASS:
            raise BlobError(f"not about a certificate: {getattr(root, 'class_name', type(root).__name__)}")
        members = _Members(stream, root)
        return cls(
            cert_data=CertData.parse(members.byte_array("CertData")),
            self_signed=members.boolean("SelfSigned"),
            status=members.enum("Status"),
            root_ca_type=members.enum("RootCAType"),
            services=members.enum("Services"),
            iis_services=tuple(members.iis_services()),
            private_key_exportable=members.boolean("PrivateKeyExportable"),
            identity=members.text("Identity"),
        )


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset < len(data):
        if len(data) - offset < _ELEMENT.size:
            raise BlobError("certificate data ends inside a property")
        number, _, length = _ELEMENT.unpack_from(data, offset)
        offset += _ELEMENT.size
        if length > len(data) - offset:
            raise BlobError("certificate data ends inside a property")
        yield number, data[offset : offset + length]
        offset += length


_ELEMENT: Final = struct.Struct("<III")


@dataclass(frozen=True, slots=True)
class _Members:
    """Typed access to the members of one record."""

    stream: nrbf.Stream
    record: nrbf.ClassRecord

    def get(self, name: str) -> nrbf.Value:
        if name not in self.record.members:
            raise BlobError(f"{self.record.class_name} without {name}")
        return self.stream.follow(self.record.members[name])

    def wrong(self, name: str, value: nrbf.Value) -> BlobError:
        return BlobError(f"{name} is a {type(value).__name__}")

    def boolean(self, name: str) -> bool:
        value = self.get(name)
        if not isinstance(value, bool):
            raise self.wrong(name, value)
        return value

    def integer(self, name: str) -> int:
        value = self.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.wrong(name, value)
        return value

    def text(self, name: str) -> str:
        value = self.get(name)
        if not isinstance(value, str):
            raise self.wrong(name, value)
        return value

    def byte_array(self, name: str) -> bytes:
        value = self.get(name)
        if not isinstance(value, nrbf.ArrayRecord) or not isinstance(value.values, bytes):
            raise self.wrong(name, value)
        return value.values

    def inner(self, name: str) -> _Members:
        value = self.get(name)
        if not isinstance(value, nrbf.ClassRecord):
            raise self.wrong(name, value)
        return _Members(self.stream, value)

    def enum(self, name: str) -> int:
        return self.inner(name).integer("value__")

    def iis_services(self) -> Iterator[str]:
        """Walk the List`1 of IisService [6.3-2], [6.3-3]: ``_size`` of the ``_items`` count."""
        services = self.inner("IISServices")
        items, size = services.get("_items"), services.integer("_size")
        if not isinstance(items, nrbf.ArrayRecord) or isinstance(items.values, bytes):
            raise self.wrong("IISServices", items)
        if not 0 <= size <= len(items.values):
            raise BlobError(f"{size} web sites in room for {len(items.values)}")
        for item in items.values[:size]:
            service = self.stream.follow(item)
            if not isinstance(service, nrbf.ClassRecord):
                raise self.wrong("IISServices", service)
            yield _Members(self.stream, service).text("serviceName")
