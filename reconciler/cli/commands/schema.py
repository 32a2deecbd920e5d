"""schema: what the YAML, the plan document and the event lines look like, for machines."""

from __future__ import annotations

import json

from reconciler.config.schema import json_schema
from reconciler.views.certificates_json import certificates_schema
from reconciler.views.schemas import audit_schema, events_schema, plan_schema

from ..console import Console
from ..exit_code import ExitCode

_SCHEMAS = {
    "desired": json_schema,
    "plan": plan_schema,
    "events": events_schema,
    "audit": audit_schema,
    "certificates": certificates_schema,
}


def schema(name: str) -> ExitCode:
    """Print one schema.

    Args:
        name: ``desired``, ``plan``, ``events``, ``audit`` or ``certificates``.
    """
    Console.of_this_process().document(json.dumps(_SCHEMAS[name](), indent=2) + "\n")
    return ExitCode.DONE
