"""The organization as it is: servers, and the objects in each configuration partition.

All Mailbox servers share one partition (Active Directory); every Edge server has its own
(AD LDS) [1-3], [1-4], subscribed or not. What changes is on disk before the method that
changes it returns; :mod:`reconciler.lab.exchange.archive` knows the files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.lab.exchange.archive import Archive
from reconciler.lab.exchange.certificates import StoredCertificate
from reconciler.lab.exchange.clixml import Obj, text_of, texts_of
from reconciler.lab.exchange.directory import Forest
from reconciler.lab.exchange.keys import KeyRing
from reconciler.lab.exchange.objects.receive_connector import Home
from reconciler.lab.exchange.replication import Replication, Written


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """An object in the directory.

    Attributes:
        tree: The object; its GUID is its ``Guid`` property.
        is_export: It came from an export, so its blobs are sent as they are, signed or not.
    """

    tree: Obj
    is_export: bool = False

    def __getitem__(self, name: str) -> str | None:
        """The text of a property; None for null, and for one that is not there."""
        return text_of((self.tree.properties or {}).get(name))

    def texts(self, name: str) -> tuple[str, ...]:
        return texts_of((self.tree.properties or {}).get(name))

    @property
    def guid(self) -> str:
        return self["Guid"] or ""

    @property
    def name(self) -> str:
        return self["Name"] or ""


Objects = dict[str, Stored]
_SEND = "send connectors"


@dataclass(slots=True)
class Partition:
    """One configuration partition.

    Attributes:
        key: ``ad``, or the Edge server's name.
        forest: Its names.
        origin: Who answers for it: a domain controller, or the Edge server.
        send_connectors: By GUID, in the order they were made.
        accepted_domains: By GUID.
        edge_subscriptions: By GUID; of Active Directory alone.
        auth_thumbprint: The certificate that Get-AuthConfig names; None on Edge and 2010.
        others: Further domain controllers.
        exported: The organization itself, where an export brought it.
    """

    key: str
    forest: Forest
    origin: str
    send_connectors: Objects = field(default_factory=dict)
    accepted_domains: Objects = field(default_factory=dict)
    edge_subscriptions: Objects = field(default_factory=dict)
    auth_thumbprint: str | None = None
    others: tuple[str, ...] = ()
    exported: Objects = field(default_factory=dict)
    _replication: Replication[Stored] | None = None

    @property
    def replication(self) -> Replication[Stored]:
        """What each of its domain controllers has heard of."""
        if self._replication is None or self._replication.controllers != (self.origin, *self.others):
            self._replication = Replication((self.origin, *self.others))
        return self._replication


@dataclass(slots=True)
class Server:
    """One server.

    Attributes:
        home: Name, FQDN, role and build.
        partition: Where its configuration is.
        shown: What Get-ExchangeServer gives.
        transport: What Get-TransportService gives.
        receive_connectors: By GUID, in order.
        certificates: Its machine store, in order.
        default_thumbprint: The internal transport certificate [2.3-4].
        intermediates: Authorities that came in with imported certificates; DER.
        revision: Counts what may change the certificate that SMTP presents.
    """

    home: Home
    partition: Partition
    shown: Stored
    transport: Stored
    receive_connectors: Objects = field(default_factory=dict)
    certificates: tuple[StoredCertificate, ...] = ()
    default_thumbprint: str | None = None
    intermediates: tuple[bytes, ...] = ()
    revision: int = 0

    @property
    def name(self) -> str:
        return self.home.name

    def certificate(self, thumbprint: str) -> StoredCertificate | None:
        wanted = thumbprint.upper()
        return next((c for c in self.certificates if c.thumbprint == wanted), None)


@dataclass(slots=True)
class Organization:
    """Everything, and where it is kept.

    Attributes:
        archive: The files.
        keys: The private keys.
        partitions: By key.
        servers: By name in lower case, in order.
        remarks: What an import had to decide.
        secret: What signatures of serialization data are made with.
    """

    archive: Archive
    keys: KeyRing
    partitions: dict[str, Partition]
    servers: dict[str, Server]
    remarks: tuple[str, ...] = ()
    secret: bytes = b""

    def server(self, name: str) -> Server | None:
        """Find a server by its name or FQDN, in any casing."""
        wanted = name.lower()
        if wanted in self.servers:
            return self.servers[wanted]
        return next((s for s in self.servers.values() if s.home.fqdn.lower() == wanted), None)

    def members(self, partition: Partition) -> Iterator[Server]:
        """The servers that a partition lists."""
        return (server for server in self.servers.values() if server.partition is partition)

    def is_subscribed(self, server: Server) -> bool:
        """Whether a server is an Edge server that is subscribed to the organization [1-5]."""
        return server.home.is_edge and any(
            subscription.name.lower() == server.name.lower()
            for partition in self.partitions.values()
            for subscription in partition.edge_subscriptions.values()
        )

    def controller(self, server: Server) -> str:
        """The domain controller that a server asks when nobody names one: its site's, in turn."""
        controllers = server.partition.replication.controllers
        numbers = {each.name: number for number, each in enumerate(self.members(server.partition))}
        return controllers[numbers[server.name] % len(controllers)]

    def send_connectors(self, partition: Partition, controller: str, now: datetime) -> Objects:
        """The send connectors of a partition, as one domain controller has them."""
        return partition.replication.seen(_SEND, partition.send_connectors, controller, now)

    def receive_connectors(self, server: Server, controller: str, now: datetime) -> Objects:
        """The receive connectors of a server, as one domain controller has them."""
        return server.partition.replication.seen(server.name, server.receive_connectors, controller, now)

    def put_send_connector(
        self, partition: Partition, stored: Stored, written: Written | None = None
    ) -> None:
        """Write one; everywhere at once where no domain controller is named."""
        if written:
            before = self.send_connectors(partition, written.controller, written.at).get(stored.guid)
            partition.replication.note(_SEND, stored.guid, before, stored, written)
        folder = f"{partition.key}/send-connectors"
        self.archive.put_object(folder, stored.guid, stored.tree, is_export=stored.is_export)
        partition.send_connectors[stored.guid] = stored
        for server in self.members(partition):
            server.revision += 1

    def drop_send_connector(self, partition: Partition, guid: str, written: Written | None = None) -> None:
        if written:
            before = self.send_connectors(partition, written.controller, written.at).get(guid)
            partition.replication.note(_SEND, guid, before, None, written)
        self.archive.drop_object(f"{partition.key}/send-connectors", guid)
        partition.send_connectors.pop(guid, None)

    def put_receive_connector(self, server: Server, stored: Stored, written: Written) -> None:
        before = self.receive_connectors(server, written.controller, written.at).get(stored.guid)
        server.partition.replication.note(server.name, stored.guid, before, stored, written)
        folder = f"{self._folder(server)}/receive-connectors"
        self.archive.put_object(folder, stored.guid, stored.tree, is_export=stored.is_export)
        server.receive_connectors[stored.guid] = stored
        server.revision += 1

    def drop_receive_connector(self, server: Server, guid: str, written: Written) -> None:
        before = self.receive_connectors(server, written.controller, written.at).get(guid)
        server.partition.replication.note(server.name, guid, before, None, written)
        self.archive.drop_object(f"{self._folder(server)}/receive-connectors", guid)
        server.receive_connectors.pop(guid, None)
        server.revision += 1

    def put_transport(self, server: Server, stored: Stored) -> None:
        self.archive.put_object(self._folder(server), "transport", stored.tree, is_export=stored.is_export)
        server.transport = stored

    def put_certificates(
        self,
        server: Server,
        certificates: tuple[StoredCertificate, ...],
        *,
        default: str | None,
        intermediates: tuple[bytes, ...] | None = None,
    ) -> None:
        """Replace a server's store in one write."""
        known = server.intermediates if intermediates is None else intermediates
        self.archive.put_certificates(self._folder(server), certificates, default, known)
        server.certificates, server.default_thumbprint, server.intermediates = certificates, default, known
        server.revision += 1

    def save(self) -> None:
        """Write everything: an organization that was just made up or imported."""
        for partition in self.partitions.values():
            for kind, objects in (
                ("send-connectors", partition.send_connectors),
                ("accepted-domains", partition.accepted_domains),
                ("edge-subscriptions", partition.edge_subscriptions),
                ("organization", partition.exported),
            ):
                self._put_all(f"{partition.key}/{kind}", objects)
        for server in self.servers.values():
            folder = self._folder(server)
            self._put_all(f"{folder}/receive-connectors", server.receive_connectors)
            for name, stored in (("server", server.shown), ("transport", server.transport)):
                self.archive.put_object(folder, name, stored.tree, is_export=stored.is_export)
            self.archive.put_certificates(
                folder, server.certificates, server.default_thumbprint, server.intermediates
            )

    def _put_all(self, folder: str, objects: Objects) -> None:
        for guid, stored in objects.items():
            self.archive.put_object(folder, guid, stored.tree, is_export=stored.is_export)

    def _folder(self, server: Server) -> str:
        # Numbered: a server's name comes from an export and need not be fit for a file's name.
        return server_folder(list(self.servers.values()).index(server))


def server_folder(number: int) -> str:
    return f"servers/{number:04}"
