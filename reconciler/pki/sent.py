"""What an authority may send: certificates in any of the forms in which people and Windows keep them.

PEM in any order, with any text around it, or PKCS#7, or DER, or base64 without a header; in UTF-8 or UTF-16,
with any line ends. What is taken is given back in one form alone: PEM, the certificate itself first.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from reconciler.pki import der
from reconciler.pki.answer import LARGEST, LONGEST
from reconciler.pki.certificate import CertificateFacts, NotACertificate, certificate_facts
from reconciler.pki.pkcs7 import SIGNED_DATA, certificates_in
from reconciler.pki.problem import Problem, Rule

LARGEST_FILE: Final = 2 * LARGEST
"""Bytes: UTF-16 takes two for a character."""

_BLOCK: Final = re.compile(r"-----BEGIN ([A-Z0-9 #]{1,40})-----([^-]*)-----END \1-----")
_BEGIN: Final = re.compile(r"-----BEGIN ([A-Z0-9 #]{1,40})-----")
_CERTIFICATES: Final = frozenset(
    {
        "CERTIFICATE",
        "X509 CERTIFICATE",
        "PKCS7",
        "PKCS #7 SIGNED DATA",
        "CMS",
    }  # Windows writes the first for all
)
_PAGE: Final = re.compile(r"<(!doctype|html|head|body|\?xml)\b", re.IGNORECASE)
_TITLE: Final = re.compile(r"<title[^<>]{0,200}>([^<]{0,200})", re.IGNORECASE)


@dataclass
class NotAnAnswer(Exception):
    """What was sent is no answer to the request."""

    problem: Problem

    def __str__(self) -> str:
        return str(self.problem)


@dataclass(frozen=True, slots=True)
class _Sent:
    """One certificate of an answer."""

    certificate: x509.Certificate
    facts: CertificateFacts

    def may_be_issued_by(self, other: _Sent) -> bool:
        """As far as the signature can be checked."""
        try:
            if self.certificate.issuer != other.certificate.subject:
                return False
            self.certificate.verify_directly_issued_by(other.certificate)
        except UnsupportedAlgorithm:
            return True  # cannot be judged here; the servers and their clients will
        except (InvalidSignature, ValueError, TypeError):
            return False
        return True


def read_answer(data: bytes, public_key: str) -> str:
    """Find the certificate for a request in what was sent, and the chain behind it.

    Whether it is as it was asked for is another question (:func:`reconciler.pki.answer.check_answer`).

    Args:
        data: As it was sent or saved.
        public_key: Of the request, as :attr:`state.record.Request.public_key`.

    Returns:
        PEM: the certificate for that key first, each issued by the next. What else was sent of the same
        authorities, such as a cross certificate, is left out.

    Raises:
        NotAnAnswer: no certificate, or not for that key, or more than belongs to its chain; no byte of what
            was sent is told but names.
    """
    sent = _read(data)
    leaves = [one for one in sent if one.facts.public_key == public_key]
    if not leaves:
        raise NotAnAnswer(Problem(Rule.OTHER_KEY))
    leaf = max(leaves, key=lambda one: one.facts.not_after)
    others = [one for one in sent if one not in leaves]
    chain = _path(leaf, others)
    if strays := _strays(leaf, others):
        raise NotAnAnswer(Problem(Rule.STRAY, strays[0].facts.subject))
    return "".join(one.certificate.public_bytes(Encoding.PEM).decode("ascii") for one in chain)


def keys_in(data: bytes) -> frozenset[str]:
    """The keys of all certificates in what was sent, as :attr:`state.record.Request.public_key`.

    Raises:
        NotAnAnswer: there is no certificate in it, or what does not belong into an answer.
    """
    return frozenset(one.facts.public_key for one in _read(data))


def _path(leaf: _Sent, others: Sequence[_Sent]) -> list[_Sent]:
    """From the leaf upwards; where several may have issued one, the one that was sent first."""
    chain, left = [leaf], list(others)
    while found := next((one for one in left if chain[-1].may_be_issued_by(one)), None):
        chain.append(found)
        left.remove(found)
        if found.facts.self_signed:
            break
    return chain


def _strays(leaf: _Sent, others: Sequence[_Sent]) -> list[_Sent]:
    """What stands above the leaf on no way."""
    left, reached = list(others), [leaf]
    for one in reached:  # grows as it is walked
        above = [other for other in left if one.may_be_issued_by(other)]
        reached += above
        left = [other for other in left if other not in above]
    return left


def _read(data: bytes) -> list[_Sent]:
    """Every certificate, once, in the order in which they were sent."""
    if len(data) > LARGEST_FILE:
        raise NotAnAnswer(Problem(Rule.UNREADABLE, f"over {LARGEST_FILE} bytes"))
    found: dict[bytes, _Sent] = {}
    for encoded in _encodings(data):
        for one in _certificates(encoded):
            try:
                sent = one.public_bytes(Encoding.DER)
                found.setdefault(sent, _Sent(one, certificate_facts(sent)))
            except (NotACertificate, ValueError) as error:
                reason = error.reason if isinstance(error, NotACertificate) else str(error)
                raise NotAnAnswer(Problem(Rule.UNREADABLE, reason)) from error
        if len(found) > LONGEST:
            raise NotAnAnswer(Problem(Rule.UNREADABLE, f"over {LONGEST} certificates"))
    if not found:
        raise NotAnAnswer(Problem(Rule.UNREADABLE, "there is no certificate in it"))
    return [*found.values()]


def _encodings(data: bytes) -> Iterator[bytes]:
    """The DER of each part that may hold certificates."""
    if data[:1] == b"\x30" and data[1:2] not in (b"", b"\0"):  # not text that begins with 0
        yield data
        return
    if data[:4] == b"PK\x03\x04":
        raise NotAnAnswer(Problem(Rule.UNREADABLE, "it is a ZIP archive"))
    text = _text(data)
    if "PRIVATE KEY" in text or text.startswith("PuTTY-User-Key-File"):
        raise NotAnAnswer(Problem(Rule.PRIVATE_KEY))
    blocks = [(label, body) for label, body in _BLOCK.findall(text) if label in _CERTIFICATES]
    begun = sum(label in _CERTIFICATES for label in _BEGIN.findall(text))
    if begun > len(blocks):
        raise NotAnAnswer(Problem(Rule.CUT_OFF, f"certificate {len(blocks) + 1} does not end"))
    if blocks:
        for _, body in blocks:
            yield _decoded(body)
        return
    yield from _unlabelled(text)


def _unlabelled(text: str) -> Iterator[bytes]:
    """What holds no block of a certificate: base64 alone, or something else altogether."""
    if "CERTIFICATE REQUEST-----" in text:
        raise NotAnAnswer(Problem(Rule.REQUEST))
    if "-----END " in text:
        raise NotAnAnswer(Problem(Rule.CUT_OFF, "the beginning is missing"))
    if _PAGE.search(text[:4096]):
        title = _TITLE.search(text)
        words = "".join(filter(str.isprintable, " ".join(title[1].split()))) if title else ""
        raise NotAnAnswer(Problem(Rule.WEB_PAGE, f'"{words[:80]}"'))
    if not text.strip():
        return
    try:
        found = _decoded(text)
    except NotAnAnswer:
        found = b""
    if found[:1] != b"\x30":  # words may well be base64
        raise NotAnAnswer(Problem(Rule.UNREADABLE, "it is neither PEM nor DER, nor base64 of that"))
    yield found


def _decoded(body: str) -> bytes:
    text = "".join(body.split())
    text = text[:-1] if len(text) % 4 == 1 else text + "=" * (-len(text) % 4)  # cut off anywhere
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotAnAnswer(Problem(Rule.UNREADABLE, "it is not base64")) from error


def _certificates(encoded: bytes) -> list[x509.Certificate]:
    """One certificate, or those of a PKCS#7 file (RFC 5652 5.1)."""
    _check_whole(encoded)
    try:
        first = _first(encoded)
        if first.tag == der.OBJECT_IDENTIFIER:
            if der.object_identifier(first) != SIGNED_DATA:
                raise ValueError("it is no PKCS#7 file of certificates")
            return [x509.load_der_x509_certificate(one) for one in certificates_in(encoded)]
        if first.tag != der.SEQUENCE:
            _check_private(encoded)
            raise ValueError("it is no certificate")
        inner = next(first.children(), None)
        if inner is not None and inner.tag == der.OBJECT_IDENTIFIER:
            raise NotAnAnswer(Problem(Rule.PRIVATE_KEY))  # encrypted, PKCS#8
        if _is_request(encoded):
            raise NotAnAnswer(Problem(Rule.REQUEST))
        return [x509.load_der_x509_certificate(encoded)]
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion, der.NotDer) as error:
        raise NotAnAnswer(Problem(Rule.UNREADABLE, str(error) or "it is no certificate")) from error


