"""What a peer sent, judged at an instant that is given: no clock, no copies of this machine's."""

from __future__ import annotations

import ssl
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from reconciler.verify.chain import Authorities, AuthorityUnreadable, ChainProblem, Trust, judge_chain
from tests.authority import NOW, Authority, der, ec_key, make_certificate, name, pem, rsa_key, usage_of

ROOT = Authority.make("Root", key=rsa_key(8))
ISSUING = Authority.make("Issuing", issuer=ROOT)
LEAF = make_certificate(issuer=ISSUING)
TRUSTED = Authorities((ROOT.certificate,))


def judged(
    *chain: x509.Certificate, trusted: Authorities = TRUSTED, now: datetime = NOW
) -> ChainProblem | None:
    return judge_chain([der(one) for one in chain], trusted, now)


class TestAChain:
    def test_that_leads_to_a_trusted_root_is_good(self) -> None:
        assert judged(LEAF, ISSUING.certificate) is None

    def test_may_hold_more_than_it_needs_in_any_order(self) -> None:
        """TLS 1.3 allows it, and Windows sends what it has."""
        other = Authority.make("Other", key=ec_key()).certificate
        assert judged(LEAF, ROOT.certificate, other, ISSUING.certificate) is None

    def test_is_judged_at_the_instant_that_is_given(self) -> None:
        """An authority that ends before the certificate it issued: good today, not in two years."""
        brief = Authority.make("Brief", issuer=ROOT, not_after=NOW + timedelta(days=100))
        leaf = make_certificate(issuer=brief, not_after=NOW + timedelta(days=800))
        assert judged(leaf, brief.certificate) is None
        late = judged(leaf, brief.certificate, now=NOW + timedelta(days=700))
        assert late == ChainProblem("CN=Brief in the chain has expired")
        early = judged(leaf, brief.certificate, now=NOW - timedelta(days=40))
        assert early is None  # its own dates are told by who reads it; the chain is judged inside them

    def test_without_its_intermediate_is_not_trusted(self) -> None:
        assert judged(LEAF) == ChainProblem("unable to get local issuer certificate: CN=Issuing")

    def test_that_only_our_copy_completes_is_short(self) -> None:
        """Others have no copy, and the sender must not rely on them."""
        trusted = Authorities((ROOT.certificate,), (ISSUING.certificate,))
        assert judged(LEAF, trusted=trusted) == ChainProblem(
            "it lacks CN=Issuing, which clients without a copy need", is_short=True
        )
        assert judged(LEAF, ISSUING.certificate, trusted=trusted) is None

    def test_of_somebody_with_the_same_name_is_not_trusted(self) -> None:
        """A name is no key."""
        impostor = Authority.make("Root", key=rsa_key(7))
        leaf = make_certificate(issuer=impostor)
        assert judged(leaf) == ChainProblem("unable to get local issuer certificate: CN=Root")
        found = judged(leaf, impostor.certificate)
        assert found == ChainProblem("self-signed certificate in the chain")

    def test_of_one_that_signed_itself_is_not_trusted(self) -> None:
        assert judged(make_certificate()) == ChainProblem("self-signed certificate")

    def test_through_one_that_is_no_authority_is_not_trusted(self) -> None:
        """Whoever has any certificate at all could issue for the world."""
        neighbour = make_certificate(name((NameOID.COMMON_NAME, "neighbour")), issuer=ROOT, key=rsa_key(5))
        leaf = make_certificate(issuer=Authority(neighbour, rsa_key(5)))
        found = judged(leaf, neighbour)
        assert found
        assert "cA must be asserted" in found.reason

    def test_for_clients_alone_is_not_trusted(self) -> None:
        found = judged(make_certificate(issuer=ROOT, server_auth=False))
        assert found
        assert "not for servers" in found.reason

    def test_needs_nothing_that_only_web_authorities_demand(self) -> None:
        """An authority of one's own often leaves the usage, or the link to its key, out."""
        plain = make_certificate(issuer=ROOT, server_auth=None, domains=())
        assert judged(plain) is None

    def test_where_nobody_is_trusted_is_not_trusted(self) -> None:
        found = judged(LEAF, ISSUING.certificate, trusted=Authorities())
        assert found
        assert not found.is_short

    def test_with_rubbish_behind_the_certificate_is_judged_without_it(self) -> None:
        chain = [der(LEAF), b"no certificate", der(ISSUING.certificate)]
        assert judge_chain(chain, TRUSTED, NOW) is None


class TestTrust:
    def test_holds_the_public_roots_of_this_machine(self) -> None:
        """What OpenSSL would trust, in the objects that are judged with."""
        context = ssl.create_default_context()
        expected = {bytes(one) for one in context.get_ca_certs(binary_form=True)}
        found = Trust().opened()
        assert {der(one) for one in (*found.anchors, *found.copies)} == expected

    def test_of_an_authority_below_a_trusted_one_is_a_copy(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The world knows the root alone: what stands between has to be sent."""
        roots, own = tmp_path / "roots.pem", tmp_path / "issuer.pem"
        roots.write_text(pem(ROOT.certificate))
        own.write_text(pem(ISSUING.certificate))
        monkeypatch.setenv("SSL_CERT_FILE", str(roots))
        assert Trust((own,)).opened() == Authorities((ROOT.certificate,), (ISSUING.certificate,))

    def test_of_an_authority_that_nobody_else_vouches_for_is_an_end(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        own = tmp_path / "issuer.pem"
        own.write_text(pem(ISSUING.certificate))
        roots = tmp_path / "roots.pem"
        roots.write_text(pem(Authority.make("Public", key=rsa_key(7)).certificate))
        monkeypatch.setenv("SSL_CERT_FILE", str(roots))
        trusted = Trust((own,)).opened()
        assert judged(LEAF, trusted=trusted) is None

    def test_finds_roots_that_stand_in_a_folder(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """OpenSSL opens those one by one, when a chain asks for them."""
        (tmp_path / "root.pem").write_text(pem(ROOT.certificate))
        (tmp_path / "README").write_text("no certificate")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
        monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
        assert Trust().opened() == Authorities((ROOT.certificate,))

    def test_in_a_file_that_is_none_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(AuthorityUnreadable):
            Trust((tmp_path / "no.pem",)).opened()


def test_an_authority_that_may_not_sign_issues_nothing() -> None:
    idle = make_certificate(
        name((NameOID.COMMON_NAME, "idle")),
        (),
        rsa_key(5),
        ROOT,
        ca=True,
        server_auth=None,
        key_usage=usage_of(digital_signature=True),
    )
    found = judged(make_certificate(issuer=Authority(idle, rsa_key(5))), idle)
    assert found
    assert "may not sign" in found.reason
