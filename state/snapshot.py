"""All resources at one instant: as desired, as live, as recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Generic, TypeVar

from .address import Address
from .resources import AcceptedDomain, Certificate, ReceiveConnector, Resource, SendConnector, Server
from .values import Name

R = TypeVar("R", bound=Resource)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Resources by address."""

    resources: Mapping[Address, Resource] = field(default_factory=lambda: MappingProxyType({}))

    def of(self, kind: type[R]) -> Iterator[tuple[Address, R]]:
        """Those of one kind, in the order they were declared."""
        for address, resource in self.resources.items():
            if isinstance(resource, kind):
                yield address, resource


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why something could not be read.

    Attributes:
        reason: A sentence for people.
        error_id: PowerShell's fully qualified error id; "" when no cmdlet answered.
        remedy: The next thing to try; "" where nothing better is known than to mend what the reason says.
    """

    reason: str
    error_id: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Listing(Generic[R]):
    """What one Get- cmdlet returned: all of it, or the reason why there is none."""

    objects: tuple[R, ...] = ()
    unreadable: Unreadable | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """One attribute that was there and could not be understood: UNKNOWN in its resource."""

    object: str
    """Exchange's name of the object."""
    attribute: str
    reason: str


@dataclass(frozen=True, slots=True)
class LiveServer:
    """One server, as it answered.

    Attributes:
        name: As declared.
        unreachable: Set when nothing could be read at all; every listing then says the same.
    """

    name: Name
    server: Listing[Server]
    certificates: Listing[Certificate]
    send_connectors: Listing[SendConnector]
    receive_connectors: Listing[ReceiveConnector]
    accepted_domains: Listing[AcceptedDomain]
    unread: tuple[Unread, ...] = ()
    unreachable: Unreadable | None = None

    @classmethod
    def lost(cls, name: Name, why: Unreadable) -> LiveServer:
        """A server of which nothing could be read."""
        return cls(
            name,
            Listing(unreadable=why),
            Listing(unreadable=why),
            Listing(unreadable=why),
            Listing(unreadable=why),
            Listing(unreadable=why),
            unreachable=why,
        )


@dataclass(frozen=True, slots=True)
class LiveState:
    """What Exchange reported just now, and what could not be read and why.

    It may hold objects that nobody declared.
    """

    servers: Mapping[Name, LiveServer] = field(default_factory=lambda: MappingProxyType({}))
