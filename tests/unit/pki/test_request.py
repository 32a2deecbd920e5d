"""Requests as Exchange gives them, against what was declared."""

from __future__ import annotations

import base64
import ipaddress
import textwrap

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from reconciler.pki.certificate import certificate_facts
from reconciler.pki.problem import Problem, Rule
from reconciler.pki.request import LARGEST, NotARequest, check_request, parse_request, weak_signature
from state.resources import Certificate
from state.values import DomainPattern
from tests.authority import (
    CONTOSO,
    common_name,
    der,
    ec_key,
    make_certificate,
    make_request,
    name,
    pem,
    rsa_key,
)
from tests.rules import rule

ASKED = Certificate(
    subject="C=US, O=Contoso Ltd, CN=mail1.contoso.com",
    domains=frozenset({DomainPattern("mail1.contoso.com")}),
    key_size=2048,
)
CSR = pem(make_request())
BASE64 = base64.b64encode(der(make_request())).decode()
NEW_HEADER = CSR.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")


class TestARequest:
    @rule("2.1-2", "2.1-4")
    @pytest.mark.parametrize(
        "given",
        [
            CSR,
            CSR.encode(),
            NEW_HEADER,
            CSR.replace("\n", "\r\n"),
            ("\ufeff" + NEW_HEADER.replace("\n", "\r\n")).encode("utf-16-le"),
            NEW_HEADER.encode("utf-16-le"),
            NEW_HEADER.encode("utf-16"),
            CSR.encode("utf-8-sig"),
            "\ufeff" + CSR,
            "Certificate Request:\n    Data:\n" + CSR,
            BASE64,
            "\r\n".join(textwrap.wrap(BASE64, 64)),
            BASE64.encode("utf-16-le"),
            der(make_request()),
        ],
        ids=[
            "pem",
            "bytes",
            "NEW",
            "CRLF",
            "UTF-16LE with a mark",
            "UTF-16LE",
            "UTF-16",
            "UTF-8 with a mark",
            "text with a mark",
            "text before it",
            "bare",
            "bare in lines",
            "bare in UTF-16LE",
            "DER",
        ],
    )
    def test_is_read_in_every_form_that_exchange_or_a_file_may_give_it(self, given: str | bytes) -> None:
        """[2.1-2] and [2.1-4]; the result is always the same PEM."""
        facts = parse_request(given)
        assert facts.pem.startswith("-----BEGIN CERTIFICATE REQUEST-----\n")
        assert x509.load_pem_x509_csr(facts.pem.encode()).is_signature_valid
        assert check_request(given, ASKED) == ()

    @rule("2.2-3")
    def test_has_the_public_key_of_its_answer(self) -> None:
        """What matches the two when thumbprints differ [2.2-3]."""
        answer = make_certificate(common_name("other"), key=rsa_key())
        assert parse_request(CSR).public_key == certificate_facts(der(answer)).public_key

    @pytest.mark.parametrize(
        "given",
        [
            "",
            "hello",
            CSR[:200],
            CSR + CSR,
            pem(make_certificate()),
            BASE64[:-8],
            b"\x30\x03\x02\x01",
            b"\xff\xfe\x00\xd8",
            "A" * (LARGEST + 1),
        ],
    )
    def test_that_is_none_is_an_error(self, given: str | bytes) -> None:
        with pytest.raises(NotARequest):
            parse_request(given)
        (problem,) = check_request(given, ASKED)
        assert problem.rule is Rule.UNREADABLE

    @given(st.one_of(st.binary(max_size=200), st.text(max_size=200)))
    def test_of_garbage_fails_in_no_other_way(self, given: str | bytes) -> None:
        with pytest.raises(NotARequest):
            parse_request(given)

    @given(st.integers(0, len(der(make_request())) - 1), st.integers(0, 255))
    def test_with_one_other_byte_fails_in_no_other_way(self, at: int, byte: int) -> None:
        good = der(make_request())
        changed = good[:at] + bytes([byte]) + good[at + 1 :]
        if changed != good:
            assert check_request(changed, ASKED)


