"""Warnings of certificates that may be imported."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import AuthorityInformationAccessOID

from reconciler.apply.issued import notices
from reconciler.diagnostics import Diagnostic, Severity
from reconciler.pki.issuer_urls import issuer_urls
from reconciler.verify.chain import Authorities
from state.address import Address
from state.resources import Certificate
from tests.authority import NOW, Authority, der, make_certificate, pem, rsa_key

ADDRESS = Address.of("certificate", "EX1", "internet")
ROOT = Authority.make("Root", key=rsa_key(8))
ISSUING = Authority.make("Issuing", key=rsa_key(9), issuer=ROOT)
LEAF = make_certificate(issuer=ISSUING)
TRUSTED = Authorities((ROOT.certificate,))
URL = "http://ca.example/issuing.crt"


def told(
    chain: str,
    trusted: Authorities | None = TRUSTED,
    *,
    renew_before: str = "30d",
    is_for_mutual_tls: bool = False,
) -> tuple[Diagnostic, ...]:
    asked = Certificate(renew_before=renew_before)
    return notices(ADDRESS, asked, chain, trusted, NOW, is_for_mutual_tls=is_for_mutual_tls)


def summaries(found: tuple[Diagnostic, ...]) -> list[str]:
    assert all(one.severity is Severity.WARNING and one.hint for one in found)
    return [one.summary for one in found]


class TestAChain:
    @pytest.mark.parametrize(
        "chain", [pem(LEAF, ISSUING.certificate), pem(LEAF, ISSUING.certificate, ROOT.certificate)]
    )
    def test_to_a_trusted_root_is_complete_with_the_root_and_without(self, chain: str) -> None:
        assert told(chain) == ()

    def test_that_is_short_says_what_to_install_where(self) -> None:
        (short,) = told(pem(LEAF))
        assert short.summary == "Chain incomplete"
        assert 'import the certificate of "CN=Issuing" into Intermediate Certification' in short.hint

    def test_that_only_this_machine_could_complete_is_short(self) -> None:
        trusted = Authorities((ROOT.certificate,), (ISSUING.certificate,))
        (short,) = told(pem(LEAF), trusted)
        assert "it lacks CN=Issuing" in short.detail

    def test_to_a_root_that_nobody_knows_is_told(self) -> None:
        other = Authorities((Authority.make("Other").certificate,))
        assert summaries(told(pem(LEAF, ISSUING.certificate, ROOT.certificate), other)) == [
            "Authority not trusted here"
        ]

    def test_is_not_judged_where_it_is_not_known_who_is_trusted(self) -> None:
        assert told(pem(LEAF), None) == ()

    def test_that_ends_first_is_told(self) -> None:
        short_lived = Authority.make(
            "Issuing", key=rsa_key(9), issuer=ROOT, not_after=NOW + timedelta(days=60)
        )
        assert summaries(told(pem(LEAF, short_lived.certificate))) == ["Chain ends before the certificate"]


def with_url(url: str) -> x509.Certificate:
    access = x509.AccessDescription(
        AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(url)
    )
    return (
        x509.CertificateBuilder()
        .subject_name(LEAF.subject)
        .issuer_name(ISSUING.certificate.subject)
        .public_key(rsa_key().public_key())
        .serial_number(5)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=89))
        .add_extension(x509.AuthorityInformationAccess([access]), critical=False)
        .sign(rsa_key(9), hashes.SHA256())
    )


class TestTheAddressOfAnIssuer:
    def test_is_shown_and_not_fetched(self) -> None:
        (short,) = told(pem(with_url(URL)))
        assert f"its issuer's certificate is at {URL}; nothing was fetched" in short.detail

    @pytest.mark.parametrize(
        "url", ["http://ca.example/a b", "http://ca.example/\x1b[2J", "http://" + "x" * 300]
    )
    def test_that_is_not_fit_to_be_shown_is_left_out(self, url: str) -> None:
        assert issuer_urls(der(with_url(url))) == ()


class TestALifetime:
    def test_within_the_window_of_renewal_is_told(self) -> None:
        begin = NOW - timedelta(days=60)
        short = make_certificate(issuer=ISSUING, not_before=begin, not_after=NOW + timedelta(days=20))
        assert summaries(told(pem(short, ISSUING.certificate))) == ["Certificate due at once"]


class TestMutualTls:
    def test_needs_a_certificate_for_clients(self) -> None:
        chain = pem(LEAF, ISSUING.certificate)
        assert summaries(told(chain, is_for_mutual_tls=True)) == ["Certificate not for clients"]

    def test_is_served_by_one_without_usages(self) -> None:
        plain = make_certificate(issuer=ISSUING, server_auth=None)
        assert told(pem(plain, ISSUING.certificate), is_for_mutual_tls=True) == ()
