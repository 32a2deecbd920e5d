"""What may be carried to another server: a PKCS#12 whose key is encrypted, and nothing else."""

from __future__ import annotations

from datetime import timedelta
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from reconciler.pki.pkcs12 import LARGEST, why_not_pkcs12
from tests.authority import rsa_key
from tests.direct import NOW


@cache
def leaf() -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.contoso.com")])
    builder = x509.CertificateBuilder(name, name, rsa_key(1).public_key(), 1, NOW, NOW + timedelta(days=47))
    return builder.sign(rsa_key(1), hashes.SHA256())


def packed(encryption: KeySerializationEncryption) -> bytes:
    return pkcs12.serialize_key_and_certificates(b"mail", rsa_key(1), leaf(), None, encryption)


MODERN = BestAvailableEncryption(b"secret")
OLD = (
    PrivateFormat.PKCS12.encryption_builder()
    .kdf_rounds(2000)
    .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
    .hmac_hash(hashes.SHA1())  # noqa: S303 - what it was
    .build(b"secret")
)
"""As Windows has written it before AES."""


class TestIsCarried:
    @pytest.mark.parametrize("encryption", [MODERN, OLD], ids=["AES", "3DES"])
    def test_whatever_it_is_encrypted_with(self, encryption: KeySerializationEncryption) -> None:
        """It is never opened here: which algorithm Exchange takes is between two servers."""
        assert why_not_pkcs12(packed(encryption)) == ""


class TestIsNotCarried:
    def test_with_a_key_in_the_clear(self) -> None:
        assert why_not_pkcs12(packed(NoEncryption()))

    def test_with_a_key_in_the_clear_though_there_is_a_check_value(self) -> None:
        encrypted = packed(MODERN)
        bare = encrypted.replace(
            bytes.fromhex("060b2a864886f70d010c0a0102"), bytes.fromhex("060b2a864886f70d010c0a0101")
        )
        assert bare != encrypted
        assert why_not_pkcs12(bare) == "its key is not encrypted"

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"<html>busy</html>",
            b"0\x03\x02\x01\x03",
            leaf().public_bytes(Encoding.DER),
            leaf().public_bytes(Encoding.PEM),
            packed(MODERN)[:-1],
            packed(MODERN) + b"\0",
        ],
        ids=["nothing", "a page", "a version alone", "a certificate", "PEM", "cut off", "more"],
    )
    def test_anything_else(self, data: bytes) -> None:
        assert why_not_pkcs12(data)

    def test_more_than_any_certificate_has(self) -> None:
        assert str(LARGEST) in why_not_pkcs12(b"0" * (LARGEST + 1))
