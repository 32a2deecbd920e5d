"""Serialization data: every blob to its last byte, signed or not, and never more than its bounds."""

from __future__ import annotations

import base64
import hashlib
import os
import struct
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.exchange import clixml, nrbf, serialization_data
from reconciler.exchange.serialization_data import BlobError, CertData, ExchangeCertificate
from tests.rules import rule

FOLDERS = [
    Path(__file__).parent / "samples",
    *(Path(folder) for folder in [os.environ.get("EXCHANGE_CORPUS")] if folder),
]
FILES = [path for folder in FOLDERS for path in sorted(folder.glob("*.xml"))]
SAMPLE = FOLDERS[0] / "certificates.xml"


def objects_of(value: clixml.Primitive | clixml.Object, seen: set[int]) -> list[clixml.Object]:
    """The object and every object inside it, each once."""
    if isinstance(value, clixml.Primitive) or id(value) in seen:
        return []
    seen.add(id(value))
    inner = [value.get(name) for name in value.names()] + [*(value.items or [])]
    return [value, *(found for child in inner if child is not None for found in objects_of(child, seen))]


def blobs_of(path: Path) -> list[tuple[clixml.Object, bytes]]:
    seen: set[int] = set()
    found = []
    for value in clixml.read(path.read_bytes()).values:
        for item in objects_of(value, seen):
            data = item.get("SerializationData")
            if isinstance(data, clixml.Primitive):
                assert isinstance(data.value, bytes)
                found.append((item, data.value))
    return found


def certificates_of(path: Path) -> list[tuple[bytes, ExchangeCertificate]]:
    found = []
    for item, data in blobs_of(path):
        if item.types[0] == serialization_data.CERTIFICATE_CLASS:
            raw = item.get("RawData")
            assert isinstance(raw, clixml.Primitive)
            assert isinstance(raw.value, bytes)
            found.append((raw.value, ExchangeCertificate.from_blob(data)))
    return found


def number(value: int) -> bytes:
    return struct.pack("<i", value)


def text(value: str) -> bytes:
    """A length-prefixed string, up to 127 bytes."""
    raw = value.encode()
    return bytes([len(raw)]) + raw


def stream(*records: bytes, root: int = 1) -> bytes:
    return b"\0" + number(root) + number(-1) + number(1) + number(0) + b"".join(records) + b"\x0b"


ANCHOR = b"\x06" + number(1) + text("root")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
class TestARealFile:
    def test_has_every_blob_decoded_to_its_last_byte(self, path: Path) -> None:
        """As many as the file has members of that name; a signed one has 32 bytes after its stream."""
        blobs = [data for _, data in blobs_of(path)]
        assert len(blobs) == path.read_text("utf-8-sig").count('N="SerializationData"')
        for data in blobs:
            blob = serialization_data.decode(data)
            assert blob.stream.types[-1] is nrbf.RecordType.END
            assert (blob.signature is None) != data.startswith(b"#sig#")
            if blob.signature is not None:
                assert len(blob.signature) == 32
                assert data[5:9] == number(len(data) - 9 - 32)

    def test_loses_no_blob_that_is_one_byte_short_or_long(self, path: Path) -> None:
        """What is not understood completely is not used at all."""
        for _, data in blobs_of(path)[:3]:
            for broken in (data[:-1], data + b"\0"):
                with pytest.raises(BlobError):
                    serialization_data.decode(broken)

    @rule("6.3-4", "6.3-5")
    def test_has_certificates_that_agree_with_their_raw_data(self, path: Path) -> None:
        """[6.3-4], [6.3-5]: the DER inside is RawData, and its SHA-1 the thumbprint of the identity."""
        for raw, certificate in certificates_of(path):
            assert certificate.cert_data.der == raw
            assert certificate.identity.endswith(
                "\\" + hashlib.sha1(raw, usedforsecurity=False).hexdigest().upper()
            )
            assert bool(certificate.iis_services) == bool(certificate.services & 8)


class TestACertificate:
    def test_is_read_from_a_signed_blob(self) -> None:
        (_, certificate), _ = certificates_of(SAMPLE)
        assert certificate.cert_data.friendly_name == "TLSCert mail.example.com"
        assert certificate.cert_data.has_key_provider
        assert (certificate.services, certificate.status, certificate.root_ca_type) == (16, 1, 0)
        assert certificate.self_signed
        assert not certificate.private_key_exportable
        assert certificate.iis_services == ()

    def test_is_read_from_an_unsigned_one(self) -> None:
        _, (_, certificate) = certificates_of(SAMPLE)
        assert certificate.services == 25
        assert certificate.private_key_exportable
        assert certificate.iis_services == ("IIS://EX1/W3SVC/1", "IIS://EX1/W3SVC/2")

    def test_is_not_read_from_the_blob_of_something_else(self) -> None:
        with pytest.raises(BlobError):
            ExchangeCertificate.from_blob(stream(ANCHOR))

    def test_without_one_of_its_members_is_refused(self) -> None:
        """Half a certificate would leave attributes that look read."""
        members = b"\x05" + number(1) + text(serialization_data.CERTIFICATE_CLASS) + number(1)
        data = stream(
            b"\x0c" + number(2) + text("lib"), members + text("Services") + b"\0\x08" + number(2) + number(16)
        )
        with pytest.raises(BlobError, match="CertData"):
            ExchangeCertificate.from_blob(data)


