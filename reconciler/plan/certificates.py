"""What becomes of one declared certificate, and what connectors may bind to meanwhile."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from reconciler.cmdlets import certificate as cmdlets
from reconciler.cmdlets.invocation import Invocation
from reconciler.cmdlets.mark import REQUEST_ATTRIBUTES
from reconciler.diagnostics import Diagnostic
from reconciler.pki.asked import asked_domains
from reconciler.pki.coverage import uncovered
from reconciler.pki.renewal import is_window_usable, renewal_date, renewal_due
from reconciler.pki.selection import Selection, imported_of, may_be_pending, select
from state.address import Address
from state.record import Learned, Predecessor, Recorded, Request, StateRecord
from state.resources import Certificate, Kind
from state.values import UNKNOWN, UNSET, Deferred, Maybe, Thumbprint, TlsCertificateName

from . import problems, unread_problems
from .change import Action, Change, Difference, Upcoming
from .compare import live_value
from .recording import to_record, unchanged
from .settle import may_answer
from .sharing import Member, Share, held_by, share_of
from .situation import Situation, Urgent, home_of

_SMTP = frozenset({"SMTP"})
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class CertificatePlan:
    """The change of one certificate.

    Attributes:
        change: None when it cannot be planned; a diagnostic says why.
        name: What connectors are bound to; None when there will be none.
        drift: What is not as it was recorded.
        observed: What is not as declared, and is only observed.
        held: Why it is not put to use yet, although it may be there: connectors stay with what they have. ""
            where nothing holds it.
        upcoming: When it is to be renewed, where that is still to come and is ours to do.
        issued: When the certificate that is there and stays began; None where another is to come.
    """

    change: Change | None
    name: TlsCertificateName | Deferred | None
    diagnostics: tuple[Diagnostic, ...] = ()
    drift: Mapping[str, Difference] = field(default_factory=lambda: MappingProxyType({}))
    observed: Mapping[str, Difference] = field(default_factory=lambda: MappingProxyType({}))
    held: str = ""
    upcoming: Upcoming | None = None
    issued: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Case:
    """One certificate and everything known of it."""

    address: Address
    asked: Certificate
    server: str
    edge: bool
    live: tuple[Certificate, ...]
    record: StateRecord
    mark: str
    now: datetime
    turnaround: timedelta
    urgent: Urgent | None = None
    behind: str = ""

    @property
    def was(self) -> Certificate | None:
        """The certificate as last applied."""
        recorded = self.record.resources.get(self.address)
        return recorded.resource if recorded and isinstance(recorded.resource, Certificate) else None

    @property
    def was_created(self) -> bool:
        recorded = self.record.resources.get(self.address)
        return recorded is not None and recorded.created

    @property
    def request(self) -> Request | None:
        return self.record.requests.get(self.address)

    @property
    def revoke(self) -> str:
        """Why the certificate that is replaced is to be revoked; "" where it simply ends."""
        if self.urgent is not None:
            return self.urgent.reason
        return self.request.urgent if self.request is not None else ""

    @property
    def deferred_name(self) -> Deferred:
        return Deferred(self.address, cmdlets.TLS_CERTIFICATE_NAME)


def plan_certificate(
    address: Address, asked: Certificate, situation: Situation, *, behind: str = ""
) -> CertificatePlan:
    """Work out what one declared certificate needs.

    A request that is under way goes on where it stopped; a certificate that is there and right
    needs nothing, or a service; anything else is requested.

    Args:
        behind: Why one that is there and right will not do for the connectors that name it; "" when it does.
    """
    server = home_of(asked)
    listing = situation.server(server).certificates
    if listing.unreadable and asked.mode == "observe":
        return CertificatePlan(None, None, (problems.not_observed(address, str(server), listing.unreadable),))
    if listing.unreadable:
        problem = problems.list_unreadable(address, str(server), "certificates", listing.unreadable)
        return CertificatePlan(None, None, (problem,))
    case = _case(address, asked, situation)
    if asked.mode == "observe":
        return _observed(case)
    if isinstance(asked.shared_by, tuple):
        return _shared(case, _sharing(case, situation))
    return _alone(replace(case, behind=behind))


def _case(address: Address, asked: Certificate, situation: Situation) -> _Case:
    server = home_of(asked)
    return _Case(
        address=address,
        asked=asked,
        server=str(server),
        edge=situation.is_edge(server),
        live=situation.server(server).certificates.objects,
        record=situation.record,
        mark=situation.request_mark(address, asked),
        now=situation.now,
        turnaround=situation.turnaround(asked),
        urgent=situation.urgent.get(address),
    )


def _alone(case: _Case) -> CertificatePlan:
    """One whose key no other server has, or that makes the request for all of them."""
    address, asked, request = case.address, case.asked, case.request
    if asked.issuer is UNSET or request is None or not _is_open(case, request):
        return _without_request(case)
    if _asks_for(request.asked) == _asks_for(asked):
        return _continued(case, request)
    planned = _without_request(case)
    abandoned = problems.request_abandoned(address, case.server)
    return replace(planned, diagnostics=(*planned.diagnostics, abandoned))


def _is_open(case: _Case, request: Request) -> bool:
    """True while Exchange has the key of a request, and no answer to it."""
    there = any(certificate.public_key == request.public_key for certificate in case.live)
    return there and imported_of(case.live, request) is None


def _unrecorded_request(case: _Case) -> Request | None:
    """A request that nobody recorded, found by its mark: it asks for what is declared now."""
    for entry in case.live:
        if (
            _is_marked_pending(entry, case.mark)
            and isinstance(entry.thumbprint, Thumbprint)
            and isinstance(entry.public_key, str)
        ):
            return Request(
                server=home_of(case.asked),
                asked=case.asked,
                public_key=entry.public_key,
                csr="",
                pending=entry.thumbprint,
                since=case.now,
            )
    return None


def _is_marked_pending(certificate: Certificate, mark: str) -> bool:
    name = certificate.friendly_name
    return isinstance(name, str) and mark in name and may_be_pending(certificate)


def _continued(case: _Case, request: Request) -> CertificatePlan:
    """The rest of a request: its text again if we lost it, its answer, its services."""
    steps: list[Invocation] = []
    if not request.csr and request.pending is not None:
        steps.append(cmdlets.export_request(request.pending, server=case.server, edge=case.edge))
    reason = f"requested {request.since:%Y-%m-%d}" + (", answered" if request.answer else "")
    planned = _requested(case, steps, reason, current=_current(case).certificate)
    return _waiting(planned, request) if request.is_waiting else planned


def _waiting(planned: CertificatePlan, request: Request) -> CertificatePlan:
    """The same, when its issuer has it: what follows is tried, and is nothing to approve again."""
    if planned.change is None:
        return planned
    reason = f"requested {request.since:%Y-%m-%d}, waits: {request.waits}"
    return replace(planned, change=replace(planned.change, action=Action.WAIT, reason=reason))


def _without_request(case: _Case) -> CertificatePlan:
    if case.asked.issuer is UNSET:
        return _watched(case)
    selection = _current(case)
    current, ours = selection.certificate, selection.by in ("record", "mark")
    reason = _why_replace(case, current, ours=ours) if current else ""
    if current is not None and not reason:
        begin = current.not_before if isinstance(current.not_before, datetime) else None
        return replace(_kept(case, current, ours=ours), upcoming=_upcoming(case, current), issued=begin)
    if (request := _unrecorded_request(case)) is not None:
        return _continued(case, request)
    if current is None and (untold := _untold(case)) is not None:
        return CertificatePlan(None, None, (untold,))
    if current is not None or not selection.unclear:
        return _new_request(case, reason, current)
    unclear = problems.not_judged(case.address, case.server, _thumbprints(selection.unclear), edge=case.edge)
    if not case.edge:
        return CertificatePlan(None, None, (unclear,))
    return replace(_new_request(case, "", None), diagnostics=(unclear,))


def _untold(case: _Case) -> Diagnostic | None:
    """Why a new one cannot be requested: the declared one, or a request for it, may be there unseen."""
    if unread := [one for one in case.live if one.public_key is UNKNOWN]:
        return unread_problems.certificates_unread(case.address, case.server, len(unread))
    hidden = [
        str(one.thumbprint)
        for one in case.live
        if not case.edge and not one.is_described and may_be_pending(one) and may_answer(one, case.asked)
    ]
    return unread_problems.request_not_judged(case.address, case.server, hidden) if hidden else None


def _watched(case: _Case) -> CertificatePlan:
    """One that somebody else renews: when it is due, its successor is looked for."""
    selection = _current(case)
    current, ours = selection.certificate, selection.by in ("record", "mark")
    reason = _why_replace(case, current, ours=ours) if current else "is gone"
    if reason:
        successor = select(case.asked, case.live, None, "", case.now).certificate
        if successor is not None and not _why_replace(case, successor, ours=False):
            current, ours, reason = successor, False, ""
    if current is None:
        return CertificatePlan(None, None, (_missing(case, selection),))
    planned = _kept(case, current, ours=ours)
    if not reason:
        return planned
    ends = problems.certificate_ends(case.address, reason)
    return replace(planned, diagnostics=(*planned.diagnostics, ends))


def _observed(case: _Case) -> CertificatePlan:
    """One that is looked at: neither requested, nor enabled, nor recorded."""
    current = _current(case).certificate
    if current is None:
        return CertificatePlan(None, None, (problems.observed_missing(case.address, case.server),))
    missing, unread = _missing_services(case, current)
    lacking = (
        {"services": Difference(case.asked.services, current.services)} if missing and not unread else {}
    )
    reason = _why_replace(case, current, ours=False)
    return CertificatePlan(
        Change(address=case.address, action=Action.NONE, reason="only observed"),
        _binding_name(current),
        (problems.observed_due(case.address, reason),) if reason else (),
        observed=lacking,
    )


def _missing(case: _Case, selection: Selection) -> Diagnostic:
    if not selection.unclear and (unread := [one for one in case.live if one.public_key is UNKNOWN]):
        return unread_problems.certificates_unread(case.address, case.server, len(unread))
    if isinstance(case.asked.thumbprint, Thumbprint):
        return problems.pinned_missing(case.address, case.server, str(case.asked.thumbprint))
    if selection.unclear:
        return problems.not_judged(case.address, case.server, _thumbprints(selection.unclear), edge=False)
    names = sorted(map(str, case.asked.domains)) if isinstance(case.asked.domains, frozenset) else []
    return problems.certificate_missing(case.address, case.server, names)


def _thumbprints(certificates: tuple[Certificate, ...]) -> list[str]:
    return [str(certificate.thumbprint) for certificate in certificates]


def _current(case: _Case) -> Selection:
    """The live certificate that is the declared one."""
    key = case.was.public_key if case.was else None
    if case.request is not None and imported_of(case.live, case.request) is not None:
        key = case.request.public_key
    return select(case.asked, case.live, key if isinstance(key, str) else None, case.mark, case.now)


def _sharing(case: _Case, situation: Situation) -> Mapping[Address, _Case | None]:
    """The managed servers that share the key of a certificate; None for one that could not be read."""
    found: dict[Address, _Case | None] = {}
    for name in case.asked.shared_by if isinstance(case.asked.shared_by, tuple) else ():
        address = Address.of("certificate", str(name), *case.address.parts[1:])
        asked = situation.desired.resources.get(address)
        if isinstance(asked, Certificate) and asked.mode != "observe":
            server = situation.server(home_of(asked))
            is_read = not server.unreachable and not server.certificates.unreadable
            found[address] = _case(address, asked, situation) if is_read else None
    return found


def _shared(case: _Case, sharing: Mapping[Address, _Case | None]) -> CertificatePlan:
    """One key on several servers: kept where it is, fetched from where it is, requested by one of them."""
    cases = {address: one for address, one in sharing.items() if one is not None}
    share = share_of([_member(one) for one in cases.values()], next(iter(sharing)), case.now)
    if share.certificate is not None:
        if (held := held_by(case.live, share.certificate)) is not None:
            kept = _kept(case, held, ours=any(_is_ours(one, held) for one in cases.values()))
            return replace(kept, upcoming=_upcoming(case, held))
        source = cases.get(share.source) if share.source else None
        return _fetched(case, source, share.certificate) if source else CertificatePlan(None, None)
    requester = cases.get(share.requester)
    if requester is None:
        return CertificatePlan(None, None)  # which could not be read, and that is told
    requested = _requested_for_all(requester, share)
    if case.address == share.requester or requested.change is None:
        return requested if case.address == share.requester else CertificatePlan(None, None)
    waits = requested.change.action is Action.WAIT
    giver = cases.get(share.spare_source) if share.spare_source else None
    if waits and share.spare is not None and giver is not None and not _has_valid(case):
        return _fetched(case, giver, share.spare)
    return _fetched(case, requester, None, waits=waits)


def _requested_for_all(case: _Case, share: Share) -> CertificatePlan:
    """The request that one server makes for all."""
    planned = _alone(case)
    is_kept = planned.change is not None and not isinstance(planned.name, Deferred)
    if not (share.is_bound_to_place and is_kept):
        return planned
    if (request := _unrecorded_request(case)) is not None:
        return _continued(case, request)
    return _new_request(case, "its key may not leave its server", _current(case).certificate)


def _member(case: _Case) -> Member:
    selection, request = _current(case), case.request
    chosen, ours = selection.certificate, selection.by in ("record", "mark")
    return Member(
        address=case.address,
        live=case.live,
        chosen=chosen,
        is_ours=ours,
        fault=_why_replace(case, chosen, ours=ours) if chosen is not None else "",
        is_open=request is not None
        and _is_open(case, request)
        and _asks_for(request.asked) == _asks_for(case.asked),
        is_marked=_unrecorded_request(case) is not None,
    )


def _is_ours(case: _Case, held: Certificate) -> bool:
    """Whether a server tells that this tool requested a certificate, for whichever of those that share it."""
    recorded = case.was is not None and case.was.public_key == held.public_key and case.was_created
    here = held_by(case.live, held)
    return recorded or (here is not None and _is_marked(case, here))


def _has_valid(case: _Case) -> bool:
    """Whether a server has a certificate to go on with for a while."""
    current = _current(case).certificate
    ends = current.not_after if current is not None else None
    return isinstance(ends, datetime) and ends > case.now


def _fetched(
    case: _Case, source: _Case, certificate: Certificate | None, *, waits: bool = False
) -> CertificatePlan:
    """The same certificate and key as another server has, or will have: exported there, imported here.

    Args:
        certificate: None while it is requested there.
    """
    address, current = case.address, _current(case).certificate
    thumbprint: Thumbprint | Deferred = Deferred(source.address, cmdlets.THUMBPRINT)
    if certificate is not None:
        thumbprint = _thumbprint(certificate)
    steps = [
        cmdlets.export_key(address, thumbprint, server=source.server, edge=source.edge),
        cmdlets.import_key(
            address, case.asked, source.address, server=case.server, edge=case.edge, mark=case.mark
        ),
    ]
    key = certificate.public_key if certificate is not None else UNSET
    change = _arriving(case, steps, f"comes with its key from {source.server}", current, thumbprint, key)
    name = _binding_name(certificate) if certificate is not None else source.deferred_name
    if certificate is None:
        change = replace(
            change, action=Action.WAIT if waits else change.action, requires=frozenset({source.address})
        )
    request = case.request
    is_abandoned = request is not None and _is_open(case, request)
    abandoned = (problems.request_abandoned(address, case.server),) if is_abandoned else ()
    return CertificatePlan(change, name, abandoned)


def _new_request(case: _Case, reason: str, current: Certificate | None) -> CertificatePlan:
    # Without names of its own, a request gets those of the server [2.1-6].
    asked = case.asked.with_(domains=asked_domains(case.asked))
    step = cmdlets.request(asked, server=case.server, edge=case.edge, mark=case.mark)
    return _requested(case, [step], reason, current)


def _requested(
    case: _Case, steps: list[Invocation], reason: str, current: Certificate | None
) -> CertificatePlan:
    """A certificate that has to come from its issuer; ``steps`` lead to the request."""
    asked, address = case.asked, case.address
    steps = [
        *steps,
        cmdlets.import_answer(address, asked, server=case.server, edge=case.edge, mark=case.mark),
    ]
    thumbprint = Deferred(address, cmdlets.THUMBPRINT)
    return CertificatePlan(_arriving(case, steps, reason, current, thumbprint), case.deferred_name)


def _arriving(
    case: _Case,
    steps: list[Invocation],
    reason: str,
    current: Certificate | None,
    thumbprint: Thumbprint | Deferred,
    public_key: Maybe[str] = UNSET,
) -> Change:
    """A certificate that is not there yet; ``steps`` bring it, and its services follow."""
    asked, address = case.asked, case.address
    if isinstance(asked.services, frozenset) and asked.services:
        steps = [*steps, _enable(case, thumbprint, asked.services)]
    differences = {
        attribute.name: Difference(_before(current, attribute.name), value)
        for attribute, value in asked.declared(Kind.WRITABLE)
        if _before(current, attribute.name) != value
    }
    if _replaces_default(asked):
        differences["default_smtp"] = Difference(UNKNOWN, asked.default_smtp)
    differences["thumbprint"] = Difference(_before(current, "thumbprint"), thumbprint)
    return Change(
        address=address,
        action=Action.CREATE if current is None else Action.REPLACE,
        attributes=differences,
        invocations=tuple(steps),
        reason=reason,
        learned=Learned(
            address,
            Recorded(
                _to_record(asked, thumbprint=thumbprint, public_key=public_key),
                created=True,
                at=case.now,
                predecessors=_replaced_by_new(case, current),
            ),
        ),
    )


def _replaced_by_new(case: _Case, current: Certificate | None) -> tuple[Predecessor, ...]:
    """What a new certificate has replaced once it is there: the one until now, and those before it."""
    before = _remaining(case)
    if (
        current is None
        or not isinstance(current.thumbprint, Thumbprint)
        or not isinstance(current.public_key, str)
        or not isinstance(current.not_after, datetime)
    ):
        return before
    is_recorded = case.was is not None and case.was.public_key == current.public_key
    newest = Predecessor(
        thumbprint=current.thumbprint,
        public_key=current.public_key,
        tls_certificate_name=_binding_name(current),
        not_after=current.not_after,
        superseded=case.now,
        created=case.was_created if is_recorded else _is_marked(case, current),
        revoke=case.revoke,
    )
    return (newest, *(one for one in before if one.thumbprint != newest.thumbprint))


def _replaced_by(case: _Case, current: Certificate) -> tuple[Predecessor, ...]:
    """What the certificate that is there has replaced: the recorded one, where it was told of another."""
    was = case.was.public_key if case.was else current.public_key
    before = next((one for one in case.live if one.public_key == was and not may_be_pending(one)), None)
    return _remaining(case) if was == current.public_key else _replaced_by_new(case, before)


def _is_marked(case: _Case, current: Certificate) -> bool:
    name = current.friendly_name
    return isinstance(name, str) and bool(case.mark) and case.mark in name


def _remaining(case: _Case) -> tuple[Predecessor, ...]:
    """The recorded predecessors that are still in the store."""
    recorded = case.record.resources.get(case.address)
    there = {certificate.thumbprint for certificate in case.live}
    return tuple(one for one in recorded.predecessors if one.thumbprint in there) if recorded else ()


def _kept(case: _Case, current: Certificate, *, ours: bool) -> CertificatePlan:
    """The right certificate is there: perhaps it lacks a service, or is to become the default one."""
    asked, address = case.asked, case.address
    created = _is_created(case, current, ours=ours)
    resource = _to_record(asked, case.was, public_key=current.public_key, thumbprint=current.thumbprint)
    moved = _lost_services(case, current)
    name = _binding_name(current)
    missing, unread = _missing_services(case, current)
    diagnostics = _unusable_window(case, current)
    becomes_default = _becomes_default(case, current)
    recorded = Recorded(
        resource,
        created,
        case.now,
        milestones=_milestones(case, current),
        predecessors=_replaced_by(case, current),
    )
    if not missing and not becomes_default:
        return CertificatePlan(unchanged(address, recorded, case.record), name, diagnostics, moved)
    differences: dict[str, Difference] = {}
    if missing:
        differences["services"] = Difference(current.services, asked.services)
    if becomes_default:
        differences["default_smtp"] = Difference(UNKNOWN, asked.default_smtp)
    if missing and unread:
        diagnostics = (*diagnostics, problems.set_once(address, ["services"]))
    change = Change(
        address=address,
        action=Action.UPDATE,
        attributes=differences,
        invocations=(_enable(case, _thumbprint(current), missing | _SMTP if becomes_default else missing),),
        learned=Learned(address, recorded),
    )
    return CertificatePlan(change, name, diagnostics, moved)


def _is_created(case: _Case, current: Certificate, *, ours: bool) -> bool:
    """Whether this tool requested it. One that was taken over stays somebody else's, whoever finds it."""
    if case.was is not None and case.was.public_key == current.public_key:
        return case.was_created or _is_marked(case, current)
    return ours and case.asked.issuer is not UNSET


