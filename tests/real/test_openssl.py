"""OpenSSL as an independent witness of what we say and make.

Every case runs with each witness that this machine has; where it has none, cryptography's own view of the
same bytes is the only one, so that nothing is left out in silence.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import verification
from cryptography.x509.oid import NameOID

from reconciler.issuers.local import LocalIssuer
from reconciler.issuers.port import CertificateRequest
from reconciler.pki.certificate import CertificateFacts, certificate_facts
from reconciler.pki.request import check_request, parse_request
from reconciler.pki.sent import read_answer
from state.address import Address
from state.resources import Certificate
from state.values import DomainPattern
from tests.authority import Authority, common_name, der, make_certificate, make_request, name, pem, rsa_key


class Witness(Protocol):
    """Somebody else who reads certificates."""

    def facts(self, certificate: Path) -> Mapping[str, str]:
        """``subject``, ``issuer``, ``sha1``, ``end``, ``names``."""

    def trusts(self, chain: Path, authority: Path, host: str) -> bool: ...


class OpenSsl:
    def facts(self, certificate: Path) -> Mapping[str, str]:
        lines = self.run(
            *("x509", "-in", str(certificate), "-noout", "-subject", "-issuer", "-enddate", "-fingerprint"),
            *("-sha1", "-ext", "subjectAltName", "-nameopt", "sep_comma_plus_space,dn_rev,utf8,sname"),
        )
        return {
            "subject": found(r"subject=(.*)", lines),
            "issuer": found(r"issuer=(.*)", lines),
            "sha1": found(r"[Ff]ingerprint=(.*)", lines).replace(":", ""),
            "end": found(r"notAfter=(.*)", lines),
            "names": found(r"(DNS:.*)", lines).replace("DNS:", ""),
        }

    def trusts(self, chain: Path, authority: Path, host: str) -> bool:
        arguments = ("-x509_strict", "-purpose", "sslserver", "-verify_hostname", host)
        return "OK" in self.run("verify", *arguments, "-CAfile", str(authority), str(chain))

    @staticmethod
    def run(*arguments: str) -> str:
        return subprocess.run(
            ["openssl", *arguments], capture_output=True, text=True, timeout=20, check=False
        ).stdout


class Cryptography:
    def facts(self, certificate: Path) -> Mapping[str, str]:
        read = x509.load_pem_x509_certificate(certificate.read_bytes())
        keys = {NameOID.STATE_OR_PROVINCE_NAME: "ST"}
        names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return {
            "subject": read.subject.rfc4514_string(keys).replace(",", ", "),
            "issuer": read.issuer.rfc4514_string(keys).replace(",", ", "),
            "sha1": read.fingerprint(hashes.SHA1()).hex().upper(),  # noqa: S303 Windows names them so
            "end": f"{read.not_valid_after_utc:%b %d %H:%M:%S %Y} GMT",
            "names": ", ".join(names.get_values_for_type(x509.DNSName)),
        }

    def trusts(self, chain: Path, authority: Path, host: str) -> bool:
        store = verification.Store(x509.load_pem_x509_certificates(authority.read_bytes()))
        leaf, *others = x509.load_pem_x509_certificates(chain.read_bytes())
        verifier = verification.PolicyBuilder().store(store).build_server_verifier(x509.DNSName(host))
        try:
            verifier.verify(leaf, others)
        except verification.VerificationError:
            return False
        return True


WITNESSES: list[Witness] = [Cryptography()]
if shutil.which("openssl"):
    WITNESSES.append(OpenSsl())

TODAY = datetime.now(UTC).replace(microsecond=0)
SUBJECT = name(
    (NameOID.COUNTRY_NAME, "US"),
    (NameOID.STATE_OR_PROVINCE_NAME, "Washington"),
    (NameOID.ORGANIZATION_NAME, "Contoso Ltd"),
    (NameOID.COMMON_NAME, "mail1.contoso.com"),
)
DOMAINS = ("mail1.contoso.com", "mail2.contoso.com")


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match, f"{pattern} is not in {text}"
    return match[1].strip()


def authority() -> Authority:
    """One that is valid by the clock of this machine, which the witnesses look at."""
    made = make_certificate(
        common_name("Contoso Issuing CA"),
        (),
        rsa_key(9),
        not_before=TODAY - timedelta(days=1),
        not_after=TODAY + timedelta(days=365),
        ca=True,
        server_auth=None,
    )
    return Authority(made, rsa_key(9))


@pytest.fixture
def issued(tmp_path: Path) -> Path:
    """A chain from the local issuer for a request with two names."""
    signer = authority()
    (tmp_path / "ca.pem").write_text(signer.pem)
    csr = pem(make_request(SUBJECT, DOMAINS))
    request = CertificateRequest(
        Address.of("certificate", "EX1", "internet"), csr, frozenset(map(DomainPattern, DOMAINS))
    )
    chain = tmp_path / "chain.pem"
    chain.write_text(LocalIssuer("house", (signer.certificate,), signer.key).issue(request).chain)
    return chain


@pytest.mark.parametrize("witness", WITNESSES, ids=lambda witness: type(witness).__name__)
class TestAWitness:
    def test_reads_the_same_facts(self, witness: Witness, issued: Path) -> None:
        """OpenSSL writes ``ST`` where Windows writes ``S``; the rest is the same letter for letter."""
        ours = facts_in(issued)
        theirs = witness.facts(issued)
        assert ours.subject == theirs["subject"].replace("ST=", "S=")
        assert ours.issuer == theirs["issuer"]
        assert str(ours.thumbprint) == theirs["sha1"]
        assert ours.not_after == datetime.strptime(theirs["end"], "%b %d %H:%M:%S %Y %Z").replace(tzinfo=UTC)
        assert ours.domains == frozenset(map(DomainPattern, theirs["names"].split(", ")))

    def test_trusts_what_the_local_issuer_made(self, witness: Witness, issued: Path) -> None:
        assert witness.trusts(issued, issued.parent / "ca.pem", "mail2.contoso.com")

    def test_trusts_it_for_no_other_name(self, witness: Witness, issued: Path) -> None:
        assert not witness.trusts(issued, issued.parent / "ca.pem", "mail3.contoso.com")


if shutil.which("openssl"):

    def test_a_bundle_by_openssl_is_an_answer(issued: Path) -> None:
        """``crl2pkcs7`` leaves its set as it came, which DER forbids and everybody reads."""
        chain = issued.read_text()
        certificates = [*x509.load_pem_x509_certificates(chain.encode())]
        key = certificate_facts(der(certificates[0])).public_key
        for number, order in enumerate((certificates, certificates[::-1])):
            beside = issued.with_name(f"{number}.pem")
            beside.write_text(pem(*order))
            made = issued.with_name(f"{number}.p7b")
            OpenSsl.run("crl2pkcs7", "-nocrl", "-certfile", str(beside), "-outform", "DER", "-out", str(made))
            assert read_answer(made.read_bytes(), key) == "".join(map(pem, certificates))


def facts_in(chain: Path) -> CertificateFacts:
    return certificate_facts(der(x509.load_pem_x509_certificate(chain.read_bytes())))


def request_by_openssl(folder: Path) -> str:
    """A new key and a request by the command line of OpenSSL."""
    OpenSsl.run(
        *("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", str(folder / "key.pem"), "-sha256"),
        *(
            "-out",
            str(folder / "request.pem"),
            "-subj",
            "/C=US/ST=Washington/O=Contoso Ltd/CN=mail1.contoso.com",
        ),
        *("-addext", "subjectAltName=DNS:mail1.contoso.com,DNS:mail2.contoso.com"),
    )
    return (folder / "request.pem").read_text()


def request_by_cryptography(folder: Path) -> str:
    return pem(make_request(SUBJECT, DOMAINS))


MAKERS: list[Callable[[Path], str]] = [request_by_cryptography]
if shutil.which("openssl"):
    MAKERS.append(request_by_openssl)


@pytest.mark.parametrize("maker", MAKERS)
def test_a_request_that_somebody_else_made_is_what_was_asked_for(
    maker: Callable[[Path], str], tmp_path: Path
) -> None:
    csr = maker(tmp_path)
    asked = Certificate(
        subject="CN=mail1.contoso.com, O=Contoso Ltd, ST=Washington, C=US",
        domains=frozenset(map(DomainPattern, DOMAINS)),
        key_size=2048,
    )
    assert check_request(csr, asked) == ()
    assert str(parse_request(csr).name) == "CN=mail1.contoso.com, O=Contoso Ltd, S=Washington, C=US"
