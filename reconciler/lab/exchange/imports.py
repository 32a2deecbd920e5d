"""Starting from Export-Clixml files of a real organization: a dress rehearsal on a copy of it.

Objects are recognized by their type names. Everything that is found is placed or told.
"""

from __future__ import annotations

import base64
import secrets
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from reconciler.lab.exchange import enums
from reconciler.lab.exchange.archive import Archive, facts_of
from reconciler.lab.exchange.builds import Builds, build_of_display, newest
from reconciler.lab.exchange.certificate_blob import friendly_name_of
from reconciler.lab.exchange.certificates import StoredCertificate, parsed
from reconciler.lab.exchange.clixml import Obj, Scalar, text_of, texts_of
from reconciler.lab.exchange.clixml_reader import BadClixml, read
from reconciler.lab.exchange.directory import Forest, forest_of_dn
from reconciler.lab.exchange.founding import (
    ACTIVE_DIRECTORY,
    AUTH_NAME,
    DOMAIN,
    active_directory,
    add_edge_server,
    bare_server,
    save,
)
from reconciler.lab.exchange.keys import KeyRing, KeySource
from reconciler.lab.exchange.nrbf_reader import BadBlob
from reconciler.lab.exchange.objects.receive_connector import Home
from reconciler.lab.exchange.objects.settings import ORGANIZATION_CONFIG
from reconciler.lab.exchange.organization import Organization, Partition, Server, Stored
from reconciler.lab.exchange.smtp import chosen, lacks_connectors

CLIENT_NOTES = frozenset({"PSComputerName", "RunspaceId", "PSShowComputerName"})
"""Added by the PowerShell client that exported; the server never sent them [6.1-4]."""

DESERIALIZED = "Deserialized."
MANAGEMENT = "Microsoft.Exchange.Management.SystemConfigurationTasks."
CONFIGURATION = "Microsoft.Exchange.Data.Directory.SystemConfiguration."
KINDS = {
    "Microsoft.Exchange.Data.Directory.Management.ExchangeServer": "server",
    f"{CONFIGURATION}SmtpSendConnectorConfig": "send connector",
    f"{CONFIGURATION}ReceiveConnector": "receive connector",
    f"{CONFIGURATION}AcceptedDomain": "accepted domain",
    ORGANIZATION_CONFIG: "organization",
    f"{MANAGEMENT}ExchangeCertificate": "certificate",
}


class UnusableExport(Exception):
    """Nothing in the folder is an Exchange object that the lab knows; the message says what is there."""


@dataclass(slots=True)
class Exports:
    """What a folder holds, by kind: the object, and what its PSComputerName said.

    Attributes:
        objects: By kind, in the order of files and objects.
        remarks: What could not be used.
    """

    objects: dict[str, list[tuple[Obj, str | None]]] = field(
        default_factory=lambda: {kind: [] for kind in KINDS.values()}
    )
    remarks: list[str] = field(default_factory=list)

    def of(self, kind: str) -> list[Obj]:
        return [tree for tree, _ in self.objects[kind]]


def read_exports(folder: Path) -> Exports:
    """Read every ``*.xml`` and ``*.clixml`` directly in a folder.

    Raises:
        UnusableExport: there is no Exchange object in it.
    """
    exports = Exports()
    if not folder.is_dir():
        raise UnusableExport(f"{folder} is not a folder")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".xml", ".clixml"))
    for path in paths:
        try:
            values = read(path.read_bytes())
        except (BadClixml, OSError) as error:
            exports.remarks.append(f"{path.name}: not read: {error}")
            continue
        unknown: Counter[str] = Counter()
        for value in values:
            kind = KINDS.get(_type(value))
            if isinstance(value, Obj) and kind is not None:
                notes = value.notes or {}
                exports.objects[kind].append((_as_sent(value), text_of(notes.get("PSComputerName"))))
            else:
                unknown[_type(value)] += 1
        for name, count in unknown.items():
            exports.remarks.append(f"{path.name}: {count} object(s) of type {name} have no place in the lab")
    if not any(exports.objects.values()):
        raise UnusableExport(f"no Exchange object in {folder} ({len(paths)} file(s) looked at)")
    return exports


def _type(value: Obj | Scalar) -> str:
    if isinstance(value, Scalar):
        return value.tag
    return (value.types or ("of no type",))[0].removeprefix(DESERIALIZED)


def _as_sent(tree: Obj) -> Obj:
    """The object as the server sent it: without what the exporting client added [6.1-4].

    One export carries the client's ``Deserialized.`` prefix too; nested objects have none there.
    """
    types = tuple(name.removeprefix(DESERIALIZED) for name in tree.types or ())
    return replace(tree, types=types).without_notes(CLIENT_NOTES)


