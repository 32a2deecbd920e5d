"""SerializationData: the bytes that BinaryFormatter would write [6.2], [6.3]."""

from __future__ import annotations

import base64
import os
import re
import struct
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.lab.exchange import address_blobs, blobs
from reconciler.lab.exchange.certificate_blob import (
    CertificateFacts,
    friendly_name_of,
    read_element,
    read_facts,
    write_element,
    write_facts,
)
from reconciler.lab.exchange.clixml import Collection, Obj, Scalar, Value, is_true, number_of, text_of
from reconciler.lab.exchange.clixml_reader import read as read_clixml
from reconciler.lab.exchange.nrbf_reader import BadBlob, read, unframed
from reconciler.lab.exchange.values import bytes_of, ticks_of
from tests.rules import rule

SAMPLES = Path(__file__).parent.parent / "samples"
FOLDERS = [SAMPLES, *(Path(name) for name in [os.environ.get("EXCHANGE_CORPUS", "")] if name)]
DATA = "Microsoft.Exchange.Data."


def blobs_of_files() -> Iterator[tuple[Obj, bytes]]:
    """Every object with a blob in the samples and in the folder that EXCHANGE_CORPUS names."""
    for folder in FOLDERS:
        for path in sorted(folder.glob("*.xml")):
            for top in read_clixml(path.read_bytes()):
                for node in nodes(top):
                    blob = (node.notes or {}).get("SerializationData")
                    if isinstance(blob, Scalar):
                        yield node, unframed(base64.b64decode(blob.text))


def nodes(value: Value) -> Iterator[Obj]:
    """Every object of a tree."""
    if isinstance(value, Obj):
        yield value
        items = value.body.items if isinstance(value.body, Collection) else ()
        for child in (*(value.properties or {}).values(), *items):
            yield from nodes(child)


def _named(node: Obj, name: str) -> str:
    return text_of((node.properties or {}).get(name)) or ""


def _address_space(node: Obj) -> bytes:
    domain = None if _named(node, "Domain") == "*" else _named(node, "Domain")
    subdomains = is_true((node.properties or {})["IncludeSubDomains"])
    cost = number_of((node.properties or {})["Cost"]) or 0
    return blobs.address_space(_named(node, "Type"), None, domain, subdomains, cost)


def _directory_id(node: Obj) -> bytes:
    partition, guid = UUID(_named(node, "PartitionGuid")), UUID(_named(node, "ObjectGuid"))
    dn, depth = _named(node, "DistinguishedName"), int(_named(node, "Depth"))
    return blobs.ad_object_id(partition, _named(node, "PartitionFQDN"), guid, dn, depth, node.text or "")


def _binding(node: Obj) -> bytes:
    host, _, port = (node.text or "").rpartition(":")
    return address_blobs.ip_binding(ip_address(host.strip("[]")), int(port))


def _domain(node: Obj) -> bytes:
    domain = _named(node, "SmtpDomain") or None
    return blobs.domain_with_subdomains(domain, is_true((node.properties or {})["IncludeSubDomains"]))


def _range(node: Obj) -> bytes:
    low, high = ip_address(_named(node, "LowerBound")), ip_address(_named(node, "UpperBound"))
    return address_blobs.ip_range(low, high, _named(node, "RangeFormat"), node.text or "")


def _smart_host(node: Obj, real: bytes) -> bytes:
    """The transport assembly's version is of the server that exported; take it from the blob."""
    found = re.search(rb"Transport, Version=([\d.]+)", real)
    assert found is not None
    version = found.group(1).decode()
    if is_true((node.properties or {})["IsIPAddress"]):
        return address_blobs.smart_host(None, ip_address(_named(node, "Address")), version)
    return address_blobs.smart_host(node.text, ip_address("0.0.0.0"), version)  # noqa: S104 - no socket


def _path(node: Obj, real: bytes) -> bytes:
    found = re.search(rb"Common, Version=([\d.]+)", real)
    assert found is not None
    return blobs.local_path(node.text or "", found.group(1).decode())


