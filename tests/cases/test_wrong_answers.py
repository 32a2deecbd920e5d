"""What authorities give instead of the certificate: each is told for what it is, and nothing is imported."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from reconciler.apply.applier import Applied
from reconciler.diagnostics import Severity
from reconciler.issuers.port import CertificateRequest, Issued, Waiting
from reconciler.plan.situation import Situation
from reconciler.plan.weak_requests import weak_requests
from tests.authority import NOW, Authority, make_certificate, name, pem, private_pem, rsa_key
from tests.life import Desk, Fleet, fleet

ROOT = Authority.make("Root", key=rsa_key(8))
ISSUING = Authority.make("Issuing", key=rsa_key(9), issuer=ROOT)
BEHIND = pem(ISSUING.certificate, ROOT.certificate)
SUBJECT = name(
    (NameOID.COUNTRY_NAME, "US"),
    (NameOID.ORGANIZATION_NAME, "Contoso Ltd"),
    (NameOID.COMMON_NAME, "mail.contoso.com"),
)
SECRET = private_pem(rsa_key(3)).decode()


@dataclass
class WrongDesk(Desk):
    """An authority that makes a mistake.

    Attributes:
        mistake: What it gives for a request.
    """

    mistake: Callable[[x509.CertificateSigningRequest], str] = field(default=lambda request: "")

    def issue(self, request: CertificateRequest) -> Issued | Waiting:
        csr = x509.load_pem_x509_csr(request.csr.encode())
        return Issued(self.mistake(csr), self.clock() + timedelta(days=90))


def signed(
    csr: x509.CertificateSigningRequest,
    domains: tuple[str, ...] = ("mail.contoso.com",),
    *,
    days: int = 90,
    begin: int = -1,
    issuer: Authority = ISSUING,
) -> str:
    """A certificate for the request, as the authority would have it."""
    # Only the public half is known here, which is all that a builder asks of a key.
    builder = (
        x509.CertificateBuilder()
        .subject_name(SUBJECT)
        .issuer_name(issuer.certificate.subject)
        .public_key(csr.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + timedelta(days=begin))
        .not_valid_after(NOW + timedelta(days=days))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(domain) for domain in domains]), critical=False
        )
    )
    return pem(builder.sign(issuer.key, hashes.SHA256()))


def reversed_blocks(chain: str) -> str:
    end = "-----END CERTIFICATE-----\n"
    return "".join(block + end for block in reversed(chain.split(end)) if block)


PAGE = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>...</body></html>"
WEAK = Authority.make("Weak", key=rsa_key(5, bits=1024), issuer=ROOT)

MISTAKES: dict[str, tuple[Callable[[x509.CertificateSigningRequest], str], str, str]] = {
    "someone else's certificate": (
        lambda csr: pem(make_certificate(SUBJECT, ("mail.contoso.com",), rsa_key(1), ISSUING)) + BEHIND,
        "Answer to another request",
        "it is for another key than the request's",
    ),
    "an expired one": (
        lambda csr: signed(csr, begin=-90, days=-1) + BEHIND,
        "Certificate expired",
        "it was valid until 2026-11-23 12:00:00 UTC",
    ),
    "one that begins tomorrow": (
        lambda csr: signed(csr, begin=1) + BEHIND,
        "Certificate not valid yet",
        "it is not valid before 2026-11-25 12:00:00 UTC",
    ),
    "one with other names": (
        lambda csr: signed(csr, ("www.contoso.com",)) + BEHIND,
        "Certificate lacks names",
        "it does not cover mail.contoso.com",
    ),
    "one that is cut off": (
        lambda csr: signed(csr)[:600],
        "Answer cut off",
        "it is cut off: certificate 1 does not end",
    ),
    "one whose chain is cut off": (
        lambda csr: (signed(csr) + BEHIND)[:-60],
        "Answer cut off",
        "it is cut off: certificate 3 does not end",
    ),
    "a private key": (lambda csr: SECRET, "Private key in the answer", "it holds a private key"),
    "a private key beside the certificate": (
        lambda csr: signed(csr) + BEHIND + SECRET,
        "Private key in the answer",
        "it holds a private key",
    ),
    "a chain with a gap": (
        lambda csr: signed(csr) + ROOT.pem,
        "Chain not in order",
        "CN=Root was sent with it, and does not belong to its chain",
    ),
    "an error page": (
        lambda csr: PAGE,
        "Web page instead of a certificate",
        'it is a web page, with the title "Sign in"',
    ),
    "the request": (
        lambda csr: pem(csr),
        "Request instead of its answer",
        "it is a certificate request, not the answer to one",
    ),
    "one of a weak authority": (
        lambda csr: signed(csr, issuer=WEAK) + WEAK.pem,
        "Certificate too weak",
        "the key of CN=Weak has 1024 bits, which are too few",
    ),
    "the certificate of an authority": (
        lambda csr: pem(ISSUING.certificate),
        "Answer to another request",
        "it is for another key than the request's",
    ),
    "nothing": (
        lambda csr: "",
        "Certificate not as requested",
        "it cannot be read: there is no certificate in it",
    ),
}


@pytest.fixture
def world(tmp_path: Path) -> Fleet:
    """One server, whose authority is about to make a mistake."""
    made = fleet(tmp_path, servers=1)
    made.desk = WrongDesk(made.desk.authority, made.desk.clock)
    return made


def mistaken(world: Fleet, mistake: Callable[[x509.CertificateSigningRequest], str]) -> Applied:
    assert isinstance(world.desk, WrongDesk)
    world.desk.mistake = mistake
    applied = world.apply().applied
    assert applied is not None
    return applied


def imports(world: Fleet) -> int:
    return sum(cmdlet == "Import-ExchangeCertificate" for _, cmdlet, _ in world.lab.sent)


def written(world: Fleet) -> str:
    """Everything that is kept or told."""
    return json.dumps([repr(world.store.read()), repr(world.heard), repr(world.lab.sent)])


class TestAWrongAnswer:
    @pytest.mark.parametrize(("mistake", "summary", "detail"), MISTAKES.values(), ids=MISTAKES)
    def test_is_told_for_what_it_is_and_changes_nothing(
        self,
        world: Fleet,
        mistake: Callable[[x509.CertificateSigningRequest], str],
        summary: str,
        detail: str,
    ) -> None:
        applied = mistaken(world, mistake)
        (told,) = applied.diagnostics
        assert (told.summary, told.subject) == (summary, "certificate.MBX1.internet")
        assert told.detail == (
            f"What issuer desk gave for certificate.MBX1.internet was not imported: {detail}."
        )
        assert told.hint
        assert imports(world) == 0
        (request,) = world.record.requests.values()
        assert request.answer == ""
        body = "".join(SECRET.splitlines()[2:-1])
        assert not any(body[at : at + 16] in written(world) for at in range(0, len(body) - 16, 8))

    def test_is_followed_by_the_right_one_to_the_same_request(self, world: Fleet) -> None:
        mistaken(world, lambda csr: PAGE)
        world.desk = Desk(world.desk.authority, world.desk.clock)
        world.apply()
        assert world.plan().plan.is_empty
        made = [cmdlet for _, cmdlet, _ in world.lab.sent if cmdlet.endswith("-ExchangeCertificate")]
        assert made == [
            "New-ExchangeCertificate",
            "Import-ExchangeCertificate",
            "Enable-ExchangeCertificate",
        ]

    def test_of_a_private_key_says_that_it_is_compromised(self, world: Fleet) -> None:
        (told,) = mistaken(world, lambda csr: SECRET).diagnostics
        assert "treat that key as compromised" in told.hint


def test_a_chain_out_of_order_is_sorted(world: Fleet) -> None:
    """The root first, as some authorities' bundles have it."""
    mistaken(world, lambda csr: reversed_blocks(signed(csr) + BEHIND))
    assert imports(world) == 1
    assert world.plan().plan.is_empty