def found_from_exports(
    root: Path, folder: Path, *, edges: int, builds: Builds, now: datetime, new_key: KeySource
) -> Organization:
    """Make an organization of exports; Edge servers can be made up beside it.

    Args:
        builds: Of those; of servers whose version the exports do not tell, where they are named.

    Raises:
        UnusableExport: the folder has nothing to start from.
        UnknownBuild: a build is for a server that there is not.
    """
    exports = read_exports(folder)
    organization = Organization(
        Archive(root), KeyRing(root / "keys", new_key), {}, {}, secret=secrets.token_bytes(32)
    )
    partition = Partition(ACTIVE_DIRECTORY, _forest(exports), "")
    organization.partitions[partition.key] = partition
    _Placing(organization, partition, exports, builds, now).everything()
    partition.origin = _origin(exports) or f"DC1.{partition.forest.domain}"
    organization.remarks = tuple(exports.remarks)
    for name in [f"EDGE{number}" for number in range(1, edges + 1)]:
        fqdn = f"{name.lower()}.{partition.forest.domain}"
        add_edge_server(organization, name, fqdn, builds.of(name), now)
    builds.check(server.name for server in organization.servers.values())
    save(organization)
    return organization


def _forest(exports: Exports) -> Forest:
    for kind in ("send connector", "server", "receive connector", "accepted domain"):
        for tree in exports.of(kind):
            if forest := forest_of_dn(_text(tree, "DistinguishedName"), uuid4()):
                return forest
    return active_directory(DOMAIN)


def _origin(exports: Exports) -> str | None:
    for kind in ("send connector", "server", "receive connector", "accepted domain"):
        for tree in exports.of(kind):
            if origin := _text(tree, "OriginatingServer"):
                return origin
    return None


def _text(tree: Obj, name: str) -> str:
    return text_of((tree.properties or {}).get(name)) or ""


