"""Which of a server's receive connectors answers to an endpoint, as far as declarations tell."""

from __future__ import annotations

from typing import Final

from reconciler.config.desired import Endpoint
from reconciler.mailflow.strangers import is_private
from state.resources import ReceiveConnector
from state.values import Name

_PORTS: Final = {
    "client frontend {}": 587,
    "client proxy {}": 465,
    "outbound proxy frontend {}": 717,
    "default {}": 2525,
}
"""Where setup makes its connectors listen, by their names [4-11]. Exchange 2010 has its "Default" on port
25, but takes no certificate that is bound to it [3-15]."""


def may_be_met(connector: ReceiveConnector, endpoint: Endpoint, server: Name) -> bool:
    """Tell whether the world may meet a receive connector under an endpoint.

    False for a listener on another port, declared or known by name, or for private clients alone.
    """
    ranges = connector.remote_ip_ranges
    if isinstance(ranges, frozenset) and ranges and all(map(is_private, ranges)):
        return False
    if isinstance(connector.bindings, frozenset):
        return any(binding.port == endpoint.port for binding in connector.bindings)
    name = str(connector.name).casefold()
    known = next((port for text, port in _PORTS.items() if text.format(str(server).casefold()) == name), None)
    return known in (None, endpoint.port)
