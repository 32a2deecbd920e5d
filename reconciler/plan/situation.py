"""Everything a plan is worked out from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, TypeVar

from reconciler.cmdlets.mark import mark_of, request_mark_of
from reconciler.pki.bought import Bought
from reconciler.pki.renewal import turnaround
from reconciler.pki.renewal_info import SuggestedWindow
from state.address import Address
from state.record import StateRecord
from state.resources import Build, Certificate, ReceiveConnector, SendConnector, Server
from state.snapshot import LiveServer, LiveState, Snapshot
from state.values import Name

from .index import ConnectorIndex, ListenerIndex
from .maintenance import Maintenance
from .tlsa import Published

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Urgent:
    """That a certificate is to be replaced out of its turn.

    Attributes:
        reason: A word such as ``compromise``.
        since: When that was decided: what was imported later is the replacement. UTC, aware.
    """

    reason: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Situation:
    """Desired, live and recorded at one instant.

    Attributes:
        desired: What the YAML asks for; one entry per address.
        live: What Exchange reported just now, and what could not be read; one entry for every
            server that ``desired`` names.
        record: Which live objects are ours, and the certificates under way; settled.
        now: The instant to judge renewals at; UTC, aware.
        acknowledged: Rules that somebody accepted the breach of, by address.
        watched: Certificates that the world is to be presented at an endpoint, where a handshake shows it.
        urgent: Certificates that are to be replaced now, whatever there is.
        bought: What they are to be replaced by, where that was bought with its key.
        maintenance: When certificates may be put to use on a server; on one that has none, at any time.
        whole: All that the YAML asks for, where ``desired`` is a part of it.
        published: What DNS says of the names that certificates are presented under, where it was asked.
        suggested: When authorities want certificates renewed, by what they call them, where they say so.
    """

    desired: Snapshot
    live: LiveState
    record: StateRecord
    now: datetime
    acknowledged: Mapping[Address, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    watched: frozenset[Address] = frozenset()
    maintenance: Mapping[Name, Maintenance] = field(default_factory=lambda: MappingProxyType({}))
    published: Mapping[Address, tuple[Published, ...]] = field(default_factory=lambda: MappingProxyType({}))
    urgent: Mapping[Address, Urgent] = field(default_factory=lambda: MappingProxyType({}))
    bought: Mapping[Address, Bought] = field(default_factory=lambda: MappingProxyType({}))
    suggested: Mapping[str, SuggestedWindow] = field(default_factory=lambda: MappingProxyType({}))
    whole: Snapshot | None = None
    _indexes: dict[int, ConnectorIndex] = field(default_factory=dict, repr=False, compare=False)
    _listeners: dict[Name, ListenerIndex] = field(default_factory=dict, repr=False, compare=False)
    _reasons: dict[Name, dict[tuple[str, str], str]] = field(default_factory=dict, repr=False, compare=False)
    _edges: dict[Name, bool] = field(default_factory=dict, repr=False, compare=False)
    _builds: dict[Name, Build | None] = field(default_factory=dict, repr=False, compare=False)
    _once: dict[tuple[Callable[..., object], object], Any] = field(
        default_factory=dict, repr=False, compare=False
    )
    _turnarounds: dict[str, timedelta] = field(default_factory=dict, repr=False, compare=False)

    @property
    def declared(self) -> Snapshot:
        """All that the YAML asks for, whatever of it is planned."""
        return self.desired if self.whole is None else self.whole

    def mark(self, address: Address) -> str:
        return mark_of(self.record.organization, address)

    def request_mark(self, address: Address, asked: Certificate) -> str:
        return request_mark_of(self.record.organization, address, asked)

    def turnaround(self, asked: Certificate) -> timedelta:
        """How long the issuer of a certificate has taken so far."""
        issuer = str(asked.issuer)
        if issuer not in self._turnarounds:
            self._turnarounds[issuer] = turnaround(self.record, issuer)
        return self._turnarounds[issuer]

    def once(self, of: tuple[Callable[..., object], object], found: Callable[[], T]) -> T:
        """What is the same for many that ask of one situation, worked out for the first of them.

        Args:
            of: Who asks, and what about.
        """
        if of not in self._once:
            self._once[of] = found()
        known: T = self._once[of]
        return known

    def server(self, name: Name) -> LiveServer:
        return self.live.servers[name]

    def send_connectors(self, name: Name) -> ConnectorIndex:
        """The live send connectors that a server knows: all Mailbox servers the same."""
        listing = self.server(name).send_connectors
        if id(listing) not in self._indexes:
            self._indexes[id(listing)] = ConnectorIndex(listing.objects)
        return self._indexes[id(listing)]

    def receive_connectors(self, name: Name) -> ListenerIndex:
        """The live receive connectors that are a server's own."""
        if name not in self._listeners:
            self._listeners[name] = ListenerIndex(name, self.server(name).receive_connectors.objects)
        return self._listeners[name]

    def why_unread(
        self, server: Name, live: SendConnector | ReceiveConnector, attributes: Iterable[str]
    ) -> dict[str, str]:
        """Why attributes of a live object are unknown; what Exchange never returns has no reason."""
        if server not in self._reasons:
            told = (*self.server(server).unread, *self.live.organization.unread)
            self._reasons[server] = {(one.object.casefold(), one.attribute): one.reason for one in told}
        reasons = self._reasons[server]
        names = (f"{live.name}".casefold(), f"{server}\\{live.name}".casefold())
        found = {name: [reasons[key, name] for key in names if (key, name) in reasons] for name in attributes}
        return {name: why[0] for name, why in sorted(found.items()) if why}

    def is_edge(self, name: Name) -> bool:
        if name not in self._edges:
            declared = self.desired.resources.get(Address.of("server", str(name)))
            self._edges[name] = isinstance(declared, Server) and declared.role == "edge"
        return self._edges[name]

    def build(self, name: Name) -> Build | None:
        """The build of a server; None where it could not be read."""
        if name not in self._builds:
            self._builds[name] = next(
                (
                    server.build
                    for server in self.live.servers[name].server.objects
                    if server.name == name and isinstance(server.build, Build)
                ),
                None,
            )
        return self._builds[name]


def home_of(resource: Certificate | SendConnector | ReceiveConnector) -> Name:
    """The server on which a resource's cmdlets are run.

    Raises:
        ValueError: it was declared without one; config never does that.
    """
    if not isinstance(resource.home, tuple) or not resource.home:
        raise ValueError(f"{resource.kind} has no home")
    return resource.home[0]
