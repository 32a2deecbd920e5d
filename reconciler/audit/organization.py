"""An organization as an audit looks at it: which connector is on which server, and what it presents there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.cmdlets.capabilities import lacks
from reconciler.pki.presenting import Presented, Store
from state.resources import Build, Certificate, ReceiveConnector, SendConnector, Server
from state.snapshot import Listing, LiveServer, LiveState
from state.values import UNKNOWN, Name


@dataclass(frozen=True, slots=True)
class SendConnectors:
    """The send connectors of the organization, or of one Edge server [1-3], [1-4].

    Attributes:
        edge: None for the organization.
    """

    listing: Listing[SendConnector]
    edge: Name | None = None

    @property
    def where(self) -> str:
        return str(self.edge or "")


@dataclass(frozen=True, slots=True)
class Shown:
    """A connector, and what it presents on one server.

    Attributes:
        presented: None where the server, or its certificates, were not read.
        is_open: It is enabled and does TLS, so that what it presents is seen.
    """

    server: Name
    connector: SendConnector | ReceiveConnector
    presented: Presented | None
    is_open: bool


@dataclass(frozen=True, slots=True)
class Audited:
    """What an audit is made of.

    Attributes:
        live: Of every server that can be reached.
        edges: Those of them that are Edge servers.
        known: All servers that the organization knows, from one Get-ExchangeServer.
        now: The instant to judge certificates at; UTC, aware.
    """

    live: LiveState
    edges: frozenset[Name]
    known: Listing[Server]
    now: datetime
    _stores: dict[Name, Store] = field(default_factory=dict, repr=False, compare=False)

    def send_connectors(self, *, copies: bool = False) -> Iterator[SendConnectors]:
        """The organization's, as the first server tells them that could read them; each Edge server's own.

        Args:
            copies: Those of a subscribed Edge server too, which EdgeSync copies from the organization [1-5].
        """
        mailbox = [server for name, server in self.live.servers.items() if name not in self.edges]
        if mailbox:
            read = [one.send_connectors for one in mailbox if not one.send_connectors.unreadable]
            yield SendConnectors(read[0] if read else mailbox[0].send_connectors)
        subscribed = {one.name for one in self.live.organization.edge_subscriptions.objects}
        for name, server in self.live.servers.items():
            if name in self.edges and (copies or name not in subscribed):
                yield SendConnectors(server.send_connectors, name)

    def shown(self) -> Iterator[Shown]:
        """Every connector on every server where it presents a certificate."""
        for server in self.live.servers.values():
            for listener in server.receive_connectors.objects:
                offers = (
                    not isinstance(listener.auth_mechanism, frozenset) or "Tls" in listener.auth_mechanism
                )
                is_open = listener.enabled is not False and offers
                yield Shown(server.name, listener, self.presented(listener, server), is_open)
        for group in self.send_connectors():
            for connector in group.listing.objects:
                is_open = connector.enabled is not False and connector.ignore_starttls is not True
                for name in self.sources(connector, group.edge):
                    found = self.presented(connector, self.live.servers.get(name))
                    yield Shown(name, connector, found, is_open)

    def sources(self, connector: SendConnector, edge: Name | None) -> tuple[Name, ...]:
        """The servers that a connector sends from, as far as they could be read."""
        if edge is not None:
            return (edge,)
        sources = connector.source_transport_servers
        return tuple(sorted(sources, key=str)) if isinstance(sources, frozenset) else ()

    def accepted_domains(self) -> frozenset[str]:
        """What the organization receives mail for, whichever server told it."""
        return frozenset(
            one.domain
            for server in self.live.servers.values()
            for one in server.accepted_domains.objects
            if isinstance(one.domain, str)
        )

    def is_fully_told(self, server: LiveServer) -> bool:
        """True when every connector that may present one of its certificates was read."""
        lists = [group.listing for group in self.send_connectors() if group.edge in (None, server.name)]
        return not server.receive_connectors.unreadable and not any(one.unreadable for one in lists)

    def presented(
        self, connector: SendConnector | ReceiveConnector, server: LiveServer | None
    ) -> Presented | None:
        """What a connector presents on a server; None where that, or its certificates, were not read."""
        if server is None or server.certificates.unreadable:
            return None
        if server.name not in self._stores:
            itself = server_itself(server)
            self._stores[server.name] = Store(
                server.certificates.objects, itself.fqdn if itself else UNKNOWN, self.now, takes_names(server)
            )
        return self._stores[server.name].presented_by(connector)


def server_itself(server: LiveServer) -> Server | None:
    """What a server says of itself; None where it could not be read."""
    return next((one for one in server.server.objects if one.name == server.name), None)


def takes_names(server: LiveServer) -> bool:
    """False for Exchange 2010, whose connectors have no TlsCertificateName [3-15]."""
    itself = server_itself(server)
    build = itself.build if itself and isinstance(itself.build, Build) else None
    return not lacks(SendConnector, "TlsCertificateName", build, edge=False)


def certificate_text(certificate: Certificate) -> str:
    """Thumbprint, subject and end: what tells one from the others of its server."""
    end = certificate.not_after
    until = f"until {end:%Y-%m-%d}" if isinstance(end, datetime) else "end not read"
    subject = certificate.subject if isinstance(certificate.subject, str) else "subject not read"
    return f"{certificate.thumbprint} {subject or 'no subject'}, {until}"
