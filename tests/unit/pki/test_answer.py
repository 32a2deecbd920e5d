"""Answers of an authority, against the request that was made."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from reconciler.pki.answer import LARGEST, LONGEST, check_answer, read_chain
from reconciler.pki.bundle import pkcs7_of
from reconciler.pki.certificate import certificate_facts
from reconciler.pki.problem import Problem, Rule
from state.resources import Certificate
from state.values import DomainPattern
from tests.authority import (
    NOW,
    Authority,
    common_name,
    der,
    make_certificate,
    make_request,
    pem,
    private_pem,
    rsa_key,
    usage_of,
)

ROOT = Authority.make("Root", key=rsa_key(8))
ISSUING = Authority.make("Issuing", key=rsa_key(9), issuer=ROOT)
LEAF = make_certificate(issuer=ISSUING)
CHAIN = pem(LEAF, ISSUING.certificate, ROOT.certificate)
KEY = certificate_facts(der(LEAF)).public_key
ASKED = Certificate(
    subject="C=US, O=Contoso Ltd, CN=mail1.contoso.com",
    domains=frozenset({DomainPattern("mail1.contoso.com")}),
)


def problems(chain: str, asked: Certificate = ASKED) -> tuple[Problem, ...]:
    return check_answer(chain, KEY, asked, NOW)


class TestAnAnswer:
    def test_to_the_request_has_no_problem(self) -> None:
        assert problems(CHAIN) == ()

    def test_may_come_without_its_chain(self) -> None:
        assert problems(pem(LEAF)) == ()

    def test_may_have_lost_what_the_authority_did_not_verify(self) -> None:
        """A domain-validated certificate has the common name only."""
        assert problems(pem(make_certificate(common_name("mail1.contoso.com"), issuer=ISSUING))) == ()

    def test_may_name_more_than_was_asked_for(self) -> None:
        more = make_certificate(domains=("mail1.contoso.com", "www.mail1.contoso.com"), issuer=ISSUING)
        assert problems(pem(more)) == ()

    def test_may_cover_a_name_by_a_wildcard(self) -> None:
        wildcard = make_certificate(domains=("*.contoso.com",), issuer=ISSUING)
        assert problems(pem(wildcard)) == ()

    def test_without_usages_may_be_used_for_everything(self) -> None:
        assert problems(pem(make_certificate(issuer=ISSUING, server_auth=None))) == ()

    def test_must_cover_every_name(self) -> None:
        both = frozenset({DomainPattern("mail1.contoso.com"), DomainPattern("mail2.contoso.com")})
        assert problems(CHAIN, ASKED.with_(domains=both)) == (
            Problem(Rule.UNCOVERED, wanted="mail2.contoso.com"),
        )

    def test_does_not_cover_a_name_by_its_common_name(self) -> None:
        """The world's clients look at the alternative names alone."""
        named = make_certificate(domains=("other.contoso.com",), issuer=ISSUING)
        assert problems(pem(named)) == (Problem(Rule.UNCOVERED, wanted="mail1.contoso.com"),)

    def test_must_be_for_the_key_of_the_request(self) -> None:
        """The server has no key for another one, and would import it without a word."""
        other = make_certificate(key=rsa_key(1), issuer=ISSUING)
        assert problems(pem(other, ISSUING.certificate)) == (Problem(Rule.OTHER_KEY),)

    def test_must_begin_with_the_certificate_itself(self) -> None:
        assert problems(pem(ISSUING.certificate, LEAF)) == (Problem(Rule.LEAF_NOT_FIRST, "2"),)

    def test_must_be_a_chain(self) -> None:
        assert problems(pem(LEAF, ROOT.certificate)) == (Problem(Rule.CHAIN_BROKEN, "1"),)
        assert problems(pem(LEAF, ISSUING.certificate, ISSUING.certificate)) == (
            Problem(Rule.CHAIN_BROKEN, "2"),
        )

    @pytest.mark.parametrize(
        ("offset", "rule"),
        [
            (timedelta(days=-1), None),
            (timedelta(minutes=4), None),
            (timedelta(minutes=6), Rule.NOT_YET_VALID),
            (timedelta(days=-90), None),
            (timedelta(days=-90, seconds=-1), Rule.EXPIRED),
        ],
    )
    def test_must_be_valid_now(self, offset: timedelta, rule: Rule | None) -> None:
        """Its last second counts, and so do clocks that differ by a few minutes."""
        begin = NOW + offset
        leaf = make_certificate(issuer=ISSUING, not_before=begin, not_after=begin + timedelta(days=90))
        assert [problem.rule for problem in problems(pem(leaf))] == ([rule] if rule else [])

    @pytest.mark.parametrize(
        ("make", "rule"),
        [
            (lambda: make_certificate(issuer=ISSUING, server_auth=False), Rule.NOT_FOR_SERVERS),
            (lambda: make_certificate(issuer=ISSUING, ca=True), Rule.AUTHORITY),
            (
                lambda: make_certificate(issuer=ISSUING, key_usage=usage_of(data_encipherment=True)),
                Rule.KEY_USAGE,
            ),
        ],
        ids=["for clients", "authority", "key usage"],
    )
    def test_must_be_usable_by_a_server(self, make: Callable[[], x509.Certificate], rule: Rule) -> None:
        assert rule in [problem.rule for problem in problems(pem(make()))]

    @pytest.mark.parametrize(
        "usage",
        [usage_of(digital_signature=True), usage_of(key_encipherment=True)],
        ids=["signatures", "key encipherment"],
    )
    def test_may_have_either_of_the_usages_that_tls_needs(self, usage: x509.KeyUsage) -> None:
        assert problems(pem(make_certificate(issuer=ISSUING, key_usage=usage))) == ()

    @pytest.mark.parametrize(
        "chain",
        ["", "hello", CHAIN[:300], pem(make_request()), "x" * (LARGEST + 1), pem(LEAF) * (LONGEST + 1)],
        ids=["empty", "text", "cut off", "a request", "too large", "too many"],
    )
    def test_that_is_none_is_told(self, chain: str) -> None:
        assert [problem.rule for problem in problems(chain)] == [Rule.UNREADABLE]

    @given(st.text(max_size=100))
    def test_of_garbage_is_told(self, chain: str) -> None:
        assert [problem.rule for problem in problems(chain)] == [Rule.UNREADABLE]

    def test_is_read_in_its_order(self) -> None:
        assert [facts.subject for facts in read_chain("text\n" + CHAIN)] == [
            "CN=mail1.contoso.com, O=Contoso Ltd, C=US",
            "CN=Issuing",
            "CN=Root",
        ]

    def test_with_a_remark_in_any_alphabet_hands_on_the_certificates_alone(self) -> None:
        """`openssl x509 -text` writes names above the block; what is accepted must also reach the server."""
        remarked = "Aussteller: Zürich \udcff 東京\n" + CHAIN
        assert problems(remarked) == ()
        assert pkcs7_of(remarked) == pkcs7_of(CHAIN)

    def test_with_a_private_key_in_it_hands_on_the_certificates_alone(self) -> None:
        """Some authorities' web pages offer both in one file."""
        bundle = pkcs7_of(CHAIN + private_pem(rsa_key(2)).decode())
        assert bundle == pkcs7_of(CHAIN)


