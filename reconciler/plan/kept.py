"""The right certificate is there: perhaps it lacks a service, or is to become the default one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from reconciler.cmdlets import certificate as cmdlets
from reconciler.cmdlets.invocation import Invocation
from reconciler.diagnostics import Diagnostic
from reconciler.pki.renewal import is_window_usable
from state.record import Learned, Recorded
from state.resources import Certificate
from state.values import UNKNOWN, UNSET, Deferred, Thumbprint

from . import problems
from .case import Case, CertificatePlan, binding_name_of, is_marked, is_recorded, thumbprint_of
from .change import Action, Change, Difference
from .predecessors import replaced_by
from .recording import to_record, unchanged

_SMTP = frozenset({"SMTP"})


def keep(case: Case, current: Certificate, *, ours: bool) -> CertificatePlan:
    """The right certificate is there: perhaps it lacks a service, or is to become the default one."""
    asked, address = case.asked, case.address
    created = _is_created(case, current, ours=ours)
    resource = certificate_to_record(
        asked,
        case.was,
        public_key=current.public_key,
        thumbprint=current.thumbprint,
        **_dates(case, current),
    )
    moved = _lost_services(case, current)
    name = binding_name_of(current)
    missing, unread = missing_services(case, current)
    diagnostics = _unusable_window(case, current)
    becomes_default = _becomes_default(case, current)
    recorded = Recorded(
        resource,
        created,
        case.now,
        milestones=_milestones(case, current),
        predecessors=replaced_by(case, current),
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
        invocations=(enable(case, thumbprint_of(current), missing | _SMTP if becomes_default else missing),),
        learned=Learned(address, recorded),
    )
    return CertificatePlan(change, name, diagnostics, moved)


def _is_created(case: Case, current: Certificate, *, ours: bool) -> bool:
    """Whether this tool requested it. One that was taken over stays somebody else's, whoever finds it."""
    if is_recorded(case, current):
        return case.was_created or is_marked(case, current)
    return ours and case.asked.issuer is not UNSET


def _dates(case: Case, current: Certificate) -> dict[str, Any]:
    """Its validity, for when its server cannot be read. That the record lacks it is no change of its own."""
    if case.was is not None and is_recorded(case, current) and case.was.not_after is UNSET:
        return {}
    return {"not_before": current.not_before, "not_after": current.not_after}


def _milestones(case: Case, current: Certificate) -> Mapping[str, datetime]:
    """What is known of how far the certificate that is there has come."""
    recorded = case.record.resources.get(case.address)
    if recorded and is_recorded(case, current):
        return recorded.milestones
    return {}


def _becomes_default(case: Case, current: Certificate) -> bool:
    """Whether it has to be made the default SMTP certificate, which is not to be read [2.3-4]: done once."""
    if not replaces_default(case.asked):
        return False
    return case.was is None or not is_recorded(case, current) or case.was.default_smtp != "replace"


def replaces_default(asked: Certificate) -> bool:
    return (
        asked.default_smtp == "replace" and isinstance(asked.services, frozenset) and asked.services >= _SMTP
    )


def certificate_to_record(asked: Certificate, was: Certificate | None = None, **identity: Any) -> Certificate:
    """What is kept of it, and that it was made the default one where it was."""
    kept = to_record(asked, was, **identity)
    return kept.with_(default_smtp="replace") if replaces_default(asked) else kept


def _unusable_window(case: Case, current: Certificate) -> tuple[Diagnostic, ...]:
    window, begin, end = case.asked.renew_before, current.not_before, current.not_after
    if not (isinstance(window, str) and isinstance(begin, datetime) and isinstance(end, datetime)):
        return ()
    lifetime = end - begin
    if is_window_usable(lifetime, window):
        return ()
    return (problems.window_too_long(case.address, window, round(lifetime / timedelta(days=1))),)


def missing_services(case: Case, current: Certificate) -> tuple[frozenset[str], bool]:
    """Declared services that are not enabled [2.3-2], and whether that is only for want of reading them."""
    wanted = case.asked.services
    if not isinstance(wanted, frozenset):
        return frozenset(), False
    if isinstance(current.services, frozenset):
        return wanted - current.services, False
    if case.was and is_recorded(case, current) and isinstance(case.was.services, frozenset):
        return wanted - case.was.services, True
    return wanted, True


def enable(case: Case, thumbprint: Thumbprint | Deferred, services: frozenset[str]) -> Invocation:
    return cmdlets.enable(
        thumbprint,
        services,
        server=case.server,
        edge=case.edge,
        replace_default=case.asked.default_smtp == "replace",
    )


def _lost_services(case: Case, current: Certificate) -> dict[str, Difference]:
    """Recorded services that are gone; those that others enabled are no drift of ours [2.3-2]."""
    was, have = case.was.services if case.was else UNSET, current.services
    if isinstance(was, frozenset) and isinstance(have, frozenset) and was - have:
        return {"services": Difference(was, have)}
    return {}
