"""Get-EdgeSubscription, Start- and Test-EdgeSynchronization [1-5].

A subscribed Edge server has the send connectors whose source it is, as the organization had them when it was
last synchronized. Exchange synchronizes by itself, too; the lab only when it is told to.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import uuid4

from reconciler.lab.exchange.clixml import Value
from reconciler.lab.exchange.cmdlets.errors import INVALID_OPERATION, Refused, not_found
from reconciler.lab.exchange.cmdlets.run import Run, Steps
from reconciler.lab.exchange.objects.edge_subscription import synchronization
from reconciler.lab.exchange.objects.send_connector import send_connector
from reconciler.lab.exchange.organization import Server, Stored

_OF_THE_ORGANIZATION = frozenset(
    {"SourceRoutingGroup", "SourceTransportServers", "HomeMTA", "HomeMtaServerId"}
)


def get_subscription(run: Run) -> Steps:
    """Get-EdgeSubscription: those of the organization; an Edge server knows of none."""
    run.check_role()
    subscriptions = run.partition.edge_subscriptions.values()
    for stored in run.matching(subscriptions, run.bound.text("Identity")):
        yield run.show(stored)


def start(run: Run) -> Steps:
    """Start-EdgeSynchronization: of all subscribed Edge servers, or of the one that TargetServer names."""
    run.check_role()
    run.named_server()
    edges = _subscribed(run)
    if target := run.bound.text("TargetServer"):
        edges = [edge for edge in edges if edge is run.organization.server(target)]
        if not edges:
            raise not_found(target, run.controller)
    if not (yield from run.should_process("Starting synchronization with all subscribed Edge servers.")):
        return
    if not edges:
        raise _nothing_subscribed()
    for edge in edges:
        count = _synchronize(run, edge)
        yield run.show_value(synchronization(edge.name, count, run.now))


def test(run: Run) -> Steps:
    """Test-EdgeSynchronization."""
    run.check_role()
    if not (yield from run.should_process("Testing synchronization with all subscribed Edge servers.")):
        return
    edges = _subscribed(run)
    if not edges:
        raise _nothing_subscribed()
    for edge in edges:
        yield run.show_value(synchronization(edge.name, 0, run.now))


def _subscribed(run: Run) -> list[Server]:
    if run.server.home.is_edge:
        return []
    return [server for server in run.organization.servers.values() if run.organization.is_subscribed(server)]


def _synchronize(run: Run, edge: Server) -> int:
    """Give an Edge server the connectors whose source it is, and no other; returns how many."""
    meant = [
        stored
        for stored in run.partition.send_connectors.values()
        if edge.name in stored.texts("SourceTransportServers")
    ]
    for guid in list(edge.partition.send_connectors):
        run.organization.drop_send_connector(edge.partition, guid)
    for stored in meant:
        run.organization.put_send_connector(edge.partition, _copied(run, stored, edge))
    return len(meant)


def _copied(run: Run, stored: Stored, edge: Server) -> Stored:
    properties: Mapping[str, Value] = stored.tree.properties or {}
    given = {name: value for name, value in properties.items() if name not in _OF_THE_ORGANIZATION}
    tree = send_connector(
        edge.partition.forest,
        stored.name,
        uuid4(),
        [edge.name],
        given,
        build=edge.home.build,
        now=run.now,
        origin=edge.partition.origin,
    )
    return Stored(tree)


def _nothing_subscribed() -> Refused:
    # What Exchange says then is in no source at hand: type and text are ours [inf: queues].
    return Refused("No Edge Transport server is subscribed to this organization.", category=INVALID_OPERATION)
