"""Organizations in process that tests make as an administrator would: cmdlet by cmdlet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from reconciler.cmdlets.invocation import Answer
from reconciler.exchange import port
from reconciler.exchange.clixml import Primitive
from reconciler.exchange.port import Command, Outcome, Value
from reconciler.pki.certificate import CertificateFacts, certificate_facts
from tests.authority import der
from tests.direct import DirectLab

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Organization:
    """A lab without a wire, and hands to change it with."""

    lab: DirectLab

    def run(self, server: str, cmdlet: str, *answers: Answer, **parameters: Value) -> Outcome:
        """Run one cmdlet; an Edge server is asked through Windows' endpoint."""
        edge = server.startswith("EDGE")
        endpoint = port.Endpoint.WINRM if edge else port.Endpoint.EXCHANGE
        connection = port.Connection(server, "https://unused/", endpoint, "admin", "secret")
        with self.lab.writer(connection) as writer:
            return writer.run(Command(cmdlet, parameters, answers))

    def certificate(
        self,
        server: str,
        subject: str,
        *domains: str,
        starts: timedelta = -DAY,
        ends: timedelta = 200 * DAY,
        services: str | None = "SMTP",
    ) -> CertificateFacts:
        """Request a certificate on a server, sign it with the lab's issuer, import and enable it.

        Args:
            starts: From the lab's clock, as ``ends``.
            services: None: it is not enabled.
        """
        asked = self.run(
            server,
            "New-ExchangeCertificate",
            GenerateRequest=True,
            SubjectName=f"CN={subject}",
            DomainName=domains or (subject,),
        )
        [output] = asked.outputs
        assert isinstance(output, Primitive)
        assert output.text
        signed = der(self._signed(output.text, starts, ends))
        self.run(server, "Import-ExchangeCertificate", FileData=signed)
        facts = certificate_facts(signed)
        if services:
            self.run(
                server,
                "Enable-ExchangeCertificate",
                Answer("default_smtp", "no"),
                Thumbprint=str(facts.thumbprint),
                Services=services,
            )
        return facts

    def _signed(self, text: str, starts: timedelta, ends: timedelta) -> x509.Certificate:
        request = x509.load_pem_x509_csr(text.replace("NEW CERTIFICATE", "CERTIFICATE").encode())
        folder = self.lab.directory
        issuer = x509.load_pem_x509_certificate((folder / "issuer.pem").read_bytes())
        key = serialization.load_pem_private_key((folder / "issuer.key").read_bytes(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        builder = (
            x509.CertificateBuilder()
            .subject_name(request.subject)
            .issuer_name(issuer.subject)
            .public_key(request.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.lab.now + starts)
            .not_valid_after(self.lab.now + ends)
        )
        for extension in request.extensions:
            builder = builder.add_extension(extension.value, extension.critical)
        return builder.sign(key, hashes.SHA256())
