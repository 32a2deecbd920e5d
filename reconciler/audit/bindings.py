"""Whether connectors find the certificate that they are to present: rules [3-15], [3-16], [2.5-2]."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from reconciler.pki.presenting import By, Presented, WhyNot
from state.resources import Certificate, SendConnector

from . import rules
from .finding import Finding, Rule, Weight
from .organization import Audited, Shown


def check_bindings(audited: Audited) -> Iterator[Finding]:
    """Where a certificate could not be read, that is told as such, and not again for what follows from it."""
    for shown in audited.shown():
        found = shown.presented
        if found is None:
            yield from _not_looked_at(shown, audited)
        elif found.certificate is None:
            match found.by:
                case By.NAME if not found.unclear:
                    yield _by_name(shown, found)
                case By.FQDN if shown.is_open and not found.unclear:
                    yield _by_fqdn(shown, found)


def _not_looked_at(shown: Shown, audited: Audited) -> Iterator[Finding]:
    """A source server whose certificates nobody read."""
    name = shown.connector.tls_certificate_name
    known = {one.name for one in audited.known.objects}
    if not name or (known and shown.server not in known):
        return  # without a name there is nothing to dangle; a server that is gone is told as such
    detail = f"Whether {shown.server} has {name} is not known: its certificates were not read."
    yield replace(_finding(rules.DANGLING, Weight.UNKNOWN, shown, detail), instead=rules.READ_IT)


def _by_name(shown: Shown, found: Presented) -> Finding:
    weight = Weight.FINDING if shown.is_open else Weight.INFO
    there = f"{shown.server} has"
    if near := found.missed(WhyNot.NOT_ENABLED):
        detail = f"{there} {_list(near)} for {found.name}, not enabled for SMTP: it may not be presented."
        return _finding(rules.NOT_ENABLED, weight, shown, detail)
    reasons = [
        f"{_list(near)} {why.value}{_when(near, why)}"
        for why in (WhyNot.EXPIRED, WhyNot.NOT_YET, WhyNot.NO_KEY, WhyNot.PENDING)
        if (near := found.missed(why))
    ]
    nothing = f"{there} no certificate {found.name}" + (" that is good" if reasons else "")
    return _finding(rules.DANGLING, weight, shown, f"{nothing}{''.join(f': {one}' for one in reasons)}.")


def _by_fqdn(shown: Shown, found: Presented) -> Finding:
    """A client that sends seldom has to show a certificate; a server always has to."""
    near = found.missed(WhyNot.EXPIRED)
    why = f", but for {_list(near)}, expired{_when(near, WhyNot.EXPIRED)}" if near else ""
    detail = (
        f"It answers as {found.fqdn}, for which {shown.server} has no valid certificate that is enabled for "
        f"SMTP{why}. The server's default certificate may be presented."
    )
    weight = Weight.INFO if isinstance(shown.connector, SendConnector) else Weight.FINDING
    return _finding(rules.NOT_COVERED, weight, shown, detail)


def _finding(rule: Rule, weight: Weight, shown: Shown, detail: str) -> Finding:
    connector = shown.connector
    return Finding(rule, weight, connector.kind, str(connector.name), str(shown.server), detail)


def _list(certificates: tuple[Certificate, ...]) -> str:
    return " and ".join(str(one.thumbprint) for one in certificates)


def _when(certificates: tuple[Certificate, ...], why: WhyNot) -> str:
    if why is not WhyNot.EXPIRED:
        return ""
    ends = [one.not_after for one in certificates if isinstance(one.not_after, datetime)]
    return f" {max(ends):%Y-%m-%d}" if ends else ""
