"""Set-ReceiveConnector: only what is declared, on a connector that exists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from state.resources import ReceiveConnector

from .invocation import Invocation, ParameterValue
from .parameters import parameter_value


def change(live: ReceiveConnector, changes: Mapping[str, Any], *, server: str) -> Invocation:
    """Set-ReceiveConnector with the changed attributes; its identity is ``SERVER\\Name`` [1-7]."""
    parameters: dict[str, ParameterValue] = {"Identity": f"{live.server}\\{live.name}"}
    for name, attribute in ReceiveConnector.attributes().items():
        if name in changes:
            parameters[attribute.exchange] = parameter_value(attribute, changes[name])
    return Invocation(server, "Set-ReceiveConnector", parameters)
