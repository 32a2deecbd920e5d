"""What every issuer must do. An issuer passes by a class that inherits this and gives ``issuer``."""

from __future__ import annotations

from datetime import timedelta

import pytest

from reconciler.issuers.port import CertificateRequest, Issued, Issuer, RequestRefused
from reconciler.pki.answer import check_answer, read_chain
from reconciler.pki.request import parse_request
from state.address import Address
from state.resources import Certificate
from state.values import DomainPattern
from tests.authority import NOW, make_request, pem, rsa_key

ADDRESS = Address.of("certificate", "EX1", "internet")
DOMAINS = frozenset({DomainPattern("mail1.contoso.com"), DomainPattern("mail2.contoso.com")})
ASKED = Certificate(subject="C=US, O=Contoso Ltd, CN=mail1.contoso.com", domains=DOMAINS)
CSR = pem(make_request(domains=("mail1.contoso.com", "mail2.contoso.com")))
REQUEST = CertificateRequest(ADDRESS, CSR, DOMAINS)


class IssuerContract:
    """The tests; :meth:`issuer` is what differs."""

    @pytest.fixture
    def issuer(self) -> Issuer:
        raise NotImplementedError

    def issued(self, issuer: Issuer) -> Issued:
        """What becomes of a good request."""
        return issuer.issue(REQUEST)

    def test_answers_with_what_may_be_imported(self, issuer: Issuer) -> None:
        """The same check stands between the answer and the server."""
        key = parse_request(CSR).public_key
        assert check_answer(self.issued(issuer).chain, key, ASKED, NOW) == ()

    def test_says_when_the_certificate_ends(self, issuer: Issuer) -> None:
        issued = self.issued(issuer)
        assert read_chain(issued.chain)[0].not_after == issued.not_after > NOW + timedelta(days=1)

    def test_gives_the_chain_behind_the_certificate(self, issuer: Issuer) -> None:
        """Without it the server cannot send it, and its clients cannot verify."""
        assert len(read_chain(self.issued(issuer).chain)) >= 2

    def test_may_be_asked_again(self, issuer: Issuer) -> None:
        """After a crash the same request is sent once more."""
        self.issued(issuer)
        self.issued(issuer)

    @pytest.mark.parametrize(
        "csr",
        [
            "",
            "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
            pem(make_request(domains=())),
            pem(make_request(key=rsa_key(7, bits=1024))),
        ],
        ids=["empty", "garbage", "no names", "a key of 1024 bits"],
    )
    def test_refuses_a_request_that_is_not_in_order(self, issuer: Issuer, csr: str) -> None:
        with pytest.raises(RequestRefused) as caught:
            issuer.issue(CertificateRequest(ADDRESS, csr, DOMAINS))
        assert caught.value.issuer
        assert caught.value.reason
