"""What of a plan is done although a server or a list could not be read: renewals, and nothing else.

A plan that lacks something is not applied: what it takes away from mail may be given back by what could not
be planned. A certificate that is due does not wait for that: one server that stays dead would let those of
all others expire.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from reconciler.diagnostics import Diagnostic, Severity
from state.values import TlsCertificateName

from . import problems
from .change import Action, Change, Plan
from .retirement import is_retirement

_BINDING: Final = "tls_certificate_name"


def renewals_of(plan: Plan) -> Plan | None:
    """The certificates of a plan that replace others and what is bound to them, with its errors as warnings.

    Returns:
        None where something else is wrong than that it could not be read, or where nothing is to be done.
    """
    errors = [one for one in plan.diagnostics if one.severity is Severity.ERROR]
    kept = tuple(change for change in plan.changes if _is_renewal(change))
    if not all(one.is_apart for one in errors) or not any(one.action.is_run for one in kept):
        return None
    left = sum(change.action.is_run for change in plan.changes) - len(kept)
    told = (*map(_as_warning, plan.diagnostics), problems.renewals_only(left))
    return replace(plan, changes=kept, diagnostics=told)


def _is_renewal(change: Change) -> bool:
    """Whether a change replaces a certificate that is there, or a name that is bound by another."""
    if not change.action.is_run or is_retirement(change.address):
        return False
    if change.address.type == "certificate":
        recorded = change.learned.recorded if change.learned else None
        return recorded is not None and bool(recorded.predecessors)
    bound = change.attributes.get(_BINDING)
    is_alone = change.attributes.keys() == {_BINDING} and change.action is not Action.CREATE
    return is_alone and bound is not None and isinstance(bound.before, TlsCertificateName)


def _as_warning(diagnostic: Diagnostic) -> Diagnostic:
    return replace(diagnostic, severity=Severity.WARNING)
