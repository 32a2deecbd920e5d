"""EdgeSubscription, and what a synchronization reports.

No export of either is at hand. Name, Site and Domain are what public listings of Get-EdgeSubscription show;
the report has the properties that articles on Start-EdgeSynchronization print. Type names are
ours [inf: organization-types].
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from reconciler.lab.exchange.clixml import NIL, Obj, Scalar, Value, int32, string
from reconciler.lab.exchange.directory import NO_GUID, Forest, ending
from reconciler.lab.exchange.objects.receive_connector import Home
from reconciler.lab.exchange.values import OBJECT, enum

SITE = "Default-First-Site-Name"
TYPES = (
    "Microsoft.Exchange.Data.Directory.Management.EdgeSubscription",
    "Microsoft.Exchange.Data.Directory.Management.ADPresentationObject",
    "Microsoft.Exchange.Data.ConfigurableObject",
    OBJECT,
)
_SYNCHRONIZATION = "Microsoft.Exchange.MessageSecurity.EdgeSync."


def edge_subscription(forest: Forest, home: Home, guid: UUID, *, now: datetime, origin: str) -> Obj:
    """The subscription of one Edge server to the site of the Mailbox servers."""
    identity = forest.object_id(forest.server_dn(home.name), guid)
    site = forest.object_id(f"CN={SITE},CN=Sites,{forest.configuration}", NO_GUID)
    properties: dict[str, Value] = {
        "Site": site,
        "Domain": string(home.fqdn.partition(".")[2]),
        **ending(
            identity,
            category=forest.schema_class("ms-Exch-Exchange-Server"),
            classes=["top", "server", "msExchExchangeServer"],
            now=now,
            origin=origin,
        ),
    }
    return Obj(TYPES, home.name, None, properties, None)


def synchronization(edge: str, count: int, now: datetime) -> Obj:
    """The report on one subscribed Edge server: how many connectors were written."""
    moment = Scalar("DT", now.replace(microsecond=0).isoformat().replace("+00:00", "Z"))
    properties: dict[str, Value] = {
        "Result": enum(f"{_SYNCHRONIZATION}StatusResult", "Success", 0),
        "Type": enum(f"{_SYNCHRONIZATION}SyncTreeType", "Configuration", 1),
        "Name": string(edge),
        "FailureDetails": NIL,
        "StartUTC": moment,
        "EndUTC": moment,
        "Added": int32(count),
        "Deleted": int32(0),
        "Updated": int32(0),
        "Scanned": int32(count),
        "TargetScanned": int32(0),
    }
    return Obj((f"{_SYNCHRONIZATION}Status", OBJECT), f"{_SYNCHRONIZATION}Status", None, properties, None)