def _milestones(case: _Case, current: Certificate) -> Mapping[str, datetime]:
    """What is known of how far the certificate that is there has come."""
    recorded = case.record.resources.get(case.address)
    if recorded and case.was and case.was.public_key == current.public_key:
        return recorded.milestones
    return {}


def _becomes_default(case: _Case, current: Certificate) -> bool:
    """Whether it has to be made the default SMTP certificate, which is not to be read [2.3-4]: done once."""
    if not _replaces_default(case.asked):
        return False
    return case.was is None or case.was.public_key != current.public_key or case.was.default_smtp != "replace"


def _replaces_default(asked: Certificate) -> bool:
    return (
        asked.default_smtp == "replace" and isinstance(asked.services, frozenset) and asked.services >= _SMTP
    )


def _to_record(asked: Certificate, was: Certificate | None = None, **identity: Any) -> Certificate:
    """What is kept of it, and that it was made the default one where it was."""
    kept = to_record(asked, was, **identity)
    return kept.with_(default_smtp="replace") if _replaces_default(asked) else kept


def _binding_name(current: Certificate) -> TlsCertificateName | None:
    name = current.tls_certificate_name
    return name if isinstance(name, TlsCertificateName) else None


def _unusable_window(case: _Case, current: Certificate) -> tuple[Diagnostic, ...]:
    window, begin, end = case.asked.renew_before, current.not_before, current.not_after
    if not (isinstance(window, str) and isinstance(begin, datetime) and isinstance(end, datetime)):
        return ()
    lifetime = end - begin
    if is_window_usable(lifetime, window):
        return ()
    return (problems.window_too_long(case.address, window, round(lifetime / timedelta(days=1))),)


