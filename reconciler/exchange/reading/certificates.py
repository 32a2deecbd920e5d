"""Certificates: what they say comes from their bytes, what Exchange says of them from its own data.

Names, dates, key and public key are in its bytes alone: the text of a certificate is in the zone and culture
of the server [6.1-6]. Services, status and friendly name are in the serialization data [6.1-2], unless a
server sends them as properties; where both are missing they are unknown, not empty [6.1-1].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.exchange.clixml import Object
from reconciler.exchange.reading.attributes import Unreadable, bytes_of, is_nil, parse
from reconciler.exchange.serialization_data import BlobError, ExchangeCertificate
from reconciler.pki.certificate import CertificateFacts, NotACertificate, certificate_facts
from state.errors import InvalidValue
from state.resources import Certificate
from state.snapshot import Unread
from state.values import UNKNOWN

SERVICE_BITS: Final[Mapping[int, str]] = {1: "IMAP", 2: "POP", 8: "IIS", 16: "SMTP"}
"""[6.4-1]; which of 1 and 2 is which is inferred. Other bits stay numbers."""
STATUSES: Final[Mapping[int, str]] = {1: "Valid"}
"""[6.4-2]: no other number has been seen, so none has a name here."""
ROOT_CA_TYPES: Final[Mapping[int, str]] = {0: "None", 3: "Registry"}
"""[6.4-3]: as above."""


@dataclass(frozen=True, slots=True)
class _Told:
    """An attribute that Exchange tells, as a property or in its serialization data."""

    attribute: str
    of: Callable[[ExchangeCertificate], Any]


def _services(blob: ExchangeCertificate) -> frozenset[str]:
    bits = (1 << at for at in range(32) if blob.services >> at & 1)
    return frozenset(SERVICE_BITS.get(bit, str(bit)) for bit in bits)


_TOLD: Final = (
    # A certificate without a friendly name has no such property; Exchange prints it as empty.
    _Told("friendly_name", lambda blob: blob.cert_data.friendly_name or ""),
    _Told("exportable", lambda blob: blob.private_key_exportable),
    _Told("services", _services),
    _Told("has_private_key", lambda blob: blob.cert_data.has_key_provider),
    _Told("status", lambda blob: STATUSES.get(blob.status, str(blob.status))),
    _Told("root_ca_type", lambda blob: ROOT_CA_TYPES.get(blob.root_ca_type, str(blob.root_ca_type))),
)
_FACTS: Final[Mapping[str, Callable[[CertificateFacts], Any]]] = {
    "subject": lambda facts: facts.subject,
    "domains": lambda facts: facts.domains,
    "key_size": lambda facts: facts.key_size,
    "thumbprint": lambda facts: facts.thumbprint,
    "public_key": lambda facts: facts.public_key,
    "tls_certificate_name": lambda facts: facts.tls_certificate_name,
    "not_before": lambda facts: facts.not_before,
    "not_after": lambda facts: facts.not_after,
    "self_signed": lambda facts: facts.self_signed,
    "renewal_id": lambda facts: facts.renewal_id,
}


def read_certificate(found: Object) -> tuple[Certificate, tuple[Unread, ...]]:
    """Read one object of Get-ExchangeCertificate.

    Returns:
        The certificate, and why each UNKNOWN in it is one.
    """
    blob = _blob(found)
    facts = _facts(found, blob)
    values: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    for name, of in _FACTS.items():
        if isinstance(facts, Unreadable):
            values[name], reasons[name] = UNKNOWN, facts.reason
        elif (value := of(facts)) is UNKNOWN:
            values[name], reasons[name] = UNKNOWN, "this part of the certificate is not understood"
        else:
            values[name] = value
    for told in _TOLD:
        try:
            values[told.attribute] = _told(told, found, blob)
        except Unreadable as error:
            values[told.attribute], reasons[told.attribute] = UNKNOWN, error.reason
    called = "a certificate" if isinstance(facts, Unreadable) else str(facts.thumbprint)
    return Certificate(**values), tuple(Unread(called, name, reason) for name, reason in reasons.items())


def read_der(found: Object) -> bytes:
    """The certificate itself.

    Raises:
        Unreadable: Exchange did not return it.
    """
    return _der(found, _blob(found))


def _facts(found: Object, blob: ExchangeCertificate | Unreadable) -> CertificateFacts | Unreadable:
    """What the certificate says."""
    try:
        return certificate_facts(_der(found, blob))
    except Unreadable as error:
        return error
    except NotACertificate as error:
        return Unreadable(str(error))


def _der(found: Object, blob: ExchangeCertificate | Unreadable) -> bytes:
    """RawData, or the copy that its serialization data holds [6.3-4].

    Raises:
        Unreadable: there is neither.
    """
    try:
        raw, why = bytes_of(found, "RawData"), Unreadable("Exchange did not return RawData")
    except Unreadable as error:
        raw, why = None, error
    if raw is None and isinstance(blob, ExchangeCertificate):
        raw = blob.cert_data.der
    if raw is None:
        raise why
    return raw


def _blob(found: Object) -> ExchangeCertificate | Unreadable:
    try:
        data = bytes_of(found, "SerializationData")
        if data is None:
            return Unreadable("Exchange sent no serialization data with it")
        return ExchangeCertificate.from_blob(data)
    except Unreadable as error:
        return error
    except BlobError as error:
        return Unreadable(str(error))


def _told(told: _Told, found: Object, blob: ExchangeCertificate | Unreadable) -> Any:
    attribute = Certificate.attributes()[told.attribute]
    member = found.get(attribute.exchange)
    if member is not None and not is_nil(member):
        try:
            return parse(attribute.type, member)
        except InvalidValue as error:
            raise Unreadable(f"{attribute.exchange}: {error}") from error
    if isinstance(blob, Unreadable):
        raise blob
    try:
        return told.of(blob)
    except BlobError as error:
        raise Unreadable(str(error)) from error
