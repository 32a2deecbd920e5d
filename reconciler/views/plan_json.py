"""A plan for machines: one document, whose schema is :func:`reconciler.views.schemas.plan_schema`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from reconciler.cmdlets.invocation import Invocation, parameter_to_json
from reconciler.diagnostics import Diagnostic
from reconciler.plan.change import Action, Change, Difference, Plan
from state.resources import KINDS, Json
from state.resources.attribute import INSTANT
from state.values import UNKNOWN, UNSET, CredentialReference, Deferred

PLAN_FORMAT = "1.4"
"""Of the document. The second number grows when a key is added, the first when one changes its meaning."""


def plan_to_json(plan: Plan, *, tool_version: str) -> dict[str, Json]:
    """The whole plan. Addresses that need nothing are counted in ``summary``, not listed.

    In ``attributes`` a side that is not set is left out (``before`` of what is created); null is
    Exchange's ``$null``. A value without text is an object with one key: ``deferred``, ``secret``
    or ``unknown``.
    """
    counts = Counter(change.action for change in plan.changes)
    return {
        "format_version": PLAN_FORMAT,
        "tool_version": tool_version,
        "organization": plan.organization,
        "summary": {
            "create": counts[Action.CREATE],
            "update": counts[Action.UPDATE],
            "replace": counts[Action.REPLACE],
            "delete": counts[Action.DELETE],
            "adopt": counts[Action.ADOPT],
            "forget": counts[Action.FORGET],
            "unchanged": counts[Action.NONE],
            "waiting": counts[Action.WAIT],
        },
        "changes": [_change(change) for change in plan.changes if change.action is not Action.NONE],
        "drift": [
            {
                "address": str(one.address),
                "attributes": _attributes(one.address.type, one.attributes),
                "observed": one.is_observed,
            }
            for one in plan.drift
        ],
        "upcoming": [
            {
                "address": str(one.address),
                "renewal": INSTANT.to_json(one.renewal),
                "expires": INSTANT.to_json(one.expires),
                "issuer": one.issuer,
                "reason": one.reason,
            }
            for one in plan.upcoming
        ],
        "diagnostics": [diagnostic_to_json(diagnostic) for diagnostic in plan.diagnostics],
    }


def render_plan_json(plan: Plan, *, tool_version: str) -> str:
    """The document as text; ASCII, so that no console or pipe can spoil it."""
    return json.dumps(plan_to_json(plan, tool_version=tool_version), indent=2) + "\n"


def diagnostic_to_json(diagnostic: Diagnostic) -> dict[str, Json]:
    where = diagnostic.where
    return {
        "severity": diagnostic.severity.value,
        "summary": diagnostic.summary,
        "detail": diagnostic.detail,
        "hint": diagnostic.hint,
        "subject": diagnostic.subject,
        "where": {"file": where.file, "line": where.line, "column": where.column} if where else None,
    }


def _change(change: Change) -> dict[str, Json]:
    return {
        "address": str(change.address),
        "action": change.action.value,
        "attributes": _attributes(change.address.type, change.attributes),
        "invocations": [_invocation(invocation) for invocation in change.invocations],
        "on_failure": [_invocation(invocation) for invocation in change.on_failure],
        "reason": change.reason,
        "presented_by": [str(address) for address in change.presented_by],
    }


def _invocation(invocation: Invocation) -> dict[str, Json]:
    document: dict[str, Json] = {
        "server": invocation.server,
        "cmdlet": invocation.cmdlet,
        "parameters": {name: parameter_to_json(value) for name, value in invocation.parameters.items()},
    }
    if invocation.answers:
        document["answers"] = [{"prompt": one.prompt, "answer": one.answer} for one in invocation.answers]
    return document


def _attributes(kind: str, differences: Mapping[str, Difference]) -> dict[str, Json]:
    return {name: _difference(kind, name, difference) for name, difference in differences.items()}


def _difference(kind: str, name: str, difference: Difference) -> dict[str, Json]:
    sides = (("before", difference.before), ("after", difference.after))
    return {side: _value(kind, name, value) for side, value in sides if value is not UNSET}


def _value(kind: str, name: str, value: Any) -> Json:
    if value is UNKNOWN:
        return {"unknown": True}
    match value:
        case Deferred():
            return {"deferred": str(value)}
        case CredentialReference():
            return {"secret": True}
        case _:
            return KINDS[kind].attributes()[name].type.to_json(value)