def _missing_services(case: _Case, current: Certificate) -> tuple[frozenset[str], bool]:
    """Declared services that are not enabled [2.3-2], and whether that is only for want of reading them."""
    wanted = case.asked.services
    if not isinstance(wanted, frozenset):
        return frozenset(), False
    if isinstance(current.services, frozenset):
        return wanted - current.services, False
    if case.was and case.was.public_key == current.public_key and isinstance(case.was.services, frozenset):
        return wanted - case.was.services, True
    return wanted, True


def _enable(case: _Case, thumbprint: Thumbprint | Deferred, services: frozenset[str]) -> Invocation:
    return cmdlets.enable(
        thumbprint,
        services,
        server=case.server,
        edge=case.edge,
        replace_default=case.asked.default_smtp == "replace",
    )


def _why_replace(case: _Case, current: Certificate, *, ours: bool) -> str:
    """Why the certificate that is there will not do; "" when it does."""
    asked = case.asked
    if case.urgent is not None and not _came_since(case, current, case.urgent.since):
        return f"is replaced at once: {case.urgent.reason}"
    if isinstance(current.not_after, datetime) and isinstance(current.not_before, datetime):
        day = f"{current.not_after:%Y-%m-%d}"
        if current.not_after <= case.now:
            return f"expired {day}"
        dates = current.not_before, current.not_after, case.now, asked.renew_before
        if renewal_due(*dates):
            window = asked.renew_before if isinstance(asked.renew_before, str) else "1/3"
            return f"expires {day}, inside renew_before {window}"
        if renewal_due(*dates, case.turnaround):
            return f"expires {day}, and {asked.issuer} may take {_days(case.turnaround)}"
    if isinstance(asked.domains, frozenset) and isinstance(current.domains, frozenset):
        missing = sorted(map(str, uncovered(current.domains, asked.domains)))
        if missing:
            return f"does not cover {', '.join(missing)}"
    if (
        isinstance(asked.key_size, int)
        and isinstance(current.key_size, int)
        and current.key_size != asked.key_size
    ):
        return f"has a key of {current.key_size} bits"
    if ours and case.was:
        for name in (*REQUEST_ATTRIBUTES, "issuer"):
            before, after = getattr(case.was, name), getattr(asked, name)
            if UNSET not in (before, after) and before != after:
                return f"was made with another {name}"
    return case.behind


