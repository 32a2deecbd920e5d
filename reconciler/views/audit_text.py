"""What an audit found, for people: the heaviest first."""

from __future__ import annotations

from collections import Counter
from itertools import groupby

from reconciler.audit.finding import Finding, Weight
from reconciler.audit.judge import Audit

from .terminal import DEFAULT_WIDTH, Ink, counted, harmless, wrapped

_KINDS = {
    "certificate": "certificate",
    "send_connector": "send connector",
    "receive_connector": "receive connector",
    "server": "server",
    "edge_subscription": "Edge subscription",
}


def render_audit(audit: Audit, *, colour: bool = False, width: int = DEFAULT_WIDTH) -> str:
    """Every finding with what to try, those of one rule under one head; then what was looked at."""
    ink = Ink(colour)
    blocks = [
        _rule(list(found), ink=ink, width=width)
        for _, found in groupby(audit.findings, key=lambda one: (one.weight, one.rule, one.remedy))
    ]
    return "\n".join([*blocks, _verdict(audit, ink)])


def _rule(found: list[Finding], *, ink: Ink, width: int) -> str:
    first = found[0]
    paint = {Weight.FINDING: ink.red, Weight.UNKNOWN: ink.yellow, Weight.INFO: ink.cyan}[first.weight]
    lines = [f"{paint(first.weight.value + ':')} {ink.bold(first.rule.title)} ({first.rule.id})"]
    for one in found:
        lines.append(f"  {_object(one)}")
        lines += wrapped(one.detail, width=width, indent="    ")
    lines += wrapped(f"hint: {first.remedy}", width=width, indent="  ", hanging="        ")
    return "\n".join(lines) + "\n"


def _object(finding: Finding) -> str:
    if finding.kind == "server":
        return harmless(finding.object) or "the organization"
    quoted = finding.object if finding.kind == "certificate" else f'"{finding.object}"'
    where = f" on {finding.server}" if finding.server else ""
    return harmless(f"{_KINDS[finding.kind]} {quoted}{where}")


def _verdict(audit: Audit, ink: Ink) -> str:
    looked_at = (
        f"{', '.join(audit.servers) or 'No server'}: {counted(audit.send_connectors, 'send connector')}, "
        f"{counted(audit.receive_connectors, 'receive connector')}, "
        f"{counted(audit.certificates, 'certificate')} looked at"
    )
    counts = Counter(one.weight for one in audit.findings)
    parts = [counted(counts[Weight.FINDING], "finding")] if audit.has_findings else ["No findings"]
    parts += [f"{counts[Weight.INFO]} to know"] if counts[Weight.INFO] else []
    parts += [f"{counts[Weight.UNKNOWN]} unknown"] if counts[Weight.UNKNOWN] else []
    if not audit.is_complete:
        parts.append("not everything could be read")
    return f"{harmless(looked_at)}.\n{ink.bold(', '.join(parts))}\n"
