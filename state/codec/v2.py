"""Format version 2: the shapes of the record, of the journal, and of a lock's description.

Version 1 is the same without what certificates went through; that may be missing, also in the lines of a
journal that an earlier program began.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from ..address import Address
from ..errors import InvalidAddress, InvalidValue
from ..journal import Entry, Intent, Outcome
from ..lock import LockInfo
from ..record import MILESTONES, PUBLISHED, STEPPED_BACK, Learned, Predecessor, Recorded, Request, StateRecord
from ..resources import Certificate, Json
from ..resources.attribute import INSTANT
from ..values import Name, Thumbprint, TlsCertificateName
from .resource import resource_from_json, resource_to_json
from .shape import Malformed, Shape


@dataclass(frozen=True, slots=True)
class Heading:
    """The record that a journal goes on from.

    Attributes:
        lineage: Of that record; "" when there was none yet.
        serial: Of that record; 0 when there was none yet.
    """

    lineage: str
    serial: int


def record_to_json(record: StateRecord) -> dict[str, Json]:
    return {
        "organization": record.organization,
        "lineage": record.lineage,
        "serial": record.serial,
        "resources": {str(at): _recorded_to_json(recorded) for at, recorded in record.resources.items()},
        "requests": {str(at): _request_to_json(request) for at, request in record.requests.items()},
    }


def record_from_json(shape: Shape) -> StateRecord:
    record = StateRecord(
        organization=shape.text("organization"),
        lineage=shape.text("lineage"),
        serial=_serial(shape),
        resources=MappingProxyType(
            {at: _recorded_from_json(member) for at, member in _by_address(shape.shape("resources"))}
        ),
        requests=MappingProxyType(
            {at: _request_from_json(member) for at, member in _by_address(shape.shape("requests"))}
        ),
    )
    shape.done()
    return record


def heading_to_json(heading: Heading) -> dict[str, Json]:
    return {"lineage": heading.lineage, "serial": heading.serial}


def heading_from_json(shape: Shape) -> Heading:
    heading = Heading(shape.text("lineage"), _serial(shape))
    shape.done()
    return heading


def entry_to_json(entry: Entry) -> dict[str, Json]:
    match entry:
        case Intent():
            return {
                "intent": {
                    "id": entry.id,
                    "address": str(entry.address),
                    "server": entry.server,
                    "cmdlet": entry.cmdlet,
                    "parameters": dict(entry.parameters),
                    "known": list(entry.known),
                    "at": _instant_to_json(entry.at),
                }
            }
        case Outcome():
            return {
                "outcome": {"intent": entry.intent, "error": entry.error, "at": _instant_to_json(entry.at)}
            }
        case Learned():
            return {
                "learned": {
                    "address": str(entry.address),
                    "recorded": None if entry.recorded is None else _recorded_to_json(entry.recorded),
                    "request": None if entry.request is None else _request_to_json(entry.request),
                }
            }


def entry_from_json(json: Json) -> Entry:
    match json:
        case {"intent": member, **rest} if not rest:
            return _intent_from_json(Shape.of(member, "intent"))
        case {"outcome": member, **rest} if not rest:
            return _outcome_from_json(Shape.of(member, "outcome"))
        case {"learned": member, **rest} if not rest:
            return _learned_from_json(Shape.of(member, "learned"))
        case _:
            raise Malformed("", "an intent, an outcome or something learned is expected")


def lock_to_json(info: LockInfo) -> dict[str, Json]:
    return {
        "id": info.id,
        "operation": info.operation,
        "who": info.who,
        "since": _instant_to_json(info.since),
    }


def lock_from_json(shape: Shape) -> LockInfo:
    info = LockInfo(shape.text("id"), shape.text("operation"), shape.text("who"), _instant(shape, "since"))
    shape.done()
    return info


def _recorded_to_json(recorded: Recorded) -> dict[str, Json]:
    return {
        "resource": resource_to_json(recorded.resource),
        "created": recorded.created,
        "at": _instant_to_json(recorded.at),
        "milestones": {name: _instant_to_json(at) for name, at in recorded.milestones.items()},
        "predecessors": [_predecessor_to_json(one) for one in recorded.predecessors],
    }


def _recorded_from_json(shape: Shape) -> Recorded:
    recorded = Recorded(
        resource=resource_from_json(shape.take("resource"), shape.path("resource")),
        created=shape.truth("created"),
        at=_instant(shape, "at"),
        milestones=_milestones(shape),
        predecessors=_predecessors(shape),
    )
    shape.done()
    return recorded


def _milestones(shape: Shape) -> MappingProxyType[str, datetime]:
    members = Shape.of(shape.since_later("milestones", {}), shape.path("milestones"))
    for name in members.members:
        if name not in (*MILESTONES, STEPPED_BACK, PUBLISHED):
            raise Malformed(members.path(name), "there is no such milestone")
    return MappingProxyType({name: _instant(members, name) for name in members.members})


def _predecessors(shape: Shape) -> tuple[Predecessor, ...]:
    where = shape.path("predecessors")
    listed = Shape.list_of(shape.since_later("predecessors", []), where)
    return tuple(_predecessor_from_json(Shape.of(one, where)) for one in listed)


def _predecessor_to_json(one: Predecessor) -> dict[str, Json]:
    return {
        "thumbprint": str(one.thumbprint),
        "public_key": one.public_key,
        "tls_certificate_name": None if one.tls_certificate_name is None else str(one.tls_certificate_name),
        "not_after": _instant_to_json(one.not_after),
        "superseded": _instant_to_json(one.superseded),
        "created": one.created,
        "revoke": one.revoke,
        "revoked": _instant_or_none_to_json(one.revoked),
        "issuer": one.issuer,
    }


def _predecessor_from_json(shape: Shape) -> Predecessor:
    try:
        thumbprint = Thumbprint.parse(shape.text("thumbprint"))
        is_named = shape.take("tls_certificate_name") is not None
        name = TlsCertificateName.parse(shape.text("tls_certificate_name")) if is_named else None
    except InvalidValue as error:
        raise Malformed(shape.where, str(error)) from error
    predecessor = Predecessor(
        thumbprint=thumbprint,
        public_key=shape.text("public_key"),
        tls_certificate_name=name,
        not_after=_instant(shape, "not_after"),
        superseded=_instant(shape, "superseded"),
        created=shape.truth("created"),
        revoke=_text_since_later(shape, "revoke"),
        revoked=_instant_since_later(shape, "revoked"),
        issuer=_text_since_later(shape, "issuer"),
    )
    shape.done()
    return predecessor


def _request_to_json(request: Request) -> dict[str, Json]:
    return {
        "server": str(request.server),
        "asked": resource_to_json(request.asked),
        "public_key": request.public_key,
        "csr": request.csr,
        "pending": None if request.pending is None else str(request.pending),
        "since": _instant_to_json(request.since),
        "answer": request.answer,
        "submitted": _instant_or_none_to_json(request.submitted),
        "reference": request.reference,
        "waits": request.waits,
        "next_try": _instant_or_none_to_json(request.next_try),
        "issued": _instant_or_none_to_json(request.issued),
        "urgent": request.urgent,
        "renews": _instant_or_none_to_json(request.renews),
    }


def _request_from_json(shape: Shape) -> Request:
    asked = resource_from_json(shape.take("asked"), shape.path("asked"))
    if not isinstance(asked, Certificate):
        raise Malformed(shape.path("asked"), "a certificate is expected")
    try:
        server = Name.parse(shape.text("server"))
        pending = None if shape.take("pending") is None else Thumbprint.parse(shape.text("pending"))
    except InvalidValue as error:
        raise Malformed(shape.where, str(error)) from error
    request = Request(
        server=server,
        asked=asked,
        public_key=shape.text("public_key"),
        csr=shape.text("csr"),
        pending=pending,
        since=_instant(shape, "since"),
        answer=shape.text("answer"),
        submitted=_instant_since_later(shape, "submitted"),
        reference=_text_since_later(shape, "reference"),
        waits=_text_since_later(shape, "waits"),
        next_try=_instant_since_later(shape, "next_try"),
        issued=_instant_since_later(shape, "issued"),
        urgent=_text_since_later(shape, "urgent"),
        renews=_instant_since_later(shape, "renews"),
    )
    shape.done()
    return request


def _intent_from_json(shape: Shape) -> Intent:
    intent = Intent(
        id=shape.text("id"),
        address=_address(shape.text("address"), shape.path("address")),
        server=shape.text("server"),
        cmdlet=shape.text("cmdlet"),
        parameters=MappingProxyType(shape.object("parameters")),
        known=shape.texts("known"),
        at=_instant(shape, "at"),
    )
    shape.done()
    return intent


def _outcome_from_json(shape: Shape) -> Outcome:
    outcome = Outcome(shape.text("intent"), shape.text("error"), _instant(shape, "at"))
    shape.done()
    return outcome


def _learned_from_json(shape: Shape) -> Learned:
    recorded, request = shape.shape_or_none("recorded"), shape.shape_or_none("request")
    learned = Learned(
        address=_address(shape.text("address"), shape.path("address")),
        recorded=None if recorded is None else _recorded_from_json(recorded),
        request=None if request is None else _request_from_json(request),
    )
    shape.done()
    return learned


def _by_address(shape: Shape) -> Iterator[tuple[Address, Shape]]:
    for key in shape.members:
        address = _address(key, shape.where)
        if str(address) != key:  # two spellings of one address would hide one of its members
            raise Malformed(shape.where, f"{key[:80]!r} is not how {address} is written")
        yield address, shape.shape(key)


def _address(text: str, where: str) -> Address:
    try:
        return Address.parse(text)
    except InvalidAddress as error:
        raise Malformed(where, str(error)) from error


def _serial(shape: Shape) -> int:
    serial = shape.whole_number("serial")
    if serial < 0:
        raise Malformed(shape.path("serial"), "it is below zero")
    return serial


def _instant(shape: Shape, key: str) -> datetime:
    try:
        return INSTANT.parse(shape.text(key))
    except InvalidValue as error:
        raise Malformed(shape.path(key), str(error)) from error


def _instant_since_later(shape: Shape, key: str) -> datetime | None:
    return None if shape.since_later(key, None) is None else _instant(shape, key)


def _text_since_later(shape: Shape, key: str) -> str:
    shape.since_later(key, "")
    return shape.text(key) if key in shape.members else ""


def _instant_or_none_to_json(at: datetime | None) -> str | None:
    return None if at is None else _instant_to_json(at)


def _instant_to_json(at: datetime) -> str:
    return INSTANT.text(at)
