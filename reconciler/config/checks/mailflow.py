"""Mail that would take another connector than the one declared for it: rules [3-3], [3-7]."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.config.draft import Draft
from state.address import Address
from state.resources import SendConnector
from state.values import AddressSpace, ByteSize

from .label import label

_RULE = "falls-through"


def check_mail_flow(draft: Draft) -> None:
    connectors = list(draft.of(SendConnector))
    for address, connector in connectors:
        if connector.require_tls is True and not draft.accepts(address, _RULE):
            for attribute, reason in _holes(connector, connectors):
                draft.warning(
                    "Mail can fall through",
                    f"{label(address)} {reason}: that mail takes a less specific connector, without its TLS.",
                    draft.where(address, attribute),
                    f'correct it, or acknowledge: [{{rule: {_RULE}, reason: "..."}}]',
                    str(address),
                )
    _check_failover(draft)


def _holes(
    connector: SendConnector, connectors: list[tuple[Address, SendConnector]]
) -> Iterator[tuple[str, str]]:
    """The attributes that let mail pass by, and how."""
    if connector.enabled is False:
        yield "enabled", "is disabled"
    if connector.is_scoped_connector is True:
        yield "is_scoped_connector", "is out of reach for other Active Directory sites"
    size = connector.max_message_size
    if not isinstance(size, ByteSize) or size.bytes is None:
        return
    wider = [
        str(other_address)
        for other_address, other in connectors
        if other.require_tls is not True and _is_wider(other, connector) and _may_take_more(other, size.bytes)
    ]
    if wider:
        yield "max_message_size", f"takes at most {size}, and {' and '.join(wider)} may take more"


def _may_take_more(other: SendConnector, size: int) -> bool:
    largest = other.max_message_size
    return not isinstance(largest, ByteSize) or largest.bytes is None or largest.bytes > size


def _is_wider(other: SendConnector, connector: SendConnector) -> bool:
    """True when the other one, on the same servers, would carry mail that this one lets pass."""
    if other.local is not connector.local or (connector.local and other.home != connector.home):
        return False
    if not (isinstance(other.address_spaces, frozenset) and isinstance(connector.address_spaces, frozenset)):
        return False
    return any(
        _holds(wide, narrow)
        for wide in other.address_spaces
        for narrow in connector.address_spaces
        if wide != narrow
    )


def _holds(wide: AddressSpace, narrow: AddressSpace) -> bool:
    if wide.type != narrow.type:
        return False
    return wide.address == "*" or (
        wide.address.startswith("*.") and narrow.address.removeprefix("*").endswith(wide.address[1:])
    )


def _check_failover(draft: Draft) -> None:
    """One connector is chosen, and failover happens among its own source servers only [3-7]."""
    mailbox = [server for server in draft.servers.values() if not server.is_edge and draft.has_role(server)]
    apart = [server for server in mailbox if server.model.send_connectors.model_fields_set]
    if len(mailbox) > 1 and apart:
        names = " and ".join(f'"{server.name}"' for server in apart)
        draft.warning(
            "No failover between servers",
            f"One server each sends through the connectors of {names}: while it is down, mail goes to "
            "no other.",
            draft.key(*apart[0].path, "send_connectors"),
            "declare one set for all Mailbox servers under send_connectors",
        )
