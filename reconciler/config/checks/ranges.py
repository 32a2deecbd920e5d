"""Numbers, sizes, times and names within what the cmdlets' pages allow: [3-17], [3-18], [4-10]."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from reconciler.config.draft import Draft
from reconciler.config.resources.send_connectors import LONGEST_NAME
from state.address import Address
from state.resources import ReceiveConnector, SendConnector
from state.values import ByteSize, Limit, Name

from .label import label

_LARGEST: Final = Limit(2**31 - 1)
_LARGEST_SIZE: Final = ByteSize(2**31)
"""2147483647 bytes, rounded up to the next KB as Exchange does."""
_IDLE: Final = (timedelta(seconds=1), timedelta(days=1))

_SEND: Final[Mapping[str, tuple[Any, Any]]] = {
    "port": (0, 65535),
    "max_message_size": (ByteSize(0), _LARGEST_SIZE),
    "connection_inactivity_timeout": _IDLE,
}
_RECEIVE: Final[Mapping[str, tuple[Any, Any]]] = {
    "max_message_size": (ByteSize(65536), _LARGEST_SIZE),
    "max_header_size": (ByteSize(1024), _LARGEST_SIZE),
    "max_hop_count": (1, 500),
    "max_recipients_per_message": (1, 512000),
    "max_inbound_connection": (Limit(1), _LARGEST),
    "max_inbound_connection_per_source": (Limit(1), Limit(10000)),
    "max_inbound_connection_percentage_per_source": (1, 100),
    "max_local_hop_count": (0, 50),
    "max_logon_failures": (0, 10),
    "max_protocol_errors": (Limit(0), _LARGEST),
    "message_rate_limit": (Limit(1), _LARGEST),
    "connection_timeout": _IDLE,
    "connection_inactivity_timeout": _IDLE,
}


def check_ranges(draft: Draft) -> None:
    for address, connector in draft.connectors():
        ranges = _SEND if isinstance(connector, SendConnector) else _RECEIVE
        for attribute, value in connector.declared():
            if attribute.name in ranges:
                low, high = ranges[attribute.name]
                # A size of what is received has no unlimited, everything else that can be has.
                unlimited = not (isinstance(connector, ReceiveConnector) and isinstance(value, ByteSize))
                if not _within(_amount(value), _amount(low), _amount(high), unlimited):
                    draft.error(
                        "Out of range",
                        f"{label(address)} sets {attribute.name} to {attribute.type.text(value)}.",
                        draft.where(address, attribute.name),
                        f"{attribute.type.text(low)} to {attribute.type.text(high)}",
                        str(address),
                    )
        _check_name(draft, address, connector.name)


def _amount(value: Any) -> Any:
    """What is counted: a number or a time; None for unlimited."""
    match value:
        case ByteSize():
            return value.bytes
        case Limit():
            return value.count
        case _:
            return value


def _within(amount: Any, low: Any, high: Any, unlimited: bool) -> bool:
    return unlimited if amount is None else bool(low <= amount <= high)


def _check_name(draft: Draft, address: Address, name: Any) -> None:
    if isinstance(name, Name) and len(name.text) > LONGEST_NAME:
        draft.error(
            "Name too long",
            f'"{name}" has {len(name.text)} characters, and Exchange takes {LONGEST_NAME}.',
            draft.where(address, "name"),
            "give it a shorter name",
            str(address),
        )
