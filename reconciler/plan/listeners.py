"""Receive connectors of one server beside each other: where each listens, and who moves first [4-3]."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reconciler.cmdlets.receive_interlocks import shared_binding
from reconciler.diagnostics import Diagnostic, has_errors
from state.address import Address
from state.resources import ReceiveConnector
from state.values import Binding, Name

from . import listener_problems
from .change import Action
from .receive_connectors import find_listener
from .send_connectors import ConnectorPlan
from .situation import Situation, home_of
from .undeclared import Undeclared

_PLACE = frozenset({"bindings", "remote_ip_ranges", "transport_role"})


@dataclass(slots=True)
class _Move:
    """A planned change of where somebody listens.

    Attributes:
        before: None for one that is created.
        after: None for one that is deleted.
        waits_for: Who gives up a binding that this one takes.
    """

    address: Address
    name: Name
    before: ReceiveConnector | None
    after: ReceiveConnector | None
    waits_for: dict[Address, Binding] = field(default_factory=dict)


def arranged(
    planned: Sequence[tuple[Address, ReceiveConnector, ConnectorPlan]],
    undeclared: Sequence[Undeclared],
    situation: Situation,
) -> list[tuple[Address, ConnectorPlan]]:
    """Put changes in an order in which every place is free when it is taken.

    Args:
        planned: Each declared receive connector with its plan.
        undeclared: What is no longer declared.

    Returns:
        All of them, those that give up a place before those that take it. One that takes a place which
        stays taken has no change, and a diagnostic.
    """
    plans = {address: plan for address, _, plan in planned}
    plans |= {one.address: ConnectorPlan(one.change, one.diagnostics) for one in undeclared}
    by_server: dict[Name, list[_Move]] = {}
    for address, connector, plan in planned:
        if move := _move(address, connector, plan, situation):
            by_server.setdefault(home_of(connector), []).append(move)
    if by_server:
        for one in undeclared:
            if found := _leaving(one, situation):
                by_server.setdefault(found[0], []).append(found[1])
    waits: dict[Address, set[Address]] = {}
    for server, moves in by_server.items():
        for address, told in _judged(server, moves, situation).items():
            plan = plans[address]
            plans[address] = replace(
                plan,
                change=None if has_errors(told) else plan.change,
                diagnostics=(*plan.diagnostics, *told),
            )
        waits |= {move.address: set(move.waits_for) for move in moves if move.waits_for}
    return [(address, plans[address]) for address in _in_order(list(plans), waits)]


def _move(
    address: Address, connector: ReceiveConnector, plan: ConnectorPlan, situation: Situation
) -> _Move | None:
    """The change of a place; None where the place stays."""
    if plan.change is None or not plan.change.action.is_mutating:
        return None
    changed = {name: difference.after for name, difference in plan.change.attributes.items()}
    name = connector.name if isinstance(connector.name, Name) else Name(address.parts[-1])
    if plan.change.action is Action.CREATE:
        return _Move(address, name, None, connector.with_(**changed))
    if not changed.keys() & _PLACE:
        return None
    match = find_listener(address, connector.name, home_of(connector), situation)
    return _Move(address, name, match.live, match.live.with_(**changed)) if match else None


def _leaving(one: Undeclared, situation: Situation) -> tuple[Name, _Move] | None:
    """A connector that is deleted, and its server."""
    recorded = situation.record.resources.get(one.address)
    resource = recorded.resource if recorded else None
    if one.change is None or one.change.action is not Action.DELETE:
        return None
    if not isinstance(resource, ReceiveConnector):
        return None
    home = home_of(resource)
    match = find_listener(one.address, resource.name, home, situation)
    if match is None:
        return None
    return home, _Move(one.address, Name(str(match.live.name)), match.live, None)


def _judged(server: Name, moves: Sequence[_Move], situation: Situation) -> Mapping[Address, list[Diagnostic]]:
    """What is wrong with the places that are taken; fills in who waits for whom."""
    told: dict[Address, list[Diagnostic]] = {}
    moving = {move.before.name for move in moves if move.before is not None}
    staying = [one for one in situation.receive_connectors(server).all() if one.name not in moving]
    for at, move in enumerate(moves):
        if move.after is None:
            continue
        others = [(str(one.name), one) for one in staying]
        others += [(str(other.name), other.after) for other in moves[:at] if other.after is not None]
        told[move.address] = list(_against(move.address, move.after, others))
        for other in moves:
            freed = other.before if other is not move else None
            if freed is not None and (binding := shared_binding(move.after, freed)) is not None:
                move.waits_for[other.address] = binding
    by_address = {move.address: move for move in moves}
    for move in moves:
        for address, binding in move.waits_for.items():
            if move.address in _before(by_address[address], by_address):
                swapped = listener_problems.binding_swapped(
                    move.address, binding, str(by_address[address].name)
                )
                told[move.address].append(swapped)
    return told


def _against(
    address: Address, one: ReceiveConnector, others: Iterable[tuple[str, ReceiveConnector]]
) -> Iterable[Diagnostic]:
    """What stands against a place beside those that others will have."""
    for name, other in others:
        if (binding := shared_binding(one, other)) is not None:
            yield listener_problems.binding_taken(address, binding, name)
        elif (binding := _across_services(one, other)) is not None:
            yield listener_problems.two_services(address, binding, name)


def _across_services(one: ReceiveConnector, other: ReceiveConnector) -> Binding | None:
    """A binding that connectors of both transport roles have."""
    roles = (one.transport_role, other.transport_role)
    if not all(isinstance(role, str) for role in roles) or roles[0] == roles[1]:
        return None
    if not (isinstance(one.bindings, frozenset) and isinstance(other.bindings, frozenset)):
        return None
    return min(one.bindings & other.bindings, key=str, default=None)


def _before(move: _Move, by_address: Mapping[Address, _Move]) -> set[Address]:
    """Everything that must be done before a move."""
    found: set[Address] = set()
    left = [move]
    while left:
        for address in left.pop().waits_for:
            if address not in found:
                found.add(address)
                left.append(by_address[address])
    return found


def _in_order(addresses: Sequence[Address], waits: Mapping[Address, set[Address]]) -> Sequence[Address]:
    """As they come, but each after those that it waits for."""
    if not waits:
        return addresses
    left, order = dict.fromkeys(addresses), []
    while left:
        free = (address for address in left if not waits.get(address, set()) & left.keys())
        chosen = next(free, next(iter(left)))
        del left[chosen]
        order.append(chosen)
    return order
