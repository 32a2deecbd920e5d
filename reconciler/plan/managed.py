"""Which live connectors are declared, and not only to be observed."""

from __future__ import annotations

from collections.abc import Mapping

from state.address import Address
from state.resources import ReceiveConnector, SendConnector

from .receive_connectors import find_listener
from .send_connectors import find
from .situation import Situation, home_of


def managed_connectors(situation: Situation) -> Mapping[int, Address]:
    """The addresses of the connectors whose binding is ours to change, by what is live of each.

    Told apart as the objects that they are, for a guid may be unreadable.
    """

    def is_ours(connector: SendConnector | ReceiveConnector) -> bool:
        server = situation.live.servers.get(home_of(connector))
        return connector.mode != "observe" and server is not None and not server.unreachable

    found: dict[int, Address] = {}
    for address, send in situation.declared.of(SendConnector):
        match = find(address, send.name, home_of(send), situation) if is_ours(send) else None
        if match is not None:
            found[id(match.live)] = address
    for address, receive in situation.declared.of(ReceiveConnector):
        there = (
            find_listener(address, receive.name, home_of(receive), situation) if is_ours(receive) else None
        )
        if there is not None:
            found[id(there.live)] = address
    return found
