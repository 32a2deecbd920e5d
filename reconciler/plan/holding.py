"""What is not put to use yet, although it could be: certificates and their bindings, outside of a window.

Held is what the world would notice: that a certificate is enabled, and that a connector is bound to another
name. What leads there goes on: requests, answers, the import, which enables nothing [2.2-4]. A server's first
certificate is not held, for there is nothing that it could break.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from reconciler.pki.selection import select
from state.address import Address
from state.record import Predecessor, Recorded
from state.resources import Certificate, Resource
from state.values import UNSET, Name, Thumbprint, TlsCertificateName

from . import certificate_problems
from .binding import C
from .certificates import CertificatePlan
from .change import Action, Change
from .maintenance import Maintenance
from .recording import unchanged
from .send_connectors import ConnectorPlan
from .situation import Situation, home_of

_ENABLE: Final = "Enable-ExchangeCertificate"
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
        ends: End of its validity; None where it stays in use.
    """

    name: TlsCertificateName | None
    ends: datetime | None


def held_certificate(
    address: Address, planned: CertificatePlan, asked: Certificate, situation: Situation
) -> CertificatePlan:
    """The plan of a certificate without what has to wait, and why that waits."""
    change = planned.change
    if change is None or not any(one.cmdlet == _ENABLE for one in change.invocations):
        return planned
    server = home_of(asked)
    replaced = _replaced(change, planned, asked, server, situation)
    maintenance = situation.maintenance.get(server)
    if replaced is None or maintenance is None or maintenance.is_open(situation.now):
        return planned
    if replaced.ends is not None and _ends_before(replaced.ends, maintenance, situation.now):
        opens = maintenance.shown(maintenance.next_opening(situation.now).opens)
        told = certificate_problems.window_not_waited_for(address, replaced.ends, opens)
        return replace(planned, diagnostics=(*planned.diagnostics, told))
    return _without_use(planned, change, replaced.name, _waits(maintenance, situation.now), situation)


def held_binding(
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
    home = connector.home if isinstance(connector.home, tuple) else ()
    if (ends := _until(before, home, situation)) is None:
        return None
    addresses = connector.certificates if isinstance(connector.certificates, tuple) else ()
    for address in addresses:
        if address in certificates and (reason := certificates[address].held):
            return before, reason
    windows = [situation.maintenance.get(name) for name in home]
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
        return replace(planned, change=waiting, name=name, held=reason)
    kept = replace(
        change,
        attributes={key: value for key, value in change.attributes.items() if key not in _BY_ENABLING},
        invocations=steps,
        reason="; ".join(filter(None, (change.reason, reason))),
        learned=learned,
    )
    return replace(planned, change=kept, name=name, held=reason)


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
    """What is in use while a change is held; None where nothing is that it could break."""
    recorded = change.learned.recorded if change.learned else None
    if recorded is None or not isinstance(recorded.resource, Certificate):
        return None
    if change.action is Action.UPDATE and _is_in_use(change, situation):
        name = planned.name if isinstance(planned.name, TlsCertificateName) else None
        return _Replaced(name, None)
    if recorded.predecessors:
        newest: Predecessor = recorded.predecessors[0]
        return _Replaced(newest.tls_certificate_name, newest.not_after)
    if change.action is not Action.UPDATE:
        return None
    others = [
        one
        for one in situation.server(server).certificates.objects
        if one.thumbprint != recorded.resource.thumbprint
    ]
    found = select(
        asked, others, None, situation.request_mark(change.address, asked), situation.now
    ).certificate
    if found is None or not isinstance(found.tls_certificate_name, TlsCertificateName):
        return None
    ends = found.not_after if isinstance(found.not_after, datetime) else None
    return _Replaced(found.tls_certificate_name, ends)


def _is_in_use(change: Change, situation: Situation) -> bool:
    """Whether the certificate itself is in use: it only gets another service, or becomes the default one."""
    difference = change.attributes.get("services")
    if difference is None:
        return True
    if isinstance(difference.before, frozenset):
        return bool(difference.before)
    was = situation.record.resources.get(change.address)
    return was is not None and isinstance(getattr(was.resource, "services", UNSET), frozenset)


def _until(name: TlsCertificateName, home: Iterable[Name], situation: Situation) -> datetime | None:
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
