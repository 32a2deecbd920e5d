"""One STARTTLS handshake, with one server under one name: what is offered, presented, and wrong."""

from __future__ import annotations

import contextlib
import ssl
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Final

from reconciler.pki.certificate import CertificateFacts, NotACertificate, certificate_facts
from reconciler.pki.coverage import uncovered
from reconciler.verify.dialogue import BadReply, Dialogue, Reply
from state.values import DomainPattern, Fqdn, Unknown

SECONDS: Final = 30.0
"""For one whole handshake. Exchange's tarpit holds an answer back for 5 s."""


class Fault(Enum):
    """What is wrong; the value is the sentence without its details."""

    UNREACHABLE = "cannot be reached"
    TIMED_OUT = "did not answer in time"
    GARBAGE = "does not speak SMTP"
    REFUSED = "refuses to talk"
    NO_STARTTLS = "does not offer STARTTLS"
    TLS_FAILED = "offers STARTTLS, but the handshake fails"
    UNTRUSTED = "presents a certificate that is not trusted"
    NAME_MISMATCH = "presents a certificate for other names"
    EXPIRED = "presents a certificate that has expired"
    NOT_YET_VALID = "presents a certificate that is not valid yet"
    OTHER_CERTIFICATE = "presents another certificate than the declared one"
    BAD_CERTIFICATE = "presents a certificate that cannot be read"


@dataclass(frozen=True, slots=True)
class HandshakeProblem:
    """One thing that is wrong.

    Attributes:
        detail: Names, numbers and the peer's words, in a few words; "" where the fault says it all.
    """

    fault: Fault
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.fault.value}: {self.detail}" if self.detail else self.fault.value


@dataclass(frozen=True, slots=True)
class Handshake:
    """What came of one.

    Attributes:
        certificate: What was presented, also when it is not trusted; None when nothing was seen.
        problems: Nothing when it is as it should be.
    """

    certificate: CertificateFacts | None = None
    problems: tuple[HandshakeProblem, ...] = ()


@dataclass
class AuthorityUnreadable(Exception):
    """A file that was to name a trusted authority."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path} cannot be read: {self.reason}"


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose certificates are good: the public roots of this machine, and further authorities.

    Attributes:
        authorities: PEM files; a certificate in them is trusted even if it is not its own issuer.
    """

    authorities: tuple[Path, ...] = ()

    def context(self) -> ssl.SSLContext:
        """A context that verifies chain and name.

        Raises:
            AuthorityUnreadable: a file cannot be read, or holds no certificate.
        """
        context = ssl.create_default_context()
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        for path in self.authorities:
            try:
                context.load_verify_locations(cafile=path)
            except ssl.SSLError as error:
                raise AuthorityUnreadable(path, "it holds no certificate in PEM") from error
            except OSError as error:
                raise AuthorityUnreadable(path, error.strerror or type(error).__name__) from error
        return context


