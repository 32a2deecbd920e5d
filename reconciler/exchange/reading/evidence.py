"""What a server's answers look like, without what they say: for a report that can be sent to anybody.

Type names, names of properties, kinds of values, numbers of enumerations, ids of errors. No name, address,
date, thumbprint, comment or text of an error: where the form of a text matters, its letters and digits are
masked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from reconciler.exchange.clixml import Entries, Object, Primitive, resolve
from reconciler.exchange.port import Query, Result
from reconciler.exchange.serialization_data import SIGNED_MARK, BlobError, ExchangeCertificate
from state.resources import Certificate, Json
from state.values import UNKNOWN

from .attributes import Unreadable, bytes_of
from .certificates import read_certificate

CERTIFICATES: Final = "Get-ExchangeCertificate"
_MASKED: Final = frozenset(
    {
        "AdminDisplayVersion",
        "Bindings",
        "ConnectionInactivityTimeOut",
        "ConnectionTimeout",
        "ExchangeVersion",
        "MaxHeaderSize",
        "MaxInboundConnection",
        "MaxMessageSize",
        "MessageRateLimit",
        "RemoteIPRanges",
        "SmartHosts",
        "SmartHostsString",
        "TarpitInterval",
        "WhenChanged",
        "WhenChangedUTC",
    }
)
"""Properties whose texts have a form of their own [6.5]."""
_ENUM: Final = "System.Enum"
_CATEGORY: Final = re.compile(r"\[FailureCategory=[A-Za-z-]{1,100}\]")
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z.-]{0,150}")
"""A class, or an error of PowerShell's own; a server's name among them would have a digit, or be no word."""


def evidence_of(query: Query, result: Result, now: datetime) -> Json:
    """What one query returned, as plain data; one object of each type stands for all of it."""
    failure = result.failure
    record = failure.record if failure else None
    objects = [output for output in result.objects if isinstance(output, Object)]
    shapes: dict[tuple[str, ...], Json] = {}
    for found in objects:
        shapes.setdefault(found.types, _shape(found))
    evidence: dict[str, Json] = {
        "cmdlet": query.cmdlet,
        "parameters": [*sorted(query.parameters)],
        "error": None
        if record is None
        else {
            "id": public_id(record.fully_qualified_id),
            "category": record.category,
            "class": record.reason if _WORD.fullmatch(record.reason) else "",
        },
        "count": len(result.objects),
        "shapes": list(shapes.values()),
        "enumerations": _enumerations(objects),
        "texts": _texts(objects),
    }
    if query.cmdlet == CERTIFICATES:
        evidence["certificates"] = _certificates(objects, now)
    return evidence


def parameter_names(found: Primitive | Object) -> tuple[str, ...]:
    """The parameters of a command that Get-Command returned: the keys of its Parameters."""
    member = found.get("Parameters") if isinstance(found, Object) else None
    entries = (
        (part for part in member.contents if isinstance(part, Entries)) if isinstance(member, Object) else ()
    )
    keys = (resolve(pair.nodes[0]) for part in entries for pair in part.pairs if pair.nodes)
    return tuple(key.text for key in keys if isinstance(key, Primitive))


def public_id(text: str) -> str:
    """The id of an error without who told it and when: Exchange's own begin with that [2.4-4]."""
    named = _CATEGORY.search(text)
    first, _, source = text.rpartition(",")
    kept = named[0] if named else first or source
    parts = [part for part in (kept, source if first else "") if part]
    return ",".join(
        part if _WORD.fullmatch(part) or _CATEGORY.fullmatch(part) else masked(part) for part in parts
    )


def masked(text: str) -> str:
    """The form of a text: digits are 9, letters are a or A, the rest stays; long runs are shortened."""
    form = re.sub(r"[^\W\d_]", lambda found: "A" if found.group().isupper() else "a", text)
    form = re.sub(r"\d", "9", form)
    return re.sub(r"(a|A|9)\1{3,}", r"\1\1\1+", form)[:80]


def _shape(found: Object) -> Json:
    blob = found.get("SerializationData")
    return {
        "types": [*found.types],
        "members": {name: _kind(found.get(name)) for name in sorted(found.names())},
        "text": found.to_string is not None,
        "serialization_data": isinstance(blob, Primitive),
    }


def _kind(member: Primitive | Object | None) -> Json:
    if member is None:
        return None
    if isinstance(member, Primitive):
        return member.tag
    return {"types": [*member.types[:1]], "list": member.items is not None}


def _enumerations(objects: Sequence[Object]) -> Json:
    """Every number that an enumeration was seen with, and its name: they tell nothing of anybody."""
    seen: dict[str, set[str]] = {}
    for found in objects:
        for name in found.names():
            member = found.get(name)
            if isinstance(member, Object) and _ENUM in member.types and member.wrapped is not None:
                seen.setdefault(name, set()).add(f"{member.wrapped.text} {member.to_string or ''}".strip())
    return {name: [*sorted(values)] for name, values in sorted(seen.items())}


def _texts(objects: Sequence[Object]) -> Json:
    seen: dict[str, set[str]] = {}
    for found in objects:
        for name in found.names():
            if name in _MASKED:
                seen.setdefault(name, set()).update(map(masked, _texts_of(found.get(name))))
    return {name: [*sorted(values)] for name, values in sorted(seen.items())}


def _texts_of(member: Primitive | Object | None) -> list[str]:
    if isinstance(member, Primitive):
        return [member.text]
    if member is None:
        return []
    items = member.items
    if items is None:
        return [member.to_string] if member.to_string is not None else []
    return [text for item in items for text in _texts_of(item)]


def _certificates(objects: Sequence[Object], now: datetime) -> list[Json]:
    """Each in the order of the list, and how it stands to the others: who chooses one looks at that."""
    every = [(found, read_certificate(found)[0]) for found in objects]
    ends = sorted({read.not_after for _, read in every if isinstance(read.not_after, datetime)})
    names = [*dict.fromkeys(read.tls_certificate_name for _, read in every)]
    return [
        {
            "ends": ends.index(read.not_after) if isinstance(read.not_after, datetime) else None,
            "name": names.index(read.tls_certificate_name),
            **_certificate(found, read, now),
        }
        for found, read in every
    ]


def _certificate(found: Object, read: Certificate, now: datetime) -> dict[str, Json]:
    """What Exchange says of a certificate beside what the certificate says of itself [6.4]."""
    evidence: dict[str, Json] = {
        "expired": read.not_after <= now if isinstance(read.not_after, datetime) else None,
        "self_signed": read.self_signed if isinstance(read.self_signed, bool) else None,
        "properties": [*sorted(name for name in _TOLD if found.get(name) is not None)],
    }
    try:
        data = bytes_of(found, "SerializationData")
        if data is None:
            return {**evidence, "serialization_data": "missing"}
        blob = ExchangeCertificate.from_blob(data)
    except (Unreadable, BlobError):
        return {**evidence, "serialization_data": "not understood"}
    return {
        **evidence,
        "serialization_data": "signed" if data.startswith(SIGNED_MARK) else "plain",
        "status": blob.status,
        "root_ca_type": blob.root_ca_type,
        "services": blob.services,
        "key": blob.cert_data.has_key_provider,
        "friendly_name": read.friendly_name not in ("", UNKNOWN),
    }


_TOLD: Final = tuple(
    attribute.exchange for attribute in Certificate.attributes().values() if attribute.exchange
)