class TestCertData:
    def test_has_properties_by_id(self) -> None:
        data = (
            struct.pack("<III", 32, 1, 2) + b"ab" + struct.pack("<III", 11, 1, 4) + "é\0".encode("utf-16-le")
        )
        parsed = CertData.parse(data)
        assert parsed.der == b"ab"
        assert parsed.friendly_name == "é"
        assert not parsed.has_key_provider

    def test_without_a_friendly_name_has_none(self) -> None:
        assert CertData.parse(b"").friendly_name is None

    @pytest.mark.parametrize(
        "data", [b"\0", struct.pack("<III", 3, 1, 5) + b"ab", (struct.pack("<III", 3, 1, 1) + b"a") * 2]
    )
    def test_that_does_not_end_with_its_last_property_is_refused(self, data: bytes) -> None:
        with pytest.raises(BlobError):
            CertData.parse(data)


class TestAStream:
    def test_keeps_references_and_strings_as_records(self) -> None:
        decoded = nrbf.decode(
            stream(
                b"\x10" + number(1) + number(2) + b"\x09" + number(5) + b"\x0a",
                b"\x06" + number(5) + text("é"),
            )
        )
        assert decoded.root == nrbf.ArrayRecord(1, (2,), (nrbf.Reference(5), None))
        assert decoded.follow(nrbf.Reference(5)) == "é"

    @pytest.mark.parametrize(
        ("kind", "raw", "value"),
        [
            (1, b"\1", True),
            (2, b"\xff", 255),
            (3, "é".encode(), "é"),
            (5, text("1.5"), Decimal("1.5")),
            (6, struct.pack("<d", 0.5), 0.5),
            (7, struct.pack("<h", -2), -2),
            (8, number(-3), -3),
            (9, struct.pack("<q", -4), -4),
            (10, b"\xff", -1),
            (11, struct.pack("<f", 0.5), 0.5),
            (12, struct.pack("<q", 6_000_000_000), 6_000_000_000),
            (13, struct.pack("<Q", 2**63 + 1), 2**63 + 1),
            (14, b"\xff\xff", 65535),
            (15, b"\xff" * 4, 2**32 - 1),
            (16, b"\xff" * 8, 2**64 - 1),
            (17, b"", None),
            (18, text("é"), "é"),
        ],
    )
    def test_has_primitives_of_every_type(self, kind: int, raw: bytes, value: nrbf.Value) -> None:
        decoded = nrbf.decode(stream(b"\x10" + number(1) + number(1) + bytes([8, kind]) + raw))
        assert decoded.root == nrbf.ArrayRecord(1, (1,), (value,))

    def test_has_arrays_of_every_form(self) -> None:
        decoded = nrbf.decode(
            stream(
                b"\x07"
                + number(1)
                + b"\x02"
                + number(2)
                + number(2)
                + number(2)
                + b"\x00\x08"
                + number(1)
                + number(2)
                + number(3)
                + number(4),
                b"\x07" + number(2) + b"\x03" + number(1) + number(3) + number(7) + b"\x01\x0d\x03",
                b"\x07" + number(3) + b"\x01" + number(1) + number(2) + b"\x07\x02\x0a\x0a",
                b"\x11" + number(4) + number(2) + b"\x0e" + number(2),
                b"\x0f" + number(5) + number(2) + b"\x02ab",
            )
        )
        assert decoded.records[1] == nrbf.ArrayRecord(1, (2, 2), (1, 2, 3, 4))
        assert decoded.records[2] == nrbf.ArrayRecord(2, (3,), (None,) * 3)
        assert decoded.records[3] == nrbf.ArrayRecord(3, (2,), (None, None))
        assert decoded.records[4] == nrbf.ArrayRecord(4, (2,), (None, None))
        assert decoded.records[5] == nrbf.ArrayRecord(5, (2,), b"ab")

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"\x0b",
            stream(ANCHOR)[:-1],
            stream(ANCHOR) + b"\0",
            stream(),
            stream(ANCHOR, ANCHOR),
            b"\0" + number(1) + number(-1) + number(2) + number(0) + ANCHOR + b"\x0b",
            stream(ANCHOR, b"\x09" + number(9)),
            stream(ANCHOR, b"\x01" + number(2) + number(3)),
            stream(ANCHOR, b"\x02"),
            stream(ANCHOR, b"\x15"),
            stream(ANCHOR, b"\x0d\x01"),
            stream(b"\x06" + number(1) + b"\x01\xff"),
            stream(b"\x06" + number(1) + b"\xff" * 6),
            stream(ANCHOR, b"\x08\x04"),
            stream(ANCHOR, b"\x08\x05" + text("x")),
            stream(ANCHOR, b"\x08\x03\xff"),
            stream(ANCHOR, b"\x07" + number(2) + b"\x06" + number(1)),
            stream(ANCHOR, b"\x07" + number(2) + b"\x00" + number(1) + number(-1) + b"\x01"),
            stream(ANCHOR, b"\x10" + number(2) + number(-1)),
            stream(ANCHOR, b"\x10" + number(2) + number(1) + b"\x0d\x02"),
            stream(ANCHOR, b"\x10" + number(2) + number(1) + b"\x0d\x00"),
            stream(ANCHOR, b"\x05" + number(2) + text("C") + number(0) + number(9)),
            stream(
                ANCHOR, b"\x04" + number(2) + text("C") + number(2) + text("a") + text("a") + b"\0\0\1\1\1\1"
            ),
            stream(ANCHOR, b"\x04" + number(2) + text("C") + number(1) + text("a") + b"\x09"),
        ],
    )
    def test_that_breaks_the_grammar_is_refused_whole(self, data: bytes) -> None:
        with pytest.raises(nrbf.NrbfError):
            nrbf.decode(data)

    def test_does_not_make_room_for_what_it_only_promises(self) -> None:
        """2^31 nulls stand in five bytes."""
        data = stream(b"\x10" + number(1) + number(2**31 - 1) + b"\x0e" + number(2**31 - 1))
        with pytest.raises(nrbf.NrbfError, match="limit"):
            nrbf.decode(data)

    def test_is_bounded_in_depth(self) -> None:
        nested = b"".join(b"\x10" + number(index) + number(1) for index in range(1, 200)) + b"\x0a"
        with pytest.raises(nrbf.NrbfError, match="deeper"):
            nrbf.decode(stream(nested))

    def test_is_bounded_in_bytes(self) -> None:
        with pytest.raises(nrbf.NrbfError, match="bytes"):
            nrbf.decode(stream(ANCHOR), nrbf.Limits(bytes=10))


