"""Receive connectors that offer no STARTTLS."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.mailflow.strangers import is_private
from state.resources import ReceiveConnector

from . import rules
from .finding import Finding, Weight
from .organization import Audited


def check_receive_connectors(audited: Audited) -> Iterator[Finding]:
    for server in audited.live.servers.values():
        for connector in server.receive_connectors.objects:
            auth = connector.auth_mechanism
            if connector.enabled is False or not isinstance(auth, frozenset) or "Tls" in auth:
                continue
            if _meets_strangers(connector):
                weight, whom = Weight.FINDING, "clients from the Internet among them"
            else:
                weight, whom = Weight.INFO, "none of them from the Internet"
            mechanisms = ", ".join(sorted(auth)) or "None"
            detail = f"AuthMechanism is {mechanisms}: its clients ({whom}) send in clear text."
            yield Finding(
                rules.RECEIVE_WITHOUT_TLS,
                weight,
                connector.kind,
                str(connector.name),
                str(server.name),
                detail,
            )


def _meets_strangers(connector: ReceiveConnector) -> bool:
    """True unless all that it answers to is known to be private."""
    ranges = connector.remote_ip_ranges
    return not (isinstance(ranges, frozenset) and ranges and all(map(is_private, ranges)))
