"""Which certificate a stranger on port 25 is shown [2.5-2], [3-16]."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key, pkcs7
from cryptography.x509.oid import NameOID

from tests.rules import rule

SAMPLES = Path(__file__).parent.parent / "samples"
FRONTEND = "MBX1\\Default Frontend MBX1"
SUBJECT = "O=Contoso, CN=mail.contoso.com"


def presented(lab: Any, server: str = "MBX1") -> str | None:
    """Thumbprint of what SMTP presents; the key fits."""
    identity = lab.exchange.smtp_identity(server)
    if identity is None:
        return None
    leaf = x509.load_pem_x509_certificates(identity.chain_pem)[0]
    assert load_pem_private_key(identity.key_pem, None).public_key() == leaf.public_key()
    return leaf.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303 - what Windows calls it


def authority(lab: Any, name: str, issuer: tuple[x509.Name, ec.EllipticCurvePrivateKey] | None = None) -> Any:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuing, signer = issuer or (subject, key)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuing)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(lab.now - timedelta(days=1))
        .not_valid_after(lab.now + timedelta(days=900))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(signer, hashes.SHA256())
    )
    return certificate, key


def install(lab: Any, ca: Any, *, days: int, domain: str = "mail.contoso.com", smtp: bool = True) -> str:
    """Install a certificate that began now and lives so long; gives its thumbprint."""
    named = {"GenerateRequest": ..., "SubjectName": SUBJECT, "DomainName": [domain]}
    csr = x509.load_pem_x509_csr(lab.run("New-ExchangeCertificate", **named).text.encode())
    issuer, key = ca
    builder = (
        x509.CertificateBuilder()
        .subject_name(csr.subject)
        .issuer_name(issuer.subject)
        .public_key(csr.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(lab.now)
        .not_valid_after(lab.now + timedelta(days=days))
    )
    for extension in csr.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    leaf = builder.sign(key, hashes.SHA256())
    data = pkcs7.serialize_certificates([leaf, issuer], Encoding.DER)
    assert lab.run("Import-ExchangeCertificate", FileData=data).errors == []
    thumbprint = leaf.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303 - what Windows calls it
    if smtp:
        lab.run("Enable-ExchangeCertificate", Thumbprint=thumbprint, Services="SMTP", answer=2)
    return thumbprint


@pytest.fixture
def ca(lab: Any) -> Any:
    return authority(lab, "Test CA")


def default(lab: Any, server: str = "MBX1") -> str:
    return str(lab.exchange.snapshot()["servers"][server]["default_smtp"])


class TestAConnectorThatNamesACertificate:
    NAME = f"<I>CN=Test CA<S>{SUBJECT}"

    @rule("3-15")
    def test_presents_the_newest_of_that_name(self, lab: Any, ca: Any) -> None:
        install(lab, ca, days=90)
        lab.later(days=1)
        newer = install(lab, ca, days=30)
        lab.run("Set-ReceiveConnector", Identity=FRONTEND, TlsCertificateName=self.NAME)
        assert presented(lab) == newer

    def test_skips_one_that_has_expired(self, lab: Any, ca: Any) -> None:
        older = install(lab, ca, days=90)
        lab.later(days=1)
        install(lab, ca, days=2)
        lab.run("Set-ReceiveConnector", Identity=FRONTEND, TlsCertificateName=self.NAME)
        lab.later(days=5)
        assert presented(lab) == older

    @rule("3-15")
    def test_counts_only_what_is_enabled_for_smtp(self, lab: Any, ca: Any) -> None:
        """A renewed one that is imported and not enabled changes nothing; alone, its name dangles."""
        lab.run("Set-ReceiveConnector", Identity=FRONTEND, TlsCertificateName=self.NAME)
        newer = install(lab, ca, days=90, smtp=False)
        assert presented(lab) is None
        lab.later(days=-1)
        older = install(lab, ca, days=90)
        lab.later(days=1)
        assert presented(lab) == older
        lab.run("Enable-ExchangeCertificate", Thumbprint=newer, Services="SMTP", answer=2)
        assert presented(lab) == newer

    @rule("3-15")
    def test_offers_no_starttls_where_the_name_dangles(self, lab: Any) -> None:
        lab.run("Set-ReceiveConnector", Identity=FRONTEND, TlsCertificateName="<I>CN=gone<S>CN=gone")
        assert presented(lab) is None

    @rule("2.1-12")
    def test_does_not_count_a_request(self, lab: Any) -> None:
        """A pending entry's placeholder is self-signed under the same subject."""
        lab.run("New-ExchangeCertificate", GenerateRequest=..., SubjectName=SUBJECT)
        name = f"<I>{SUBJECT}<S>{SUBJECT}"
        lab.run("Set-ReceiveConnector", Identity=FRONTEND, TlsCertificateName=name)
        assert presented(lab) is None


