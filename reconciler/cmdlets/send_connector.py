"""New-, Set- and Remove-SendConnector: what to send, and what Exchange wants beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from state.resources import Kind, SendConnector
from state.values import UNKNOWN, UNSET, Name

from .invocation import Invocation, ParameterValue
from .mark import marked
from .parameters import parameter_value


def create(connector: SendConnector, *, server: str, mark: str) -> Invocation:
    """New-SendConnector with everything that is declared. ``$null`` is what New assumes: not sent."""
    parameters = {
        attribute.exchange: parameter_value(attribute, value)
        for attribute, value in connector.declared(Kind.WRITABLE)
        if value is not None and value != frozenset()
    }
    comment = connector.comment if isinstance(connector.comment, str) else ""
    parameters["Comment"] = marked(comment, mark)
    return Invocation(server, "New-SendConnector", parameters)


def change(live: SendConnector, changes: Mapping[str, Any], *, server: str, mark: str | None) -> Invocation:
    """Set-SendConnector with the changed attributes and their companions.

    Args:
        live: As it is in Exchange.
        changes: New values by our attribute names.
        mark: Kept in a Comment that is being changed; None for an object that carries none.
    """
    attributes = SendConnector.attributes()
    parameters: dict[str, ParameterValue] = {"Identity": _identity(live)}
    complete = {**companions(live, changes), **changes}
    for name, attribute in attributes.items():
        if name in complete:
            parameters[attribute.exchange] = parameter_value(attribute, complete[name])
    if mark is not None and "comment" in changes:
        parameters["Comment"] = marked(changes["comment"], mark)
    return Invocation(server, "Set-SendConnector", parameters)


def delete(live: SendConnector, *, server: str) -> Invocation:
    """Remove-SendConnector; it asks unless it is told not to [1-9], and the plan was the question."""
    return Invocation(server, "Remove-SendConnector", {"Identity": _identity(live), "Confirm": False})


def _identity(live: SendConnector) -> str:
    """Its name as people know it, or what Exchange takes as well [3-24]."""
    return str(live.name) if isinstance(live.name, Name) else str(live.guid)


def companions(live: SendConnector, changes: Mapping[str, Any]) -> dict[str, Any]:
    """What Exchange demands on the same command line although nobody asked for it.

    Each rule looks at the connector as it would be after the change.

    Returns:
        More attributes with their values; none that ``changes`` already holds.
    """
    added: dict[str, Any] = {}

    def after(name: str) -> Any:
        return added[name] if name in added else changes.get(name, getattr(live, name))

    def touches(*names: str) -> bool:
        return any(name in changes or name in added for name in names)

    def demand(name: str, value: Any) -> None:
        if name not in changes:
            added[name] = value

    # RequireTLS and IgnoreSTARTTLS exclude each other [3-11].
    if changes.get("require_tls") is True and after("ignore_starttls") is not False:
        demand("ignore_starttls", False)
    if changes.get("ignore_starttls") is True and after("require_tls") is not False:
        demand("require_tls", False)
    # TlsAuthLevel only while TLS is required [3-12], TlsDomain only with DomainValidation [3-13].
    unprotected = after("require_tls") is False or after("ignore_starttls") is True
    if touches("require_tls", "ignore_starttls") and unprotected and _is_set(after("tls_auth_level")):
        demand("tls_auth_level", None)
    if (
        touches("tls_auth_level")
        and after("tls_auth_level") != "DomainValidation"
        and _is_set(after("tls_domain"))
    ):
        demand("tls_domain", None)
    # Routing by DNS or by smart hosts: one call with both [3-8].
    if changes.get("smart_hosts") and after("dns_routing_enabled") is not False:
        demand("dns_routing_enabled", False)
    if changes.get("dns_routing_enabled") is False and _is_set(live.smart_hosts):
        demand("smart_hosts", live.smart_hosts)
    if changes.get("dns_routing_enabled") is True and (live.smart_hosts is UNKNOWN or live.smart_hosts):
        demand("smart_hosts", frozenset())
    return added


def _is_set(value: Any) -> bool:
    """True for a value that may be there: one that could not be read counts."""
    return value is not None and value is not UNSET
