"""Another certificate for a key that a server exported."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from reconciler.pki.pkcs12 import is_read_by_every_windows
from reconciler.pki.renewed import KeyNotUsable, packed_again, request_again
from reconciler.pki.request import check_request, parse_request
from state.resources import Certificate
from state.values import DomainPattern
from tests.authority import NOW, Authority, PrivateKey, ec_key, make_certificate, pem, rsa_key

PASSWORD = "of one journey"
ISSUING = Authority.make("Issuing", key=rsa_key(9))
BEFORE = make_certificate(issuer=ISSUING)
ASKED = Certificate(
    subject='C=US, O="Contoso, Ltd", CN=mail1.contoso.com',
    domains=frozenset({DomainPattern("*.contoso.com"), DomainPattern("mail1.contoso.com")}),
    key_size=2048,
)


def exported(key: PrivateKey | None = None) -> bytes:
    certificate = BEFORE if key is None else make_certificate(key=key)
    encryption = BestAvailableEncryption(PASSWORD.encode())
    return pkcs12.serialize_key_and_certificates(None, key or rsa_key(), certificate, None, encryption)


class TestItsRequest:
    def test_is_what_is_declared_for_the_same_key(self) -> None:
        again = request_again(exported(), PASSWORD, ASKED)
        assert not check_request(again.pem, ASKED)
        facts = parse_request(again.pem)
        assert str(facts.name) == 'C=US, O="Contoso, Ltd", CN=mail1.contoso.com'
        assert again.begins == BEFORE.not_valid_before_utc < NOW

    def test_has_the_declared_subject_as_it_was_encoded_before(self) -> None:
        """Authorities put attributes into their own order."""
        asked = ASKED.with_(subject="C=US, O=contoso ltd, CN=mail1.contoso.com")
        again = request_again(exported(), PASSWORD, asked)
        assert str(parse_request(again.pem).name) == "CN=mail1.contoso.com, O=Contoso Ltd, C=US"
        assert not check_request(again.pem, asked)

    def test_has_the_subject_until_now_where_none_is_declared(self) -> None:
        again = request_again(exported(), PASSWORD, ASKED.with_(subject=Certificate().subject))
        assert str(parse_request(again.pem).name) == "CN=mail1.contoso.com, O=Contoso Ltd, C=US"

    @pytest.mark.parametrize(
        ("data", "password", "reason"),
        [
            (exported(), "another", "it cannot be opened"),
            (b"no file", PASSWORD, "it cannot be opened"),
            (exported(ec_key()), PASSWORD, "it does not hold a certificate with an RSA key"),
        ],
    )
    def test_is_not_made_without_such_a_key(self, data: bytes, password: str, reason: str) -> None:
        with pytest.raises(KeyNotUsable, match=reason):
            request_again(data, password, ASKED)

    def test_is_not_made_of_a_subject_that_cannot_be_encoded(self) -> None:
        with pytest.raises(KeyNotUsable, match="no request can be made"):
            request_again(exported(), PASSWORD, ASKED.with_(subject="C=Germany, CN=mail1.contoso.com"))


class TestWhatIsImported:
    def test_is_the_new_certificate_and_the_same_key(self) -> None:
        after = make_certificate(issuer=ISSUING)
        made = packed_again(exported(), PASSWORD, pem(after, ISSUING.certificate))
        assert is_read_by_every_windows(made)
        held = pkcs12.load_pkcs12(made, PASSWORD.encode())
        assert held.cert is not None
        assert (held.cert.certificate, held.additional_certs[0].certificate) == (after, ISSUING.certificate)

    def test_is_never_a_certificate_for_another_key(self) -> None:
        after = make_certificate(key=rsa_key(3), issuer=ISSUING)
        with pytest.raises(KeyNotUsable, match="it is not the key"):
            packed_again(exported(), PASSWORD, pem(after))