def _version(node: Obj) -> bytes:
    major, minor, build, revision = (int(_named(node, n)) for n in ("Major", "Minor", "Build", "Revision"))
    return blobs.server_version((major, minor, build, revision))


def _object_version(node: Obj) -> bytes:
    a, b, c, d = (int(part) for part in _named(node, "ExchangeBuild").split("."))
    return blobs.object_version(int(_named(node, "Major")), int(_named(node, "Minor")), (a, b, c, d))


WRITERS: dict[str, Callable[[Obj], bytes]] = {
    "EnhancedTimeSpan": lambda n: blobs.time_span(ticks_of(n.text or "")),
    "Unlimited`1[[System.Int32": lambda n: blobs.unlimited_int(
        None if n.text == "Unlimited" else int(n.text or "")
    ),
    "Unlimited`1[[Microsoft": lambda n: blobs.unlimited_bytes(
        None if n.text == "Unlimited" else bytes_of(n.text or "")
    ),
    "ByteQuantifiedSize": lambda n: blobs.byte_size(bytes_of(n.text or ""), n.text or ""),
    "Fqdn": lambda n: blobs.fqdn(n.text or ""),
    "SmtpDomainWithSubdomains": _domain,
    "AddressSpace": _address_space,
    "SmtpX509Identifier": lambda n: blobs.x509_identifier(
        _named(n, "CertificateIssuer"),
        _named(n, "CertificateSubject"),
        _named(n, "SubjectCommonName") or None,
        False,
    ),
    "IPBinding": _binding,
    "IPRange": _range,
    "ExchangeObjectVersion": _object_version,
    "ServerVersion": _version,
    "Directory.ADObjectId": _directory_id,
    "Directory.OrganizationId": lambda n: blobs.organization_id(),
}
VERSIONED: dict[str, Callable[[Obj, bytes], bytes]] = {"SmartHost": _smart_host, "LocalLongFullPath": _path}


class TestAValueObject:
    @rule("6.1-2")
    def test_is_written_byte_for_byte_as_in_the_exports(self) -> None:
        """With EXCHANGE_CORPUS set these are real ones: a client's decoder meets the same bytes."""
        seen: set[str] = set()
        for node, real in blobs_of_files():
            name = (node.types or ("",))[0].removeprefix(DATA)
            for kind, write in WRITERS.items():
                if name == kind or (kind.startswith("Unlimited") and name.startswith(kind)):
                    assert write(node) == real, (name, node.text)
                    seen.add(kind)
            if name in VERSIONED:
                assert VERSIONED[name](node, real) == real, (name, node.text)
                seen.add(name)
        assert seen >= {*WRITERS, *VERSIONED} - {"Unlimited`1[[Microsoft"}

    @rule("6.2-1")
    def test_begins_as_the_rules_say(self) -> None:
        """[6.2-1]"""
        assert blobs.time_span(1).hex(" ").startswith("00 01 00 00 00 ff ff ff ff 01 00 00 00 00 00 00 00")

    @rule("6.2-2")
    def test_can_be_signed(self) -> None:
        """[6.2-2]: the mark, the length, the payload, 32 bytes."""
        payload = blobs.fqdn("mail.contoso.com")
        framed = blobs.signed(payload, b"secret")
        assert framed[:5] == b"#sig#"
        assert int.from_bytes(framed[5:9], "little") == len(payload)
        assert framed[9:-32] == payload
        assert unframed(framed) == payload


facts = st.builds(
    CertificateFacts,
    element=st.binary(max_size=40),
    self_signed=st.booleans(),
    status=st.integers(0, 9),
    root_ca_type=st.integers(0, 5),
    services=st.integers(0, 255),
    sites=st.lists(st.sampled_from(["IIS://A/W3SVC/1", "IIS://A/W3SVC/2"]), max_size=2, unique=True).map(
        tuple
    ),
    exportable=st.booleans(),
    identity=st.text(st.characters(codec="utf-8"), max_size=200),
)


