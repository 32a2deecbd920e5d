"""What an audit found, for machines; :func:`reconciler.views.schemas.audit_schema` is its schema."""

from __future__ import annotations

import json
from collections import Counter

from reconciler.audit.finding import Finding, Weight
from reconciler.audit.judge import Audit
from state.resources import Json

AUDIT_FORMAT = "1.0"
"""Of the document. The second number grows when a key is added, the first when one changes its meaning."""


def audit_to_json(audit: Audit, *, tool_version: str) -> dict[str, Json]:
    counts = Counter(one.weight for one in audit.findings)
    return {
        "format_version": AUDIT_FORMAT,
        "tool_version": tool_version,
        "complete": audit.is_complete,
        "servers": list(audit.servers),
        "summary": {weight.value: counts[weight] for weight in Weight},
        "looked_at": {
            "send_connectors": audit.send_connectors,
            "receive_connectors": audit.receive_connectors,
            "certificates": audit.certificates,
        },
        "findings": [_finding(one) for one in audit.findings],
    }


def render_audit_json(audit: Audit, *, tool_version: str) -> str:
    """The document as text; ASCII, so that no console or pipe can spoil it."""
    return json.dumps(audit_to_json(audit, tool_version=tool_version), indent=2) + "\n"


def _finding(finding: Finding) -> dict[str, Json]:
    return {
        "rule": finding.rule.id,
        "severity": finding.weight.value,
        "kind": finding.kind,
        "object": finding.object,
        "server": finding.server,
        "title": finding.rule.title,
        "detail": finding.detail,
        "remedy": finding.remedy,
    }
