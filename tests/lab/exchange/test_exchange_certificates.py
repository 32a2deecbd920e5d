"""Certificate cmdlets: section 2 of the rules, with real keys, requests and certificates."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs7, pkcs12
from cryptography.x509.oid import NameOID

from reconciler.lab.call import Secret
from reconciler.lab.exchange.archive import facts_of
from reconciler.lab.exchange.certificate_blob import CertificateFacts, friendly_name_of
from reconciler.lab.exchange.clixml import Obj
from tests.rules import rule

SUBJECT = "C=US, O=Contoso Ltd, CN=mail.contoso.com"
IMAP, POP, IIS, SMTP = 1, 2, 8, 16


@dataclass
class Authority:
    """A small certificate authority."""

    lab: Any
    key: ec.EllipticCurvePrivateKey
    root: x509.Certificate

    @classmethod
    def new(cls, lab: Any, *, is_trusted: bool) -> Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test CA")])
        root = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(lab.now - timedelta(days=1))
            .not_valid_after(lab.now + timedelta(days=3650))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
            .sign(key, hashes.SHA256())
        )
        if is_trusted:
            (lab.directory / "issuer.pem").write_bytes(root.public_bytes(Encoding.PEM))
        return cls(lab, key, root)

    def issue(self, request: x509.CertificateSigningRequest, *, days: float = 90) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(request.subject)
            .issuer_name(self.root.subject)
            .public_key(request.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.lab.now - timedelta(hours=1))
            .not_valid_after(self.lab.now + timedelta(days=days))
        )
        for extension in request.extensions:
            builder = builder.add_extension(extension.value, extension.critical)
        return builder.sign(self.key, hashes.SHA256())


def request(lab: Any, **parameters: Any) -> x509.CertificateSigningRequest:
    named = {"GenerateRequest": ..., "SubjectName": SUBJECT, **parameters}
    return x509.load_pem_x509_csr(lab.run("New-ExchangeCertificate", **named).text.encode())


def listed(lab: Any, on: str = "MBX1") -> dict[str, CertificateFacts]:
    """Thumbprint to what the blob says."""
    found: dict[str, CertificateFacts] = {}
    for value in lab.run("Get-ExchangeCertificate", on=on).objects:
        assert isinstance(value, Obj)
        facts = facts_of(value)
        assert facts is not None
        found[facts.identity.rpartition("\\")[2]] = facts
    return found


def thumbprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303 - what Windows calls it


def default(lab: Any) -> str:
    return str(lab.exchange.snapshot()["servers"]["MBX1"]["default_smtp"])


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


@pytest.fixture
def authority(lab: Any) -> Authority:
    return Authority.new(lab, is_trusted=True)


def installed(lab: Any, authority: Authority, **parameters: Any) -> str:
    """Request, issue and import a certificate; gives its thumbprint."""
    certificate = authority.issue(request(lab, **parameters))
    result = lab.run("Import-ExchangeCertificate", FileData=der(certificate))
    assert result.errors == [], result.errors
    return thumbprint(certificate)


class TestAFreshServer:
    @rule("2.5-3")
    def test_has_setups_certificate_and_the_auth_certificate(self, lab: Any) -> None:
        found = {friendly_name_of(facts.element): facts for facts in listed(lab).values()}
        assert set(found) == {"Microsoft Exchange", "Microsoft Exchange Server Auth Certificate"}
        setup = found["Microsoft Exchange"]
        assert setup.services == IMAP | POP | IIS | SMTP
        assert setup.sites == ("IIS://MBX1/W3SVC/1", "IIS://MBX1/W3SVC/2")
        assert (setup.status, setup.root_ca_type, setup.self_signed) == (1, 3, True)
        assert setup.identity == f"mbx1.contoso.com\\{default(lab)}"
        auth = found["Microsoft Exchange Server Auth Certificate"]
        assert (auth.services, auth.exportable) == (SMTP, True)

    @rule("2.5-3")
    def test_shares_the_auth_certificate_with_the_others(self, new_lab: Callable[..., Any]) -> None:
        lab = new_lab(servers=2)
        assert len(listed(lab, "MBX1").keys() & listed(lab, "MBX2").keys()) == 1
        assert lab.run("Get-AuthConfig")["CurrentCertificateThumbprint"] in listed(lab)

    @rule("6.1-6")
    def test_prints_dates_in_its_own_zone(self, lab: Any) -> None:
        """[6.1-6]: noon UTC is four in the morning there."""
        text = lab.run("Get-ExchangeCertificate", Thumbprint=default(lab)).one.text
        assert "[Not Before]\r\n  03/01/2026 04:00:00\r\n" in text
        assert text.startswith("[Subject]\r\n  CN=MBX1\r\n\r\n[Issuer]\r\n")

    @rule("1-1")
    def test_is_asked_about_another(self, new_lab: Callable[..., Any]) -> None:
        """[1-1]"""
        lab = new_lab(servers=2)
        named = lab.run("Get-ExchangeCertificate", Server="MBX2").objects
        assert [o.text for o in named] == [
            o.text for o in lab.run("Get-ExchangeCertificate", on="MBX2").objects
        ]
        identity = next(iter(listed(lab, "MBX2").values())).identity
        assert lab.run("Get-ExchangeCertificate", Identity=identity).one


class TestARequest:
    @rule("2.1-2", "2.1-6")
    def test_is_text_that_an_authority_reads(self, lab: Any) -> None:
        """[2.1-2], [2.1-6]"""
        csr = request(lab, DomainName=["Mail.contoso.com", "autodiscover.contoso.com"])
        assert csr.is_signature_valid
        names = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == ["mail.contoso.com", "autodiscover.contoso.com"]
        assert csr.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "Contoso Ltd"
        key = csr.public_key()
        assert isinstance(key, rsa.RSAPublicKey)
        assert key.key_size == 2048

    @rule("2.1-6")
    def test_has_the_servers_names_when_none_are_given(self, lab: Any) -> None:
        """[2.1-6]"""
        csr = x509.load_pem_x509_csr(lab.run("New-ExchangeCertificate", GenerateRequest=...).text.encode())
        names = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == ["MBX1", "mbx1.contoso.com"]

    @rule("2.1-6")
    def test_has_no_such_names_with_an_empty_list(self, lab: Any) -> None:
        """[2.1-6], as CSS does it."""
        csr = request(lab, DomainName=[])
        names = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == ["mail.contoso.com"]

    @rule("2.1-6")
    def test_includes_what_it_is_asked_to(self, lab: Any) -> None:
        csr = request(
            lab, IncludeAcceptedDomains=..., IncludeAutoDiscover=..., IncludeServerFQDN=..., DomainName=[]
        )
        names = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert set(names.get_values_for_type(x509.DNSName)) == {
            "mail.contoso.com",
            "contoso.com",
            "autodiscover.contoso.com",
            "mbx1.contoso.com",
        }

    @rule("2.1-2")
    def test_can_be_binary(self, lab: Any) -> None:
        """[2.1-2]"""
        result = lab.run(
            "New-ExchangeCertificate", GenerateRequest=..., BinaryEncoded=True, SubjectName=SUBJECT
        )
        assert x509.load_der_x509_csr(base64.b64decode(result["FileData"] or "")).is_signature_valid

    @rule("2.1-12", "2.5-1")
    def test_leaves_a_pending_entry(self, lab: Any) -> None:
        """[2.1-12]: its own thumbprint, PendingRequest, RootCAType Unknown."""
        before = listed(lab)
        request(lab, FriendlyName="TLSCert", PrivateKeyExportable=True)
        (pending,) = (facts for key, facts in listed(lab).items() if key not in before)
        assert (pending.status, pending.root_ca_type, pending.services) == (7, 5, 0)
        assert pending.exportable
        assert friendly_name_of(pending.element) == "TLSCert"

    @rule("2.1-12")
    def test_can_be_fetched_again(self, lab: Any) -> None:
        """[2.1-12]"""
        before = listed(lab)
        csr = request(lab)
        (pending,) = listed(lab).keys() - before.keys()
        again = lab.run("Export-ExchangeCertificate", Thumbprint=pending)
        assert x509.load_pem_x509_csr(again.text.encode()) == csr

    @rule("2.1-5", "2.1-7")
    @pytest.mark.parametrize(
        ("parameters", "part"),
        [
            ({"KeySize": 3072}, "ArgumentException"),  # [2.1-5]
            ({"FriendlyName": "x" * 64}, "DataValidationException"),  # [2.1-7]
            ({"SubjectName": "mail.contoso.com"}, "ParameterArgumentTransformationError"),
            ({"DomainName": ["not a name"]}, "ParameterArgumentTransformationError"),
            ({"Server": "MBX9"}, "ManagementObjectNotFoundException"),
        ],
    )
    def test_is_refused(self, lab: Any, parameters: dict[str, Any], part: str) -> None:
        named = {"GenerateRequest": ..., "SubjectName": SUBJECT, **parameters}
        assert part in lab.run("New-ExchangeCertificate", **named).error_id
        assert len(listed(lab)) == 2


class TestImporting:
    @rule("2.2-3", "2.2-4")
    def test_the_answer_completes_the_request(self, lab: Any, authority: Authority) -> None:
        """[2.2-3], [2.2-4]"""
        certificate = authority.issue(request(lab, FriendlyName="TLSCert"))
        result = lab.run("Import-ExchangeCertificate", FileData=der(certificate))
        facts = facts_of(result.one)
        assert facts is not None
        assert (facts.status, facts.services, facts.self_signed) == (1, 0, False)
        assert friendly_name_of(facts.element) == "TLSCert"
        assert thumbprint(certificate) in listed(lab)
        assert not any(f.status == 7 for f in listed(lab).values())

    @rule("2.2-1", "2.2-2")
    @pytest.mark.parametrize("form", ["pem", "p7b", "p7b text", "list of bytes"])
    def test_takes_every_form_that_authorities_send(self, lab: Any, authority: Authority, form: str) -> None:
        """[2.2-1], [2.2-2]"""
        certificate = authority.issue(request(lab))
        bundle = pkcs7.serialize_certificates([authority.root, certificate], Encoding.DER)
        text = base64.encodebytes(bundle)
        data: Any = {
            "pem": certificate.public_bytes(Encoding.PEM),
            "p7b": bundle,
            "p7b text": b"-----BEGIN CERTIFICATE-----\n" + text + b"-----END CERTIFICATE-----\n",
            "list of bytes": list(der(certificate)),
        }[form]
        assert lab.run("Import-ExchangeCertificate", FileData=data).errors == []
        assert thumbprint(certificate) in listed(lab)

    @rule("2.2-3")
    def test_works_only_on_the_server_that_asked(self, new_lab: Callable[..., Any]) -> None:
        """[2.2-3]: the key is nowhere else."""
        lab = new_lab(servers=2)
        certificate = Authority.new(lab, is_trusted=True).issue(request(lab))
        elsewhere = lab.run("Import-ExchangeCertificate", FileData=der(certificate), on="MBX2")
        assert "CryptographicException" in elsewhere.error_id
        assert lab.run("Import-ExchangeCertificate", FileData=der(certificate)).errors == []

    def test_twice_is_refused(self, lab: Any, authority: Authority) -> None:
        certificate = authority.issue(request(lab))
        assert lab.run("Import-ExchangeCertificate", FileData=der(certificate)).errors == []
        assert lab.run("Import-ExchangeCertificate", FileData=der(certificate)).errors

    def test_rubbish_is_refused(self, lab: Any) -> None:
        result = lab.run("Import-ExchangeCertificate", FileData=b"hello")
        assert "CryptographicException" in result.error_id

    def test_needs_file_data(self, lab: Any) -> None:
        assert lab.run("Import-ExchangeCertificate").error_id.startswith("MissingMandatoryParameter,")

    @rule("2.5-1")
    def test_of_an_unknown_authority_is_untrusted(self, lab: Any) -> None:
        authority = Authority.new(lab, is_trusted=False)
        found = listed(lab)
        key = installed(lab, authority)
        assert listed(lab)[key].status == 4
        assert key not in found

    @rule("2.5-1")
    def test_expires(self, lab: Any, authority: Authority) -> None:
        key = installed(lab, authority)
        lab.later(days=91)
        assert listed(lab)[key].status == 3

    @rule("2.2-5", "2.4-3")
    def test_a_pfx_brings_its_key(self, new_lab: Callable[..., Any]) -> None:
        """[2.2-5], [2.4-3]: from the server that asked to another."""
        lab = new_lab(servers=2)
        key = installed(lab, Authority.new(lab, is_trusted=True), PrivateKeyExportable=True)
        password = Secret("p@ss")
        exported = lab.run("Export-ExchangeCertificate", Thumbprint=key, Password=password, BinaryEncoded=...)
        data = base64.b64decode(exported["FileData"] or "")
        wrong = lab.run("Import-ExchangeCertificate", FileData=data, Password=Secret("x"), on="MBX2")
        assert "CryptographicException" in wrong.error_id
        named = {"FileData": data, "Password": password, "FriendlyName": "copy", "Server": "MBX2"}
        assert lab.run("Import-ExchangeCertificate", **named).errors == []
        copy = listed(lab, "MBX2")[key]
        assert not copy.exportable
        assert friendly_name_of(copy.element) == "copy"


class TestExporting:
    @rule("2.4-3")
    def test_is_refused_unless_the_key_was_declared_exportable(self, lab: Any, authority: Authority) -> None:
        """[2.4-3]"""
        key = installed(lab, authority)
        assert lab.run("Export-ExchangeCertificate", Thumbprint=key, Password=Secret("x")).errors

    @rule("2.4-3")
    def test_needs_a_password(self, lab: Any, authority: Authority) -> None:
        key = installed(lab, authority, PrivateKeyExportable=True)
        assert lab.run("Export-ExchangeCertificate", Thumbprint=key).error.target == "Password"
        text = lab.run("Export-ExchangeCertificate", Thumbprint=key, Password=Secret("x")).text
        loaded = pkcs12.load_pkcs12(base64.b64decode(text), b"x")
        assert loaded.cert is not None
        assert thumbprint(loaded.cert.certificate) == key


class TestEnabling:
    @rule("2.3-3")
    def test_smtp_asks_before_it_replaces_the_default(self, lab: Any, authority: Authority) -> None:
        """[2.3-3]"""
        key, old = installed(lab, authority), default(lab)
        result = lab.run("Enable-ExchangeCertificate", Thumbprint=key, Services="SMTP", answer=2)
        (prompt,) = result.prompts
        assert old in prompt.message
        assert key in prompt.message
        assert prompt.default == 0
        assert default(lab) == old
        assert listed(lab)[key].services == SMTP

    @rule("2.3-3")
    @pytest.mark.parametrize("options", [{"answer": 0}, {"Force": ...}])
    def test_smtp_replaces_it_on_yes_and_with_force(
        self, lab: Any, authority: Authority, options: dict[str, Any]
    ) -> None:
        """[2.3-3]: -Force means yes."""
        key = installed(lab, authority)
        result = lab.run("Enable-ExchangeCertificate", Thumbprint=key, Services="SMTP", **options)
        assert len(result.prompts) == (0 if "Force" in options else 1)
        assert default(lab) == key

    def test_the_default_itself_asks_nothing(self, lab: Any) -> None:
        result = lab.run("Enable-ExchangeCertificate", Thumbprint=default(lab), Services="SMTP")
        assert result.prompts == []

    @rule("2.3-1")
    def test_adds_and_never_takes_away(self, lab: Any, authority: Authority) -> None:
        """[2.3-1]"""
        key = installed(lab, authority)
        lab.run("Enable-ExchangeCertificate", Thumbprint=key, Services="SMTP", answer=2)
        lab.run("Enable-ExchangeCertificate", Thumbprint=key, Services=["IMAP", "POP"])
        assert listed(lab)[key].services == SMTP | IMAP | POP

    @rule("2.3-5", "6.4-1")
    def test_iis_moves_the_front_end_site(self, lab: Any, authority: Authority) -> None:
        """[2.3-5], [6.4-1]: the back end keeps its certificate, and the bit with it."""
        key = installed(lab, authority)
        lab.run("Enable-ExchangeCertificate", Thumbprint=key, Services="IIS")
        found = listed(lab)
        assert found[key].sites == ("IIS://MBX1/W3SVC/1",)
        assert found[default(lab)].sites == ("IIS://MBX1/W3SVC/2",)
        assert found[default(lab)].services & IIS

    def test_iis_leaves_nothing_on_one_that_had_only_the_front_end(
        self, lab: Any, authority: Authority
    ) -> None:
        first, second = installed(lab, authority), installed(lab, authority)
        for key in (first, second):
            lab.run("Enable-ExchangeCertificate", Thumbprint=key, Services="IIS")
        assert listed(lab)[first].services == 0

    @rule("2.3-6")
    def test_wildcards_are_unfit_for_pop_and_imap(self, lab: Any, authority: Authority) -> None:
        """[2.3-6]"""
        key = installed(lab, authority, SubjectName="CN=*.contoso.com", DomainName=[])
        named = {"Thumbprint": key, "Services": "POP, IMAP, SMTP", "Force": ...}
        assert len(lab.run("Enable-ExchangeCertificate", **named).warnings) == 2
        assert listed(lab)[key].services == SMTP

    @rule("2.1-8", "2.3-6")
    @pytest.mark.parametrize("services", ["Federation", "UM", "UMCallRouter", "None", "FTP"])
    def test_refuses_services(self, lab: Any, services: str) -> None:
        """[2.1-8], [2.3-6]"""
        assert lab.run("Enable-ExchangeCertificate", Thumbprint=default(lab), Services=services).errors

    @rule("2.1-12")
    def test_refuses_a_pending_request(self, lab: Any) -> None:
        before = listed(lab)
        request(lab)
        (pending,) = listed(lab).keys() - before.keys()
        result = lab.run("Enable-ExchangeCertificate", Thumbprint=pending, Services="SMTP", Force=...)
        assert "PrivateKeyMissing" in result.error.message

    def test_refuses_what_is_not_there(self, lab: Any) -> None:
        result = lab.run("Enable-ExchangeCertificate", Thumbprint="0" * 40, Services="SMTP")
        assert "ManagementObjectNotFoundException" in result.error_id

    @rule("2.3-3")
    def test_never_brings_back_what_another_session_removed(self, lab: Any, authority: Authority) -> None:
        from reconciler.lab.call import Argument, Failed, Prompt

        key = installed(lab, authority)
        arguments = (Argument("Thumbprint", key), Argument("Services", "SMTP"))
        steps = lab.call("Enable-ExchangeCertificate", *arguments, server="MBX1")
        assert isinstance(next(steps), Prompt)
        lab.run("Remove-ExchangeCertificate", Thumbprint=key, Confirm=False)
        assert isinstance(steps.send(0), Failed)
        assert key not in listed(lab)


class TestAnEdgeServersCertificates:
    def test_serve_smtp_alone(self, lab: Any) -> None:
        """No web and no mailboxes there [exp]."""
        edge: dict[str, Any] = {"on": "EDGE1", "endpoint": "winrm"}
        key = lab.exchange.snapshot()["servers"]["EDGE1"]["default_smtp"]
        refused = lab.run("Enable-ExchangeCertificate", Thumbprint=key, Services="IIS", **edge)
        assert refused.error.target == "Services"
        assert lab.run("New-ExchangeCertificate", Force=..., **edge).errors == []
        found = lab.exchange.snapshot()["servers"]["EDGE1"]["certificates"]
        assert {certificate["services"] & ~(SMTP | IMAP) for certificate in found.values()} == {0}


class TestFindingACertificate:
    @rule("1-1")
    @pytest.mark.parametrize(
        ("parameters", "part"),
        [
            ({"Identity": "MBX9\\{key}"}, "ManagementObjectNotFoundException"),
            ({"Identity": "MBX1\\0000"}, "ManagementObjectNotFoundException"),
            ({"Identity": "MBX1\\{key}", "Server": "MBX1"}, "AmbiguousParameterSet"),
            ({"Services": "SMTP"}, "ArgumentException"),
        ],
    )
    def test_is_refused(self, lab: Any, parameters: dict[str, str], part: str) -> None:
        """[1-1]"""
        named = {name: text.format(key=default(lab)) for name, text in parameters.items()}
        assert part in lab.run("Enable-ExchangeCertificate", **{"Services": "POP", **named}).error_id

    def test_needs_an_identity_where_the_set_does_not_ask_for_one(self, lab: Any) -> None:
        result = lab.run("Export-ExchangeCertificate", Identity=None, Password=Secret("x"))
        assert "ArgumentException" in result.error_id


class TestASelfSignedCertificate:
    @rule("2.1-8", "2.1-9")
    def test_lives_five_years_and_gets_services(self, lab: Any) -> None:
        """[2.1-8], [2.1-9]"""
        result = lab.run("New-ExchangeCertificate", SubjectName="CN=x.contoso.com", answer=2)
        assert len(result.prompts) == 1
        facts = facts_of(result.one)
        assert facts is not None
        assert facts.services == IMAP | POP | SMTP
        certificate = x509.load_der_x509_certificate(base64.b64decode(result["RawData"] or ""))
        assert (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days == 1826

    @rule("2.3-2")
    def test_of_the_servers_name_shows_imap_though_nobody_asked(self, lab: Any) -> None:
        """[2.3-2]"""
        facts = facts_of(lab.run("New-ExchangeCertificate", Services="SMTP", Force=...).one)
        assert facts is not None
        assert facts.services == SMTP | IMAP

    @rule("2.1-8")
    def test_may_have_no_service(self, lab: Any) -> None:
        """[2.1-8]: None is allowed here."""
        facts = facts_of(lab.run("New-ExchangeCertificate", Services="None").one)
        assert facts is not None
        assert facts.services == 0


class TestRemoving:
    @rule("2.4-1", "2.4-4")
    def test_refuses_the_default_smtp_certificate(self, lab: Any) -> None:
        """[2.4-1], [2.4-4]"""
        result = lab.run("Remove-ExchangeCertificate", Thumbprint=default(lab), Confirm=False)
        assert result.error.message.startswith("A special Rpc error occurs on server MBX1:")
        assert "[FailureCategory=Cmdlet-InvalidOperationException]" in result.error_id
        assert result.error_id.endswith(".RemoveExchangeCertificate")
        assert result.error.category == 5

    @rule("2.4-2")
    def test_refuses_one_that_a_send_connector_names(self, lab: Any, authority: Authority) -> None:
        """[2.4-2]: by issuer and subject, so the renewed one blocks the old one too."""
        old, new = installed(lab, authority), installed(lab, authority)
        name = f"<I>CN=Test CA<S>{SUBJECT}"
        lab.run("New-SendConnector", Name="to all", AddressSpaces="*", TlsCertificateName=name)
        for key in (old, new):
            result = lab.run("Remove-ExchangeCertificate", Thumbprint=key, Confirm=False)
            assert "to all" in result.error.message
        lab.run("Set-SendConnector", Identity="to all", TlsCertificateName=None)
        assert lab.run("Remove-ExchangeCertificate", Thumbprint=old, Confirm=False).errors == []
        assert old not in listed(lab)

    def test_older_builds_do_not_look_at_connectors(self, new_lab: Callable[..., Any]) -> None:
        lab = new_lab(build="2016-cu21")
        key = installed(lab, Authority.new(lab, is_trusted=True))
        name = f"<I>CN=Test CA<S>{SUBJECT}"
        lab.run("New-SendConnector", Name="to all", AddressSpaces="*", TlsCertificateName=name)
        assert lab.run("Remove-ExchangeCertificate", Thumbprint=key, Confirm=False).errors == []

    @rule("1-9")
    def test_asks_first(self, lab: Any, authority: Authority) -> None:
        key = installed(lab, authority)
        assert lab.run("Remove-ExchangeCertificate", Thumbprint=key, answer=2).prompts
        assert key in listed(lab)

    @rule("2.1-12")
    def test_drops_a_pending_request(self, lab: Any) -> None:
        before = listed(lab)
        request(lab)
        (pending,) = listed(lab).keys() - before.keys()
        assert lab.run("Remove-ExchangeCertificate", Thumbprint=pending, Confirm=False).errors == []
        assert listed(lab) == before


class TestChoosingByDomain:
    @rule("2.5-2")
    def test_gives_the_one_that_exchange_would_choose_first(self, lab: Any, authority: Authority) -> None:
        """[2.5-2]"""
        short = authority.issue(request(lab), days=10)
        long = authority.issue(request(lab), days=80)
        for certificate in (long, short):
            lab.run("Import-ExchangeCertificate", FileData=der(certificate))
        found = lab.run("Get-ExchangeCertificate", DomainName=["mail.contoso.com"]).objects
        identities = [facts.identity for o in found if isinstance(o, Obj) and (facts := facts_of(o))]
        assert [identity.rpartition("\\")[2] for identity in identities] == [
            thumbprint(long),
            thumbprint(short),
        ]


def test_a_pfx_made_elsewhere_is_taken(lab: Any, authority: Authority) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "other.contoso.com")])
    csr = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    certificate = authority.issue(csr)
    encryption = BestAvailableEncryption(b"x")
    data = pkcs12.serialize_key_and_certificates(b"n", key, certificate, [authority.root], encryption)
    result = lab.run("Import-ExchangeCertificate", FileData=data, Password=Secret("x"))
    assert result.errors == []
    assert thumbprint(certificate) in listed(lab)