class TestACertificatesBlob:
    @given(facts)
    def test_reads_back(self, given: CertificateFacts) -> None:
        assert read_facts(write_facts(given)) == given
        assert read_facts(blobs.signed(write_facts(given), b"")) == given

    @rule("6.3-1", "6.3-3", "6.3-2")
    def test_of_an_export_is_written_again_byte_for_byte(self) -> None:
        """[6.3-1] to [6.3-3]"""
        count = 0
        for node, real in blobs_of_files():
            if (node.types or ("",))[0].endswith(".ExchangeCertificate"):
                assert write_facts(read_facts(real)) == real
                count += 1
        assert count

    @rule("6.3-4")
    def test_of_an_export_ends_with_the_certificate(self) -> None:
        """[6.3-4]: id 32, always last, equal to RawData."""
        for node, real in blobs_of_files():
            if (node.types or ("",))[0].endswith(".ExchangeCertificate"):
                elements = read_element(read_facts(real).element)
                assert list(elements)[-1] == 32
                assert base64.b64decode(_named(node, "RawData")) == elements[32]

    @given(st.binary(max_size=60))
    def test_refuses_rubbish(self, data: bytes) -> None:
        with pytest.raises(BadBlob):
            read_facts(data)

    @given(facts, st.data())
    def test_damage_never_escapes_as_another_error(
        self, given: CertificateFacts, data: st.DataObject
    ) -> None:
        blob = bytearray(write_facts(given))
        at = data.draw(st.integers(0, len(blob) - 1))
        blob[at] = data.draw(st.integers(0, 255))
        cut = data.draw(st.integers(0, len(blob)))
        for damaged in (bytes(blob), bytes(blob[:cut])):
            try:
                read_facts(damaged)
            except BadBlob:
                continue

    def test_of_references_to_references_does_not_grow(self) -> None:
        """Classes of 200 members that all are the next one: written out, 200 to the seventh values."""
        blob = b"\0" + struct.pack("<4i", 1, -1, 1, 0)
        for number in range(1, 8):
            names = b"".join(b"\x04m%03d" % member for member in range(200))
            next_one = b"\x09" + struct.pack("<i", number + 1) if number < 7 else b"\x0a"
            blob += b"\x04" + struct.pack("<i", number) + b"\x01C" + struct.pack("<i", 200) + names
            blob += b"\x02" * 200 + next_one * 200
        root = read(blob + b"\x0b")
        assert root["m000"] is root["m199"]

    @rule("6.2-3")
    def test_reader_refuses_what_a_blob_never_holds(self) -> None:
        with pytest.raises(BadBlob, match="bytes"):
            read(b"\0" * (1024 * 1024 + 1))


class TestCertData:
    @rule("6.3-4")
    def test_differs_in_order_between_captures(self, der: bytes) -> None:
        """[6.3-4]: whoever compares or hashes it is wrong."""
        orders = {tuple(read_element(write_element(der, "x", UUID(int=1), salt))) for salt in range(8)}
        assert len(orders) > 1
        assert all(order[-1] == 32 for order in orders)

    @rule("6.3-4")
    def test_holds_the_friendly_name(self, der: bytes) -> None:
        assert friendly_name_of(write_element(der, "TLS — 1", UUID(int=1), 0)) == "TLS — 1"
        assert friendly_name_of(write_element(der, "", UUID(int=1), 0)) == ""

    @rule("6.3-5")
    def test_has_the_hashes_that_windows_keeps(self) -> None:
        """Compared with the exports: every property but the key container, which is random."""
        for node, real in blobs_of_files():
            if (node.types or ("",))[0].endswith(".ExchangeCertificate"):
                theirs = read_element(read_facts(real).element)
                ours = read_element(write_element(theirs[32], "", UUID(int=1), 0))
                common = theirs.keys() & ours.keys() - {2, 11}
                assert {n: ours[n] for n in common} == {n: theirs[n] for n in common}


@pytest.fixture
def der() -> bytes:
    for node, real in blobs_of_files():
        if (node.types or ("",))[0].endswith(".ExchangeCertificate"):
            return read_element(read_facts(real).element)[32]
    raise AssertionError("the samples hold no certificate")
