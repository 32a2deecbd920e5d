"""Mail that passes its connector by and takes a less specific one, silently: rules [3-3], [3-7]."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from state.resources import SendConnector
from state.values import ByteSize

from .spaces import holds

DEFAULT_SIZE: Final = ByteSize(25 * 1024**2)
"""What Exchange gives a connector for which no size is asked [3-17]; those of real servers have 35 MB."""

L = TypeVar("L")


@dataclass(frozen=True, slots=True)
class Hole(Generic[L]):
    """What of a connector lets mail pass by.

    Attributes:
        attribute: ``enabled``, ``is_scoped_connector`` or ``max_message_size``.
        wider: For a size: the labels of the less specific connectors that may take what is larger.
    """

    attribute: str
    wider: tuple[L, ...] = ()


def holes(connector: SendConnector, others: Iterable[tuple[L, SendConnector]]) -> Iterator[Hole[L]]:
    """Find the ways past a connector that requires TLS.

    Args:
        others: The other connectors of its organization or Edge server, each with a label. One that
            requires TLS too is no way out.
    """
    if connector.enabled is False:
        yield Hole("enabled")
    if connector.is_scoped_connector is True:
        yield Hole("is_scoped_connector")
    size = connector.max_message_size
    declared = isinstance(size, ByteSize)
    largest = size if isinstance(size, ByteSize) else DEFAULT_SIZE
    if largest.bytes is None:
        return
    wider = tuple(
        label
        for label, other in others
        if other.require_tls is not True
        and _is_wider(other, connector)
        and (declared or isinstance(other.max_message_size, ByteSize))
        and _may_take_more(other, largest.bytes)
    )
    if wider:
        yield Hole("max_message_size", wider)


def _is_wider(other: SendConnector, connector: SendConnector) -> bool:
    """True when the other one would carry mail that this one lets pass."""
    if not (isinstance(other.address_spaces, frozenset) and isinstance(connector.address_spaces, frozenset)):
        return False
    return any(
        holds(wide, narrow)
        for wide in other.address_spaces
        for narrow in connector.address_spaces
        if wide != narrow
    )


def _may_take_more(other: SendConnector, size: int) -> bool:
    largest = other.max_message_size
    return not isinstance(largest, ByteSize) or largest.bytes is None or largest.bytes > size
