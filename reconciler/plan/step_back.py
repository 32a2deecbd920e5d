"""What takes a change back when the world is presented something worse afterwards; planned with it and shown.

Only what a handshake at an endpoint can show is taken back, and everything else that was bound to the same
certificate with it. On the send side nothing shows what is presented.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from reconciler.cmdlets import certificate as cmdlets
from reconciler.cmdlets.capabilities import lacks
from reconciler.cmdlets.invocation import Invocation
from reconciler.diagnostics import Diagnostic, Severity
from state.address import Address
from state.record import STEPPED_BACK, Learned, Recorded, StateRecord
from state.resources import Certificate, ReceiveConnector, SendConnector
from state.values import UNSET, Deferred, Name, Thumbprint, TlsCertificateName

from .binding import presented_on
from .change import Action, Change
from .references import store_of
from .situation import Situation

_BINDING: Final = "TlsCertificateName"
_ATTRIBUTE: Final = "tls_certificate_name"
_CHOSEN: Final = (
    "Exchange chooses this certificate by itself; bind it to the receive connector that answers, and that "
    "can be taken back"
)
_IN_USE: Final = "it becomes the server's default SMTP certificate, which Exchange does not remove"
_DANGLES: Final = "what it was bound by before names no certificate that could be presented"
_NOT_JUDGED: Final = "whether what it was bound by before could still be presented could not be read"
_REVOKED: Final = "what it was bound by before is to be revoked"
_UNREAD: Final = "what it was bound by before could not be read"


@dataclass(frozen=True, slots=True)
class SteppingBack:
    """Changes with their way back, and what is to be said about it."""

    changes: tuple[Change, ...]
    diagnostics: tuple[Diagnostic, ...]


def with_step_backs(changes: Iterable[Change], situation: Situation) -> SteppingBack:
    """Give each change of what the world is presented the invocations that take it back.

    Where the new certificate turns out to have the issuer and subject of the old one, binding back leads
    nowhere: Exchange would go on presenting the newest [3-15], and removes none of them while a send
    connector holds that text [2.4-2].
    """
    found: list[Change] = []
    told: list[Diagnostic] = []
    changes = tuple(changes)
    revoked = _revoked(changes, situation.record)
    for change in changes:
        certificates = watched_by(change) & situation.watched if change.action.is_run else frozenset()
        if not certificates:
            found.append(change)
            continue
        match change.address.type:
            case "certificate":
                found.append(_of_certificate(change, revoked, situation))
            case _:
                found.append(_of_connector(change, revoked, situation))
        told += _failed_before(change, certificates, situation.record)
    return SteppingBack(tuple(found), tuple(told))


def watched_by(change: Change) -> frozenset[Address]:
    """The certificates whose presentation a change is about."""
    resource = change.learned.recorded.resource if change.learned and change.learned.recorded else None
    match resource:
        case Certificate():
            enables = any(one.cmdlet == "Enable-ExchangeCertificate" for one in change.invocations)
            return frozenset({change.address}) if enables else frozenset()
        case SendConnector() | ReceiveConnector() if isinstance(resource.certificates, tuple):
            return frozenset(resource.certificates) if _ATTRIBUTE in change.attributes else frozenset()
    return frozenset()


def is_presented(change: Change, server: Name) -> bool:
    """Whether a change may change what a server presents to the world."""
    if change.action is Action.DELETE and change.address.type == "certificate":
        return False  # what is removed is what nothing presents
    if not change.invocations or change.address.type not in ("certificate", "receive_connector"):
        return False
    if Name(change.address.parts[0]) != server:
        return False
    if change.address.type == "certificate":
        return any(one.cmdlet == "Enable-ExchangeCertificate" for one in change.invocations)
    if change.action is not Action.UPDATE:
        return True
    return bool(change.attributes.keys() & _PRESENTING)


_PRESENTING: Final = {_ATTRIBUTE, "fqdn", "auth_mechanism", "bindings", "remote_ip_ranges", "enabled"}
"""Of a receive connector: what decides whether it answers, offers TLS, and with which certificate."""


def taken_back(change: Change, record: StateRecord, known: Callable[[Deferred], object]) -> Change | None:
    """The change that takes one back; None where that leads nowhere.

    Args:
        record: As it was before the apply.
        known: What deferred values have become.
    """
    recorded = change.learned.recorded if change.learned else None
    if not change.on_failure or recorded is None:
        return None
    if change.address.type == "certificate":
        return _back(change, _as_before(recorded, record.resources.get(change.address)))
    difference = change.attributes[_ATTRIBUTE]
    after = difference.after
    if isinstance(after, Deferred):
        after = known(after)
    if str(after) == str(difference.before):
        return None
    resource: Any = recorded.resource
    return _back(change, replace(recorded, resource=resource.with_(**{_ATTRIBUTE: difference.before})))


def _back(change: Change, recorded: Recorded) -> Change:
    return Change(
        address=change.address,
        action=Action.UPDATE,
        invocations=change.on_failure,
        reason="taken back",
        learned=Learned(change.address, recorded),
    )


def _as_before(recorded: Recorded, was: Recorded | None) -> Recorded:
    """A certificate is what it was; the first one of its address is none any more."""
    if was is not None:
        return was
    return replace(recorded, resource=recorded.resource.with_(thumbprint=UNSET, public_key=UNSET))


def _revoked(changes: Iterable[Change], record: StateRecord) -> frozenset[Thumbprint]:
    """What is revoked, or is to be: nothing leads back to it."""
    planned = (change.learned.recorded for change in changes if change.learned and change.learned.recorded)
    recorded = (*record.resources.values(), *planned)
    return frozenset(one.thumbprint for entry in recorded for one in entry.predecessors if one.revoke)


def _of_connector(change: Change, revoked: frozenset[Thumbprint], situation: Situation) -> Change:
    binding = next((one for one in change.invocations if _BINDING in one.parameters), None)
    if binding is None or binding.cmdlet.startswith("New-"):
        return change  # without it there was nothing to lose
    before = change.attributes[_ATTRIBUTE].before
    if before is not None and not isinstance(before, TlsCertificateName):
        return replace(change, no_step_back=_UNREAD)
    if before is not None and (why := _not_presentable(before, change, revoked, situation)):
        return replace(change, no_step_back=why)
    back = {"Identity": binding.parameters["Identity"], _BINDING: None if before is None else str(before)}
    return replace(change, on_failure=(Invocation(binding.server, binding.cmdlet, back),))


def _not_presentable(
    name: TlsCertificateName, change: Change, revoked: frozenset[Thumbprint], situation: Situation
) -> str:
    """Why not each server of a connector has a certificate of that name that is good now; "" where it has."""
    resource = change.learned.recorded.resource if change.learned and change.learned.recorded else None
    servers = presented_on(resource) if isinstance(resource, SendConnector | ReceiveConnector) else ()
    named = ReceiveConnector(tls_certificate_name=name)
    doubt = ""
    for server in servers:
        found = store_of(server, situation).presented_by(named)
        if found.certificate is None and not found.unclear:
            return _DANGLES
        if found.certificate is not None and found.certificate.thumbprint in revoked:
            return _REVOKED
        if found.certificate is None:
            doubt = _NOT_JUDGED
    return doubt


def _of_certificate(change: Change, revoked: frozenset[Thumbprint], situation: Situation) -> Change:
    """Where connectors name no certificate [3-15], enabling it is what the world notices."""
    server = Name(change.invocations[-1].server)
    edge = situation.is_edge(server)
    enables = any(one.cmdlet == "Enable-ExchangeCertificate" for one in change.invocations)
    if not enables or _is_bound(change.address, situation):
        return change
    if not lacks(ReceiveConnector, _BINDING, situation.build(server), edge=edge):
        return replace(change, no_step_back=_CHOSEN)
    if "default_smtp" in change.attributes:
        return replace(change, no_step_back=_IN_USE)
    if not any(one.cmdlet == "Import-ExchangeCertificate" for one in change.invocations):
        return replace(change, no_step_back="Exchange takes no service off a certificate")
    recorded = change.learned.recorded if change.learned else None
    if recorded and recorded.predecessors and recorded.predecessors[0].thumbprint in revoked:
        return replace(change, no_step_back=_REVOKED)
    thumbprint = Deferred(change.address, cmdlets.THUMBPRINT)
    return replace(change, on_failure=(cmdlets.remove(thumbprint, server=str(server), edge=edge),))


def _is_bound(certificate: Address, situation: Situation) -> bool:
    """Whether a declared receive connector is bound to it: then that binding is what is taken back."""
    return any(
        isinstance(connector.certificates, tuple) and certificate in connector.certificates
        for _, connector in situation.desired.of(ReceiveConnector)
    )


def _failed_before(
    change: Change, certificates: Iterable[Address], record: StateRecord
) -> Iterable[Diagnostic]:
    for address in sorted(certificates, key=str):
        recorded = record.resources.get(address)
        if recorded and (at := recorded.milestones.get(STEPPED_BACK)):
            yield _stepped_back(change.address, address, at)


def _stepped_back(address: Address, certificate: Address, at: datetime) -> Diagnostic:
    """Of a change that was made before, and taken back."""
    return Diagnostic(
        summary="Stepped back last time",
        detail=(
            f"This was done before, with {certificate}, and taken back at {at:%Y-%m-%d %H:%M} UTC: the world "
            "was presented something worse than until then. It is planned again."
        ),
        hint="look for the cause first: the events of the transport service, reconciler explain",
        subject=str(address),
        severity=Severity.WARNING,
    )