def said_to_be_signed_with_sha1(certificate: x509.Certificate) -> x509.Certificate:
    """The library signs nothing so any more."""
    sha256, sha1 = bytes.fromhex("2a864886f70d01010b"), bytes.fromhex("2a864886f70d010105")
    return x509.load_der_x509_certificate(der(certificate).replace(sha256, sha1))


class TestWhatIsTooWeak:
    def test_is_a_signature_with_sha1(self) -> None:
        assert problems(pem(said_to_be_signed_with_sha1(LEAF))) == (
            Problem(Rule.WEAK_SIGNATURE, "it", "SHA-1"),
        )

    def test_is_not_how_a_root_signed_itself(self) -> None:
        """Roots of the 1990s are trusted because they are known."""
        root = said_to_be_signed_with_sha1(ROOT.certificate)
        assert problems(pem(LEAF, ISSUING.certificate, root)) == ()

    def test_is_a_small_key_of_an_authority(self) -> None:
        weak = Authority.make("Weak", key=rsa_key(5, bits=1024), issuer=ROOT)
        assert problems(pem(make_certificate(issuer=weak), weak.certificate)) == (
            Problem(Rule.WEAK_KEY, "CN=Weak", "1024"),
        )

    @pytest.mark.parametrize(("declared", "is_refused"), [(None, True), (2048, True), (1024, False)])
    def test_is_a_small_key_unless_it_was_declared(self, declared: int | None, is_refused: bool) -> None:
        small = make_certificate(key=rsa_key(5, bits=1024), issuer=ISSUING)
        key = certificate_facts(der(small)).public_key
        asked = ASKED.with_(key_size=declared) if declared else ASKED
        found = check_answer(pem(small), key, asked, NOW)
        assert found == ((Problem(Rule.WEAK_KEY, "it", "1024"),) if is_refused else ())
