"""Servers that send through a connector beside those that it is declared for: they present its certificate.

Of a connector that is not managed as a whole, or whose source servers are not declared, Exchange has the last
word on who they are.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.cmdlets.capabilities import lacks
from reconciler.diagnostics import Diagnostic
from state.address import Address
from state.resources import SendConnector
from state.values import UNKNOWN, UNSET, Deferred, Name, TlsCertificateName

from . import binding_problems
from .binding import C, presented_on
from .held_back import usable_until
from .send_connectors import find
from .situation import Situation, home_of

REASON = "waits for its other source servers"


def kept_for_others(address: Address, bound: C, situation: Situation) -> tuple[C, Diagnostic] | None:
    """The connector with the binding that it keeps for now, and why; None where all have the new one.

    Args:
        bound: With the name that it is to be bound by.
    """
    if not isinstance(bound, SendConnector) or bound.local is True or not bound.certificates:
        return None
    if bound.mode != "certificates" and bound.source_transport_servers is not UNSET:
        return None
    match = find(address, bound.name, home_of(bound), situation)
    if match is None or match.live.tls_certificate_name in (bound.tls_certificate_name, UNKNOWN):
        return None
    reasons = list(_lacking(bound, match.live, situation))
    if not reasons:
        return None
    told = binding_problems.not_on_other_sources(address, str(match.live.name), reasons)
    return bound.with_(tls_certificate_name=match.live.tls_certificate_name), told


def _lacking(bound: SendConnector, live: SendConnector, situation: Situation) -> Iterator[str]:
    """Who does not have a certificate of the new name, in sentences without their stop."""
    sources, name = live.source_transport_servers, bound.tls_certificate_name
    if sources is UNKNOWN:
        yield "its source servers could not be read"
        return
    others = sources - frozenset(presented_on(bound)) if isinstance(sources, frozenset) else frozenset[Name]()
    for server in sorted(others, key=str):
        if server not in situation.live.servers:
            yield f"{server} is not declared"
        elif lacks(SendConnector, "TlsCertificateName", situation.build(server), edge=False):
            continue  # it chooses by Fqdn, whatever the name
        elif isinstance(name, Deferred):
            yield f"what is to come is not issued, so {server} cannot have it"
        elif isinstance(name, TlsCertificateName) and not usable_until(name, (server,), situation):
            yield f"{server} has none of that name for SMTP"
