"""The small authority from two files."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from reconciler.issuers.local import LocalIssuer
from reconciler.issuers.port import CertificateRequest, IssuerUnusable, RequestRefused
from state.address import Address
from state.values import DomainPattern
from tests.authority import (
    CONTOSO,
    NOW,
    Authority,
    common_name,
    der,
    ec_key,
    make_certificate,
    make_request,
    name,
    pem,
    private_pem,
    rsa_key,
)

ADDRESS = Address.of("certificate", "EX1", "internet")
DOMAINS = frozenset({DomainPattern("mail1.contoso.com")})


def request(csr: x509.CertificateSigningRequest | None = None) -> CertificateRequest:
    return CertificateRequest(ADDRESS, pem(csr or make_request()), DOMAINS)


def leaf_of(issuer: LocalIssuer, csr: x509.CertificateSigningRequest | None = None) -> x509.Certificate:
    return x509.load_pem_x509_certificate(issuer.issue(request(csr)).chain.encode())


def issuer_of(authority: Authority, **options: Any) -> LocalIssuer:
    return LocalIssuer("house", (authority.certificate,), authority.key, clock=lambda: NOW, **options)


def extension(certificate: x509.Certificate, kind: type[Any]) -> Any:
    return certificate.extensions.get_extension_for_class(kind).value


class TestWhatItIssues:
    authority = Authority.make()
    leaf = leaf_of(issuer_of(authority))

    def test_is_signed_by_the_authority(self) -> None:
        self.leaf.verify_directly_issued_by(self.authority.certificate)
        assert self.leaf.signature_hash_algorithm is not None
        assert self.leaf.signature_hash_algorithm.name == "sha256"

    def test_has_the_names_of_the_request(self) -> None:
        assert self.leaf.subject == CONTOSO
        names = extension(self.leaf, x509.SubjectAlternativeName)
        assert names.get_values_for_type(x509.DNSName) == ["mail1.contoso.com"]

    def test_is_for_tls_servers_and_no_authority(self) -> None:
        assert not extension(self.leaf, x509.BasicConstraints).ca
        assert list(extension(self.leaf, x509.ExtendedKeyUsage)) == [ExtendedKeyUsageOID.SERVER_AUTH]
        usage = extension(self.leaf, x509.KeyUsage)
        assert (usage.digital_signature, usage.key_encipherment, usage.key_cert_sign) == (True, True, False)

    def test_names_its_key_and_that_of_the_authority(self) -> None:
        """Chains are built by these; VERIFY_X509_STRICT refuses a certificate without them."""
        own = extension(self.authority.certificate, x509.SubjectKeyIdentifier)
        assert extension(self.leaf, x509.AuthorityKeyIdentifier).key_identifier == own.digest
        assert extension(self.leaf, x509.SubjectKeyIdentifier) == x509.SubjectKeyIdentifier.from_public_key(
            rsa_key().public_key()
        )

    def test_lives_90_days_from_now(self) -> None:
        assert self.leaf.not_valid_after_utc == NOW + timedelta(days=90)
        assert NOW - timedelta(minutes=5) == self.leaf.not_valid_before_utc

    def test_never_outlives_the_authority(self) -> None:
        end = NOW + timedelta(days=10)
        assert leaf_of(issuer_of(Authority.make(not_after=end))).not_valid_after_utc == end

    def test_never_begins_before_the_authority(self) -> None:
        key = rsa_key(9)
        new = make_certificate(common_name("New CA"), (), key, not_before=NOW, ca=True, server_auth=None)
        assert leaf_of(issuer_of(Authority(new, key))).not_valid_before_utc == NOW

    def test_has_another_serial_number_each_time(self) -> None:
        numbers = iter((5, 6))
        issuer = issuer_of(self.authority, serial=lambda: next(numbers))
        assert [leaf_of(issuer).serial_number, leaf_of(issuer).serial_number] == [5, 6]

    def test_has_a_random_serial_number_of_its_own_accord(self) -> None:
        """RFC 5280 4.1.2.2 allows 20 bytes; 8 random ones are the least that CAs may use."""
        assert self.leaf.serial_number.bit_length() > 64
        assert self.leaf.serial_number != leaf_of(issuer_of(self.authority)).serial_number

    def test_may_come_from_an_authority_with_a_key_on_a_curve(self) -> None:
        authority = Authority.make(key=ec_key())
        leaf_of(issuer_of(authority)).verify_directly_issued_by(authority.certificate)

    def test_of_a_request_without_subject_has_its_names_critical(self) -> None:
        """RFC 5280 4.2.1.6."""
        leaf = leaf_of(issuer_of(self.authority), make_request(name()))
        assert leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).critical


class TestWhatItRefuses:
    @pytest.mark.parametrize(
        ("csr", "reason", "hint"),
        [
            (make_request(key=ec_key()), "no RSA key", "write key_size: 2048"),
            (make_request(domains=("other.contoso.com",)), "does not name", "remove the pending request"),
            (make_request(domains=()), "does not name", "remove the pending request"),
        ],
        ids=["a curve", "another name", "no names"],
    )
    def test_is_told_with_its_reason(
        self, csr: x509.CertificateSigningRequest, reason: str, hint: str
    ) -> None:
        """And with what helps: a request that is refused would be refused again."""
        with pytest.raises(RequestRefused, match=reason) as caught:
            issuer_of(Authority.make()).issue(request(csr))
        assert hint in caught.value.hint
        assert "another" in caught.value.hint

    def test_is_a_request_without_names_even_where_none_are_asked_for(self) -> None:
        csr = pem(make_request(domains=()))
        with pytest.raises(RequestRefused, match="SubjectAltName"):
            issuer_of(Authority.make()).issue(CertificateRequest(ADDRESS, csr, frozenset()))

    def test_is_a_subject_that_x509_does_not_allow(self) -> None:
        """Exchange makes such requests: a country of seven letters is in a real certificate."""
        subject = name((NameOID.ORGANIZATION_NAME, "Germany"), (NameOID.COMMON_NAME, "mail1.contoso.com"))
        changed = der(make_request(subject)).replace(b"\x55\x04\x0a", b"\x55\x04\x06")  # O becomes C
        body = x509.load_der_x509_csr(changed).tbs_certrequest_bytes
        signed = changed[:-256] + rsa_key().sign(body, padding.PKCS1v15(), hashes.SHA256())
        with pytest.raises(RequestRefused, match="C=Germany") as caught:
            issuer_of(Authority.make()).issue(request(x509.load_der_x509_csr(signed)))
        assert caught.value.hint.startswith("correct subject")

    def test_is_a_request_that_was_changed_on_the_way(self) -> None:
        body = pem(make_request()).splitlines()
        body[-2] = body[-2][:4] + ("B" if body[-2][4] == "A" else "A") + body[-2][5:]
        with pytest.raises(RequestRefused, match="not signed with its own key"):
            issuer_of(Authority.make()).issue(CertificateRequest(ADDRESS, "\n".join(body), DOMAINS))

    def test_is_everything_once_the_authority_has_ended(self) -> None:
        with pytest.raises(RequestRefused, match="ended") as caught:
            issuer_of(Authority.make(not_after=NOW - timedelta(days=1))).issue(request())
        assert caught.value.hint.endswith("the request is used again")


@pytest.fixture
def files(tmp_path: Path) -> Callable[[str | bytes, bytes], tuple[Path, Path]]:
    def write(certificate: str | bytes, key: bytes) -> tuple[Path, Path]:
        paths = tmp_path / "ca.pem", tmp_path / "ca.key"
        paths[0].write_bytes(certificate.encode() if isinstance(certificate, str) else certificate)
        paths[1].touch(0o600)
        paths[1].write_bytes(key)
        return paths

    return write


Files = Callable[[str | bytes, bytes], tuple[Path, Path]]


def in_pem(data: bytes) -> str:
    text = base64.encodebytes(data).decode()
    return f"-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----\n"


class TestItsFiles:
    authority = Authority.make()

    def test_make_an_issuer(self, files: Files) -> None:
        paths = files(self.authority.pem, self.authority.key_pem)
        leaf = leaf_of(LocalIssuer.open("house", *paths, clock=lambda: NOW))
        leaf.verify_directly_issued_by(self.authority.certificate)

    def test_may_hold_the_chain_above_the_authority(self, files: Files) -> None:
        root = Authority.make("Root", key=rsa_key(8))
        issuing = Authority.make("Issuing", issuer=root)
        paths = files(issuing.pem + root.pem, issuing.key_pem)
        chain = LocalIssuer.open("house", *paths, clock=lambda: NOW).issue(request()).chain
        subjects = [
            certificate.subject.rfc4514_string()
            for certificate in x509.load_pem_x509_certificates(chain.encode())
        ]
        assert subjects[1:] == ["CN=Issuing", "CN=Root"]

    @pytest.mark.parametrize(
        ("certificate", "key", "reason"),
        [
            (authority.pem, private_pem(rsa_key(1)), "not the key of"),
            (Authority.make(ca=False).pem, authority.key_pem, "not the certificate of an authority"),
            ("", authority.key_pem, "no certificate in PEM"),
            (b"\xff\xfe\x00", authority.key_pem, "no certificate in PEM"),
            (b"x" * 300_000, authority.key_pem, "over"),
            (authority.pem, b"", "no private key in PEM"),
            (authority.pem, private_pem(rsa_key(9), b"secret"), "has a passphrase"),
        ],
        ids=["another key", "no authority", "empty", "binary", "huge", "no key", "passphrase"],
    )
    def test_are_refused_when_they_make_none(
        self, files: Files, certificate: str | bytes, key: bytes, reason: str
    ) -> None:
        with pytest.raises(IssuerUnusable, match=reason) as caught:
            LocalIssuer.open("house", *files(certificate, key), clock=lambda: NOW)
        assert caught.value.issuer == "house"

    def test_are_refused_when_the_name_of_the_authority_is_damaged(self, files: Files) -> None:
        """Every leaf repeats it; told when the file is read, not in the middle of an apply."""
        before, subject, after = der(self.authority.certificate).rpartition(b"Contoso Test CA")
        paths = files(in_pem(before + subject.replace(b"C", b"\xff") + after), self.authority.key_pem)
        with pytest.raises(IssuerUnusable, match="cannot be understood"):
            LocalIssuer.open("house", *paths, clock=lambda: NOW)

    def test_may_name_a_country_as_people_do(self, files: Files) -> None:
        """``C=Germany`` breaks X.520; such authorities are trusted all the same."""
        unit, country = b"\x55\x04\x0b", b"\x55\x04\x06"
        made = make_certificate(
            name((NameOID.ORGANIZATIONAL_UNIT_NAME, "Germany")), (), rsa_key(9), ca=True, server_auth=None
        )
        paths = files(in_pem(der(made).replace(unit, country)), self.authority.key_pem)
        assert LocalIssuer.open("house", *paths, clock=lambda: NOW).issue(request()).chain

    @pytest.mark.parametrize("now", [NOW - timedelta(days=31), NOW + timedelta(days=6 * 365)])
    def test_are_refused_outside_their_validity(self, files: Files, now: datetime) -> None:
        with pytest.raises(IssuerUnusable, match="is valid from"):
            LocalIssuer.open("house", *files(self.authority.pem, self.authority.key_pem), clock=lambda: now)

    def test_are_refused_when_they_are_missing(self, files: Files, tmp_path: Path) -> None:
        certificate, key = files(self.authority.pem, self.authority.key_pem)
        for paths in ((tmp_path / "no", key), (certificate, tmp_path / "no")):
            with pytest.raises(IssuerUnusable, match="no"):
                LocalIssuer.open("house", *paths, clock=lambda: NOW)

    def test_are_refused_when_others_can_read_the_key(self, files: Files) -> None:
        """Who holds it can impersonate every mail server."""
        paths = files(self.authority.pem, self.authority.key_pem)
        os.chmod(paths[1], 0o640)
        with pytest.raises(IssuerUnusable, match="0640") as caught:
            LocalIssuer.open("house", *paths, clock=lambda: NOW)
        assert "chmod 600" in caught.value.hint

    def test_appear_in_no_error_with_what_the_key_file_holds(self, files: Files) -> None:
        paths = files(self.authority.pem, b"hunter2")
        with pytest.raises(IssuerUnusable) as caught:
            LocalIssuer.open("house", *paths, clock=lambda: NOW)
        assert "hunter2" not in str(caught.value) + repr(caught.value)
        assert caught.value.__cause__ is None