def problems(csr: x509.CertificateSigningRequest, asked: Certificate = ASKED) -> tuple[Problem, ...]:
    return check_request(pem(csr), asked)


class TestACheckedRequest:
    def test_may_have_its_subject_in_another_order(self) -> None:
        """Exchange decides the order of the encoding."""
        turned = x509.Name(reversed(list(CONTOSO)))
        assert problems(make_request(turned)) == ()

    def test_is_refused_when_its_signature_is_not_its_own(self) -> None:
        good = der(make_request())
        assert check_request(good[:-1] + bytes([good[-1] ^ 1]), ASKED) == (Problem(Rule.SIGNATURE),)

    def test_is_refused_with_a_key_that_is_not_rsa(self) -> None:
        assert problems(make_request(key=ec_key())) == (Problem(Rule.KEY_TYPE, "EC"),)

    def test_is_refused_with_another_key_size(self) -> None:
        assert problems(make_request(), ASKED.with_(key_size=4096)) == (
            Problem(Rule.KEY_SIZE, "2048", "4096"),
        )

    def test_must_name_every_domain(self) -> None:
        both = frozenset({DomainPattern("mail1.contoso.com"), DomainPattern("*.contoso.com")})
        assert problems(make_request(), ASKED.with_(domains=both)) == (
            Problem(Rule.NAME_MISSING, wanted="*.contoso.com"),
        )

    def test_must_name_no_other_domain(self) -> None:
        """An authority would certify a name that nobody reviewed."""
        assert problems(make_request(domains=("mail1.contoso.com", "ex1.corp.local"))) == (
            Problem(Rule.NAME_EXTRA, "ex1.corp.local"),
        )

    def test_must_name_nothing_that_is_no_domain(self) -> None:
        address = x509.IPAddress(ipaddress.ip_address("192.0.2.1"))
        assert problems(make_request(domains=("mail1.contoso.com", address))) == (
            Problem(Rule.NAME_EXTRA, "IPAddress 192.0.2.1"),
        )

    @rule("2.1-6")
    def test_may_have_the_common_name_besides_the_domains(self) -> None:
        """Exchange always adds it [2.1-6]."""
        asked = ASKED.with_(domains=frozenset({DomainPattern("a.contoso.com")}))
        assert problems(make_request(domains=("a.contoso.com", "mail1.contoso.com")), asked) == ()

    def test_must_have_the_subject_that_was_asked_for(self) -> None:
        other = name((NameOID.ORGANIZATION_NAME, "Fabrikam"), (NameOID.COMMON_NAME, "mail1.contoso.com"))
        assert problems(make_request(other)) == (
            Problem(Rule.SUBJECT_MISSING, wanted="O=Contoso Ltd"),
            Problem(Rule.SUBJECT_MISSING, wanted="C=US"),
            Problem(Rule.SUBJECT_EXTRA, "O=Fabrikam"),
        )

    def test_is_not_compared_in_what_was_not_declared(self) -> None:
        asked = Certificate(domains=frozenset({DomainPattern("mail1.contoso.com")}))
        assert problems(make_request(), asked) == ()

    def test_has_all_its_problems_told_in_sentences(self) -> None:
        told = [
            str(problem) for problem in problems(make_request(common_name("b.com"), ("a.com",), ec_key()))
        ]
        assert told == [
            "its key is not an RSA key: EC",
            "mail1.contoso.com is not among its names",
            "a.com is among its names, and was not asked for",
            "b.com is among its names, and was not asked for",
            "its subject lacks CN=mail1.contoso.com",
            "its subject lacks O=Contoso Ltd",
            "its subject lacks C=US",
            "its subject has CN=b.com, which was not asked for",
        ]


def test_a_request_that_is_signed_with_sha1_is_told() -> None:
    """Old servers do; the authority judges, not we."""
    good = der(make_request())
    old = good.replace(bytes.fromhex("2a864886f70d01010b"), bytes.fromhex("2a864886f70d010105"))
    assert (weak_signature(good), weak_signature(old), weak_signature(b"none")) == ("", "SHA-1", "")
