"""Where objects live: distinguished names, ADObjectId, and the properties all of them end with."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID, uuid5

from reconciler.lab.exchange import blobs
from reconciler.lab.exchange.builds import Version
from reconciler.lab.exchange.clixml import (
    NIL,
    SERIALIZATION,
    Obj,
    Scalar,
    Value,
    boolean,
    int32,
    list_of,
    string,
    text_of,
)
from reconciler.lab.exchange.enums import OBJECT_STATE
from reconciler.lab.exchange.values import BASE, OBJECT, note, object_version, strings

SERVER_ZONE = timezone(timedelta(hours=-8))
"""The servers' clock: what they print is not UTC [6.1-6], and a client must not think so."""

ADMINISTRATIVE_GROUP = "Exchange Administrative Group (FYDIBOHF23SPDLT)"
ROUTING_GROUP = "Exchange Routing Group (DWBGZMFD01QNBJR)"
NO_GUID = UUID(int=0)

_AD_OBJECT_ID = "Microsoft.Exchange.Data.Directory.ADObjectId"
AD_OBJECT_ID_TYPES = (_AD_OBJECT_ID, "Microsoft.Exchange.Data.ObjectId", OBJECT)
_AD_LIST = f"[[{_AD_OBJECT_ID}, {blobs.DIRECTORY}]]"
AD_LIST_TYPES = (
    f"Microsoft.Exchange.Data.Directory.ADMultiValuedProperty`1{_AD_LIST}",
    f"Microsoft.Exchange.Data.MultiValuedProperty`1{_AD_LIST}",
    BASE,
    OBJECT,
)
OLDEST_READER: Version = (8, 0, 535, 0)
"""Connectors and servers can be read since Exchange 2007."""

_SPECIAL = re.compile(r'([,+"\\<>;=]|^[ #]| $)')
_UNESCAPED_COMMA = re.compile(r"(?<!\\),")


@dataclass(frozen=True, slots=True)
class Forest:
    """One configuration partition: the Active Directory forest, or an Edge server's AD LDS.

    Attributes:
        domain: DNS name, such as ``contoso.com``.
        organization: DN of the Exchange organization's container.
        partition: The partition's GUID.
    """

    domain: str
    organization: str
    partition: UUID

    @property
    def configuration(self) -> str:
        """DN of the configuration naming context."""
        return self.organization[self.organization.index("CN=Configuration,") :]

    @property
    def organization_name(self) -> str:
        return self.organization.partition(",")[0].removeprefix("CN=")

    def server_dn(self, server: str) -> str:
        return f"CN={_rdn(server)},CN=Servers,{self._group()}"

    def routing_group_dn(self) -> str:
        return f"CN={ROUTING_GROUP},CN=Routing Groups,{self._group()}"

    def send_connector_dn(self, name: str) -> str:
        return f"CN={_rdn(name)},CN=Connections,{self.routing_group_dn()}"

    def receive_connector_dn(self, server: str, name: str) -> str:
        return f"CN={_rdn(name)},CN=SMTP Receive Connectors,CN=Protocols,{self.server_dn(server)}"

    def accepted_domain_dn(self, name: str) -> str:
        return f"CN={_rdn(name)},CN=Accepted Domains,CN=Transport Settings,{self.organization}"

    def object_id(self, dn: str, guid: UUID, text: str | None = None) -> Obj:
        """An ADObjectId.

        Args:
            dn: Distinguished name.
            guid: The object's GUID; zero for a bare link.
            text: What it prints; by default its name, or the canonical name outside of the
                Exchange organization.
        """
        parts = _UNESCAPED_COMMA.split(dn)
        name = _value(parts[0])
        is_inside = dn.endswith(self.organization)
        parent = _value(parts[1]) if is_inside else self._canonical(parts[1:])
        text = text or (name if is_inside else self._canonical(parts))
        partition = NO_GUID if guid == NO_GUID else self.partition
        depth = len(parts) - 1
        properties = {
            "OrgHierarchyToIgnore": NIL,
            "IsDeleted": boolean(False),
            "Rdn": string(parts[0]),
            "Parent": string(parent),
            "Depth": int32(depth),
            "DistinguishedName": string(dn),
            "IsRelativeDn": boolean(False),
            "DomainId": string(self.domain),
            "PartitionGuid": Scalar("G", str(partition)),
            "PartitionFQDN": string(self.domain),
            "ObjectGuid": Scalar("G", str(guid)),
            "Name": string(name),
        }
        blob = blobs.ad_object_id(partition, self.domain, guid, dn, depth, text)
        return Obj(AD_OBJECT_ID_TYPES, text, None, properties, note(blob))

    def server_link(self, server: str) -> Obj:
        return self.object_id(self.server_dn(server), NO_GUID)

    def server_links(self, servers: list[str]) -> Obj:
        return list_of(AD_LIST_TYPES, tuple(self.server_link(server) for server in servers))

    def schema_class(self, name: str) -> Obj:
        """ObjectCategory: the GUID depends on the class alone, as within one real forest."""
        return self.object_id(f"CN={name},CN=Schema,{self.configuration}", uuid5(self.partition, name))

    def _group(self) -> str:
        return f"CN={ADMINISTRATIVE_GROUP},CN=Administrative Groups,{self.organization}"

    def _canonical(self, parts: list[str]) -> str:
        outer = [_value(part) for part in parts if not part.startswith("DC=")]
        return "/".join([self.domain, *reversed(outer)])


