"""TransportServer: what Get-TransportService and Get-FrontendTransportService give.

No export of one is at hand: type chain and names follow the cmdlet pages, the order is ours.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from reconciler.lab.exchange import blobs, enums
from reconciler.lab.exchange.clixml import NIL, Obj, Value, boolean, int32
from reconciler.lab.exchange.directory import Forest, ending
from reconciler.lab.exchange.objects.receive_connector import Home
from reconciler.lab.exchange.values import OBJECT, TICKS, multi_valued, time_span, unlimited_int

MANAGEMENT = "Microsoft.Exchange.Data.Directory.Management."
BASES = (
    f"{MANAGEMENT}ADPresentationObject",
    "Microsoft.Exchange.Data.Directory.ADObject",
    "Microsoft.Exchange.Data.Directory.ADRawEntry",
    "Microsoft.Exchange.Data.ConfigurableObject",
    OBJECT,
)
ADDRESSES = "System.Net.IPAddress"


def transport_server(forest: Forest, home: Home, guid: UUID, *, now: datetime, origin: str) -> Obj:
    """The transport service of a server, with the settings that TLS and delivery depend on."""
    identity = forest.object_id(forest.server_dn(home.name), guid)
    none = enums.PROTOCOL_LOGGING.named("None")
    properties: dict[str, Value] = {
        "DelayNotificationTimeout": time_span(4 * 3600 * TICKS),
        "MessageExpirationTimeout": time_span(2 * 86_400 * TICKS),
        "MaxOutboundConnections": unlimited_int(1000),
        "MaxPerDomainOutboundConnections": unlimited_int(20),
        "MaxConnectionRatePerMinute": int32(1200),
        "ExternalDNSAdapterEnabled": boolean(True),
        "ExternalDNSServers": multi_valued(ADDRESSES, blobs.SYSTEM, ()),
        "ExternalIPAddress": NIL,
        "InternalDNSAdapterEnabled": boolean(True),
        "InternalDNSServers": multi_valued(ADDRESSES, blobs.SYSTEM, ()),
        "ConnectivityLogEnabled": boolean(True),
        "IntraOrgConnectorProtocolLoggingLevel": none,
        "IntraOrgConnectorSmtpMaxMessagesPerConnection": int32(20),
        "TransientFailureRetryCount": int32(6),
        "TransientFailureRetryInterval": time_span(5 * 60 * TICKS),
        "UseDowngradedExchangeServerAuth": boolean(False),
        "AntispamAgentsEnabled": boolean(home.is_edge),
        **ending(
            identity,
            category=forest.schema_class("ms-Exch-Exchange-Server"),
            classes=["top", "server", "msExchExchangeServer"],
            now=now,
            origin=origin,
        ),
    }
    return Obj((f"{MANAGEMENT}TransportServer", *BASES), home.name, None, properties, None)


def front_end_transport_server(forest: Forest, home: Home, guid: UUID, *, now: datetime, origin: str) -> Obj:
    """The front-end transport service of a server."""
    name = f"{home.name}\\Frontend"
    identity = forest.object_id(f"CN=Frontend,{forest.server_dn(home.name)}", guid, name)
    none = enums.PROTOCOL_LOGGING.named("None")
    properties: dict[str, Value] = {
        "AgentLogEnabled": boolean(True),
        "AntispamAgentsEnabled": boolean(False),
        "ConnectivityLogEnabled": boolean(True),
        "ExternalDNSAdapterEnabled": boolean(True),
        "InternalDNSAdapterEnabled": boolean(True),
        "IntraOrgConnectorProtocolLoggingLevel": none,
        "MaxConnectionRatePerMinute": int32(1200),
        "TransientFailureRetryCount": int32(6),
        **ending(
            identity,
            category=forest.schema_class("ms-Exch-Exchange-Transport-Server"),
            classes=["top", "msExchExchangeTransportServer"],
            now=now,
            origin=origin,
        ),
    }
    types = (f"{MANAGEMENT}FrontendTransportServerPresentationObject", *BASES)
    return Obj(types, name, None, properties, None)
