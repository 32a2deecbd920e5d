"""A lab on the wire whose clock is moved, and what a stranger sees of it."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509


@dataclass
class Clock:
    """The lab's and ours. It begins with this machine's, by which TLS clients judge the lab's listeners."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def served(host: str, port: int) -> x509.Certificate:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with smtplib.SMTP(host, port, timeout=10) as smtp:
        smtp.starttls(context=context)
        smtp.ehlo()
        assert isinstance(smtp.sock, ssl.SSLSocket)
        certificate = smtp.sock.getpeercert(binary_form=True)
    assert certificate is not None
    return x509.load_der_x509_certificate(certificate)