def forest_of_dn(dn: str, partition: UUID) -> Forest | None:
    """Find the forest that a distinguished name lies in; None if it is not in an organization."""
    match = re.search(r"CN=[^,]+,CN=Microsoft ?Exchange,CN=Services,CN=Configuration,(.+)$", dn)
    if match is None:
        return None
    labels = [_value(part) for part in match[1].split(",") if part.startswith("DC=")]
    return Forest(".".join(labels), match[0], partition)


def stamped(now: datetime) -> tuple[Scalar, Scalar]:
    """WhenChanged and WhenChangedUTC; seconds, the first in the server's own zone."""
    moment = now.astimezone(UTC).replace(microsecond=0)
    local = moment.astimezone(SERVER_ZONE).isoformat()
    return Scalar("DT", local), Scalar("DT", moment.isoformat().replace("+00:00", "Z"))


def ending(
    identity: Obj, *, category: Obj, classes: list[str], now: datetime, origin: str
) -> dict[str, Value]:
    """The properties with which every configuration object ends, from AdminDisplayName on.

    Args:
        identity: Its ADObjectId; Identity and Id are one object.
        category: Its ObjectCategory.
        classes: Its ObjectClass values.
        now: When it was made.
        origin: The domain controller that answers.
    """
    named = identity.properties or {}
    local, utc = stamped(now)
    return {
        "AdminDisplayName": string(""),
        "ExchangeVersion": object_version(0, 1, OLDEST_READER),
        "Name": named["Name"],
        "DistinguishedName": named["DistinguishedName"],
        "Identity": identity,
        "Guid": named["ObjectGuid"],
        "ObjectCategory": category,
        "ObjectClass": strings(classes),
        "WhenChanged": local,
        "WhenCreated": local,
        "WhenChangedUTC": utc,
        "WhenCreatedUTC": utc,
        "OrganizationId": organization_id(),
        "Id": identity,
        "OriginatingServer": string(origin),
        "IsValid": boolean(True),
        "ObjectState": OBJECT_STATE.named("Unchanged"),
    }


def changed_now(tree: Obj, now: datetime) -> Obj:
    """The object after a change: its dates move.

    What it holds as a whole (the property bag in the object's own SerializationData) would be of
    another time and cannot be written here, so it goes; nested blobs stay.
    """
    local, utc = stamped(now)
    changed = tree.with_properties({"WhenChanged": local, "WhenChangedUTC": utc})
    return changed.without_notes(SERIALIZATION)


def renamed(tree: Obj, forest: Forest, dn: str, name: str, text: str | None = None) -> Obj:
    """The object under another name: its GUID survives [3-24].

    Args:
        tree: The object.
        forest: Where it lives.
        dn: Its new distinguished name.
        name: Its new name.
        text: What it prints; its name by default.
    """
    guid = UUID(text_of((tree.properties or {})["Guid"]))
    identity = forest.object_id(dn, guid, text)
    named: dict[str, Value] = {
        "Name": string(name),
        "DistinguishedName": string(dn),
        "Identity": identity,
        "Id": identity,
    }
    return replace(tree.with_properties(named), text=text or name)


def organization_id() -> Obj:
    """The first organization's OrganizationId: prints nothing, names nothing."""
    properties: dict[str, Value] = {
        "OrganizationalUnit": NIL,
        "ConfigurationUnit": NIL,
        "IsConsumerOrganization": boolean(False),
        "IdForEventLog": string(""),
    }
    types = ("Microsoft.Exchange.Data.Directory.OrganizationId", OBJECT)
    return Obj(types, "", None, properties, note(blobs.organization_id()))


def _rdn(name: str) -> str:
    return _SPECIAL.sub(r"\\\1", name)


def _value(part: str) -> str:
    return re.sub(r"\\(.)", r"\1", part.partition("=")[2])