class TestASignedBlob:
    def test_holds_its_stream_and_32_bytes(self) -> None:
        inner = stream(ANCHOR)
        blob = serialization_data.decode(b"#sig#" + number(len(inner)) + inner + bytes(range(32)))
        assert blob.signature == bytes(range(32))
        assert blob.stream.root == "root"

    @pytest.mark.parametrize("length", [-1, 0, 1, 2**31 - 1])
    def test_with_a_wrong_length_is_refused(self, length: int) -> None:
        with pytest.raises(BlobError):
            serialization_data.decode(b"#sig#" + number(length) + stream(ANCHOR) + bytes(32))

    def test_cut_short_is_refused(self) -> None:
        with pytest.raises(BlobError):
            serialization_data.decode(b"#sig#\1")


REAL = [data for _, data in blobs_of(SAMPLE)]


@given(
    st.binary(max_size=200)
    | st.binary(max_size=120).map(lambda tail: stream(ANCHOR)[:-1] + tail)
    | st.tuples(st.sampled_from(REAL), st.integers(0, 5000), st.binary(min_size=1, max_size=4)).map(
        lambda made: (
            made[0][: made[1] % len(made[0])] + made[2] + made[0][made[1] % len(made[0]) + len(made[2]) :]
        )
    )
)
def test_arbitrary_bytes_give_a_certificate_or_a_typed_error(data: bytes) -> None:
    try:
        ExchangeCertificate.from_blob(data)
    except BlobError as error:
        told = str(error)
    else:
        told = "a certificate"
    assert told


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_cert_data_survives_being_written_and_read(values: list[bytes]) -> None:
    data = b"".join(struct.pack("<III", index, 1, len(value)) + value for index, value in enumerate(values))
    assert list(CertData.parse(data).properties.values()) == values


def test_the_samples_hold_what_they_are_for() -> None:
    """One signed blob and one not: without them the tests above would pass on nothing."""
    assert [data.startswith(b"#sig#") for data in REAL] == [True, False]
    assert base64.b64encode(REAL[1]).startswith(b"AAEAAAD/////")
