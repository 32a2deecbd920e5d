"""One STARTTLS handshake, with one server under one name: what is offered, presented, and wrong."""

from __future__ import annotations

import contextlib
import ssl
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final

from reconciler.pki.certificate import CertificateFacts, NotACertificate, certificate_facts
from reconciler.pki.coverage import uncovered
from reconciler.verify.chain import Authorities, judge_chain
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
    NOT_JUDGED = "presents a certificate whose authority cannot be looked up"
    SHORT_CHAIN = "presents a chain that is short"
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


def shake_hands(
    host: str,
    port: int,
    name: Fqdn,
    trusted: Authorities,
    now: datetime,
    *,
    public_keys: frozenset[str] = frozenset(),
    seconds: float = SECONDS,
) -> Handshake:
    """Connect, say EHLO and STARTTLS, and look at what is presented for ``name``.

    The handshake itself verifies nothing: what was sent is judged afterwards, at ``now`` and not at the clock
    of this machine, and all of it, not up to the first thing that is wrong.

    Args:
        host: Where to connect; a name or an IP address.
        port: Where to connect.
        name: What the world connects to: asked for by SNI, and the certificate must be good for it.
        now: The instant to judge at; UTC, aware.
        public_keys: Of the certificates that may be presented, as
            :attr:`state.resources.Certificate.public_key`, or their thumbprints where another one has
            the same key; empty when any trusted one will do.
        seconds: For all of it.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    attempt = _attempt(host, port, name, context, seconds)
    if not attempt.chain:
        return Handshake(None, attempt.problems)
    return judged(attempt.chain, name, trusted, now, public_keys)


def judged(
    chain: tuple[bytes, ...], name: Fqdn, trusted: Authorities, now: datetime, public_keys: frozenset[str]
) -> Handshake:
    """A handshake in which a chain was sent; for the arguments see :func:`shake_hands`."""
    try:
        facts = certificate_facts(chain[0])
    except NotACertificate as error:
        return Handshake(None, (HandshakeProblem(Fault.BAD_CERTIFICATE, error.reason),))
    return Handshake(facts, tuple(_found_in(facts, chain, name, trusted, now, public_keys)))


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One connection.

    Attributes:
        chain: As it was sent, the peer's own certificate first; DER. Empty when none was seen.
    """

    chain: tuple[bytes, ...] = ()
    problems: tuple[HandshakeProblem, ...] = ()


def _attempt(host: str, port: int, name: Fqdn, context: ssl.SSLContext, seconds: float) -> _Attempt:
    offered = False
    try:
        with Dialogue(host, port, seconds) as dialogue:
            problem = _until_starttls(dialogue)
            if problem:
                return _Attempt(problems=(problem,))
            offered = True
            secured = dialogue.start_tls(context, str(name))
            chain = chain_sent(secured)
            with contextlib.suppress(OSError):
                secured.sendall(b"QUIT\r\n")  # a goodbye for the peer's log; its answer changes nothing
            return _Attempt(chain) if chain else _failed(Fault.BAD_CERTIFICATE, "none was sent")
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


def chain_sent(connection: ssl.SSLSocket) -> tuple[bytes, ...]:
    """The certificates that a peer sent, in its order; DER.

    Python 3.13 has a public name for it; before, the same is one floor below, where pip's `truststore` finds
    it, too. A test tells when it moves.
    """
    if sys.version_info >= (3, 13):
        return tuple(connection.get_unverified_chain())
    below: Any = connection
    found = below._sslobj.get_unverified_chain() or ()
    return tuple(ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in found)


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


def _found_in(
    facts: CertificateFacts,
    chain: tuple[bytes, ...],
    name: Fqdn,
    trusted: Authorities,
    now: datetime,
    public_keys: frozenset[str],
) -> Iterator[HandshakeProblem]:
    problem = judge_chain(chain, trusted, now)
    if problem and not trusted.is_whole:
        yield HandshakeProblem(Fault.NOT_JUDGED, problem.reason)
    elif problem:
        yield HandshakeProblem(Fault.SHORT_CHAIN if problem.is_short else Fault.UNTRUSTED, problem.reason)
    if facts.not_after < now:
        yield HandshakeProblem(Fault.EXPIRED, f"on {facts.not_after:%Y-%m-%d %H:%M} UTC")
    if facts.not_before > now:
        yield HandshakeProblem(Fault.NOT_YET_VALID, f"before {facts.not_before:%Y-%m-%d %H:%M} UTC")
    domains = facts.alternative_domains
    if isinstance(domains, Unknown):
        yield HandshakeProblem(Fault.NAME_MISMATCH, "its names cannot be read")
    elif uncovered(domains, [DomainPattern(name.name)]):
        names = ", ".join(sorted(domain.name for domain in domains)[:5]) or facts.subject
        yield HandshakeProblem(Fault.NAME_MISMATCH, names)
    if public_keys and not is_one_of(facts, public_keys):
        yield HandshakeProblem(Fault.OTHER_CERTIFICATE, f"{facts.subject}, thumbprint {facts.thumbprint}")


def is_one_of(facts: CertificateFacts, public_keys: frozenset[str]) -> bool:
    """Whether a certificate is one of those that are declared, by its key or by its thumbprint."""
    return facts.public_key in public_keys or str(facts.thumbprint) in public_keys
