"""What the DER of a certificate says."""

from __future__ import annotations

import hashlib
import ipaddress
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from reconciler.pki.certificate import LARGEST, NotACertificate, certificate_facts
from state.values import DomainPattern, TlsCertificateName
from tests.authority import (
    NOW,
    Authority,
    common_name,
    der,
    ec_key,
    make_certificate,
    make_request,
    name,
    rsa_key,
)


def domains(*names: str) -> frozenset[DomainPattern]:
    return frozenset(map(DomainPattern, names))


class TestACertificateOfAnAuthority:
    certificate = make_certificate(domains=("mail1.contoso.com", "*.Contoso.com"), issuer=Authority.make())
    facts = certificate_facts(der(certificate))

    def test_says_its_names(self) -> None:
        assert self.facts.subject == "CN=mail1.contoso.com, O=Contoso Ltd, C=US"
        assert self.facts.issuer == "CN=Contoso Test CA"
        assert self.facts.domains == domains("mail1.contoso.com", "*.contoso.com")

    def test_says_what_a_connector_is_bound_to(self) -> None:
        bound = TlsCertificateName("CN=Contoso Test CA", "CN=mail1.contoso.com, O=Contoso Ltd, C=US")
        assert self.facts.tls_certificate_name == bound

    def test_says_its_dates_in_utc(self) -> None:
        assert self.facts.not_before == NOW - timedelta(days=1)
        assert self.facts.not_after == NOW + timedelta(days=89)
        assert self.facts.not_after.utcoffset() == timedelta(0)

    def test_says_its_key(self) -> None:
        """The digest is over the SubjectPublicKeyInfo, so that a request and its answer have the same."""
        spki = rsa_key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        assert (self.facts.key_type, self.facts.key_size) == ("RSA", 2048)
        assert self.facts.public_key == hashlib.sha256(spki).hexdigest()

    def test_is_named_by_its_sha1(self) -> None:
        fingerprint = self.certificate.fingerprint(hashes.SHA1())  # noqa: S303 Windows names them so
        assert str(self.facts.thumbprint) == fingerprint.hex().upper()

    def test_did_not_sign_itself(self) -> None:
        assert not self.facts.self_signed


class TestACertificate:
    def test_that_signed_itself_says_so(self) -> None:
        assert certificate_facts(der(make_certificate())).self_signed

    def test_that_another_key_signed_under_its_own_name_did_not_sign_itself(self) -> None:
        """A subject and an issuer that are equal prove nothing."""
        namesake = Authority.make("mail", key=rsa_key(9))
        forged = make_certificate(common_name("mail"), issuer=namesake, key=rsa_key(1))
        assert not certificate_facts(der(forged)).self_signed

    def test_with_a_key_on_a_curve_says_its_bits(self) -> None:
        facts = certificate_facts(der(make_certificate(key=ec_key())))
        assert (facts.key_type, facts.key_size) == ("EC", 256)

    def test_counts_its_common_name_among_its_domains(self) -> None:
        facts = certificate_facts(der(make_certificate(common_name("MAIL.contoso.com"), ("a.contoso.com",))))
        assert facts.domains == domains("mail.contoso.com", "a.contoso.com")

    def test_is_good_for_its_alternative_names_alone(self) -> None:
        """Clients no longer look at the common name (RFC 9525 6.3)."""
        facts = certificate_facts(der(make_certificate(common_name("mail.contoso.com"), ("a.contoso.com",))))
        assert facts.alternative_domains == domains("a.contoso.com")

    def test_whose_common_name_is_no_domain_has_no_domain_for_it(self) -> None:
        facts = certificate_facts(der(make_certificate(common_name("Microsoft Exchange Server"), ())))
        assert facts.domains == frozenset()

    def test_tells_its_names_that_are_no_domains(self) -> None:
        names = ("mail.contoso.com", x509.IPAddress(ipaddress.ip_address("192.0.2.1")))
        facts = certificate_facts(der(make_certificate(common_name("mail.contoso.com"), names)))
        assert facts.other_names == ("IPAddress 192.0.2.1",)

    def test_without_a_subject_is_bound_to_by_its_issuer_alone(self) -> None:
        facts = certificate_facts(der(make_certificate(name(), issuer=Authority.make())))
        assert str(facts.tls_certificate_name) == "<I>CN=Contoso Test CA<S>"


class TestGarbage:
    valid = der(make_certificate())

    @given(st.binary(max_size=100))
    def test_is_an_error_that_says_how_much_there_was(self, data: bytes) -> None:
        with pytest.raises(NotACertificate) as caught:
            certificate_facts(data)
        assert caught.value.size == len(data)

    # A serial number that is negative is read, and cryptography warns that it shall not be for ever.
    @pytest.mark.filterwarnings("ignore:Parsed a serial number")
    @given(st.integers(0, len(valid) - 1), st.integers(0, 255))
    def test_of_one_byte_fails_in_no_other_way(self, at: int, byte: int) -> None:
        """Whatever a server sends, it is read or refused."""
        changed = self.valid[:at] + bytes([byte]) + self.valid[at + 1 :]
        try:
            facts = certificate_facts(changed)
        except NotACertificate:
            return
        assert (facts.thumbprint == certificate_facts(self.valid).thumbprint) is (changed == self.valid)

    @given(st.integers(0, len(valid) - 1))
    def test_that_ends_early_is_an_error(self, length: int) -> None:
        with pytest.raises(NotACertificate):
            certificate_facts(self.valid[:length])

    def test_that_is_huge_is_not_parsed(self) -> None:
        with pytest.raises(NotACertificate, match="over"):
            certificate_facts(self.valid + bytes(LARGEST))

    def test_that_is_a_request_is_no_certificate(self) -> None:
        with pytest.raises(NotACertificate):
            certificate_facts(der(make_request()))
