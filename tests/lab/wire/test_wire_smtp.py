"""Port 25 of a server of the lab."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509

from reconciler.lab.call import Identity
from reconciler.lab.emulator import ThreadedLab

Make = Callable[[str], Identity]


def presented(lab: ThreadedLab) -> str:
    """The common name of the certificate presented after STARTTLS."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    host, port = lab.smtp("MBX1")
    with smtplib.SMTP(host, port, timeout=5) as smtp:
        smtp.starttls(context=context)
        smtp.ehlo()
        assert not smtp.has_extn("starttls")
        assert isinstance(smtp.sock, ssl.SSLSocket)
        der = smtp.sock.getpeercert(binary_form=True)
    return x509.load_der_x509_certificate(der or b"").subject.rfc4514_string()


class TestAListener:
    def test_greets_with_the_name_of_its_server(self, lab: ThreadedLab) -> None:
        with smtplib.SMTP(timeout=5) as smtp:
            code, banner = smtp.connect(*lab.smtp("MBX1"))
        assert (code, banner.split()[0]) == (220, b"mbx1.contoso.com")

    def test_without_a_certificate_offers_no_starttls(self, lab: ThreadedLab) -> None:
        with smtplib.SMTP(*lab.smtp("MBX1"), timeout=5) as smtp:
            smtp.ehlo()
            assert not smtp.has_extn("starttls")
            with pytest.raises(smtplib.SMTPNotSupportedError):
                smtp.starttls()

    def test_presents_what_exchange_would_choose_now(
        self, lab: ThreadedLab, exchange: Any, identity: Make
    ) -> None:
        exchange.identity, exchange.revision = identity("first.contoso.com"), 1
        assert presented(lab) == "CN=first.contoso.com"
        exchange.identity = identity("second.contoso.com")
        assert presented(lab) == "CN=first.contoso.com"
        exchange.revision = 2
        assert presented(lab) == "CN=second.contoso.com"
        exchange.identity, exchange.revision = None, 3
        with pytest.raises(smtplib.SMTPNotSupportedError):
            presented(lab)

    def test_leaves_no_key_behind(self, lab: ThreadedLab, exchange: Any, identity: Make) -> None:
        exchange.identity, exchange.revision = identity("mail.contoso.com"), 1
        presented(lab)
        key = exchange.identity.key_pem
        assert not [path for path in lab.directory.rglob("*") if path.is_file() and key in path.read_bytes()]

    def test_survives_a_client_that_does_not_trust_it(
        self, lab: ThreadedLab, exchange: Any, identity: Make
    ) -> None:
        exchange.identity, exchange.revision = identity("mail.contoso.com"), 1
        smtp = smtplib.SMTP(*lab.smtp("MBX1"), timeout=5)
        try:
            with pytest.raises(ssl.SSLCertVerificationError):
                smtp.starttls(context=ssl.create_default_context())
        finally:
            smtp.close()
        assert presented(lab) == "CN=mail.contoso.com"

    def test_accepts_no_mail(self, lab: ThreadedLab) -> None:
        with smtplib.SMTP(*lab.smtp("EDGE1"), timeout=5) as smtp:
            smtp.ehlo()
            assert smtp.mail("x@contoso.com")[0] == 550
            assert not smtp.has_extn("auth")
