"""Certificates that are bought with their key."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from reconciler.pki.bought import read_pkcs12
from reconciler.pki.pkcs12 import LARGEST
from reconciler.pki.problem import Rule
from reconciler.pki.sent import NotAnAnswer
from tests.authority import Authority, make_certificate, pem, rsa_key

ROOT = Authority.make("Root", key=rsa_key(8))
ISSUING = Authority.make("Issuing", key=rsa_key(9), issuer=ROOT)
LEAF = make_certificate(issuer=ISSUING)
PASSWORD = "pässwörd"


def bought(key: RSAPrivateKey | None, *, with_certificate: bool = True) -> bytes:
    return pkcs12.serialize_key_and_certificates(
        b"mail",
        key,
        LEAF if with_certificate else None,
        [ROOT.certificate, ISSUING.certificate],
        BestAvailableEncryption(PASSWORD.encode()),
    )


def why_not(data: bytes, password: str = PASSWORD) -> Rule:
    with pytest.raises(NotAnAnswer) as caught:
        read_pkcs12(data, password)
    assert PASSWORD not in str(caught.value)
    return caught.value.problem.rule


def test_its_chain_is_given_in_order_and_the_key_is_not() -> None:
    assert read_pkcs12(bought(rsa_key()), PASSWORD) == pem(LEAF, ISSUING.certificate, ROOT.certificate)


def test_another_password_is_told() -> None:
    assert why_not(bought(rsa_key()), "another") is Rule.NOT_OPENED


@pytest.mark.parametrize("data", [b"", b"no file of that kind", pem(LEAF).encode(), bought(rsa_key())[:900]])
def test_what_is_none_is_told(data: bytes) -> None:
    assert why_not(data) is Rule.NOT_OPENED


def test_a_file_without_a_key_is_told() -> None:
    assert why_not(bought(None)) is Rule.NO_KEY


def test_a_file_without_the_certificate_of_its_key_is_told() -> None:
    assert why_not(bought(rsa_key(), with_certificate=False)) is Rule.NO_KEY


def test_a_file_over_all_bounds_is_told() -> None:
    assert why_not(b"\x30" * (LARGEST + 1)) is Rule.UNREADABLE


def test_a_key_beside_somebody_elses_certificate_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library writes no such file; others do."""
    held = pkcs12.PKCS12KeyAndCertificates(rsa_key(1), pkcs12.PKCS12Certificate(LEAF, None), [])
    monkeypatch.setattr(pkcs12, "load_pkcs12", lambda data, password: held)
    assert why_not(b"as if") is Rule.OTHER_PAIR
