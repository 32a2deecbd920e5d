"""A certificate that was bought with its key, as PKCS#12: what of it is public, and in which form it is sent.

The key is in memory only, and of what is returned only the encrypted PKCS#12 holds it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    KeySerializationEncryption,
    PrivateFormat,
    PublicFormat,
    pkcs12,
)

from reconciler.pki.answer import check_answer, encoded_chain, read_chain
from reconciler.pki.certificate import CertificateFacts, NotACertificate, certificate_facts
from reconciler.pki.pkcs12 import LARGEST, is_read_by_every_windows
from reconciler.pki.problem import Problem, Rule
from reconciler.pki.sent import NotAnAnswer, read_answer
from state.resources import Certificate

_ROUNDS: Final = 2048
"""Of the derivation from a password, as Windows writes it: ours are random, and cannot be guessed."""


@dataclass(frozen=True, slots=True)
class Bought:
    """What is public of a bought certificate.

    Attributes:
        chain: PEM: the certificate of the key, each issued by the next.
    """

    chain: str

    @property
    def leaf(self) -> CertificateFacts:
        return read_chain(self.chain)[0]


def read_bought(data: bytes, password: str) -> Bought:
    """Open a PKCS#12 file (RFC 7292), and look at its key once.

    Args:
        data: The file.
        password: Of the file; told nowhere.

    Raises:
        NotAnAnswer: it is none, the password is another one, or key and certificate do not belong together.
    """
    if len(data) > LARGEST:
        raise NotAnAnswer(Problem(Rule.UNREADABLE, f"over {LARGEST} bytes"))
    try:
        held = pkcs12.load_pkcs12(data, password.encode("utf-8", "replace"))
        certificate, key = held.cert, held.key
        if certificate is None or key is None:
            raise NotAnAnswer(Problem(Rule.NO_KEY))
        leaf = certificate.certificate
        if not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey):
            raise NotAnAnswer(Problem(Rule.KEY_TYPE, "other"))  # Windows presents no other
        if key.public_key().public_bytes(*_PUBLIC) != leaf.public_key().public_bytes(*_PUBLIC):
            raise NotAnAnswer(Problem(Rule.OTHER_PAIR))
        facts = certificate_facts(leaf.public_bytes(Encoding.DER))
        certificates = (leaf, *(one.certificate for one in held.additional_certs))
        sent = b"".join(one.public_bytes(Encoding.PEM) for one in certificates)
        return Bought(read_answer(sent, facts.public_key))
    except (ValueError, TypeError, UnsupportedAlgorithm, NotACertificate):
        # Without its cause: the library's words, and what it holds, may be about what is inside.
        raise NotAnAnswer(Problem(Rule.NOT_OPENED)) from None


_PUBLIC: Final = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def check_bought(bought: Bought, asked: Certificate, now: datetime) -> tuple[Problem, ...]:
    """Compare a bought certificate with what is declared, as an answer to a request is compared.

    Args:
        now: UTC, aware.

    Returns:
        Everything that is wrong; nothing when it may be imported.
    """
    leaf = bought.leaf
    wrong = check_answer(bought.chain, leaf.public_key, asked, now)
    declared = asked.key_size
    if isinstance(declared, int) and leaf.key_size != declared:
        wrong = (*wrong, Problem(Rule.KEY_SIZE, str(leaf.key_size), str(declared)))
    return wrong


def carried(data: bytes, password: str, bought: Bought, other: str) -> tuple[bytes, str]:
    """What is sent to a server, and its password: the file as it is where every Windows reads it and it holds
    nothing but what was checked; else one that is made of that.

    Args:
        data: A file that :func:`read_bought` opened with ``password``, and what that gave.
        other: A password that nobody else has.
    """
    held = pkcs12.load_pkcs12(data, password.encode("utf-8", "replace"))
    key = held.key if isinstance(held.key, RSAPrivateKey | EllipticCurvePrivateKey) else None
    chain = [x509.load_der_x509_certificate(one) for one in encoded_chain(bought.chain)]
    inside = [one.certificate for one in (held.cert, *held.additional_certs) if one is not None]
    if is_read_by_every_windows(data) and len(inside) == len(chain) and {*inside} == {*chain}:
        return data, password
    encryption = read_by_every_windows(other)
    return pkcs12.serialize_key_and_certificates(None, key, chain[0], chain[1:], encryption), other


def read_by_every_windows(password: str) -> KeySerializationEncryption:
    """How a PKCS#12 is encrypted that any server imports.

    AES is read from Windows Server 2019 on, so it is Triple DES: of the 192 random bits of a password it
    keeps more than anybody can try.
    """
    return (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(_ROUNDS)
        .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
        .hmac_hash(hashes.SHA1())  # noqa: S303 - over what is encrypted; the only one that all of them know
        .build(password.encode())
    )
