"""What is declared and not all ours to change: how it differs is told, and left as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from reconciler.diagnostics import Diagnostic
from state.address import Address
from state.resources import Kind, SendConnector, Server
from state.values import UNSET, Deferred

from . import problems
from .binding import C, bind
from .case import CertificatePlan
from .change import Action, Change, Difference
from .compare import compare
from .send_connectors import ConnectorPlan, find
from .situation import Situation, home_of


def plan_observed(
    address: Address, connector: C, certificates: Mapping[Address, CertificatePlan], situation: Situation
) -> ConnectorPlan:
    """A connector that is only looked at: nothing is changed, neither in Exchange nor in the record."""
    live = _live(address, connector, situation)
    if isinstance(live, Diagnostic):
        return ConnectorPlan(None, (live,))
    bound = bind(address, connector, certificates)
    expected = (
        connector.with_(tls_certificate_name=UNSET) if isinstance(bound, Diagnostic) else bound.connector
    )
    unchanged = Change(address=address, action=Action.NONE, reason="only observed")
    return ConnectorPlan(unchanged, observed=_differing(expected, live))


def plan_bound(
    address: Address,
    connector: C,
    plan_one: Callable[[Address, C, Situation], ConnectorPlan],
    situation: Situation,
) -> ConnectorPlan:
    """A connector of ``mode: certificates``: its binding is made as declared, the rest is observed."""
    live = _live(address, connector, situation)
    if isinstance(live, Diagnostic):
        return ConnectorPlan(None, (live,))
    rest = connector.with_(tls_certificate_name=UNSET)
    others = {attribute.name: UNSET for attribute, _ in rest.declared(Kind.WRITABLE)}
    planned = plan_one(address, connector.with_(**{**others, "name": live.name}), situation)
    return replace(planned, observed=_differing(rest, live))


def is_observed(address: Address, situation: Situation) -> bool:
    """True for an address whose server or set is not managed as a whole."""
    server = situation.desired.resources.get(Address.of("server", address.parts[0]))
    if isinstance(server, Server):
        return server.mode is not UNSET
    return any(
        connector.mode is not UNSET
        for other, connector in situation.desired.of(SendConnector)
        if other.parts[0] == address.parts[0]
    )


def _live(address: Address, connector: C, situation: Situation) -> C | Diagnostic:
    """The live object behind an address, or why there is none to look at."""
    server = home_of(connector)
    if isinstance(connector, SendConnector):
        unreadable = situation.server(server).send_connectors.unreadable
        match = find(address, connector.name, server, situation)
        live = match.live if match else None
    else:
        unreadable = situation.server(server).receive_connectors.unreadable
        live = situation.receive_connectors(server).by_name(connector.name)
    if unreadable:
        return problems.not_observed(address, str(server), unreadable)
    return live or problems.observed_missing(address, str(server))


def _differing(expected: C, live: C) -> dict[str, Difference]:
    """Declared against live, as far as both are known."""
    return {
        name: Difference(difference.after, difference.before)
        for name, difference in compare(expected, live).differences.items()
        if not isinstance(difference.after, Deferred)
    }
