"""What the record learns from an invocation that succeeded."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from reconciler.cmdlets.certificate import brings_answer, carries_key, source_of
from reconciler.cmdlets.invocation import Invocation
from reconciler.exchange.clixml import Object, Primitive
from reconciler.exchange.port import Outcome
from reconciler.exchange.reading import read_certificate, read_resource
from reconciler.pki.answer import read_chain
from reconciler.pki.request import NotARequest, parse_request
from reconciler.plan.change import Change
from reconciler.plan.held_back import is_yet_to_be_used
from reconciler.plan.retirement import is_retirement, successor_of
from state.address import Address
from state.record import Learned, Predecessor, Request, StateRecord
from state.resources import Certificate, ReceiveConnector, SendConnector
from state.values import UNSET, Name, Thumbprint

from . import problems
from .known import KnownValues
from .tools import Stopped

_CONNECTORS = (SendConnector, ReceiveConnector)


def learned_from(
    invocation: Invocation,
    outcome: Outcome,
    *,
    change: Change,
    record: StateRecord,
    known: KnownValues,
    is_last: bool,
    now: datetime,
) -> Learned:
    """Tell what the record becomes for the change's address.

    Args:
        record: As it is before.
        is_last: Nothing of the change comes after this.

    Raises:
        Stopped: what Exchange returned is not what was asked for.
    """
    match invocation.cmdlet:
        case "New-ExchangeCertificate" | "Export-ExchangeCertificate":
            return _requested(invocation, outcome, change, record, now)
        case "Import-ExchangeCertificate" if carries_key(invocation) and not brings_answer(invocation):
            return _received(
                invocation, outcome, _done(change, record, known, now), change, record, is_last=is_last
            )
        case "Import-ExchangeCertificate":
            return _imported(outcome, change, _done(change, record, known, now), record, is_last=is_last)
        case "Enable-ExchangeCertificate":
            return _reached(_done(change, record, known, now), enabled=now)
        case "Remove-ExchangeCertificate" if is_retirement(change.address):
            return _retired(invocation, change, record)
        case _ if is_retirement(change.address):
            return _as_it_is(successor_of(change.address), record)
        case "New-SendConnector" | "New-ReceiveConnector":
            return _created(outcome, _done(change, record, known, now))
        case "Set-SendConnector" | "Set-ReceiveConnector" if not is_last:
            return _done(_without_binding(change, record), record, known, now)
        case "Set-ReceiveConnector":
            return _set(_done(change, record, known, now), record)
        case _:
            return _done(change, record, known, now)


def newly_bound(change: Change, record: StateRecord, now: datetime) -> tuple[Learned, ...]:
    """The certificates that a connector is bound to once its change is done, where that was not known."""
    resource = change.learned.recorded.resource if change.learned and change.learned.recorded else None
    if not isinstance(resource, _CONNECTORS) or not isinstance(resource.certificates, tuple):
        return ()
    recorded = {
        address: entry for address in resource.certificates if (entry := record.resources.get(address))
    }
    return tuple(
        _reached(Learned(address, entry, record.requests.get(address)), bound=now)
        for address, entry in recorded.items()
        if "bound" not in entry.milestones and not is_yet_to_be_used(entry)
    )


def asked_by(change: Change) -> Certificate:
    """The certificate that a change leads to.

    Raises:
        TypeError: it is the change of something else: a defect of the plan.
    """
    resource = change.learned.recorded.resource if change.learned and change.learned.recorded else None
    if not isinstance(resource, Certificate):
        raise TypeError(f"the change of {change.address} is not one of a certificate")
    return resource


def _done(change: Change, record: StateRecord, known: KnownValues, now: datetime) -> Learned:
    """The change is complete: what the plan says the record becomes, deferred values in place."""
    learned = change.learned
    if learned is None or learned.recorded is None:
        return Learned(change.address, None)
    resource = known.resolved(learned.recorded.resource)
    recorded = replace(learned.recorded, resource=resource, at=now)
    was = record.resources.get(change.address)
    if was is None or not isinstance(resource, Certificate) or not isinstance(was.resource, Certificate):
        return Learned(change.address, recorded)
    if resource.thumbprint == was.resource.thumbprint and resource.not_after is UNSET:
        dates = was.resource
        resource = resource.with_(not_before=dates.not_before, not_after=dates.not_after)
        recorded = replace(recorded, resource=resource)
    if resource.public_key is UNSET:
        recorded = replace(recorded, resource=resource.with_(public_key=was.resource.public_key))
    is_same = resource.public_key in (UNSET, was.resource.public_key) and resource.thumbprint in (
        UNSET,
        was.resource.thumbprint,
    )
    if recorded.resource == was.resource or is_same:
        recorded = replace(recorded, milestones=was.milestones, predecessors=was.predecessors)
    return Learned(change.address, recorded)


def _reached(learned: Learned, **milestones: datetime) -> Learned:
    """The same, with what its certificate has come to."""
    if learned.recorded is None:
        return learned
    reached = {**learned.recorded.milestones, **milestones}
    return replace(learned, recorded=replace(learned.recorded, milestones=reached))


def _without_binding(change: Change, record: StateRecord) -> Change:
    """A connector's change as far as it is done while its certificate is still waited for."""
    learned, was = change.learned, record.resources.get(change.address)
    recorded = learned.recorded if learned else None
    if learned is None or recorded is None:
        return change
    if not isinstance(recorded.resource, _CONNECTORS):
        return change
    bound = was.resource.tls_certificate_name if was and isinstance(was.resource, _CONNECTORS) else UNSET
    resource = recorded.resource.with_(tls_certificate_name=bound)
    return replace(change, learned=replace(learned, recorded=replace(recorded, resource=resource)))


