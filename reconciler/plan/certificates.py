"""What becomes of one declared certificate, and what connectors may bind to meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from reconciler.diagnostics import Diagnostic
from reconciler.pki.selection import Selection, may_be_pending, select, with_ends
from state.address import Address
from state.resources import Certificate
from state.values import UNKNOWN, UNSET, Deferred, Thumbprint

from . import certificate_problems, problems, unread_problems
from .arriving import continued, fetched, new_request, renewed
from .bought import plan_bought
from .case import (
    Case,
    CertificatePlan,
    asks_for,
    binding_name_of,
    case_of,
    current_of,
    is_marked,
    is_open,
    unrecorded_request,
)
from .change import Action, Change, Difference
from .due import upcoming_of, why_replace
from .kept import keep, missing_services
from .renewing import another_key, why_not_again
from .settle import may_answer
from .sharing import Member, Share, held_by, share_of
from .situation import Situation, home_of


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
    case = case_of(address, asked, situation)
    if asked.mode == "observe":
        return _observed(case)
    sharing = _sharing(case, situation)
    if (bought := situation.bought.get(address)) is not None:
        return plan_bought(case, bought, [one for one in sharing.values() if one is not None] or [case])
    if isinstance(asked.shared_by, tuple):
        return _told_of_others(case, _shared(case, sharing))
    return _told_of_others(case, _alone(replace(case, behind=behind)))


def _told_of_others(case: Case, planned: CertificatePlan) -> CertificatePlan:
    """The same, with a warning where the certificate that is taken over was not the only one."""
    learned = planned.change.learned if planned.change is not None else None
    resource = learned.recorded.resource if learned is not None and learned.recorded is not None else None
    found = current_of(case)
    taken = resource.thumbprint if isinstance(resource, Certificate) else UNSET
    candidates = [str(one.thumbprint) for one in (found.certificate, *found.others) if one is not None]
    if not isinstance(taken, Thumbprint) or len(candidates) < 2 or str(taken) not in candidates:
        return planned
    by = "have its mark" if found.by == "mark" else "cover its names"
    others = [one for one in candidates if one != str(taken)]
    told = certificate_problems.one_of_several(case.address, case.server, str(taken), others, by)
    return replace(planned, diagnostics=(*planned.diagnostics, told))


def _alone(case: Case) -> CertificatePlan:
    """One whose key no other server has, or that makes the request for all of them."""
    address, asked, request = case.address, case.asked, case.request
    if asked.issuer is UNSET or request is None or not is_open(case, request):
        return _without_request(case)
    is_same = asks_for(request.asked) == asks_for(asked)
    if is_same and not case.is_compromised:
        return continued(case, request)
    planned = _without_request(case)
    if is_same and (planned.change is None or planned.change.action not in (Action.CREATE, Action.REPLACE)):
        return planned
    told = certificate_problems.request_compromised if is_same else problems.request_abandoned
    abandoned = told(address, case.server)
    return replace(planned, diagnostics=(*planned.diagnostics, abandoned))


def _without_request(case: Case) -> CertificatePlan:
    if case.asked.issuer is UNSET:
        return _watched(case)
    selection = current_of(case)
    current, ours = selection.certificate, selection.by in ("record", "mark")
    reason = why_replace(case, current, ours=ours) if current else ""
    if current is not None and not reason:
        begin = current.not_before if isinstance(current.not_before, datetime) else None
        return replace(keep(case, current, ours=ours), upcoming=upcoming_of(case, current), issued=begin)
    reused = _with_same_key(case, current, reason)
    if reused is not None and reused.change is not None:
        return reused
    if not case.is_compromised and (request := unrecorded_request(case)) is not None:
        return continued(case, request)
    if current is None and (untold := _untold(case)) is not None:
        return CertificatePlan(None, None, (untold,))
    if current is not None or not selection.unclear:
        planned = new_request(case, reason, current)
        return replace(planned, diagnostics=reused.diagnostics) if reused is not None else planned
    told = with_ends(selection.unclear)
    unclear = unread_problems.not_judged(case.address, case.server, told, edge=case.edge)
    if not case.edge:
        return CertificatePlan(None, None, (unclear,))
    return replace(new_request(case, "", None), diagnostics=(unclear,))


def _with_same_key(case: Case, current: Certificate | None, reason: str) -> CertificatePlan | None:
    """The renewal that leaves the key as it is; why there is none, where one is declared; None where not."""
    if current is None or not case.keeps_key:
        return None
    if why := why_not_again(case, current):
        return CertificatePlan(None, None, (another_key(case.address, why),))
    return renewed(case, f"{reason}, keeps its key", current)


def _untold(case: Case) -> Diagnostic | None:
    """Why a new one cannot be requested: the declared one, or a request for it, may be there unseen."""
    if unread := [one for one in case.live if one.public_key is UNKNOWN]:
        return unread_problems.certificates_unread(case.address, case.server, len(unread))
    hidden = [
        str(one.thumbprint)
        for one in case.live
        if not case.edge and not one.is_described and may_be_pending(one) and may_answer(one, case.asked)
    ]
    return unread_problems.request_not_judged(case.address, case.server, hidden) if hidden else None


def _watched(case: Case) -> CertificatePlan:
    """One that somebody else renews: when it is due, its successor is looked for."""
    selection = current_of(case)
    current, ours = selection.certificate, selection.by in ("record", "mark")
    reason = why_replace(case, current, ours=ours) if current else "is gone"
    if reason:
        successor = select(case.asked, case.live, None, "", case.now).certificate
        if successor is not None and not why_replace(case, successor, ours=False):
            current, ours, reason = successor, False, ""
    if current is None:
        return CertificatePlan(None, None, (_missing(case, selection),))
    planned = keep(case, current, ours=ours)
    if not reason:
        return planned
    ends = problems.certificate_ends(case.address, reason)
    return replace(planned, diagnostics=(*planned.diagnostics, ends))


def _observed(case: Case) -> CertificatePlan:
    """One that is looked at: neither requested, nor enabled, nor recorded."""
    current = current_of(case).certificate
    if current is None:
        return CertificatePlan(None, None, (problems.observed_missing(case.address, case.server),))
    missing, unread = missing_services(case, current)
    lacking = (
        {"services": Difference(case.asked.services, current.services)} if missing and not unread else {}
    )
    reason = why_replace(case, current, ours=False)
    return CertificatePlan(
        Change(address=case.address, action=Action.NONE, reason="only observed"),
        binding_name_of(current),
        (problems.observed_due(case.address, reason),) if reason else (),
        observed=lacking,
    )


def _missing(case: Case, selection: Selection) -> Diagnostic:
    if not selection.unclear and (unread := [one for one in case.live if one.public_key is UNKNOWN]):
        return unread_problems.certificates_unread(case.address, case.server, len(unread))
    if isinstance(case.asked.thumbprint, Thumbprint):
        return problems.pinned_missing(case.address, case.server, str(case.asked.thumbprint))
    if selection.unclear:
        return unread_problems.not_judged(case.address, case.server, with_ends(selection.unclear), edge=False)
    names = sorted(map(str, case.asked.domains)) if isinstance(case.asked.domains, frozenset) else []
    return problems.certificate_missing(case.address, case.server, names)


def _sharing(case: Case, situation: Situation) -> Mapping[Address, Case | None]:
    """The managed servers that share the key of a certificate; None for one that could not be read."""
    found: dict[Address, Case | None] = {}
    for name in case.asked.shared_by if isinstance(case.asked.shared_by, tuple) else ():
        address = Address.of("certificate", str(name), *case.address.parts[1:])
        asked = situation.desired.resources.get(address)
        if isinstance(asked, Certificate) and asked.mode != "observe":
            server = situation.server(home_of(asked))
            is_read = not server.unreachable and not server.certificates.unreadable
            found[address] = case_of(address, asked, situation) if is_read else None
    return found


def _shared(case: Case, sharing: Mapping[Address, Case | None]) -> CertificatePlan:
    """One key on several servers: kept where it is, fetched from where it is, requested by one of them."""
    cases = {address: one for address, one in sharing.items() if one is not None}
    share = share_of([_member(one) for one in cases.values()], next(iter(sharing)), case.now)
    if share.certificate is not None:
        if (held := held_by(case.live, share.certificate)) is not None:
            kept = keep(case, held, ours=any(_is_ours(one, held) for one in cases.values()))
            return replace(kept, upcoming=upcoming_of(case, held))
        source = cases.get(share.source) if share.source else None
        return fetched(case, source, share.certificate) if source else CertificatePlan(None, None)
    requester = cases.get(share.requester)
    if requester is None:
        return CertificatePlan(None, None)  # which could not be read, and that is told
    requested = _requested_for_all(requester, share)
    if case.address == share.requester or requested.change is None:
        return requested if case.address == share.requester else CertificatePlan(None, None)
    waits = requested.change.action is Action.WAIT
    giver = cases.get(share.spare_source) if share.spare_source else None
    if waits and share.spare is not None and giver is not None and not _has_valid(case):
        return fetched(case, giver, share.spare)
    return fetched(case, requester, None, waits=waits)


def _requested_for_all(case: Case, share: Share) -> CertificatePlan:
    """The request that one server makes for all."""
    planned = _alone(case)
    is_kept = planned.change is not None and not isinstance(planned.name, Deferred)
    if not (share.is_bound_to_place and is_kept):
        return planned
    if (request := unrecorded_request(case)) is not None:
        return continued(case, request)
    return new_request(case, "its key may not leave its server", current_of(case).certificate)


def _member(case: Case) -> Member:
    selection, request = current_of(case), case.request
    chosen, ours = selection.certificate, selection.by in ("record", "mark")
    return Member(
        address=case.address,
        live=case.live,
        chosen=chosen,
        is_ours=ours,
        fault=why_replace(case, chosen, ours=ours) if chosen is not None else "",
        is_open=request is not None
        and is_open(case, request)
        and asks_for(request.asked) == asks_for(case.asked),
        is_marked=unrecorded_request(case) is not None,
    )


def _is_ours(case: Case, held: Certificate) -> bool:
    """Whether a server tells that this tool requested a certificate, for whichever of those that share it."""
    recorded = case.was is not None and case.was.public_key == held.public_key and case.was_created
    here = held_by(case.live, held)
    return recorded or (here is not None and is_marked(case, here))


def _has_valid(case: Case) -> bool:
    """Whether a server has a certificate to go on with for a while."""
    current = current_of(case).certificate
    ends = current.not_after if current is not None else None
    return isinstance(ends, datetime) and ends > case.now