def _upcoming(case: _Case, current: Certificate) -> Upcoming | None:
    """When the certificate that is there is to be renewed."""
    if not (isinstance(current.not_before, datetime) and isinstance(current.not_after, datetime)):
        return None
    due = renewal_date(current.not_before, current.not_after, case.asked.renew_before, case.turnaround)
    return Upcoming(
        address=case.address, renewal=due, expires=current.not_after, issuer=str(case.asked.issuer)
    )


def _days(span: timedelta) -> str:
    """A span for people, never too short."""
    days = math.ceil(span / timedelta(days=1))
    return f"{days} days" if days != 1 else "a day"


def _came_since(case: _Case, current: Certificate, since: datetime) -> bool:
    """Whether it was imported by this tool after an instant."""
    recorded = case.record.resources.get(case.address)
    is_recorded = case.was is not None and case.was.public_key == current.public_key
    return is_recorded and recorded is not None and recorded.milestones.get("imported", _LONG_AGO) >= since


def _asks_for(asked: Certificate) -> tuple[Any, ...]:
    """What a request is made of; its names with the common name, which is always among them [2.1-6]."""
    others = tuple(getattr(asked, name) for name in REQUEST_ATTRIBUTES if name != "domains")
    return (asked_domains(asked), *others)


def _before(current: Certificate | None, name: str) -> Any:
    return UNSET if current is None else live_value(current, name)


def _lost_services(case: _Case, current: Certificate) -> dict[str, Difference]:
    """Recorded services that are gone; those that others enabled are no drift of ours [2.3-2]."""
    was, have = case.was.services if case.was else UNSET, current.services
    if isinstance(was, frozenset) and isinstance(have, frozenset) and was - have:
        return {"services": Difference(was, have)}
    return {}


def _thumbprint(current: Certificate) -> Thumbprint:
    if not isinstance(current.thumbprint, Thumbprint):
        raise ValueError("a live certificate has a thumbprint: it is computed from the certificate itself")
    return current.thumbprint