def shake_hands(
    host: str,
    port: int,
    name: Fqdn,
    trusted: ssl.SSLContext,
    now: datetime,
    *,
    public_key: str | None = None,
    seconds: float = SECONDS,
) -> Handshake:
    """Connect, say EHLO and STARTTLS, and look at what is presented for ``name``.

    A handshake that fails on verification shows no certificate, so a second connection that verifies
    nothing is made then, and used for reporting alone.

    Args:
        host: Where to connect; a name or an IP address.
        port: Where to connect.
        name: What the world connects to: asked for by SNI, and the certificate must be good for it.
        trusted: What :meth:`Trust.context` gives.
        now: UTC, aware; tells which end of a validity was passed.
        public_key: Of the declared certificate, as :attr:`state.resources.Certificate.public_key`; None
            when any trusted certificate will do.
        seconds: For each of the two connections.
    """
    first = _attempt(host, port, name, trusted, seconds)
    if not first.rejection:
        return _judged(first, name, now, public_key)
    unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unverified.minimum_version = trusted.minimum_version
    unverified.check_hostname = False
    unverified.verify_mode = ssl.CERT_NONE
    second = _attempt(host, port, name, unverified, seconds)
    return _judged(_Attempt(second.certificate, (), first.rejection), name, now, public_key)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One connection.

    Attributes:
        certificate: DER; b"" when none was seen.
        rejection: The first thing that OpenSSL did not accept about the certificate; None when it accepted
            all of it, or did not look.
    """

    certificate: bytes = b""
    problems: tuple[HandshakeProblem, ...] = ()
    rejection: HandshakeProblem | None = None


def _attempt(host: str, port: int, name: Fqdn, context: ssl.SSLContext, seconds: float) -> _Attempt:
    offered = False
    try:
        with Dialogue(host, port, seconds) as dialogue:
            problem = _until_starttls(dialogue)
            if problem:
                return _Attempt(problems=(problem,))
            offered = True
            secured = dialogue.start_tls(context, str(name))
            certificate = secured.getpeercert(binary_form=True) or b""
            with contextlib.suppress(OSError):
                secured.sendall(b"QUIT\r\n")  # a goodbye for the peer's log; its answer changes nothing
            return _Attempt(certificate)
    except ssl.SSLCertVerificationError as error:
        fault = _FAULTS.get(error.verify_code, Fault.UNTRUSTED)
        return _Attempt(rejection=HandshakeProblem(fault, error.verify_message))
    except BadReply as error:
        return _failed(Fault.GARBAGE, error.reason)
    except TimeoutError:
        return _failed(Fault.TIMED_OUT, f"{seconds:g} seconds")
    except ssl.SSLError as error:
        return _failed(Fault.TLS_FAILED, (error.reason or str(error)).replace("_", " ").lower())
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return _failed(Fault.TLS_FAILED if offered else Fault.UNREACHABLE, reason)
    except UnicodeError:  # a host name that no resolver takes
        return _failed(Fault.UNREACHABLE, "its name is not one that can be looked up")


_FAULTS: Final = {
    9: Fault.NOT_YET_VALID,  # X509_V_ERR_CERT_NOT_YET_VALID
    10: Fault.EXPIRED,  # X509_V_ERR_CERT_HAS_EXPIRED
    62: Fault.NAME_MISMATCH,  # X509_V_ERR_HOSTNAME_MISMATCH
    64: Fault.NAME_MISMATCH,  # X509_V_ERR_IP_ADDRESS_MISMATCH
}
"""OpenSSL's numbers (x509_vfy.h); the rest are about the chain."""


def _failed(fault: Fault, detail: str) -> _Attempt:
    return _Attempt(problems=(HandshakeProblem(fault, detail),))


def _until_starttls(dialogue: Dialogue) -> HandshakeProblem | None:
    """Talk up to the point where TLS begins; None when it is reached."""
    greeting = dialogue.reply()
    if greeting.code != 220:
        return HandshakeProblem(Fault.REFUSED, str(greeting))
    extensions = dialogue.command(f"EHLO {dialogue.own_literal}")
    if extensions.code != 250:
        return HandshakeProblem(Fault.REFUSED, str(extensions))
    if not _offers_starttls(extensions):
        return HandshakeProblem(Fault.NO_STARTTLS)
    ready = dialogue.command("STARTTLS")
    return None if ready.code == 220 else HandshakeProblem(Fault.TLS_FAILED, str(ready))


def _offers_starttls(extensions: Reply) -> bool:
    return any(line.split(maxsplit=1)[:1] == ["STARTTLS"] for line in map(str.upper, extensions.lines[1:]))


def _judged(attempt: _Attempt, name: Fqdn, now: datetime, public_key: str | None) -> Handshake:
    problems = list(attempt.problems)
    facts: CertificateFacts | None = None
    if attempt.certificate:
        try:
            facts = certificate_facts(attempt.certificate)
        except NotACertificate as error:
            problems.append(HandshakeProblem(Fault.BAD_CERTIFICATE, error.reason))
    found = _found_in(facts, name, now, public_key) if facts else []
    if attempt.rejection and attempt.rejection.fault not in {problem.fault for problem in found}:
        found.insert(0, attempt.rejection)  # what the facts show too, they show with details
    return Handshake(facts, (*problems, *found))


def _found_in(
    facts: CertificateFacts, name: Fqdn, now: datetime, public_key: str | None
) -> list[HandshakeProblem]:
    problems = []
    if facts.not_after < now:
        problems.append(HandshakeProblem(Fault.EXPIRED, f"on {facts.not_after:%Y-%m-%d %H:%M} UTC"))
    if facts.not_before > now:
        problems.append(
            HandshakeProblem(Fault.NOT_YET_VALID, f"before {facts.not_before:%Y-%m-%d %H:%M} UTC")
        )
    domains = facts.alternative_domains
    if not isinstance(domains, Unknown) and uncovered(domains, [DomainPattern(name.name)]):
        names = ", ".join(sorted(domain.name for domain in domains)[:5]) or facts.subject
        problems.append(HandshakeProblem(Fault.NAME_MISMATCH, names))
    if public_key is not None and facts.public_key != public_key:
        problems.append(
            HandshakeProblem(Fault.OTHER_CERTIFICATE, f"{facts.subject}, thumbprint {facts.thumbprint}")
        )
    return problems