def _retired(invocation: Invocation, change: Change, record: StateRecord) -> Learned:
    """A predecessor is gone, or Exchange keeps it: either way it is ours no more.

    One change may remove those of several servers, while the connectors that name all of them let go.
    """
    thumbprint = invocation.parameters.get("Thumbprint")
    for owner, recorded in record.resources.items():
        if owner.type == "certificate" and owner.parts[0] == invocation.server:
            left = tuple(one for one in recorded.predecessors if str(one.thumbprint) != thumbprint)
            if len(left) < len(recorded.predecessors):
                kept = replace(recorded, predecessors=left)
                return Learned(owner, kept, record.requests.get(owner))
    return _as_it_is(successor_of(change.address), record)


def _as_it_is(address: Address, record: StateRecord) -> Learned:
    """A step after which nothing is to be remembered."""
    return Learned(address, record.resources.get(address), record.requests.get(address))


def _created(outcome: Outcome, learned: Learned) -> Learned:
    """A new connector, with the identity that Exchange gave it; without, its mark finds it again."""
    resource = learned.recorded.resource if learned.recorded else None
    if learned.recorded is None or not isinstance(resource, SendConnector | ReceiveConnector):
        return learned
    for output in outcome.outputs:
        guid = read_resource(type(resource), output)[0].guid if isinstance(output, Object) else UNSET
        if isinstance(guid, str):
            return replace(learned, recorded=replace(learned.recorded, resource=resource.with_(guid=guid)))
    return learned


def _set(learned: Learned, record: StateRecord) -> Learned:
    """What is set right after a connector was made [4-10] keeps the identity that was learned then."""
    was, recorded = record.resources.get(learned.address), learned.recorded
    if was is None or recorded is None or not isinstance(recorded.resource, ReceiveConnector):
        return learned
    if recorded.resource.guid is not UNSET or not isinstance(was.resource, ReceiveConnector):
        return learned
    resource = recorded.resource.with_(guid=was.resource.guid)
    return replace(learned, recorded=replace(recorded, resource=resource))


def _requested(
    invocation: Invocation, outcome: Outcome, change: Change, record: StateRecord, now: datetime
) -> Learned:
    """A request is under way; what was recorded of the certificate before stays."""
    texts = [output.text for output in outcome.outputs if isinstance(output, Primitive)]
    try:
        facts = parse_request("".join(texts))
    except NotARequest as error:
        told = problems.no_output(change.address, invocation.cmdlet, f"a certificate request ({error})")
        raise Stopped(told, was_sent=True, in_doubt=True) from error
    pending = invocation.parameters.get("Thumbprint")
    request = Request(
        server=Name(invocation.server),
        asked=asked_by(change),
        public_key=facts.public_key,
        csr=facts.pem,
        pending=Thumbprint.parse(pending) if isinstance(pending, str) else None,
        since=now,
        urgent=urgency_of(change),
    )
    return Learned(change.address, record.resources.get(change.address), request)


