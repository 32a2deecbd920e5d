"""Edge servers that are subscribed: their send connectors are the organization's [1-5].

What is declared under such a server is planned as a connector of the organization whose source it is, and
after a change the Edge server is synchronized.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from reconciler.cmdlets import edge_synchronization as cmdlets
from reconciler.diagnostics import Diagnostic
from state.address import Address
from state.resources import Resource, SendConnector, Server
from state.snapshot import Snapshot
from state.values import UNSET, Name

from . import problems
from .change import Action, Change
from .situation import Situation, home_of

EDGE_SYNC = "EdgeSync - "
"""How the names of the connectors begin that a subscription brings [1-5]."""


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """A situation in which every send connector stands where it can be changed.

    Attributes:
        situation: As it was, but for the connectors of subscribed Edge servers.
        edges: The declared Edge servers that are subscribed.
    """

    situation: Situation
    edges: frozenset[Name]
    diagnostics: tuple[Diagnostic, ...] = ()


def with_subscriptions(situation: Situation) -> Subscriptions:
    """Move the send connectors of subscribed Edge servers to the organization."""
    listing = situation.live.organization.edge_subscriptions
    declared = {Name(address.parts[0]): server for address, server in situation.desired.of(Server)}
    edges = {name for name, server in declared.items() if server.role == "edge"}
    listed = {found.name for found in listing.objects}
    subscribed = {edge for edge in edges if edge in listed}  # as declared, whatever casing is listed
    mailbox = tuple(name for name, server in declared.items() if server.role != "edge")
    resources: dict[Address, Resource] = {}
    told: list[Diagnostic] = []
    for address, resource in situation.desired.resources.items():
        edge = _local_to(resource)
        if edge in subscribed and isinstance(resource, SendConnector):
            if resource.source_ip_address is not UNSET:
                told.append(problems.source_address_subscribed(address, str(edge)))
            follows = resource.role == "other" and resource.mode == "certificates"
            resource = resource.with_(
                local=False,
                home=mailbox,
                source_transport_servers=UNSET if follows else frozenset({edge}),
                source_ip_address=UNSET,
            )
        resources[address] = resource
    local = {
        edge
        for one in resources.values()
        if (edge := _local_to(one)) and isinstance(one, SendConnector) and one.mode != "observe"
    }
    for edge in sorted(local, key=str):
        told += _seems_subscribed(edge, situation)
    return Subscriptions(
        replace(situation, desired=Snapshot(resources)) if subscribed else situation,
        frozenset(subscribed),
        tuple(told),
    )


def synchronizations(changes: Iterable[Change], subscriptions: Subscriptions) -> list[Change]:
    """What carries changes over to the Edge servers whose connectors they are."""
    found: list[Change] = []
    changed = {
        change.address: sources
        for change in changes
        if change.action.is_mutating and (sources := _sources(change, subscriptions.situation))
    }
    for edge in sorted(subscriptions.edges, key=str):
        of_edge = frozenset(address for address, sources in changed.items() if edge in sources)
        if not of_edge:
            continue
        server = next(change.invocations[0].server for change in changes if change.address in of_edge)
        found.append(
            Change(
                address=Address.of("server", str(edge)),
                action=Action.UPDATE,
                invocations=(cmdlets.synchronize(str(edge), server=server),),
                requires=of_edge,
                reason="takes over the send connectors that were changed in the organization",
            )
        )
    return found


def _local_to(resource: Resource) -> Name | None:
    """The Edge server that a send connector is declared to be local to."""
    if isinstance(resource, SendConnector) and resource.local is True:
        return home_of(resource)
    return None


def _seems_subscribed(edge: Name, situation: Situation) -> list[Diagnostic]:
    """An Edge server that the organization does not tell of, and that EdgeSync has been at."""
    listing = situation.server(edge).send_connectors
    names = [str(found.name) for found in listing.objects if isinstance(found.name, Name)]
    brought = sorted(name for name in names if name.casefold().startswith(EDGE_SYNC.casefold()))
    if not brought:
        return []
    return [problems.subscription_unknown(str(edge), brought, situation.live.organization.edge_subscriptions)]


def _sources(change: Change, situation: Situation) -> frozenset[Name]:
    """The source servers of a send connector before and after its change."""
    if change.address.type != "send_connector" or not change.invocations:
        return frozenset()
    after = change.learned.recorded.resource if change.learned and change.learned.recorded else None
    found = [after] if isinstance(after, SendConnector) else []
    invocation = change.invocations[0]
    live = situation.send_connectors(Name(invocation.server))
    if isinstance(name := invocation.parameters.get("Identity"), str) and (
        before := live.by_name(Name(name)) or live.by_guid(name)
    ):
        found.append(before)
    return frozenset[Name]().union(
        *(
            connector.source_transport_servers
            for connector in found
            if isinstance(connector.source_transport_servers, frozenset)
        )
    )