class TestAnAnswerThatIsTaken:
    def test_is_told_where_its_chain_is_short(self, world: Fleet) -> None:
        """It is imported: what is missing can be installed by hand."""
        applied = mistaken(world, signed)
        told = {one.summary: one for one in applied.diagnostics}
        assert imports(world) == 1
        assert '"CN=Issuing" into Intermediate Certification Authorities' in told["Chain incomplete"].hint

    def test_is_read_back_and_what_exchange_doubts_is_told(self, world: Fleet) -> None:
        """The lab does not know this root. No number of a status is sure, so nothing stops for it."""
        applied = mistaken(world, lambda csr: signed(csr) + BEHIND)
        told = {one.summary: one for one in applied.diagnostics}
        assert "status 4, probably Untrusted, not Valid" in told["Exchange doubts the certificate"].detail
        assert {one.severity for one in applied.diagnostics} == {Severity.WARNING}
        assert world.plan().plan.is_empty

    def test_of_a_trusted_authority_has_no_warning(self, world: Fleet) -> None:
        world.desk = Desk(world.desk.authority, world.desk.clock)
        applied = world.apply().applied
        assert applied is not None
        assert applied.diagnostics == ()


class TestAPlan:
    def foreign(self, world: Fleet) -> list[str]:
        told = world.plan().diagnostics
        return [one.detail for one in told if one.summary == "Names outside the accepted domains"]

    def test_warns_of_names_that_are_not_the_organizations(self, world: Fleet) -> None:
        world.declared["certificates"]["internet"]["domains"] = ["mail.contoso.com", "mail.fabrikam.com"]
        (detail,) = self.foreign(world)
        assert detail.startswith("mail.fabrikam.com of certificate.MBX1.internet is within none")

    def test_is_silent_where_that_is_acknowledged_or_right(self, world: Fleet) -> None:
        assert self.foreign(world) == []
        certificate = world.declared["certificates"]["internet"]
        certificate["domains"] = ["mail.contoso.com", "mail.fabrikam.com"]
        certificate["acknowledge"] = [{"rule": "foreign-names", "reason": "a subsidiary"}]
        assert self.foreign(world) == []

    def test_takes_another_organization_where_it_is_acknowledged(self, world: Fleet) -> None:
        world.declared["legal_name"] = "Contoso Limited"
        summary = "Another organization in the subject"
        assert summary in [one.summary for one in world.plan().diagnostics]
        world.declared["certificates"]["internet"]["acknowledge"] = [
            {"rule": "legal-name", "reason": "the register has both"}
        ]
        assert summary not in [one.summary for one in world.plan().diagnostics]

    def test_warns_of_a_request_that_an_old_server_signed(self, world: Fleet) -> None:
        """Before somebody waits for days."""
        mistaken(world, lambda csr: PAGE)
        ((address, request),) = world.record.requests.items()
        signed_so, old = (bytes.fromhex(f"2a864886f70d0101{end}") for end in ("0b", "05"))
        csr = x509.load_pem_x509_csr(request.csr.encode()).public_bytes(Encoding.DER).replace(signed_so, old)
        requests = {address: replace(request, csr=pem(x509.load_der_x509_csr(csr)))}
        situation = Situation(
            world.plan().snapshot, world.plan().live, replace(world.record, requests=requests), NOW
        )
        assert [one.summary for one in weak_requests(situation)] == ["Request weakly signed"]
