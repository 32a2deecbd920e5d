"""What a command about one certificate concerns beside it."""

from __future__ import annotations

from reconciler.config.desired import Desired
from state.address import Address
from state.resources import Certificate, ReceiveConnector, SendConnector


def with_same_key(address: Address, asked: Certificate, desired: Desired) -> tuple[Address, ...]:
    """A certificate; of a key that several servers share, those of all of them."""
    if not isinstance(asked.shared_by, tuple):
        return (address,)
    return tuple(
        other
        for other, one in desired.snapshot.of(Certificate)
        if other.parts[1:] == address.parts[1:] and one.shared_by == asked.shared_by
    )


def bound_to(certificates: tuple[Address, ...], desired: Desired) -> tuple[Address, ...]:
    """The connectors that have to be bound anew where the names of their certificates change."""
    wanted = set(certificates)
    return tuple(
        address
        for address, resource in desired.snapshot.resources.items()
        if isinstance(resource, SendConnector | ReceiveConnector)
        and isinstance(resource.certificates, tuple)
        and wanted & set(resource.certificates)
    )