class TestAConnectorThatNamesNone:
    @rule("2.3-4")
    def test_presents_the_default_on_a_fresh_server(self, lab: Any) -> None:
        assert presented(lab) == default(lab)
        assert presented(lab, "EDGE1") == default(lab, "EDGE1")

    @rule("3-16")
    def test_presents_the_longest_lived_that_covers_its_name(self, lab: Any, ca: Any) -> None:
        """[3-16]: enabled for SMTP, current; the default one is not preferred."""
        install(lab, ca, days=4000, domain="mbx1.contoso.com", smtp=False)
        best = install(lab, ca, days=3000, domain="mbx1.contoso.com")
        install(lab, ca, days=2900, domain="mbx1.contoso.com")
        assert default(lab) != best
        assert presented(lab) == best

    @rule("2.3-4")
    def test_falls_back_to_the_default(self, lab: Any, ca: Any) -> None:
        """Nothing covers the connector's name."""
        connector = {"AuthMechanism": "Tls", "Fqdn": "other.contoso.com"}
        assert lab.run("Set-ReceiveConnector", Identity=FRONTEND, **connector).errors == []
        install(lab, ca, days=90)
        assert presented(lab) == default(lab)


class TestPort25:
    @rule("4-3")
    def test_is_answered_by_the_most_specific_connector(self, lab: Any, ca: Any) -> None:
        """[4-3]: a stranger's, not that of the inner network."""
        key = install(lab, ca, days=90)
        name = TestAConnectorThatNamesACertificate.NAME
        inner = {"Bindings": ["0.0.0.0:25"], "RemoteIPRanges": ["10.0.0.0/8"], "TlsCertificateName": name}
        lab.run("New-ReceiveConnector", Name="inner", **inner)
        assert presented(lab) == default(lab)
        outer = {**inner, "RemoteIPRanges": ["198.51.100.0/24"]}
        lab.run("New-ReceiveConnector", Name="outer", **outer)
        assert presented(lab) == key

    def test_has_no_tls_without_a_connector(self, lab: Any) -> None:
        lab.run("Set-ReceiveConnector", Identity=FRONTEND, Enabled=False)
        assert presented(lab) is None

    def test_changes_are_counted(self, lab: Any) -> None:
        first = lab.exchange.smtp_revision("MBX1")
        lab.run("Get-ReceiveConnector")
        assert lab.exchange.smtp_revision("MBX1") == first
        lab.run("Set-ReceiveConnector", Identity=FRONTEND, Comment="x")
        assert lab.exchange.smtp_revision("MBX1") > first

    def test_sends_intermediates_and_no_root(self, lab: Any) -> None:
        root, root_key = authority(lab, "Root")
        (lab.directory / "issuer.pem").write_bytes(root.public_bytes(Encoding.PEM))
        ca = authority(lab, "Issuing", (root.subject, root_key))
        install(lab, ca, days=90)
        name = f"<I>CN=Issuing<S>{SUBJECT}"
        lab.run("Set-ReceiveConnector", Identity=FRONTEND, TlsCertificateName=name)
        identity = lab.exchange.smtp_identity("MBX1")
        assert identity is not None
        chain = x509.load_pem_x509_certificates(identity.chain_pem)
        assert [c.subject.rfc4514_string() for c in chain[1:]] == ["CN=Issuing"]


class TestAnExportedServer:
    def test_presents_a_stand_in_and_says_so(self, new_lab: Callable[..., Any]) -> None:
        lab = new_lab(from_clixml=SAMPLES)
        identity = lab.exchange.smtp_identity("MBX1")
        assert identity is not None
        (leaf,) = x509.load_pem_x509_certificates(identity.chain_pem)
        assert leaf.subject.rfc4514_string() == "CN=MBX1"
        assert presented(lab) != default(lab)
        assert any("stand-in" in remark for remark in lab.exchange.remarks())

    def test_keeps_its_stand_in_key(self, new_lab: Callable[..., Any]) -> None:
        lab = new_lab(from_clixml=SAMPLES)
        first = lab.exchange.smtp_identity("MBX1").key_pem
        lab.exchange = lab.reopened()
        assert lab.exchange.smtp_identity("MBX1").key_pem == first
