"""Certificates that are bought with their key."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from reconciler.pki.bought import Bought, carried, check_bought, read_bought
from reconciler.pki.pkcs12 import LARGEST, is_read_by_every_windows, why_not_pkcs12
from reconciler.pki.problem import Rule
from reconciler.pki.sent import NotAnAnswer
from state.resources import Certificate
from state.values import DomainPattern
from tests.authority import (
    NOW,
    Authority,
    PrivateKey,
    common_name,
    ec_key,
    make_certificate,
    pem,
    rsa_key,
)

ROOT = Authority.make("Root", key=rsa_key(8))
ISSUING = Authority.make("Issuing", key=rsa_key(9), issuer=ROOT)
LEAF = make_certificate(issuer=ISSUING)
ABOVE = (ROOT.certificate, ISSUING.certificate)
PASSWORD = "pässwörd"
MODERN = BestAvailableEncryption(PASSWORD.encode())
OLD = (
    PrivateFormat.PKCS12.encryption_builder()
    .kdf_rounds(2000)
    .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
    .hmac_hash(hashes.SHA1())  # noqa: S303 - what Windows has written before AES
    .build(PASSWORD.encode())
)
ASKED = Certificate(domains=frozenset({DomainPattern("mail1.contoso.com")}))


def packed(
    key: PrivateKey | None = None,
    leaf: x509.Certificate | None = LEAF,
    others: Sequence[x509.Certificate] = ABOVE,
    encryption: KeySerializationEncryption = MODERN,
) -> bytes:
    return pkcs12.serialize_key_and_certificates(b"mail", key or rsa_key(), leaf, others, encryption)


def without_key() -> bytes:
    return pkcs12.serialize_key_and_certificates(b"mail", None, LEAF, ABOVE, MODERN)


def why_not(data: bytes, password: str = PASSWORD) -> Rule:
    with pytest.raises(NotAnAnswer) as caught:
        read_bought(data, password)
    assert PASSWORD not in str(caught.value)
    return caught.value.problem.rule


class TestAFileThatWasBought:
    @pytest.mark.parametrize("encryption", [MODERN, OLD], ids=["AES", "3DES"])
    def test_gives_its_chain_in_order_and_not_its_key(self, encryption: KeySerializationEncryption) -> None:
        bought = read_bought(packed(encryption=encryption), PASSWORD)
        assert bought.chain == pem(LEAF, ISSUING.certificate, ROOT.certificate)
        assert str(bought.leaf.subject).endswith("C=US")

    def test_is_told_when_it_has_another_password(self) -> None:
        assert why_not(packed(), "another") is Rule.NOT_OPENED

    @pytest.mark.parametrize("data", [b"", b"no file of that kind", pem(LEAF).encode(), packed()[:900]])
    def test_is_told_when_it_is_none(self, data: bytes) -> None:
        assert why_not(data) is Rule.NOT_OPENED

    def test_is_told_when_it_has_no_key(self) -> None:
        assert why_not(without_key()) is Rule.NO_KEY

    def test_is_told_when_it_lacks_the_certificate_of_its_key(self) -> None:
        assert why_not(packed(leaf=None)) is Rule.NO_KEY

    def test_is_told_when_it_is_over_all_bounds(self) -> None:
        assert why_not(b"\x30" * (LARGEST + 1)) is Rule.UNREADABLE

    def test_is_told_when_another_certificate_stands_beside_its_key(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The library writes no such file; others do."""
        held = pkcs12.PKCS12KeyAndCertificates(rsa_key(1), pkcs12.PKCS12Certificate(LEAF, None), [])
        monkeypatch.setattr(pkcs12, "load_pkcs12", lambda data, password: held)
        assert why_not(b"as if") is Rule.OTHER_PAIR

    def test_is_told_when_its_key_is_of_a_kind_that_no_server_presents(self) -> None:
        key = ed25519.Ed25519PrivateKey.generate()
        name = common_name("mail1.contoso.com")
        builder = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW + timedelta(days=9))
        data = pkcs12.serialize_key_and_certificates(None, key, builder.sign(key, None), None, MODERN)
        assert why_not(data) is Rule.KEY_TYPE

    def test_is_told_when_it_holds_what_does_not_belong_to_its_chain(self) -> None:
        stranger = Authority.make("Somebody else", key=rsa_key(7)).certificate
        assert why_not(packed(others=(*ABOVE, stranger))) is Rule.STRAY


class TestWhatIsDeclared:
    def test_is_met(self) -> None:
        assert not check_bought(read_bought(packed(), PASSWORD), ASKED, NOW)

    @pytest.mark.parametrize(
        ("leaf", "rule"),
        [
            (make_certificate(domains=("other.contoso.com",), issuer=ISSUING), Rule.UNCOVERED),
            (make_certificate(issuer=ISSUING, not_after=NOW - timedelta(hours=1)), Rule.EXPIRED),
            (make_certificate(issuer=ISSUING, server_auth=False), Rule.NOT_FOR_SERVERS),
        ],
    )
    def test_is_judged_as_an_answer_is(self, leaf: x509.Certificate, rule: Rule) -> None:
        bought = read_bought(packed(leaf=leaf), PASSWORD)
        assert [one.rule for one in check_bought(bought, ASKED, NOW)] == [rule]

    def test_is_a_key_of_that_size(self) -> None:
        """One of another size would be replaced by the next plan."""
        wrong = check_bought(read_bought(packed(), PASSWORD), ASKED.with_(key_size=4096), NOW)
        assert [str(one) for one in wrong] == ["its key has 2048 bits, not 4096"]

    def test_may_be_met_by_an_elliptic_curve(self) -> None:
        bought = read_bought(packed(ec_key(), make_certificate(key=ec_key(), issuer=ISSUING)), PASSWORD)
        assert not check_bought(bought, ASKED, NOW)


class TestWhatIsSent:
    def test_is_the_file_where_every_windows_reads_it(self) -> None:
        data = packed(encryption=OLD)
        assert is_read_by_every_windows(data)
        assert carried(data, PASSWORD, read_bought(data, PASSWORD), "another") == (data, PASSWORD)

    @pytest.mark.parametrize(
        "encryption",
        [
            MODERN,
            NoEncryption(),
            PrivateFormat.PKCS12.encryption_builder()
            .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
            .hmac_hash(hashes.SHA256())
            .build(PASSWORD.encode()),
        ],
        ids=["AES", "a bare key", "SHA-256"],
    )
    def test_is_made_of_it_in_another_form(self, encryption: KeySerializationEncryption) -> None:
        data = packed(encryption=encryption)
        password = "" if isinstance(encryption, NoEncryption) else PASSWORD
        assert self._remade(data, password)

    def test_is_nothing_but_what_was_checked(self) -> None:
        """An older certificate for the same key is not sent."""
        older = make_certificate(issuer=ISSUING, not_after=NOW + timedelta(days=2))
        assert self._remade(packed(others=(*ABOVE, older), encryption=OLD), PASSWORD)

    @staticmethod
    def _remade(data: bytes, password: str) -> Bought:
        bought = read_bought(data, password)
        made, other = carried(data, password, bought, "another")
        assert other == "another"
        assert not why_not_pkcs12(made)
        assert is_read_by_every_windows(made)
        assert read_bought(made, other) == bought
        held = pkcs12.load_pkcs12(made, other.encode())
        assert held.cert is not None
        assert held.cert.certificate == LEAF
        assert len(held.additional_certs) == 2
        return bought