def _first(encoded: bytes) -> der.Element:
    """The first part of the outermost sequence; its length may be indefinite (BER), as PKCS#7 permits."""
    whole = der.Element(der.SEQUENCE, encoded[2:], encoded)
    if encoded[:2] != b"\x30\x80":
        whole = der.parse(encoded).expect(der.SEQUENCE)
    first = next(whole.children(), None)
    if first is None:
        raise der.NotDer("there is nothing in it")
    return first


def _check_whole(encoded: bytes) -> None:
    """Tell what is shorter than it says of itself."""
    if len(encoded) < 6 or encoded[0] != der.SEQUENCE or not encoded[1] & 0x80:
        return
    count = encoded[1] & 0x7F
    length = 2 + count + int.from_bytes(encoded[2 : 2 + count], "big")
    if 1 <= count <= 4 and len(encoded) < length <= LARGEST_FILE:
        raise NotAnAnswer(Problem(Rule.CUT_OFF, f"there are {len(encoded)} of {length} bytes"))


def _check_private(encoded: bytes) -> None:
    """Tell a private key by its shape: a number, then key or algorithm (RFC 8017 A.1.2, 5958 2, 5915 3)."""
    parts = [*der.parse(encoded).children()]
    if parts and parts[0].tag == _INTEGER and len(parts) >= 2:
        is_pkcs12 = parts[0].content == b"\x03" and parts[1].tag == der.SEQUENCE
        raise NotAnAnswer(Problem(Rule.PKCS12 if is_pkcs12 else Rule.PRIVATE_KEY))


_INTEGER: Final = 0x02


def _is_request(encoded: bytes) -> bool:
    try:
        x509.load_der_x509_csr(encoded)
    except (ValueError, x509.InvalidVersion):
        return False
    return True


def _text(data: bytes) -> str:
    """As UTF-16 where it looks like it; what is no character does not matter outside the blocks."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace").lstrip("\ufeff")
    if data[1:2] == b"\0" and data[:1] != b"\0":
        return data.decode("utf-16-le", "replace")
    if data[:1] == b"\0" and data[1:2] != b"\0":
        return data.decode("utf-16-be", "replace")
    return data.decode("utf-8", "replace").lstrip("\ufeff")
