"""What becomes of one declared receive connector.

One that exists is changed in its declared attributes: the record owns those, never the object. One
that does not, and says where it listens and for whom, is created, and is this tool's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.cmdlets import receive_connector as cmdlets
from reconciler.cmdlets.receive_interlocks import interlocks
from reconciler.diagnostics import Diagnostic
from state.address import Address
from state.record import Learned, Recorded
from state.resources import Kind, ReceiveConnector
from state.values import UNKNOWN, UNSET, Fqdn, Name

from . import listener_problems, problems, unread_problems
from .builds import not_known
from .change import Action, Change, Difference
from .compare import compare, drift
from .recording import to_record, unchanged
from .send_connectors import ConnectorPlan
from .situation import Situation, home_of


@dataclass(frozen=True, slots=True)
class ListenerMatch:
    """The live connector behind an address.

    Attributes:
        created: This tool made it: the record knows its guid, or it carries our mark.
        marked: It carries our mark.
        rivals: Others that carry the same mark, where no recorded guid decides.
    """

    live: ReceiveConnector
    created: bool = False
    marked: bool = False
    rivals: int = 0


def find_listener(address: Address, name: object, server: Name, situation: Situation) -> ListenerMatch | None:
    """Tell which live connector an address means: the one we made, else by its name."""
    live = situation.receive_connectors(server)
    marked = live.by_mark(situation.mark(address))
    recorded = situation.record.resources.get(address)
    was = recorded.resource if recorded and isinstance(recorded.resource, ReceiveConnector) else None
    known = was.guid if recorded and recorded.created and was is not None else UNSET
    if isinstance(known, str) and (same := live.by_guid(known)) is not None:
        return ListenerMatch(same, created=True, marked=same in marked)
    if marked:
        named = [connector for connector in marked if connector.name == name]
        return ListenerMatch((named or marked)[0], created=True, marked=True, rivals=len(marked) - 1)
    same = live.by_name(name)
    return ListenerMatch(same) if same is not None else None


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
    match = find_listener(address, desired.name, server, situation)
    if match is not None and match.rivals:
        return ConnectorPlan(None, (problems.not_unique(address, str(match.live.name)),))
    live = situation.receive_connectors(server)
    if not isinstance(match.live.name, Name) if match else live.unnamed:
        problem = unread_problems.not_identified(address, str(server), "receive connectors")
        return ConnectorPlan(None, (problem,))
    if match is not None:
        return _compared(address, desired, match, situation)
    if not (_names_some(desired.bindings) and _names_some(desired.remote_ip_ranges)):
        there = situation.receive_connectors(server).names()
        missing = listener_problems.missing(address, str(desired.name), str(server), there)
        return ConnectorPlan(None, (missing,))
    return _created(address, desired, situation)


def _created(address: Address, desired: ReceiveConnector, situation: Situation) -> ConnectorPlan:
    server = home_of(desired)
    made = desired
    if desired.transport_role is UNSET and _has_roles(server, situation):
        # What New assumes is the service behind the one that the world connects to.
        made = desired.with_(transport_role="FrontendTransport")
    refused = tuple(_refusals(address, _with_defaults(desired), None, desired, situation))
    if refused:
        return ConnectorPlan(None, refused)
    change = Change(
        address=address,
        action=Action.CREATE,
        attributes={
            attribute.name: Difference(UNSET, value) for attribute, value in made.declared(Kind.WRITABLE)
        },
        invocations=cmdlets.create(
            made, server=str(server), edge=situation.is_edge(server), mark=situation.mark(address)
        ),
        reason=_why_again(address, situation),
        learned=Learned(address, Recorded(to_record(desired), created=True, at=situation.now)),
    )
    nobody = () if _names_some(desired.permission_groups) else (listener_problems.nobody_may_submit(address),)
    return ConnectorPlan(change, nobody)


def _names_some(value: object) -> bool:
    return isinstance(value, frozenset) and bool(value)


def _has_roles(server: Name, situation: Situation) -> bool:
    """Whether two services listen on a server: on Mailbox servers since 2013 [4-10]."""
    build = situation.build(server)
    return not situation.is_edge(server) and (build is None or build.major >= 15)


def _with_defaults(desired: ReceiveConnector) -> ReceiveConnector:
    """With what New takes for granted of the attributes that others depend on [4-2]."""
    mechanisms, groups = desired.auth_mechanism, desired.permission_groups
    return desired.with_(
        auth_mechanism=frozenset({"Tls"}) if mechanisms is UNSET else mechanisms,
        permission_groups=frozenset[str]() if groups is UNSET else groups,
    )


def _why_again(address: Address, situation: Situation) -> str:
    return "was recorded, and is in Exchange no more" if address in situation.record.resources else ""


def _compared(
    address: Address, desired: ReceiveConnector, match: ListenerMatch, situation: Situation
) -> ConnectorPlan:
    live = match.live
    recorded = situation.record.resources.get(address)
    was = recorded.resource if recorded and isinstance(recorded.resource, ReceiveConnector) else None
    comparison = compare(desired, live)
    unread = {
        name: value for name, value in comparison.unread.items() if was is None or getattr(was, name) != value
    }
    resource = to_record(desired, was, guid=live.guid)
    # Where neither guid nor mark could be read, whose it is stays as it was recorded.
    is_told = match.created or live.guid is not UNKNOWN or recorded is None
    created = match.created if is_told or recorded is None else recorded.created
    not_compared = unread_problems.not_compared(
        address, situation.why_unread(home_of(desired), live, comparison.unread.keys() - unread.keys())
    )
    moved = drift(was, live) if was else {}
    if not comparison.differences and not unread:
        return ConnectorPlan(
            unchanged(address, Recorded(resource, created, situation.now), situation.record),
            not_compared,
            moved,
        )
    differences = {
        **comparison.differences,
        **{name: Difference(UNKNOWN, value) for name, value in unread.items()},
    }
    wanted = {name: difference.after for name, difference in differences.items()}
    after = live.with_(**wanted)
    if refused := tuple(_refusals(address, after, live, desired, situation)):
        return ConnectorPlan(None, refused, moved)
    mark = situation.mark(address) if match.marked else None
    change = Change(
        address=address,
        action=Action.UPDATE,
        attributes=differences,
        invocations=(cmdlets.change(live, wanted, server=str(home_of(desired)), mark=mark),),
        learned=Learned(address, Recorded(resource, created, situation.now)),
    )
    set_once = (problems.set_once(address, sorted(unread)),) if unread else ()
    return ConnectorPlan(change, (*not_compared, *set_once), moved)


def _refusals(
    address: Address,
    after: ReceiveConnector,
    live: ReceiveConnector | None,
    desired: ReceiveConnector,
    situation: Situation,
) -> Iterable[Diagnostic]:
    """What Exchange would refuse of a connector as it would be; what was so before is not told.

    Args:
        live: As it is; None for one that does not exist.
    """
    changed = {
        attribute.name
        for attribute, value in after.declared(Kind.WRITABLE)
        if live is None or getattr(live, attribute.name) != value
    }
    for interlock in interlocks(after):
        if interlock.involved & changed:
            yield listener_problems.interlocked(address, interlock)
    if changed & {"fqdn", "auth_mechanism"}:
        yield from _name_refused(address, after, home_of(desired), situation)


def _name_refused(
    address: Address, after: ReceiveConnector, server: Name, situation: Situation
) -> Iterable[Diagnostic]:
    """A name that is not the server's own, where Exchange servers sign on or pass mail on [4-4]."""
    own = next((one.fqdn for one in situation.server(server).server.objects if one.name == server), UNKNOWN)
    if not (isinstance(own, Fqdn) and isinstance(after.fqdn, Fqdn)):
        return
    if after.fqdn.name in (own.name, str(server).lower()):
        return
    mechanisms = after.auth_mechanism
    if isinstance(mechanisms, frozenset) and "ExchangeServer" in mechanisms:
        yield listener_problems.fqdn_refused(address, after.fqdn, own.name)
    elif after.name == Name(f"Default {server}"):
        yield listener_problems.default_renamed(address, after.fqdn, own.name)