@dataclass(slots=True)
class _Placing:
    """Finds every object its place."""

    organization: Organization
    partition: Partition
    exports: Exports
    builds: Builds
    now: datetime

    def everything(self) -> None:
        for tree in self.exports.of("server"):
            self.server(tree)
        for tree, computer in self.exports.objects["certificate"]:
            self.certificate(tree, computer)
        for tree in self.exports.of("receive connector"):
            self.receive_connector(tree)
        for tree in self.exports.of("send connector"):
            self.send_connector(tree)
        for tree in self.exports.of("accepted domain"):
            self.accepted_domain(tree)
        for tree in self.exports.of("organization"):
            self.organization_config(tree)
        self.auth_certificate()
        for server in self.organization.servers.values():
            self.default_certificate(server)
            self.port_25(server)

    def tell(self, remark: str) -> None:
        self.exports.remarks.append(remark)

    def server(self, tree: Obj) -> None:
        name, fqdn = _text(tree, "Name"), _text(tree, "Fqdn")
        if not name:
            self.tell("a server without a name has no place in the lab")
            return
        if self.organization.server(name) is not None:
            self.tell(f"server {name} was found twice; the first counts")
            return
        display = _text(tree, "AdminDisplayVersion")
        build = build_of_display(display)
        if build is None:
            build = self.builds.of_servers.get(name.lower(), newest())
            self.tell(f"server {name}: version {display!r} is not known, {build.token} is assumed")
        elif name.lower() in self.builds.of_servers:
            self.tell(f"server {name}: the exports say {build.token}, and that counts")
        is_edge = _text(tree, "IsEdgeServer") == "true"
        home = Home(name, fqdn or f"{name}.{self.partition.forest.domain}", is_edge, build)
        partition = self.partition
        if is_edge:
            partition = Partition(name, self.partition.forest, home.fqdn)
            self.organization.partitions[name] = partition
            self.tell(
                f"Edge server {name}: send connectors of the exports are taken to be the organization's"
            )
        server = bare_server(self.organization, partition, home, self.now)
        server.shown = Stored(tree, is_export=True)

    def mentioned(self, name: str, by: str) -> Server:
        """The server that something names; added when nothing else told of it."""
        known = self.organization.server(name) or self.organization.server(name.partition(".")[0])
        if known is not None:
            return known
        short, _, domain = name.partition(".")
        fqdn = name if domain else f"{short}.{self.partition.forest.domain}"
        build = self.builds.of_servers.get(short.lower(), newest())
        home = Home(short, fqdn, is_edge=False, build=build)
        self.tell(f"server {short} is known only from {by}; added as a Mailbox server, {build.token}")
        return bare_server(self.organization, self.partition, home, self.now)

    def certificate(self, tree: Obj, computer: str | None) -> None:
        raw = (tree.properties or {}).get("RawData")
        title = (tree.text or "certificate").splitlines()[1:2]
        label = title[0].strip() if title else "certificate"
        if not isinstance(raw, Scalar):
            self.tell(f"certificate {label} has no RawData and no place in the lab")
            return
        try:
            stored = _stored_certificate(tree, raw)
        except (BadBlob, ValueError) as error:
            self.tell(f"certificate {label} can't be read: {error}")
            return
        host = stored.export_facts.identity.rpartition("\\")[0] if stored.export_facts else computer
        if not host:
            self.tell(
                f"certificate {stored.thumbprint} ({label}) names no server and has no place in the lab"
            )
            return
        server = self.mentioned(host, "a certificate")
        twin = server.certificate(stored.thumbprint)
        if twin is None:
            server.certificates = (*server.certificates, stored)
            return
        # The copy with serialization data says more.
        better = stored if twin.export_facts is None else twin
        server.certificates = tuple(better if each is twin else each for each in server.certificates)
        which = "the one with serialization data counts" if better.export_facts else "one counts"
        self.tell(f"certificate {stored.thumbprint} was found twice on {server.name}; {which}")

    def receive_connector(self, tree: Obj) -> None:
        name = _text(tree, "Identity").partition("\\")[0] or _text(tree, "Server")
        if not name:
            self.tell(f"receive connector {tree.text!r} names no server and has no place in the lab")
            return
        server = self.mentioned(name, "a receive connector")
        self.keep(server.receive_connectors, tree, f"receive connector {_text(tree, 'Identity')}")

    def send_connector(self, tree: Obj) -> None:
        for source in texts_of((tree.properties or {}).get("SourceTransportServers")):
            self.mentioned(source, "a send connector's source servers")
        self.keep(self.partition.send_connectors, tree, f"send connector {_text(tree, 'Name')}")

    def accepted_domain(self, tree: Obj) -> None:
        self.keep(self.partition.accepted_domains, tree, f"accepted domain {_text(tree, 'Name')}")

    def organization_config(self, tree: Obj) -> None:
        """Its Guid tells a copy of an organization from any other one."""
        if self.partition.exported:
            self.tell("the organization was found twice; the first counts")
            return
        self.keep(self.partition.exported, tree, "the organization")

    def port_25(self, server: Server) -> None:
        """Tell what SMTP will present: never the real thing, for exports hold no private keys."""
        if lacks_connectors(server):
            self.tell(
                f"server {server.name}: no receive connector on port 25; setup's is assumed to be there"
            )
        if (stored := chosen(server, self.now)) is not None:
            self.tell(
                f"server {server.name}: exports hold no private keys; SMTP presents a stand-in for "
                f"{stored.thumbprint}, with the same names"
            )

    def keep(self, objects: dict[str, Stored], tree: Obj, label: str) -> None:
        stored = Stored(tree, is_export=True)
        if not stored.guid or not stored.name:
            self.tell(f"{label} has no name or no GUID, and no place in the lab")
            return
        names = {other.name.lower() for other in objects.values()}
        if stored.guid in objects or stored.name.lower() in names:
            self.tell(f"{label} was found twice; the first counts")
            return
        objects[stored.guid] = stored

    def auth_certificate(self) -> None:
        """The newest certificate of that name is taken to be the one in use."""
        every = [c for s in self.organization.members(self.partition) for c in s.certificates]
        named = [c for c in every if c.name.subject == f"CN={AUTH_NAME}"]
        newest_one = max(named, key=lambda c: c.certificate.not_valid_before_utc, default=None)
        self.partition.auth_thumbprint = newest_one.thumbprint if newest_one else None

    def default_certificate(self, server: Server) -> None:
        """Decide which certificate is the default for SMTP: exports do not tell [2.3-4]."""
        enabled = [c for c in server.certificates if c.services & enums.SMTP]
        own = [c for c in enabled if server.name.lower() in c.domains()]
        candidates = own or [c for c in enabled if c.name.subject != f"CN={AUTH_NAME}"]
        best = max(candidates, key=lambda c: c.certificate.not_valid_after_utc, default=None)
        if best is not None:
            server.default_thumbprint = best.thumbprint
            self.tell(
                f"server {server.name}: exports do not say which certificate is the default for SMTP; "
                f"{best.thumbprint} is assumed"
            )


def _stored_certificate(tree: Obj, raw: Scalar) -> StoredCertificate:
    facts = facts_of(tree)
    der = base64.b64decode(raw.text)
    parsed(der)
    return StoredCertificate(
        der=der,
        friendly_name=friendly_name_of(facts.element) if facts else "",
        services=facts.services if facts else 0,
        sites=facts.sites if facts else (),
        exportable=facts.exportable if facts else False,
        export=tree,
        export_facts=facts,
    )