def urgency_of(change: Change) -> str:
    """Why what a change replaces is to be revoked; "" where it is not."""
    recorded = change.learned.recorded if change.learned else None
    newest = next(iter(recorded.predecessors), None) if recorded else None
    return newest.revoke if newest is not None and newest.is_to_be_revoked else ""


def _imported(
    outcome: Outcome, change: Change, learned: Learned, record: StateRecord, *, is_last: bool
) -> Learned:
    """The request has ended in a certificate, whose services are not enabled yet."""
    request = record.requests[learned.address]
    leaf = read_chain(request.answer)[0]
    _check_imported(outcome, learned.address, leaf.thumbprint)
    if learned.recorded is None or not isinstance(learned.recorded.resource, Certificate):
        return learned
    resource = learned.recorded.resource.with_(
        public_key=leaf.public_key, not_before=leaf.not_before, not_after=leaf.not_after
    )
    if not is_last:
        resource = resource.with_(services=UNSET, default_smtp=UNSET)
    now = learned.recorded.at
    came = {
        "requested": request.since,
        "submitted": request.submitted,
        "issued": request.issued,
        "imported": now,
    }
    return Learned(
        learned.address,
        replace(
            learned.recorded,
            resource=resource,
            milestones={name: at for name, at in came.items() if at is not None},
            predecessors=_superseded(change, now),
        ),
    )


def _received(
    invocation: Invocation,
    outcome: Outcome,
    learned: Learned,
    change: Change,
    record: StateRecord,
    *,
    is_last: bool,
) -> Learned:
    """A certificate and its key came from elsewhere; its services are not enabled yet."""
    if learned.recorded is None or not isinstance(learned.recorded.resource, Certificate):
        return learned
    resource = learned.recorded.resource
    if isinstance(resource.thumbprint, Thumbprint):
        _check_imported(outcome, learned.address, resource.thumbprint)
    origin = source_of(invocation)
    source = record.resources.get(origin) if origin is not None else None
    if source is not None and isinstance(source.resource, Certificate):
        came = source.milestones if source.resource.thumbprint == resource.thumbprint else {}
        if came or not isinstance(resource.public_key, str):
            resource = resource.with_(public_key=source.resource.public_key)
        if came or resource.not_after is UNSET:
            dates = source.resource
            resource = resource.with_(not_before=dates.not_before, not_after=dates.not_after)
    else:
        came = {}
    if not is_last:
        resource = resource.with_(services=UNSET, default_smtp=UNSET)
    now = learned.recorded.at
    milestones = {name: came[name] for name in ("requested", "submitted", "issued") if name in came}
    return Learned(
        learned.address,
        replace(
            learned.recorded,
            resource=resource,
            milestones={**milestones, "imported": now},
            predecessors=_superseded(change, now),
        ),
    )


def _check_imported(outcome: Outcome, address: Address, expected: Thumbprint) -> None:
    """See that Exchange tells of the certificate that was sent, where it tells of one.

    Raises:
        Stopped: it tells of another one.
    """
    for output in outcome.outputs:
        found = read_certificate(output)[0].thumbprint if isinstance(output, Object) else UNSET
        if isinstance(found, Thumbprint) and found != expected:
            wrong = problems.other_certificate(address, str(expected), str(found))
            raise Stopped(wrong, was_sent=True, in_doubt=True)


def _superseded(change: Change, now: datetime) -> tuple[Predecessor, ...]:
    """What the plan says is replaced; the newest of it just now."""
    planned = change.learned.recorded.predecessors if change.learned and change.learned.recorded else ()
    return tuple(
        replace(one, superseded=now) if position == 0 else one for position, one in enumerate(planned)
    )
