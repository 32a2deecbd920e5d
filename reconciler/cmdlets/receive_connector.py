"""New-, Set- and Remove-ReceiveConnector: what to send, and for which server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from state.resources import Kind, ReceiveConnector
from state.resources.attribute import SetOf
from state.values import Name

from .invocation import Invocation, ParameterValue
from .mark import marked
from .parameters import parameter_value

SET_ONLY: Final = frozenset({"bare_linefeed_rejection_enabled", "smtp_utf8_enabled"})
"""What New-ReceiveConnector does not take [4-10]."""
_NULL_BY_DEFAULT: Final = frozenset({"tls_certificate_name", "default_domain", "service_discovery_fqdn"})
"""Where ``$null`` is what New assumes anyway; an Fqdn is the server's name if nothing is said."""


def create(connector: ReceiveConnector, *, server: str, edge: bool, mark: str) -> tuple[Invocation, ...]:
    """New-ReceiveConnector with what is declared, and Set- for what only that takes [4-10].

    Usage is left out, so it is Custom: it has the fewest settings of its own [4-2]. The server is named,
    for an endpoint may hand a session on to another one; an Edge server knows only itself.
    """
    declared = dict(connector.declared(Kind.WRITABLE))
    parameters: dict[str, ParameterValue] = {} if edge else {"Server": server}
    for attribute, value in declared.items():
        if attribute.name in SET_ONLY or (value is None and attribute.name in _NULL_BY_DEFAULT):
            continue
        if value == frozenset() and isinstance(attribute.type, SetOf):
            continue
        parameters[attribute.exchange] = parameter_value(attribute, value)
    comment = connector.comment if isinstance(connector.comment, str) else ""
    parameters["Comment"] = marked(comment, mark)
    later = {attribute.name: value for attribute, value in declared.items() if attribute.name in SET_ONLY}
    made = Invocation(server, "New-ReceiveConnector", parameters)
    identity = f"{server}\\{connector.name}"
    return (made, _set(identity, later, server=server)) if later else (made,)


def change(
    live: ReceiveConnector, changes: Mapping[str, Any], *, server: str, mark: str | None = None
) -> Invocation:
    """Set-ReceiveConnector with the changed attributes.

    Args:
        live: As it is in Exchange.
        changes: New values by our attribute names.
        mark: Kept in a Comment that is being changed; None for an object that carries none.
    """
    invocation = _set(_identity(live, server), changes, server=server)
    if mark is None or "comment" not in changes:
        return invocation
    comment = marked(changes["comment"], mark)
    return Invocation(server, invocation.cmdlet, {**invocation.parameters, "Comment": comment})


def delete(live: ReceiveConnector, *, server: str) -> Invocation:
    """Remove-ReceiveConnector; it asks unless it is told not to [1-9], and the plan was the question."""
    return Invocation(
        server, "Remove-ReceiveConnector", {"Identity": _identity(live, server), "Confirm": False}
    )


def _set(identity: str, changes: Mapping[str, Any], *, server: str) -> Invocation:
    parameters: dict[str, ParameterValue] = {"Identity": identity}
    for name, attribute in ReceiveConnector.attributes().items():
        if name in changes:
            parameters[attribute.exchange] = parameter_value(attribute, changes[name])
    return Invocation(server, "Set-ReceiveConnector", parameters)


def _identity(live: ReceiveConnector, server: str) -> str:
    """``SERVER\\Name`` [1-7]; one that names no server is that of the server that showed it."""
    home = live.server if isinstance(live.server, Name) else server
    return f"{home}\\{live.name}"
