"""What an authority calls a certificate when it is asked about its renewal."""

from __future__ import annotations

import pytest
from acme.client import _renewal_info_path_component
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from reconciler.pki.certificate import certificate_facts
from reconciler.pki.renewal_info import renewal_id
from tests.authority import NOW, Authority, common_name, der, ec_key, make_certificate

KEY = bytes.fromhex("69885B6B87464041E1B37B847BA0AE2CDE01C8D4")


def with_serial(serial: int, key: bytes | None = KEY) -> x509.Certificate:
    """A certificate whose authority has this key identifier; None: the extension has none."""
    names = None if key else [x509.DirectoryName(common_name("Example CA"))]
    authority = x509.AuthorityKeyIdentifier(key, names, None if key else 1)
    return (
        x509.CertificateBuilder()
        .subject_name(common_name("example.com"))
        .issuer_name(common_name("Example CA"))
        .public_key(ec_key().public_key())
        .serial_number(serial)
        .not_valid_before(NOW)
        .not_valid_after(NOW)
        .add_extension(authority, critical=False)
        .sign(ec_key(), hashes.SHA256())
    )


def test_is_the_authoritys_key_and_the_serial_number() -> None:
    """The example of RFC 9773 4.1: the serial number begins with 0x87, and so has a zero before it."""
    assert renewal_id(with_serial(0x87654321)) == "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"


@pytest.mark.parametrize(
    "serial", [1, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 2**64, 2**158 + 5, 2**159 - 1]
)
def test_is_what_others_read_in_a_certificate(serial: int) -> None:
    """Another client finds the same, whatever the first bit of the serial number is."""
    certificate = with_serial(serial)
    assert renewal_id(certificate) == _renewal_info_path_component(certificate)


@pytest.mark.parametrize(
    "certificate",
    [make_certificate(), with_serial(7, None)],
    ids=["no extension", "an extension without a key"],
)
def test_is_none_where_the_authority_names_no_key(certificate: x509.Certificate) -> None:
    assert renewal_id(certificate) == ""


def test_is_among_what_a_certificate_says() -> None:
    certificate = make_certificate(issuer=Authority.make())
    assert certificate_facts(der(certificate)).renewal_id == renewal_id(certificate) != ""
