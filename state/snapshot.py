"""All resources at one instant: as desired, as live, as recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Generic, TypeVar

from .address import Address
from .resources import (
    AcceptedDomain,
    Certificate,
    CertificateReference,
    EdgeSubscription,
    ReceiveConnector,
    Resource,
    SendConnector,
    Server,
)
from .values import UNKNOWN, UNSET, Maybe, Name, Thumbprint

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
        send_connectors: Of a Mailbox server the organization's one list, of an Edge server its own.
        accepted_domains: Likewise.
        unreachable: Set when nothing could be read at all; every listing then says the same.
        domain_controller: The one that this server asks when nobody names another; "" where it told none.
        through: The Mailbox server that answered for it, because its own endpoint did not.
        own_endpoint: Why its own endpoint did not.
        auth_certificate: What Get-AuthConfig names; only told where certificates came without what
            Exchange knows of them.
        references: What its POP and IMAP settings refer to, by the cmdlet that told it; empty on an Edge
            server.
    """

    name: Name
    server: Listing[Server]
    certificates: Listing[Certificate]
    send_connectors: Listing[SendConnector]
    receive_connectors: Listing[ReceiveConnector]
    accepted_domains: Listing[AcceptedDomain]
    unread: tuple[Unread, ...] = ()
    unreachable: Unreadable | None = None
    domain_controller: str = ""
    through: Name | None = None
    own_endpoint: Unreadable | None = None
    auth_certificate: Maybe[Thumbprint | None] = UNSET
    references: Mapping[str, Listing[CertificateReference]] = field(
        default_factory=lambda: MappingProxyType({})
    )

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


_NOT_ASKED = Unreadable("no Mailbox server was asked")


@dataclass(frozen=True, slots=True)
class LiveOrganization:
    """What all Mailbox servers share, as one of them told it: an Edge server knows only itself [1-4].

    Attributes:
        read_from: The server whose endpoint answered; None where none did.
        domain_controller: FQDN of the one that answered, and that this run keeps to; "" where none was told.
        id: GUID of the organization, as Get-OrganizationConfig shows it.
        id_unreadable: Why it is unknown, where it is.
        unpinned: Why a read could not name the domain controller, where one could not.
        references: What the auth, federation and hybrid settings refer to, by the cmdlet that told it.
    """

    read_from: Name | None = None
    domain_controller: str = ""
    id: Maybe[str] = UNKNOWN
    send_connectors: Listing[SendConnector] = Listing(unreadable=_NOT_ASKED)
    accepted_domains: Listing[AcceptedDomain] = Listing(unreadable=_NOT_ASKED)
    edge_subscriptions: Listing[EdgeSubscription] = Listing(unreadable=_NOT_ASKED)
    id_unreadable: Unreadable | None = _NOT_ASKED
    unread: tuple[Unread, ...] = ()
    unpinned: Unreadable | None = None
    references: Mapping[str, Listing[CertificateReference]] = field(
        default_factory=lambda: MappingProxyType({})
    )

    @classmethod
    def lost(cls, why: Unreadable) -> LiveOrganization:
        """One of which nothing could be read."""
        return cls(
            send_connectors=Listing(unreadable=why),
            accepted_domains=Listing(unreadable=why),
            edge_subscriptions=Listing(unreadable=why),
            id_unreadable=why,
        )


@dataclass(frozen=True, slots=True)
class LiveState:
    """What Exchange reported just now, and what could not be read and why.

    It may hold objects that nobody declared.
    """

    servers: Mapping[Name, LiveServer] = field(default_factory=lambda: MappingProxyType({}))
    organization: LiveOrganization = LiveOrganization()
