"""What becomes of one declared receive connector: its declared attributes, never the object."""

from __future__ import annotations

from reconciler.cmdlets import receive_connector as cmdlets
from state.address import Address
from state.record import Learned, Recorded
from state.resources import ReceiveConnector
from state.values import UNKNOWN, Fqdn

from . import problems
from .builds import not_known
from .change import Action, Change, Difference
from .compare import compare, drift
from .recording import to_record, unchanged
from .send_connectors import ConnectorPlan
from .situation import Situation, home_of


def plan_receive_connector(
    address: Address, desired: ReceiveConnector, situation: Situation
) -> ConnectorPlan:
    """Work out what one declared receive connector needs; its certificate is resolved already."""
    server = home_of(desired)
    listing = situation.server(server).receive_connectors
    if listing.unreadable:
        problem = problems.list_unreadable(address, str(server), "receive connectors", listing.unreadable)
        return ConnectorPlan(None, (problem,))
    if lacking := not_known(address, desired, server, situation):
        return ConnectorPlan(None, lacking)
    there = situation.receive_connectors(server)
    live = there.by_name(desired.name)
    if live is None:
        missing = problems.receive_connector_missing(address, str(desired.name), str(server), there.names())
        return ConnectorPlan(None, (missing,))
    if refusal := _fqdn_refused(desired, live, situation):
        return ConnectorPlan(None, (problems.fqdn_refused(address, str(desired.fqdn), refusal),))
    return _compared(address, desired, live, situation)


def _compared(
    address: Address, desired: ReceiveConnector, live: ReceiveConnector, situation: Situation
) -> ConnectorPlan:
    recorded = situation.record.resources.get(address)
    was = recorded.resource if recorded and isinstance(recorded.resource, ReceiveConnector) else None
    comparison = compare(desired, live)
    unread = {
        name: value for name, value in comparison.unread.items() if was is None or getattr(was, name) != value
    }
    resource = to_record(desired, guid=live.guid)
    moved = drift(was, live) if was else {}
    if not comparison.differences and not unread:
        return ConnectorPlan(
            unchanged(address, resource, situation.record, created=False, now=situation.now), drift=moved
        )
    differences = {
        **comparison.differences,
        **{name: Difference(UNKNOWN, value) for name, value in unread.items()},
    }
    wanted = {name: difference.after for name, difference in differences.items()}
    change = Change(
        address=address,
        action=Action.UPDATE,
        attributes=differences,
        invocations=(cmdlets.change(live, wanted, server=str(home_of(desired))),),
        learned=Learned(address, Recorded(resource, created=False, at=situation.now)),
    )
    diagnostics = (problems.set_once(address, sorted(unread)),) if unread else ()
    return ConnectorPlan(change, diagnostics, moved)


def _fqdn_refused(desired: ReceiveConnector, live: ReceiveConnector, situation: Situation) -> str:
    """The server's own name, when Exchange will take no other [4-4]; "" when it will."""
    mechanisms = (
        desired.auth_mechanism if isinstance(desired.auth_mechanism, frozenset) else live.auth_mechanism
    )
    if not isinstance(desired.fqdn, Fqdn) or desired.fqdn == live.fqdn:
        return ""
    if not isinstance(mechanisms, frozenset) or "ExchangeServer" not in mechanisms:
        return ""
    name = home_of(desired)
    own = next(
        (server.fqdn for server in situation.server(name).server.objects if server.name == name), UNKNOWN
    )
    if not isinstance(own, Fqdn):
        return ""
    return "" if desired.fqdn.name in (own.name, str(name).lower()) else own.name
