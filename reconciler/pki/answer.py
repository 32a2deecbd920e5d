"""The answer of an authority, and whether it is one to the request that was made."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from reconciler.pki.asked import asked_domains
from reconciler.pki.certificate import CertificateFacts, NotACertificate, certificate_facts
from reconciler.pki.coverage import uncovered
from reconciler.pki.problem import Problem, Rule
from reconciler.pki.signable import SMALLEST_KEY
from reconciler.pki.strength import weaknesses
from state.resources import Certificate
from state.values import Unknown

LARGEST: Final = 256 * 1024
LONGEST: Final = 16
"""Certificates in one answer; real chains have 2 to 4."""

SKEW: Final = timedelta(minutes=5)
"""An authority whose clock is ahead of ours by this much has not yet made a mistake."""

_PRIVATE: Final = "PRIVATE KEY-----"


def read_chain(chain: str) -> tuple[CertificateFacts, ...]:
    """Read the certificates of an answer, in their order.

    Args:
        chain: PEM; text around the blocks does not count.

    Raises:
        NotACertificate: there is none, or one of them cannot be read.
    """
    return tuple(
        certificate_facts(certificate.public_bytes(Encoding.DER)) for certificate in _certificates(chain)
    )


def encoded_chain(chain: str) -> tuple[bytes, ...]:
    """The DER of each certificate of an answer, in their order.

    Raises:
        NotACertificate: there is none, or one of them cannot be read.
    """
    return tuple(certificate.public_bytes(Encoding.DER) for certificate in _certificates(chain))


def check_answer(
    chain: str, public_key: str, asked: Certificate, now: datetime, *, after: datetime | None = None
) -> tuple[Problem, ...]:
    """Compare an answer with the request and with what was declared.

    That the names are more than was asked for is no problem, and neither is another subject: authorities
    drop what they did not verify. What a connector must then be bound to is read from the certificate.

    Args:
        chain: PEM, the certificate itself first.
        public_key: Of the request, as :attr:`state.record.Request.public_key`.
        asked: As declared when the request was made.
        now: UTC, aware.
        after: As :attr:`state.record.Request.renews`.

    Returns:
        Everything that is wrong; nothing when it may be imported.
    """
    if _PRIVATE in chain:
        return (Problem(Rule.PRIVATE_KEY),)  # before anything of it is kept
    try:
        certificates = _certificates(chain)
        facts = read_chain(chain)
    except NotACertificate as error:
        return (Problem(Rule.UNREADABLE, error.reason),)
    leaf = facts[0]
    if leaf.public_key != public_key:
        places = [str(number) for number, other in enumerate(facts, 1) if other.public_key == public_key]
        return (Problem(Rule.LEAF_NOT_FIRST, places[0]) if places else Problem(Rule.OTHER_KEY),)
    if after is not None and leaf.not_before <= after:
        return (Problem(Rule.NOT_RENEWED),)
    return (
        *_names(leaf, asked),
        *_dates(leaf, now),
        *_usage(certificates[0]),
        *_links(certificates),
        *weaknesses(certificates, facts, asked.key_size if isinstance(asked.key_size, int) else SMALLEST_KEY),
    )


def _certificates(chain: str) -> list[x509.Certificate]:
    if len(chain) > LARGEST:
        raise NotACertificate(f"over {LARGEST} characters", len(chain))
    try:
        certificates = x509.load_pem_x509_certificates(chain.encode("utf-8", "replace"))
    except (ValueError, x509.InvalidVersion) as error:
        raise NotACertificate("there is no block BEGIN CERTIFICATE that can be read", len(chain)) from error
    if len(certificates) > LONGEST:
        raise NotACertificate(f"{len(certificates)} certificates, over {LONGEST}", len(chain))
    return certificates


def _names(leaf: CertificateFacts, asked: Certificate) -> list[Problem]:
    if isinstance(leaf.alternative_domains, Unknown):
        return [Problem(Rule.NAMES_UNREADABLE)]
    names = sorted(domain.name for domain in uncovered(leaf.alternative_domains, asked_domains(asked)))
    return [Problem(Rule.UNCOVERED, wanted=name) for name in names]


def _dates(leaf: CertificateFacts, now: datetime) -> list[Problem]:
    if leaf.not_before > now + SKEW:
        return [Problem(Rule.NOT_YET_VALID, f"{leaf.not_before:%Y-%m-%d %H:%M:%S} UTC")]
    if leaf.not_after < now:
        return [Problem(Rule.EXPIRED, f"{leaf.not_after:%Y-%m-%d %H:%M:%S} UTC")]
    return []


def _usage(leaf: x509.Certificate) -> list[Problem]:
    """An extension that is not there restricts nothing (RFC 5280 4.2.1.3, 4.2.1.12)."""
    problems = []
    try:
        extensions = leaf.extensions
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        return [Problem(Rule.UNREADABLE, str(error))]
    for extension in extensions:
        match extension.value:
            case x509.BasicConstraints(ca=True):
                problems.append(Problem(Rule.AUTHORITY))
            case x509.KeyUsage(digital_signature=False, key_encipherment=False):
                problems.append(Problem(Rule.KEY_USAGE))
            case x509.ExtendedKeyUsage() as usages:
                if not {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(
                    usages
                ):
                    problems.append(Problem(Rule.NOT_FOR_SERVERS))
    return problems


def _links(certificates: list[x509.Certificate]) -> list[Problem]:
    """Each must be issued by the next: the order in which TLS sends them (RFC 8446 4.4.2)."""
    problems = []
    for number, (lower, upper) in enumerate(pairwise(certificates), 1):
        try:
            lower.verify_directly_issued_by(upper)
        except UnsupportedAlgorithm:
            continue  # cannot be judged here; the servers and their clients will
        except (InvalidSignature, ValueError, TypeError):
            problems.append(Problem(Rule.CHAIN_BROKEN, str(number)))
    return problems
