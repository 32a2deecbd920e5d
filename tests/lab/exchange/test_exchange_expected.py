"""Exchange's objects beside bytes that were written by hand, from documents and real exports alone."""

from __future__ import annotations

import base64
import hashlib
import re
import struct
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from reconciler.lab.exchange import clixml
from reconciler.lab.exchange.values import strings
from tests.lab.expected_files import clixml as expected_clixml
from tests.lab.expected_files import hex_bytes, paragraphs
from tests.rules import rule

SERVER_TIME = ZoneInfo("America/Los_Angeles")
"""Where the lab's servers stand."""


@pytest.fixture
def lab(new_lab: Callable[..., Any]) -> Any:
    """A build that does not sign."""
    return new_lab(build="2019-cu11")


def members(xml: str) -> tuple[bytes, bytes]:
    """RawData and SerializationData of a certificate."""
    raw, blob = re.findall(r'<BA N="(?:RawData|SerializationData)">([^<]*)</BA>', xml)
    return base64.b64decode(raw), base64.b64decode(blob)


def cert_data(blob: bytes) -> bytes:
    """What follows the head of the only byte array; the head is compared with the rest of the blob."""
    start = blob.index(b"\x0f\x03\x00\x00\x00") + 10
    (length,) = struct.unpack_from("<I", blob, start - 5)
    return blob[start : start + length]


def filled(der: bytes, element: bytes) -> dict[str, bytes]:
    return {
        "thumbprint": hashlib.sha1(der, usedforsecurity=False).hexdigest().upper().encode(),
        "cert_data": element,
        "cert_data_length": struct.pack("<I", len(element)),
    }


class TestASendConnector:
    @rule("6.1-4", "6.4-6", "6.5-1")
    def test_is_written_as_real_ones_are(self, lab: Any) -> None:
        xml = lab.run(
            "New-SendConnector",
            Name="Mail & more\tto Fabrikam",
            AddressSpaces=["fabrikam.com"],
            SmartHosts=["mx.fabrikam.com"],
            DNSRoutingEnabled=False,
            RequireTLS=True,
            TlsAuthLevel="CertificateValidation",
            TlsCertificateName="<I>CN=Issuing CA, O=Contoso<S>CN=mail.contoso.com",
        ).xml[0]
        hidden = re.sub(r'(<BA N="SerializationData">)[^<]+', r"\1{blob}", xml)
        beginning = expected_clixml("send_connector.clixml")
        assert hidden[: len(beginning)] == beginning


class TestAMultiValuedProperty:
    def test_is_a_list_with_its_element_type(self) -> None:
        written = clixml.write(strings(["one", "_x0041_ <two>", ""]))
        assert written == expected_clixml("multi_valued.clixml")

    def test_may_be_empty(self) -> None:
        head = expected_clixml("multi_valued.clixml").partition("<LST>")[0]
        assert clixml.write(strings([])) == f"{head}<LST /></Obj>"


class TestACertificate:
    @pytest.fixture
    def xml(self, lab: Any) -> str:
        """Setup's own certificate."""
        thumbprint = lab.exchange.snapshot()["servers"]["MBX1"]["default_smtp"]
        (xml,) = lab.run("Get-ExchangeCertificate", thumbprint).xml
        return str(xml)

    @rule("6.1-2", "6.1-6", "6.3-5")
    def test_is_written_as_real_ones_are(self, xml: str) -> None:
        """Serial number, dates in the server's time, thumbprint: from RawData by this test."""
        der, blob = members(xml)
        certificate = x509.load_der_x509_certificate(der)
        serial = certificate.serial_number

        def local(instant: datetime) -> str:
            return instant.astimezone(SERVER_TIME).strftime("%m/%d/%Y %H:%M:%S")

        assert xml == expected_clixml(
            "certificate.clixml",
            serial=serial.to_bytes((serial.bit_length() + 7) // 8, "big").hex().upper(),
            not_before=local(certificate.not_valid_before_utc),
            not_after=local(certificate.not_valid_after_utc),
            thumbprint=hashlib.sha1(der, usedforsecurity=False).hexdigest().upper(),
            der=base64.b64encode(der).decode(),
            blob=base64.b64encode(blob).decode(),
        )

    @rule("6.2-1", "6.3-1", "6.3-2", "6.3-3", "6.4-1")
    def test_with_web_sites_carries_the_records_of_real_ones(self, xml: str) -> None:
        der, blob = members(xml)
        element = cert_data(blob)
        assert blob == hex_bytes("certificate_with_sites.hex", **filled(der, element))

    @rule("6.2-1", "6.3-1", "6.3-2")
    def test_without_web_sites_carries_fewer(self, lab: Any) -> None:
        (auth,) = [
            xml
            for xml in lab.run("Get-ExchangeCertificate").xml
            if "CN=Microsoft Exchange Server Auth Certificate" in xml
        ]
        der, blob = members(auth)
        element = cert_data(blob)
        assert blob == hex_bytes("certificate.hex", **filled(der, element))

    @rule("6.3-4")
    def test_carries_the_properties_that_windows_keeps(self, xml: str) -> None:
        der, blob = members(xml)
        certificate = x509.load_der_x509_certificate(der)
        public = certificate.public_key()
        structure = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        bits = public.public_bytes(Encoding.DER, PublicFormat.PKCS1)
        element = cert_data(blob)
        container = re.search(rb"(?:[0-9a-f-]\x00){36}", element)
        assert container is not None
        *properties, last = paragraphs(
            "cert_data.hex",
            container=container[0],
            sha1=hashlib.sha1(der, usedforsecurity=False).digest(),
            md5=hashlib.md5(der, usedforsecurity=False).digest(),
            signed_sha256=hashlib.sha256(certificate.tbs_certificate_bytes).digest(),
            key_sha1=hashlib.sha1(structure, usedforsecurity=False).digest(),
            key_md5=hashlib.md5(bits, usedforsecurity=False).digest(),
            der_length=struct.pack("<I", len(der)),
            der=der,
        )
        assert element.endswith(last)
        rest = element.removesuffix(last)
        for each in properties:
            assert rest.count(each) == 1
            rest = rest.replace(each, b"")
        assert rest == b""
