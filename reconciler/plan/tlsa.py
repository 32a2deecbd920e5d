"""TLSA records: who sends by DANE takes no other key than those that DNS names (RFC 7672).

So the new key's record is published before the new key is presented, beside the old one's, and for as long as
anybody may remember the old answer. Whether a record is signed is not judged: an unsigned one has no effect.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from reconciler.diagnostics import Diagnostic, Severity
from state.address import Address
from state.values import TlsCertificateName

_DANE_TA, _DANE_EE = 2, 3
_OF_KEY: Final = (_DANE_EE, 1, 1)
"""The certificate itself (3), by its public key (1), as SHA-256 (1)."""
_IN_TIME: Final = timedelta(days=2)
"""What DNS does not tell is not waited for when so little is left of what is in use."""


NOT_LOOKED_UP: Final = "TLSA records not looked up"


@dataclass(frozen=True, slots=True)
class TlsaRecord:
    """One record (RFC 6698); ``data`` in lower-case hexadecimal."""

    usage: int
    selector: int
    matching: int
    data: str


@dataclass(frozen=True, slots=True)
class Published:
    """What DNS says of one name.

    Attributes:
        name: ``_25._tcp.mail.contoso.com``.
        ttl: How long an answer may be remembered.
        unknown: Why nothing is known; "" where it is.
        is_not_asked: Nobody was asked, for no resolver is named where one has to be.
    """

    name: str
    records: tuple[TlsaRecord, ...] = ()
    ttl: timedelta = timedelta()
    unknown: str = ""
    is_not_asked: bool = False


@dataclass(frozen=True, slots=True)
class Key:
    """A certificate as DNS may know it.

    Attributes:
        public_key: As :attr:`state.resources.Certificate.public_key`; None while it is not made.
        name: Its issuer and subject; None while it is not issued.
    """

    public_key: str | None
    name: TlsCertificateName | None


@dataclass(frozen=True, slots=True)
class Publication:
    """Whether a new key may be presented, as far as DNS goes.

    Attributes:
        waits: What for; "" where nothing has to be waited for.
        since: When its records were first seen; None where they are not all there. That DNS does not tell for
            a while changes nothing: nobody remembers an older answer because of it.
    """

    waits: str = ""
    since: datetime | None = None
    diagnostics: tuple[Diagnostic, ...] = ()


def publication(
    address: Address,
    new: Key,
    old: Key,
    published: Iterable[Published],
    *,
    first_seen: datetime | None,
    ends: datetime,
    now: datetime,
) -> Publication:
    """Judge whether a certificate may replace the one that is in use.

    What is unknown counts as published, until too little is left of the certificate in use.

    Args:
        published: Of every name that both are presented under.
        first_seen: As far as it is recorded.
        ends: Of the certificate in use.
    """
    waits: list[str] = []
    told: list[Diagnostic] = []
    there: list[Published] = []
    is_unknown = is_lacking = False
    for one in published:
        if one.is_not_asked:
            told.append(_not_asked(address, one))
        elif one.unknown:
            is_unknown, is_late = True, ends < now + _IN_TIME
            told.append(_unknown(address, one, is_late=is_late))
            waits += [] if is_late else [f"waits until DNS tells whether {one.name} has a TLSA record"]
        elif not any(record.usage in (_DANE_TA, _DANE_EE) for record in one.records):
            continue
        elif new.public_key is not None and new.public_key == old.public_key and _names_key(one, new):
            continue  # what senders know is what they will see
        elif new.public_key is None:
            is_lacking = True
            waits.append(f"waits for its TLSA record at {one.name}, to be published once its key is made")
        elif _holds(one, new, old):
            there.append(one)
            if not _holds(one, old, old):
                told.append(_gone(address, one))
        else:
            is_lacking = True
            waits.append(f"waits for its TLSA record at {one.name}")
            told.append(_to_publish(address, one, new.public_key))
    if not there or waits:
        since = first_seen if is_unknown and not is_lacking else None
        return Publication("; ".join(waits), since, tuple(told))
    since = first_seen or now
    ready = since + 2 * max(one.ttl for one in there)
    if now < ready:
        waits.append(f"waits until {ready:%Y-%m-%d %H:%M} UTC, twice the TTL after its TLSA record was seen")
    return Publication("; ".join(waits), since, tuple(told))


def _holds(published: Published, key: Key, old: Key) -> bool:
    """Whether a record names a key, or its authority, which is the one of the certificate in use."""
    is_same_authority = key.name is not None and old.name is not None and key.name.issuer == old.name.issuer
    return any(
        _is_of_key(record, key) or (record.usage == _DANE_TA and is_same_authority)
        for record in published.records
    )


def _names_key(published: Published, key: Key) -> bool:
    return any(_is_of_key(record, key) for record in published.records)


def _is_of_key(record: TlsaRecord, key: Key) -> bool:
    return (record.usage, record.selector, record.matching) == _OF_KEY and record.data == key.public_key


def _to_publish(address: Address, published: Published, public_key: str) -> Diagnostic:
    return Diagnostic(
        summary="TLSA record to publish",
        detail=(
            f"{published.name} has TLSA records, and none for the new key. It is not presented until it has "
            f"one beside those that are there: {published.name}. IN TLSA 3 1 1 {public_key}"
        ),
        hint="publish it, and leave the others until the new key is presented",
        subject=str(address),
        severity=Severity.WARNING,
    )


def _gone(address: Address, published: Published) -> Diagnostic:
    return Diagnostic(
        summary="TLSA record missing",
        detail=(
            f"{published.name} has a TLSA record for the new key and none for the one that is presented "
            "until then: who sends by DANE does not deliver."
        ),
        hint="publish both until the new key is presented",
        subject=str(address),
        severity=Severity.WARNING,
    )


def _unknown(address: Address, published: Published, *, is_late: bool) -> Diagnostic:
    what = (
        "The certificate in use ends soon, so the new key is presented all the same."
        if is_late
        else "The new key is not presented before that is known."
    )
    return Diagnostic(
        summary="TLSA records not known",
        detail=f"Whether {published.name} has TLSA records is not known: {published.unknown}. {what}",
        hint='name a resolver that answers: dns: {resolver: "host:53"}',
        subject=str(address),
        severity=Severity.WARNING,
    )


def _not_asked(address: Address, published: Published) -> Diagnostic:
    return Diagnostic(
        summary="TLSA records not looked up",
        detail=(
            f"The connections file names no resolver, so nobody was asked whether {published.name} has TLSA "
            "records: the new key is presented as if there were none."
        ),
        hint='in the connections file: dns: {resolver: "host:53"}',
        subject=str(address),
        severity=Severity.WARNING,
    )
