"""Whether domain controllers have heard of what one of them was told."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.exchange.errors import NotReplicated
from reconciler.exchange.port import Reader
from reconciler.exchange.refresh import read_receive_connectors, read_send_connectors
from state.resources import ReceiveConnector, SendConnector
from state.snapshot import Listing
from state.values import Name

_SHOWN = 5


def check_send_connectors(
    reader: Reader, controller: str, others: Iterable[str]
) -> tuple[SendConnector, ...]:
    """See that all send connectors are the same everywhere.

    Args:
        controller: The domain controller that was written to.
        others: Those that must show the same.

    Returns:
        The connectors.

    Raises:
        NotReplicated: one of the others does not.
        ExchangeError: nothing could be read.
    """
    written = read_send_connectors(reader, controller)
    for other in others:
        _compare(reader, controller, written, other, read_send_connectors(reader, other))
    return written.objects


def check_receive_connectors(
    reader: Reader, server: Name, controller: str, others: Iterable[str]
) -> tuple[ReceiveConnector, ...]:
    """See that the receive connectors of one server are the same everywhere; see `check_send_connectors`."""
    written = read_receive_connectors(reader, server, controller)
    for other in others:
        _compare(reader, controller, written, other, read_receive_connectors(reader, server, other))
    return written.objects


def _compare(
    reader: Reader,
    controller: str,
    written: Listing[SendConnector] | Listing[ReceiveConnector],
    other: str,
    shown: Listing[SendConnector] | Listing[ReceiveConnector],
) -> None:
    for asked, listing in ((controller, written), (other, shown)):
        if listing.unreadable:
            raise NotReplicated(reader.server, f"{asked}: {listing.unreadable.reason}")
    wanted = {found.guid: found for found in written.objects}
    there = {found.guid: found for found in shown.objects}
    differing = sorted(
        {
            str((wanted.get(guid) or there[guid]).name)
            for guid in (*wanted, *there)
            if wanted.get(guid) != there.get(guid)
        }
    )
    if differing:
        more = f" and {len(differing) - _SHOWN} more" if len(differing) > _SHOWN else ""
        names = ", ".join(f'"{name}"' for name in differing[:_SHOWN])
        raise NotReplicated(reader.server, f"{other} does not show {names}{more} as {controller} does")
