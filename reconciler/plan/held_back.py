"""What is not put to use yet, although it could be: certificates and their bindings, outside of a window.

Held back is what the world would notice: that a certificate is enabled, and that a connector is bound to
another name. What leads there goes on: requests, answers, the import, which enables nothing [2.2-4]. A first
certificate is not held back, for there is nothing on its server that it could break; it is not the
first beside others for its names of which an Edge server does not tell whether they are in use.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from reconciler.pki.selection import may_be_pending, newest, select
from state.address import Address
from state.record import PUBLISHED, Predecessor, Recorded
from state.resources import Certificate, Resource
from state.values import UNSET, Name, Thumbprint, TlsCertificateName

from . import certificate_problems
from .binding import C, presented_on
from .case import CertificatePlan
from .change import Action, Change
from .maintenance import Maintenance
from .recording import unchanged
from .send_connectors import ConnectorPlan
from .situation import Situation, home_of
from .tlsa import Key, publication

_ENABLE: Final = "Enable-ExchangeCertificate"
_REQUEST: Final = "New-ExchangeCertificate"
_BINDING: Final = "tls_certificate_name"
_BY_ENABLING: Final = ("services", "default_smtp")
_SMTP: Final = frozenset({"SMTP"})
_IN_HAND: Final = timedelta(days=1)
"""What is still presented must be valid for so long after the next window has closed: a run may be missed."""


@dataclass(frozen=True, slots=True)
class _Replaced:
    """The certificate that is in use until another one is.

    Attributes:
        name: What connectors are bound to it by.
        public_key: As :attr:`state.resources.Certificate.public_key`; None where it is not known.
        ends: End of its validity; None where it stays in use.
    """

    name: TlsCertificateName | None
    public_key: str | None
    ends: datetime | None


def held_back_certificate(
    address: Address, planned: CertificatePlan, asked: Certificate, situation: Situation
) -> CertificatePlan:
    """The plan of a certificate without what has to wait, and why that waits."""
    change = planned.change
    if change is None or not any(one.cmdlet == _ENABLE for one in change.invocations):
        return planned
    server = home_of(asked)
    replaced = _replaced(change, planned, asked, server, situation)
    if replaced is None:
        return planned
    learned = change.learned.recorded if change.learned else None
    maintenance, reasons = situation.maintenance.get(server), []
    if replaced.ends is not None and (names := situation.published.get(address)):
        seen = publication(
            address,
            _new_key(change, server, situation),
            Key(replaced.public_key, replaced.name),
            names,
            first_seen=_first_seen(change),
            ends=replaced.ends,
            now=situation.now,
        )
        change = _with_published(change, seen.since)
        planned = replace(planned, change=change, diagnostics=(*planned.diagnostics, *seen.diagnostics))
        reasons += [seen.waits] if seen.waits else []
    if maintenance is not None and not maintenance.is_open(situation.now) and not is_urgent(learned):
        if replaced.ends is not None and _ends_before(replaced.ends, maintenance, situation.now):
            opens = maintenance.shown(maintenance.next_opening(situation.now).opens)
            told = certificate_problems.window_not_waited_for(address, replaced.ends, opens)
            planned = replace(planned, diagnostics=(*planned.diagnostics, told))
        else:
            reasons.append(_waits(maintenance, situation.now))
    if not reasons:
        return planned
    return _without_use(planned, change, replaced.name, "; ".join(reasons), situation)


def held_back_binding(
    planned: ConnectorPlan,
    connector: C,
    certificates: Mapping[Address, CertificatePlan],
    situation: Situation,
) -> tuple[TlsCertificateName, str] | None:
    """What a connector stays bound to for now, and why; None where its binding need not wait.

    A connector of several servers is bound in the windows of any of them: else it might never be.
    """
    change = planned.change
    before = change.attributes[_BINDING].before if change and _BINDING in change.attributes else None
    if change is None or change.action is not Action.UPDATE or not isinstance(before, TlsCertificateName):
        return None
    servers = presented_on(connector)
    if (ends := usable_until(before, servers, situation)) is None:
        return None
    addresses = connector.certificates if isinstance(connector.certificates, tuple) else ()
    for address in addresses:
        if address in certificates and (reason := certificates[address].held_back):
            return before, reason
    if any(_replaces_urgently(address, certificates.get(address), situation) for address in addresses):
        return None
    windows = [situation.maintenance.get(name) for name in servers]
    closed = [one for one in windows if one is not None and not one.is_open(situation.now)]
    if not closed or len(closed) < len(windows):
        return None
    first = min(closed, key=lambda one: one.next_opening(situation.now).opens)
    return None if _ends_before(ends, first, situation.now) else (before, _waits(first, situation.now))


def still_bound(planned: ConnectorPlan, reason: str) -> ConnectorPlan:
    """The plan of a connector that keeps its binding: it says so, and records nothing of the new one."""
    change = planned.change
    if change is None:
        return planned
    if not change.action.is_mutating:
        return replace(planned, change=Change(address=change.address, action=Action.WAIT, reason=reason))
    reasons = "; ".join(filter(None, (change.reason, f"its binding {reason}")))
    kept = _learning(change, certificates=UNSET)
    return replace(planned, change=replace(kept, reason=reasons))


def is_yet_to_be_used(recorded: Recorded) -> bool:
    """Whether a recorded certificate is in the store and not enabled: what it is to replace is in use."""
    services = getattr(recorded.resource, "services", UNSET)
    return "imported" in recorded.milestones and services is UNSET


def _replaces_urgently(address: Address, planned: CertificatePlan | None, situation: Situation) -> bool:
    change = planned.change if planned is not None else None
    learned = change.learned.recorded if change is not None and change.learned is not None else None
    return is_urgent(learned) or is_urgent(situation.record.resources.get(address))


def is_urgent(recorded: Recorded | None) -> bool:
    """Whether a certificate replaces one that is to be revoked: no window is waited for then."""
    return recorded is not None and bool(recorded.predecessors) and recorded.predecessors[0].is_to_be_revoked


def _waits(maintenance: Maintenance, now: datetime) -> str:
    return f"waits for the window that opens {maintenance.shown(maintenance.next_opening(now).opens)}"


def _ends_before(ends: datetime, maintenance: Maintenance, now: datetime) -> bool:
    """Whether what is in use would not do until the next window, and a little longer."""
    return ends < maintenance.next_opening(now).closes + _IN_HAND


def _without_use(
    planned: CertificatePlan,
    change: Change,
    name: TlsCertificateName | None,
    reason: str,
    situation: Situation,
) -> CertificatePlan:
    """Nothing is enabled, so connectors stay with the certificate that is in use."""
    steps = tuple(one for one in change.invocations if one.cmdlet != _ENABLE)
    left_out = {name: UNSET for name in ("default_smtp",) if name in change.attributes}
    learned = _learning(change, services=_services_until_now(change), **left_out).learned
    if not steps:
        waiting = Change(address=change.address, action=Action.WAIT, reason=reason)
        if learned is not None and learned.recorded is not None:
            known = unchanged(change.address, learned.recorded, situation.record)
            waiting = replace(waiting, learned=known.learned)
        return replace(planned, change=waiting, name=name, held_back=reason)
    kept = replace(
        change,
        attributes={key: value for key, value in change.attributes.items() if key not in _BY_ENABLING},
        invocations=steps,
        reason="; ".join(filter(None, (change.reason, reason))),
        learned=learned,
    )
    return replace(planned, change=kept, name=name, held_back=reason)


def _services_until_now(change: Change) -> Any:
    """What is recorded of the services: of those that are declared, the ones that are there already."""
    difference = change.attributes.get("services")
    if change.action is not Action.UPDATE or difference is None:
        return UNSET
    before, after = difference.before, difference.after
    if isinstance(before, frozenset) and isinstance(after, frozenset) and before & after:
        return before & after
    return UNSET


def _learning(change: Change, **values: Any) -> Change:
    """The same change, of which the record learns other values."""
    learned = change.learned
    recorded = learned.recorded if learned else None
    if learned is None or recorded is None:
        return change
    resource: Resource = recorded.resource.with_(**values)
    return replace(change, learned=replace(learned, recorded=replace(recorded, resource=resource)))


def _replaced(
    change: Change, planned: CertificatePlan, asked: Certificate, server: Name, situation: Situation
) -> _Replaced | None:
    """What is in use while a change is held back; None where nothing is that it could break."""
    recorded = change.learned.recorded if change.learned else None
    if recorded is None or not isinstance(recorded.resource, Certificate):
        return None
    if change.action is Action.UPDATE and _is_in_use(change, situation):
        name = planned.name if isinstance(planned.name, TlsCertificateName) else None
        return _Replaced(name, None, None)
    if recorded.predecessors:
        last: Predecessor = recorded.predecessors[0]
        return _Replaced(last.tls_certificate_name, last.public_key, last.not_after)
    others = [
        one
        for one in situation.server(server).certificates.objects
        if one.thumbprint != recorded.resource.thumbprint
    ]
    selection = select(asked, others, None, situation.request_mark(change.address, asked), situation.now)
    found = selection.certificate if change.action is Action.UPDATE else None
    found = found or newest(selection.unclear)
    if found is None or not isinstance(found.tls_certificate_name, TlsCertificateName):
        return None
    ends = found.not_after if isinstance(found.not_after, datetime) else None
    key = found.public_key if isinstance(found.public_key, str) else None
    return _Replaced(found.tls_certificate_name, key, ends)


def _new_key(change: Change, server: Name, situation: Situation) -> Key:
    """The certificate that is to be put to use, as far as it is known."""
    resource = change.learned.recorded.resource if change.learned and change.learned.recorded else None
    key = resource.public_key if isinstance(resource, Certificate) else UNSET
    if not isinstance(key, str) and not any(one.cmdlet == _REQUEST for one in change.invocations):
        request = situation.record.requests.get(change.address)
        key = request.public_key if request is not None else UNSET
    if not isinstance(key, str):
        return Key(None, None)
    for one in situation.server(server).certificates.objects:
        if one.public_key == key and isinstance(one.tls_certificate_name, TlsCertificateName):
            return Key(key, None if may_be_pending(one) else one.tls_certificate_name)
    return Key(key, None)


def _first_seen(change: Change) -> datetime | None:
    recorded = change.learned.recorded if change.learned else None
    return recorded.milestones.get(PUBLISHED) if recorded else None


def _with_published(change: Change, since: datetime | None) -> Change:
    """The same change, of which the record learns since when the records of what is there are in DNS."""
    learned = change.learned
    recorded = learned.recorded if learned else None
    if learned is None or recorded is None or change.action is not Action.UPDATE:
        return change  # what is recorded is still the certificate before it
    milestones = {name: at for name, at in recorded.milestones.items() if name != PUBLISHED}
    if since is not None:
        milestones[PUBLISHED] = since
    return replace(change, learned=replace(learned, recorded=replace(recorded, milestones=milestones)))


def _is_in_use(change: Change, situation: Situation) -> bool:
    """Whether the certificate itself is in use: it only gets another service, or becomes the default one."""
    difference = change.attributes.get("services")
    if difference is None:
        return True
    if isinstance(difference.before, frozenset):
        return bool(difference.before)
    was = situation.record.resources.get(change.address)
    return was is not None and isinstance(getattr(was.resource, "services", UNSET), frozenset)


def usable_until(name: TlsCertificateName, home: Iterable[Name], situation: Situation) -> datetime | None:
    """Until when each server has a certificate of a name for SMTP; None where one has none by now."""
    ends: list[datetime] = []
    for server in home:
        named = [
            one.not_after
            for one in situation.server(server).certificates.objects
            if one.tls_certificate_name == name
            and one.has_private_key is not False
            and (not isinstance(one.services, frozenset) or one.services >= _SMTP)
            and isinstance(one.not_after, datetime)
            and isinstance(one.thumbprint, Thumbprint)
        ]
        ends.append(max(named, default=situation.now))
    until = min(ends, default=situation.now)
    return until if until > situation.now else None
