"""The contract suite that every issuer must pass; for authors of plug-ins, too (extra ``testing``).

An issuer passes by a class that inherits :class:`IssuerContract` and gives ``issuer``::

    class TestMine(IssuerContract):
        @pytest.fixture
        def issuer(self) -> Issuer:
            return MyIssuer(...)
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from reconciler.issuers.port import (
    Adviser,
    CertificateRequest,
    Issued,
    Issuer,
    RequestRefused,
    Revoker,
    Waiting,
)
from reconciler.pki.answer import check_answer, read_chain
from reconciler.pki.request import parse_request
from state.address import Address
from state.resources import Certificate
from state.values import DomainPattern

NAMES: Final = ("mail1.contoso.com", "mail2.contoso.com")
DOMAINS: Final = frozenset(map(DomainPattern, NAMES))
ADDRESS: Final = Address.of("certificate", "EX1", "internet")
ASKED: Final = Certificate(subject="C=US, O=Contoso Ltd, CN=mail1.contoso.com", domains=DOMAINS)


@cache
def another_request(number: int = 0) -> CertificateRequest:
    """A request as Exchange makes them; each number has a key of its own."""
    return CertificateRequest(ADDRESS, _pem(rsa.generate_private_key(65537, 2048)), DOMAINS)


class IssuerContract:
    """The tests; the fixture ``issuer`` is what differs."""

    @pytest.fixture
    def issuer(self) -> Issuer:
        """The issuer under test."""
        raise NotImplementedError

    def now(self) -> datetime:
        """The issuer's clock; UTC, aware."""
        return datetime.now(UTC)

    def answer(self, request: CertificateRequest) -> None:
        """Do what an issuer that waits is waiting for: a person's part, or a queue's."""
        raise AssertionError("the issuer waits, and this class does not say what for")

    def issued(self, issuer: Issuer, request: CertificateRequest | None = None) -> Issued:
        """What becomes of a good request in the end."""
        request = request or another_request()
        said = issuer.issue(request)
        if isinstance(said, Waiting):
            self.answer(request)
            said = issuer.issue(_again(request, said))
        assert isinstance(said, Issued), said
        return said

    def test_answers_with_what_may_be_imported(self, issuer: Issuer) -> None:
        """The same check stands between the answer and the server."""
        key = parse_request(another_request().csr).public_key
        assert check_answer(self.issued(issuer).chain, key, ASKED, self.now()) == ()

    def test_says_when_the_certificate_ends(self, issuer: Issuer) -> None:
        issued = self.issued(issuer)
        assert read_chain(issued.chain)[0].not_after == issued.not_after > self.now() + timedelta(days=1)

    def test_gives_the_chain_behind_the_certificate(self, issuer: Issuer) -> None:
        """Without it the server cannot send it, and its clients cannot verify."""
        assert len(read_chain(self.issued(issuer).chain)) >= 2

    def test_may_be_asked_again(self, issuer: Issuer) -> None:
        """After a crash the same request is brought once more, and what is given then will do as well."""
        key = parse_request(another_request().csr).public_key
        for issued in (self.issued(issuer), self.issued(issuer)):
            assert check_answer(issued.chain, key, ASKED, self.now()) == ()

    def test_gives_one_certificate_for_what_it_called_one_request(self, issuer: Issuer) -> None:
        """A machine that crashed and one that took over take the same, or one of them is good for nothing."""
        request = another_request()
        if isinstance(said := issuer.issue(request), Waiting) and said.reference:
            self.answer(request)
            brought = _again(request, said)
            first, second = self.issued(issuer, brought), self.issued(issuer, brought)
            assert read_chain(first.chain)[0] == read_chain(second.chain)[0]

    def test_may_be_asked_again_while_it_waits(self, issuer: Issuer) -> None:
        """By whoever runs next, and also where what it said was lost."""
        request = another_request()
        for brought in (request, request):
            if isinstance(said := issuer.issue(brought), Waiting):
                assert said.reason
                again = issuer.issue(_again(request, said))
                assert isinstance(again, Waiting)
                assert again.reference == said.reference

    def test_keeps_requests_apart(self, issuer: Issuer) -> None:
        """Two requests for one address are two certificates: the first may be of a key that is lost."""
        for request in (another_request(0), another_request(1)):
            key = parse_request(request.csr).public_key
            assert read_chain(self.issued(issuer, request).chain)[0].public_key == key

    def test_revokes_once_and_may_be_told_twice(self, issuer: Issuer) -> None:
        """Where it can: after a lost answer the same certificate is brought once more."""
        if isinstance(issuer, Revoker):
            chain = self.issued(issuer).chain
            issuer.revoke(chain, "compromise")
            issuer.revoke(chain, "compromise")

    def test_says_nothing_of_the_renewal_of_what_it_did_not_issue(self, issuer: Issuer) -> None:
        """It is asked before every plan, about whatever is recorded, and never fails."""
        if isinstance(issuer, Adviser):
            assert dict(issuer.suggested(("bm8.AA", "no name"))) == {}

    @pytest.mark.parametrize(
        "csr",
        [
            "",
            "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
            "no names",
            "a key of 1024 bits",
            "an elliptic curve",
        ],
        ids=["empty", "garbage", "no names", "a key of 1024 bits", "an elliptic curve"],
    )
    def test_refuses_a_request_that_is_not_in_order(self, issuer: Issuer, csr: str) -> None:
        with pytest.raises(RequestRefused) as caught:
            issuer.issue(CertificateRequest(ADDRESS, _unfit(csr), DOMAINS))
        assert caught.value.issuer
        assert caught.value.reason


def _again(request: CertificateRequest, said: Waiting) -> CertificateRequest:
    return CertificateRequest(request.address, request.csr, request.domains, said.reference, request.since)


@cache
def _unfit(which: str) -> str:
    match which:
        case "no names":
            return _pem(rsa.generate_private_key(65537, 2048), names=())
        case "a key of 1024 bits":
            return _pem(rsa.generate_private_key(65537, 1024))  # noqa: S505 it is to be refused
        case "an elliptic curve":
            return _pem(ec.generate_private_key(ec.SECP256R1()))
        case _:
            return which


def _pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, names: Sequence[str] = NAMES) -> str:
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name(
            [
                x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Contoso Ltd"),
                x509.NameAttribute(NameOID.COMMON_NAME, NAMES[0]),
            ]
        )
    )
    if names:
        alternative = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = builder.add_extension(alternative, critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode("ascii")
