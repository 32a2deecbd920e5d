"""ExchangeServer: properties in the order in which Get-ExchangeServer lists them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from reconciler.lab.exchange import blobs, enums
from reconciler.lab.exchange.clixml import NIL, Obj, Value, boolean, int32, list_of, string
from reconciler.lab.exchange.directory import Forest, ending
from reconciler.lab.exchange.objects.receive_connector import Home
from reconciler.lab.exchange.values import (
    BASE,
    OBJECT,
    local_path,
    server_version,
    strings,
    time_span,
)

TYPES = (
    "Microsoft.Exchange.Data.Directory.Management.ExchangeServer",
    "Microsoft.Exchange.Data.Directory.Management.ADPresentationObject",
    "Microsoft.Exchange.Data.Directory.ADObject",
    "Microsoft.Exchange.Data.Directory.ADRawEntry",
    "Microsoft.Exchange.Data.ConfigurableObject",
    OBJECT,
)
_DATA = "Microsoft.Exchange.Data."
_ADDRESS = f"[[{_DATA}NetworkAddress, {blobs.DATA}]]"
ADDRESS_LIST_TYPES = (
    f"{_DATA}NetworkAddressCollection",
    f"{_DATA}ProtocolAddressCollection`1{_ADDRESS}",
    f"{_DATA}MultiValuedProperty`1{_ADDRESS}",
    BASE,
    OBJECT,
)
ADDRESS_TYPES = (
    f"{_DATA}CustomNetworkAddress",
    f"{_DATA}NetworkAddress",
    f"{_DATA}ProtocolAddress",
    OBJECT,
)


def exchange_server(forest: Forest, home: Home, guid: UUID, *, now: datetime, origin: str) -> Obj:
    """Make a server; ServerRole prints ``Mailbox`` although the hub flags are true [6.5-2]."""
    identity = forest.object_id(forest.server_dn(home.name), guid)
    is_mailbox = not home.is_edge
    is_modern = home.build.is_modern
    role = "Mailbox" if is_modern else "Mailbox, ClientAccess, HubTransport"
    site = forest.object_id(
        f"CN=Default-First-Site-Name,CN=Sites,{forest.configuration}", UUID(int=forest.partition.int ^ 1)
    )
    last = ending(
        identity,
        category=forest.schema_class("ms-Exch-Exchange-Server"),
        classes=["top", "server", "msExchExchangeServer"],
        now=now,
        origin=origin,
    )
    controllers = strings([] if home.is_edge else [origin])
    folder = "V15" if is_modern else "V14"
    properties: dict[str, Value] = {
        "Name": string(home.name),
        "DataPath": local_path(
            rf"C:\Program Files\Microsoft\Exchange Server\{folder}\Mailbox", home.build.assembly
        ),
        "Domain": string(forest.domain),
        "Edition": enums.SERVER_EDITION.named("StandardEvaluation"),
        "ExchangeLegacyDN": string(
            f"/o={forest.organization_name}/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)"
            f"/cn=Configuration/cn=Servers/cn={home.name}"
        ),
        "ExchangeLegacyServerRole": int32(0),
        "Fqdn": string(home.fqdn),
        "CustomerFeedbackEnabled": boolean(True),
        "InternetWebProxy": NIL,
        "InternetWebProxyBypassList": NIL,
        "IsHubTransportServer": boolean(is_mailbox),
        "IsClientAccessServer": boolean(is_mailbox),
        "IsExchange2007OrLater": boolean(True),
        "IsEdgeServer": boolean(home.is_edge),
        "IsMailboxServer": boolean(is_mailbox),
        "IsE14OrLater": boolean(True),
        "IsE15OrLater": boolean(is_modern),
        "IsProvisionedServer": boolean(False),
        "IsUnifiedMessagingServer": boolean(False),
        "IsFrontendTransportServer": boolean(is_mailbox and is_modern),
        "NetworkAddress": _addresses(home),
        "OrganizationalUnit": string(f"{forest.domain}/{home.name}"),
        "AdminDisplayVersion": server_version(home.build.version, home.build.display),
        "Site": NIL if home.is_edge else site,
        "ServerRole": enums.SERVER_ROLE.named("Edge" if home.is_edge else role),
        "ErrorReportingEnabled": boolean(True),
        "MitigationsEnabled": boolean(True),
        "StaticDomainControllers": strings([]),
        "StaticGlobalCatalogs": strings([]),
        "StaticConfigDomainController": string(""),
        "StaticExcludedDomainControllers": strings([]),
        "MonitoringGroup": string(""),
        "CurrentDomainControllers": controllers,
        "CurrentGlobalCatalogs": controllers,
        "CurrentConfigDomainController": string("" if home.is_edge else origin),
        "ProductID": string(""),
        "IsExchangeTrialEdition": boolean(True),
        "IsExpiredExchangeTrialEdition": boolean(True),
        "MailboxProvisioningAttributes": NIL,
        "RemainingTrialPeriod": time_span(0),
        "MitigationsApplied": NIL,
        "MitigationsBlocked": NIL,
        "DataCollectionEnabled": boolean(False),
        "Identity": identity,
        "IsValid": boolean(True),
    }
    properties |= {name: last[name] for name in last if name not in properties and name != "AdminDisplayName"}
    if not is_modern:
        del properties["IsE15OrLater"], properties["IsFrontendTransportServer"]
    return Obj(TYPES, home.name, None, properties, None)


def _addresses(home: Home) -> Obj:
    items = []
    for protocol in ("ncacn_vns_spp", "netbios", "ncacn_np", "ncacn_spx", "ncacn_ip_tcp", "ncalrpc"):
        address = home.fqdn if protocol == "ncacn_ip_tcp" else home.name
        properties: dict[str, Value] = {"ProtocolType": string(protocol), "AddressString": string(address)}
        items.append(Obj(ADDRESS_TYPES, f"{protocol}:{address}", None, properties))
    return list_of(ADDRESS_LIST_TYPES, tuple(items))
