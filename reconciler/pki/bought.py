"""A certificate that comes with its key: what of it is public. The key is looked at once, and not kept."""

from __future__ import annotations

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, pkcs12

from reconciler.pki.certificate import NotACertificate, certificate_facts
from reconciler.pki.pkcs12 import LARGEST
from reconciler.pki.problem import Problem, Rule
from reconciler.pki.sent import NotAnAnswer, read_answer


def read_pkcs12(data: bytes, password: str) -> str:
    """The chain in a PKCS#12 file (RFC 7292).

    Args:
        data: The file.
        password: Of the file; told nowhere.

    Returns:
        PEM, as :func:`reconciler.pki.sent.read_answer` gives it: the certificate of the key first.

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
        public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        own = certificate.certificate.public_bytes(Encoding.DER)
        others = [one.certificate for one in held.additional_certs]
        if (
            certificate.certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            != public
        ):
            raise NotAnAnswer(Problem(Rule.OTHER_PAIR))
        chain = b"".join(one.public_bytes(Encoding.PEM) for one in (certificate.certificate, *others))
        return read_answer(chain, certificate_facts(own).public_key)
    except (ValueError, TypeError, UnsupportedAlgorithm, NotACertificate) as error:
        # The library's words may be about what is inside; they are not told.
        raise NotAnAnswer(Problem(Rule.NOT_OPENED)) from error
