"""What became of invocations whose answer was lost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.cmdlets.mark import mark_in, unmarked
from reconciler.pki.asked import asked_domains
from reconciler.pki.selection import new_pending
from reconciler.pki.subject import SubjectProblem, parse_subject
from state.errors import StateError
from state.journal import Intent
from state.record import Learned, Request, StateRecord
from state.resources import Certificate, Kind
from state.snapshot import LiveState
from state.values import Name, Thumbprint


@dataclass(frozen=True, slots=True)
class Settled:
    """What is known after Exchange was looked at.

    Attributes:
        record: With the requests that were found.
        doubts: What could not be told: its server was not read, or several new entries may be meant.
            It stays in doubt.
    """

    record: StateRecord
    doubts: tuple[Intent, ...]


def settle(record: StateRecord, doubts: Iterable[Intent], live: LiveState) -> Settled:
    """Let Exchange say what happened.

    Only a request needs it. Whether a connector was made or changed, an answer imported or a service
    enabled is seen when desired and live are compared; but a request has a key that is nowhere
    declared. Its pending entry is new against the list written with the intent, carries the mark
    that was sent, where marks can be read (not on an Edge server), and is for what was asked.

    Args:
        doubts: Intents without an outcome, oldest first.
    """
    remaining: list[Intent] = []
    for intent in doubts:
        if intent.cmdlet != "New-ExchangeCertificate" or _is_past(record, intent):
            continue
        found = _found(record, intent, live)
        if found is None:
            remaining.append(intent)
        elif found:
            recorded = record.resources.get(intent.address)
            record = record.learn(Learned(intent.address, recorded, found[0]))
    return Settled(record, tuple(remaining))


def _is_past(record: StateRecord, intent: Intent) -> bool:
    """True when the record knows a later request or certificate of the address: the intent is history."""
    request, recorded = record.requests.get(intent.address), record.resources.get(intent.address)
    return (request is not None and request.since >= intent.at) or (
        recorded is not None and recorded.at >= intent.at
    )


def _found(record: StateRecord, intent: Intent, live: LiveState) -> tuple[Request, ...] | None:
    """The request that an intent led to, or none; None when it cannot be told."""
    server = live.servers.get(Name(intent.server))
    if server is None or server.certificates.unreadable:
        return None
    try:
        asked = _asked(intent)
        known = {Thumbprint.parse(thumbprint) for thumbprint in intent.known}
    except StateError:
        return None  # a journal that somebody damaged
    mark = mark_in(str(intent.parameters.get("FriendlyName", ""))) or ""
    taken = _keys(record)
    entries = [
        entry
        for entry in new_pending(server.certificates.objects, known, mark)
        if entry.public_key not in taken and may_answer(entry, asked)
    ]
    if len(entries) > 1:
        return None
    return tuple(
        Request(
            server=server.name,
            asked=asked,
            public_key=entry.public_key,
            csr="",
            pending=entry.thumbprint,
            since=intent.at,
        )
        for entry in entries
        if isinstance(entry.public_key, str) and isinstance(entry.thumbprint, Thumbprint)
    )


def _keys(record: StateRecord) -> set[str]:
    """The keys of everything that the record knows."""
    return {request.public_key for request in record.requests.values()} | {
        entry.resource.public_key
        for entry in record.resources.values()
        if isinstance(entry.resource, Certificate) and isinstance(entry.resource.public_key, str)
    }


def may_answer(entry: Certificate, asked: Certificate) -> bool:
    """Whether a pending entry can be the one of a request; what could not be read excludes nothing."""
    if (
        isinstance(entry.key_size, int)
        and isinstance(asked.key_size, int)
        and entry.key_size != asked.key_size
    ):
        return False
    if isinstance(entry.domains, frozenset) and not entry.domains <= asked_domains(asked):
        return False
    if isinstance(entry.subject, str) and isinstance(asked.subject, str):
        have, wanted = parse_subject(entry.subject), parse_subject(asked.subject)
        if not isinstance(have, SubjectProblem) and not isinstance(wanted, SubjectProblem):
            return not have.lacks(wanted) and not wanted.lacks(have)
    return True


def _asked(intent: Intent) -> Certificate:
    """What was requested, from the parameters that were sent.

    Raises:
        StateError: they are not what this program sends.
    """
    asked = {
        attribute.name: attribute.type.from_json(intent.parameters[attribute.exchange])
        for attribute in Certificate.attributes().values()
        if attribute.kind is Kind.WRITABLE and attribute.exchange in intent.parameters
    }
    if "friendly_name" in asked:
        asked["friendly_name"] = unmarked(asked["friendly_name"])
    return Certificate(**asked)
