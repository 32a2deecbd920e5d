"""Requests (PKCS#10, RFC 2986) as Exchange gives them, and whether they are what was declared."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from reconciler.pki import der
from reconciler.pki.asked import asked_domains, asked_subject
from reconciler.pki.certificate import alternative_names, kind_of_key
from reconciler.pki.common_names import with_common_names
from reconciler.pki.names import DistinguishedName
from reconciler.pki.problem import Problem, Rule
from reconciler.pki.strength import weak_hash
from state.resources import Certificate
from state.values import DomainPattern, Unknown

LARGEST: Final = 64 * 1024
"""Bytes or characters; real requests have 1 to 3 KB."""

_BLOCK = re.compile(
    r"-----BEGIN (NEW )?CERTIFICATE REQUEST-----([^-]*)-----END (?:NEW )?CERTIFICATE REQUEST-----"
)


@dataclass
class NotARequest(Exception):
    """What was given is no PKCS#10 request."""

    reason: str

    def __str__(self) -> str:
        return f"no certificate request: {self.reason}"


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """What a request says.

    Attributes:
        pem: The request under ``BEGIN CERTIFICATE REQUEST``, lines of 64, ended by one newline.
        public_key: SHA-256 of the SubjectPublicKeyInfo, lower-case hexadecimal.
        key_type: ``RSA``, ``EC`` or ``other``.
        key_size: Bits; UNKNOWN for other keys.
        name: The subject.
        alternative_domains: DNS names of SubjectAltName; UNKNOWN when the extension cannot be understood.
        domains: These, and the common names that are domains; UNKNOWN too.
        other_names: Names of SubjectAltName that are no domains.
        is_signed: The signature is that of its own key.
    """

    pem: str
    public_key: str
    key_type: str
    key_size: int | Unknown
    name: DistinguishedName
    alternative_domains: frozenset[DomainPattern] | Unknown
    domains: frozenset[DomainPattern] | Unknown
    other_names: tuple[str, ...]
    is_signed: bool


def parse_request(request: str | bytes) -> RequestFacts:
    """Read a request in any form in which Exchange, a file or a mail may hold it.

    Args:
        request: Text or bytes; DER, or base64 with either header or none ([2.1-2], [2.1-4]), in UTF-8 or
            UTF-16, with any line ends.

    Raises:
        NotARequest: it is none.
    """
    if len(request) > LARGEST:
        raise NotARequest(f"over {LARGEST} bytes")
    try:
        csr = x509.load_der_x509_csr(_to_der(request))
        fields = tuple(der.parse(csr.tbs_certrequest_bytes).children())
        if len(fields) < 3:
            raise der.NotDer("a field of the request is missing")
        _version, subject, key, *_ = fields
        name = DistinguishedName.from_element(subject)
        pem = csr.public_bytes(Encoding.PEM).decode("ascii")
    except (ValueError, x509.InvalidVersion, der.NotDer) as error:
        raise NotARequest(str(error)) from error
    try:
        is_signed = csr.is_signature_valid
    except (ValueError, UnsupportedAlgorithm):
        is_signed = False
    key_type, key_size = kind_of_key(csr)
    alternative_domains, other_names = alternative_names(csr)
    return RequestFacts(
        pem=pem,
        public_key=hashlib.sha256(key.encoded).hexdigest(),
        key_type=key_type,
        key_size=key_size,
        name=name,
        alternative_domains=alternative_domains,
        domains=with_common_names(alternative_domains, name),
        other_names=other_names,
        is_signed=is_signed,
    )


def weak_signature(request: str | bytes) -> str:
    """The hash with which a request is signed, where that can be forged; "" where it is good or not known."""
    try:
        return weak_hash(x509.load_der_x509_csr(_to_der(request)))
    except (ValueError, x509.InvalidVersion):
        return ""


def check_request(request: str | bytes, asked: Certificate) -> tuple[Problem, ...]:
    """Compare a request with what was declared.

    An authority signs what the request says, so a name too many is as wrong as one too few.

    Args:
        request: As for :func:`parse_request`.
        asked: As declared; what it leaves UNSET is not compared.

    Returns:
        Everything that is wrong; nothing when the request may be sent to its issuer.
    """
    try:
        facts = parse_request(request)
    except NotARequest as error:
        return (Problem(Rule.UNREADABLE, error.reason),)
    problems = [] if facts.is_signed else [Problem(Rule.SIGNATURE)]
    if facts.key_type != "RSA":
        problems.append(Problem(Rule.KEY_TYPE, facts.key_type))
    elif isinstance(asked.key_size, int) and facts.key_size != asked.key_size:
        problems.append(Problem(Rule.KEY_SIZE, str(facts.key_size), str(asked.key_size)))
    return (*problems, *_names(facts, asked_domains(asked)), *_subject(facts, asked_subject(asked)))


def _names(facts: RequestFacts, wanted: frozenset[DomainPattern]) -> list[Problem]:
    if isinstance(facts.domains, Unknown):
        return [Problem(Rule.NAMES_UNREADABLE)]
    missing = sorted(domain.name for domain in wanted - facts.domains)
    extra = sorted(domain.name for domain in facts.domains - wanted)
    return [
        *(Problem(Rule.NAME_MISSING, wanted=name) for name in missing),
        *(Problem(Rule.NAME_EXTRA, found=name) for name in (*extra, *facts.other_names)),
    ]


def _subject(facts: RequestFacts, wanted: DistinguishedName | None) -> list[Problem]:
    if wanted is None:
        return []
    return [
        *(Problem(Rule.SUBJECT_MISSING, wanted=str(attribute)) for attribute in facts.name.lacks(wanted)),
        *(Problem(Rule.SUBJECT_EXTRA, found=str(attribute)) for attribute in wanted.lacks(facts.name)),
    ]


def _to_der(request: str | bytes) -> bytes:
    """Find the DER.

    Raises:
        ValueError: there is none, or more than one.
    """
    if isinstance(request, bytes):
        if request[:1] == b"\x30" and request[1:2] not in (b"", b"\0"):  # not UTF-16 text that begins with 0
            return request
        request = _decode(request)
    text = request.lstrip("\ufeff")
    if "-----" in text:
        blocks = _BLOCK.findall(text)
        if len(blocks) != 1:
            raise ValueError(f"{len(blocks)} blocks BEGIN CERTIFICATE REQUEST")
        text = blocks[0][1]
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except binascii.Error as error:
        raise ValueError("it is not base64") from error


def _decode(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16")
    return data.decode("utf-16-le" if data[1:2] == b"\0" else "utf-8")
