"""Making up an organization, and opening one that was made before.

A made-up organization is as setup leaves it: nothing is set up for public TLS.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from reconciler.lab.exchange import enums
from reconciler.lab.exchange.addresses import smart_hosts
from reconciler.lab.exchange.archive import Archive
from reconciler.lab.exchange.builds import Build, Builds
from reconciler.lab.exchange.certificates import (
    BACK_END_SITE,
    CA_REGISTRY,
    FRONT_END_SITE,
    StoredCertificate,
    self_signed,
)
from reconciler.lab.exchange.clixml import Value, boolean
from reconciler.lab.exchange.directory import Forest
from reconciler.lab.exchange.keys import KeyRing, KeySource
from reconciler.lab.exchange.objects.accepted_domain import accepted_domain
from reconciler.lab.exchange.objects.edge_subscription import SITE, edge_subscription
from reconciler.lab.exchange.objects.exchange_server import exchange_server
from reconciler.lab.exchange.objects.receive_connector import Home, receive_connector, setup_connectors
from reconciler.lab.exchange.objects.send_connector import send_connector
from reconciler.lab.exchange.objects.transport import transport_server
from reconciler.lab.exchange.organization import (
    Objects,
    Organization,
    Partition,
    Server,
    Stored,
    server_folder,
)
from reconciler.lab.exchange.values import EDGE_SYNC_DOMAINS, address_spaces
from reconciler.lab.exchange.x500 import name_of_text

DOMAIN = "contoso.com"
ACTIVE_DIRECTORY = "ad"
FIVE_YEARS = timedelta(days=1826)
"""Lifetime of a self-signed certificate [2.1-9]."""
AUTH_LIFETIME = timedelta(days=1800)
AUTH_NAME = "Microsoft Exchange Server Auth Certificate"
FORMAT = 2


class UnknownFormat(Exception):
    """The folder was written by another version of the lab."""


def found(
    root: Path,
    *,
    servers: int,
    edges: int,
    subscribed: int,
    builds: Builds,
    now: datetime,
    new_key: KeySource,
) -> Organization:
    """Make up contoso.com with Mailbox servers MBX1.. and Edge servers EDGE1.., the first ones subscribed.

    Raises:
        UnknownBuild: one is for a server that there is not.
    """
    mailbox_names = [f"MBX{number}" for number in range(1, servers + 1)]
    edge_names = [f"EDGE{number}" for number in range(1, edges + 1)]
    builds.check([*mailbox_names, *edge_names])
    organization = Organization(
        Archive(root), KeyRing(root / "keys", new_key), {}, {}, secret=secrets.token_bytes(32)
    )
    ad = Partition(ACTIVE_DIRECTORY, active_directory(DOMAIN), f"DC1.{DOMAIN}", others=(f"DC2.{DOMAIN}",))
    organization.partitions[ad.key] = ad
    guid = uuid4()
    domain = accepted_domain(ad.forest, DOMAIN, guid, now=now, origin=ad.origin)
    ad.accepted_domains[str(guid)] = Stored(domain)
    for name in mailbox_names:
        add_mailbox_server(organization, name, f"{name.lower()}.{DOMAIN}", builds.of(name), now)
    for number, name in enumerate(edge_names):
        edge = add_edge_server(organization, name, f"{name.lower()}.{DOMAIN}", builds.of(name), now)
        if number < subscribed:
            subscribe(ad, edge, now)
    save(organization)
    return organization


def active_directory(domain: str) -> Forest:
    labels = ",".join(f"DC={label}" for label in domain.split("."))
    container = f"CN=First Organization,CN=Microsoft Exchange,CN=Services,CN=Configuration,{labels}"
    return Forest(domain, container, uuid4())


def add_mailbox_server(
    organization: Organization, name: str, fqdn: str, build: Build, now: datetime
) -> Server:
    """Add a server as setup leaves it."""
    partition = organization.partitions[ACTIVE_DIRECTORY]
    server = bare_server(organization, partition, Home(name, fqdn, is_edge=False, build=build), now)
    sites = tuple(f"IIS://{name}/W3SVC/{site}" for site in (FRONT_END_SITE, BACK_END_SITE))
    default = _default_certificate(organization, server, enums.IMAP | enums.POP | enums.SMTP, sites, now)
    server.certificates = (default,)
    if build.is_modern:
        server.certificates = (_auth_certificate(organization, partition, now), default)
    server.default_thumbprint = default.thumbprint
    server.receive_connectors = _setup_connectors(server, now)
    return server


def add_edge_server(organization: Organization, name: str, fqdn: str, build: Build, now: datetime) -> Server:
    """Add an Edge server as setup leaves it: its configuration is in its own AD LDS instance [1-4]."""
    domain = fqdn.partition(".")[2] or fqdn
    # How an instance names its partition is not in any sample [inf: partition-name]; only the look is kept.
    instance = f"CN=Configuration,CN={{{str(uuid4()).upper()}}},DC={',DC='.join(domain.split('.'))}"
    container = f"CN=First Organization,CN=MicrosoftExchange,CN=Services,{instance}"
    partition = Partition(name, Forest(domain, container, uuid4()), fqdn)
    organization.partitions[partition.key] = partition
    server = bare_server(organization, partition, Home(name, fqdn, is_edge=True, build=build), now)
    default = _default_certificate(organization, server, enums.SMTP, (), now)
    server.certificates = (default,)
    server.default_thumbprint = default.thumbprint
    server.receive_connectors = _setup_connectors(server, now)
    return server


def subscribe(ad: Partition, edge: Server, now: datetime) -> None:
    """Subscribe an Edge server, with the two connectors that come of it; they are not yet on it [3-5].

    A second Edge server of the site becomes another source of the same two connectors.
    """
    guid = uuid4()
    tree = edge_subscription(ad.forest, edge.home, guid, now=now, origin=ad.origin)
    ad.edge_subscriptions[str(guid)] = Stored(tree)
    sources = [subscription.name for subscription in ad.edge_subscriptions.values()]
    made = {stored.name: stored.guid for stored in ad.send_connectors.values()}
    build = edge.home.build
    of_the_site: Mapping[str, Mapping[str, Value]] = {
        f"EdgeSync - {SITE} to Internet": {"AddressSpaces": address_spaces(["SMTP:*;100"])},
        f"EdgeSync - Inbound to {SITE}": {
            "AddressSpaces": address_spaces([f"SMTP:{EDGE_SYNC_DOMAINS};1"]),
            "DNSRoutingEnabled": boolean(False),
            "SmartHosts": smart_hosts([EDGE_SYNC_DOMAINS], build.assembly),
        },
    }
    for name, given in of_the_site.items():
        connector = UUID(made[name]) if name in made else uuid4()
        ad.send_connectors[str(connector)] = Stored(
            send_connector(ad.forest, name, connector, sources, given, build=build, now=now, origin=ad.origin)
        )


def bare_server(organization: Organization, partition: Partition, home: Home, now: datetime) -> Server:
    """A server with nothing on it yet."""
    shown = exchange_server(partition.forest, home, uuid4(), now=now, origin=partition.origin)
    transport = transport_server(partition.forest, home, uuid4(), now=now, origin=partition.origin)
    server = Server(home, partition, Stored(shown), Stored(transport))
    organization.servers[home.name.lower()] = server
    return server


def _setup_connectors(server: Server, now: datetime) -> Objects:
    objects: Objects = {}
    for name, properties in setup_connectors(server.home).items():
        guid = uuid4()
        partition = server.partition
        tree = receive_connector(
            partition.forest, server.home, name, guid, properties, now=now, origin=partition.origin
        )
        objects[str(guid)] = Stored(tree)
    return objects


def _default_certificate(
    organization: Organization, server: Server, services: int, sites: tuple[str, ...], now: datetime
) -> StoredCertificate:
    home = server.home
    key = organization.keys.new(2048)
    der = self_signed(key, name_of_text(f"CN={home.name}"), [home.name, home.fqdn], now, FIVE_YEARS)
    certificate = StoredCertificate(der, "Microsoft Exchange", root_ca_type=CA_REGISTRY, container=uuid4())
    return certificate.with_services(services, sites)


def _auth_certificate(organization: Organization, partition: Partition, now: datetime) -> StoredCertificate:
    """The one OAuth certificate of the organization, on every Mailbox server."""
    for server in organization.members(partition):
        if partition.auth_thumbprint and (known := server.certificate(partition.auth_thumbprint)):
            return known
    key = organization.keys.new(2048)
    der = self_signed(key, name_of_text(f"CN={AUTH_NAME}"), [], now, AUTH_LIFETIME)
    certificate = StoredCertificate(der, AUTH_NAME, services=enums.SMTP, exportable=True, container=uuid4())
    partition.auth_thumbprint = certificate.thumbprint
    return certificate


# --- keeping and opening ------------------------------------------------------------------------


def save(organization: Organization) -> None:
    """Write a new organization; its facts come last, for they make it one."""
    organization.save()
    organization.archive.put_facts(
        {
            "format": FORMAT,
            "secret": organization.secret.hex(),
            "remarks": list(organization.remarks),
            "partitions": [
                {
                    "key": partition.key,
                    "domain": partition.forest.domain,
                    "organization": partition.forest.organization,
                    "partition": str(partition.forest.partition),
                    "origin": partition.origin,
                    "others": list(partition.others),
                    "auth_thumbprint": partition.auth_thumbprint,
                }
                for partition in organization.partitions.values()
            ],
            "servers": [
                {
                    "name": server.home.name,
                    "fqdn": server.home.fqdn,
                    "is_edge": server.home.is_edge,
                    "product": server.home.build.product,
                    "update": server.home.build.update,
                    "version": list(server.home.build.version),
                    "partition": server.partition.key,
                }
                for server in organization.servers.values()
            ],
        }
    )


def load(root: Path, new_key: KeySource) -> Organization:
    """Open an organization as its last cmdlet left it.

    Raises:
        UnknownFormat: written by another version of the lab.
    """
    archive = Archive(root)
    facts = archive.facts()
    if facts["format"] != FORMAT:
        raise UnknownFormat(f"{root} has format {facts['format']}; this lab knows {FORMAT}")
    organization = Organization(
        archive,
        KeyRing(root / "keys", new_key),
        {record["key"]: _partition(archive, record) for record in facts["partitions"]},
        {},
        remarks=tuple(facts["remarks"]),
        secret=bytes.fromhex(facts["secret"]),
    )
    for number, record in enumerate(facts["servers"]):
        server = _server(archive, server_folder(number), record, organization.partitions)
        organization.servers[server.name.lower()] = server
    return organization


def _partition(archive: Archive, record: Mapping[str, Any]) -> Partition:
    key = record["key"]
    return Partition(
        key,
        Forest(record["domain"], record["organization"], UUID(record["partition"])),
        record["origin"],
        dict(_stored(archive, f"{key}/send-connectors")),
        dict(_stored(archive, f"{key}/accepted-domains")),
        dict(_stored(archive, f"{key}/edge-subscriptions")),
        record["auth_thumbprint"],
        tuple(record["others"]),
        dict(_stored(archive, f"{key}/organization")),
    )


def _server(
    archive: Archive, folder: str, record: Mapping[str, Any], partitions: Mapping[str, Partition]
) -> Server:
    major, minor, number, revision = record["version"]
    build = Build(record["product"], record["update"], (major, minor, number, revision))
    certificates, default, intermediates = archive.certificates(folder)
    return Server(
        Home(record["name"], record["fqdn"], record["is_edge"], build),
        partitions[record["partition"]],
        Stored(*archive.object(folder, "server")),
        Stored(*archive.object(folder, "transport")),
        dict(_stored(archive, f"{folder}/receive-connectors")),
        certificates,
        default,
        intermediates,
    )


def _stored(archive: Archive, folder: str) -> Iterator[tuple[str, Stored]]:
    for tree, is_export in archive.objects(folder):
        stored = Stored(tree, is_export)
        yield stored.guid, stored
