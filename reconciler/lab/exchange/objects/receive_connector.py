"""ReceiveConnector: properties in the order in which Get-ReceiveConnector lists them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from reconciler.lab.exchange import enums
from reconciler.lab.exchange.addresses import ip_bindings, ip_ranges
from reconciler.lab.exchange.builds import Build
from reconciler.lab.exchange.clixml import NIL, Obj, Value, boolean, int32, string
from reconciler.lab.exchange.directory import Forest, ending
from reconciler.lab.exchange.values import (
    OBJECT,
    TICKS,
    byte_size,
    domain_capabilities,
    fqdn,
    time_span,
    unlimited_int,
)

CONFIGURATION = "Microsoft.Exchange.Data.Directory.SystemConfiguration."
TYPES = (
    f"{CONFIGURATION}ReceiveConnector",
    f"{CONFIGURATION}ADConfigurationObject",
    "Microsoft.Exchange.Data.Directory.ADObject",
    "Microsoft.Exchange.Data.Directory.ADRawEntry",
    "Microsoft.Exchange.Data.ConfigurableObject",
    OBJECT,
)
ANYWHERE = ("::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "0.0.0.0-255.255.255.255")

SINCE: Mapping[str, tuple[int, ...]] = {
    "SmtpUtf8Enabled": (15,),
    "ServiceDiscoveryFqdn": (15,),
    "TlsCertificateName": (15,),
    "TransportRole": (15,),
    "RejectReservedTopLevelRecipientDomains": (15, 1),
    "RejectReservedSecondLevelRecipientDomains": (15, 1),
    "RejectSingleLabelRecipientDomains": (15, 1),
    "AcceptConsumerMail": (15, 1),
    "AuthTarpitInterval": (15, 1),
}
"""Properties that older builds do not show (cmdlets.json, "applicable"); the directory has them."""


@dataclass(frozen=True, slots=True)
class Home:
    """The server that a receive connector is on."""

    name: str
    fqdn: str
    is_edge: bool
    build: Build


def receive_connector(
    forest: Forest,
    home: Home,
    name: str,
    guid: UUID,
    given: Mapping[str, Value],
    *,
    now: datetime,
    origin: str,
) -> Obj:
    """Make a connector from the parameters' defaults and ``given``.

    Edge servers have shorter timeouts and a message rate limit by default [4-10].
    """
    identity_text = f"{home.name}\\{name}"
    identity = forest.object_id(forest.receive_connector_dn(home.name, name), guid, identity_text)
    minutes = 60 * TICKS
    defaults: dict[str, Value] = {
        "AuthMechanism": enums.AUTH_MECHANISM.named("Tls"),
        "Banner": string(""),
        "BinaryMimeEnabled": boolean(True),
        "Bindings": ip_bindings([]),
        "ChunkingEnabled": boolean(True),
        "DefaultDomain": NIL,
        "DeliveryStatusNotificationEnabled": boolean(True),
        "EightBitMimeEnabled": boolean(True),
        "SmtpUtf8Enabled": boolean(home.build.version >= (15, 2)),
        "BareLinefeedRejectionEnabled": boolean(False),
        "DomainSecureEnabled": boolean(False),
        "EnhancedStatusCodesEnabled": boolean(True),
        "LongAddressesEnabled": boolean(False),
        "OrarEnabled": boolean(False),
        "SuppressXAnonymousTls": boolean(False),
        "ProxyEnabled": boolean(False),
        "AdvertiseClientSettings": boolean(False),
        "Fqdn": fqdn(home.fqdn),
        "ServiceDiscoveryFqdn": NIL,
        "TlsCertificateName": NIL,
        "Comment": string(""),
        "Enabled": boolean(True),
        "ConnectionTimeout": time_span((5 if home.is_edge else 10) * minutes),
        "ConnectionInactivityTimeout": time_span((1 if home.is_edge else 5) * minutes),
        "MessageRateLimit": unlimited_int(600 if home.is_edge else None),
        "MessageRateSource": enums.MESSAGE_RATE_SOURCE.named("IPAddress"),
        "MaxInboundConnection": unlimited_int(5000),
        "MaxInboundConnectionPerSource": unlimited_int(20),
        "MaxInboundConnectionPercentagePerSource": int32(2),
        "MaxHeaderSize": byte_size(256 * 1024),
        "MaxHopCount": int32(30),
        "MaxLocalHopCount": int32(8),
        "MaxLogonFailures": int32(3),
        "MaxMessageSize": byte_size(36 * 1024 * 1024),
        "MaxProtocolErrors": unlimited_int(5),
        "MaxRecipientsPerMessage": int32(200),
        "PermissionGroups": enums.PERMISSION_GROUPS.named("None"),
        "PipeliningEnabled": boolean(True),
        "ProtocolLoggingLevel": enums.PROTOCOL_LOGGING.named("None"),
        "RemoteIPRanges": ip_ranges(ANYWHERE),
        "RequireEHLODomain": boolean(False),
        "RequireTLS": boolean(False),
        "EnableAuthGSSAPI": boolean(False),
        "ExtendedProtectionPolicy": enums.EXTENDED_PROTECTION.named("None"),
        "LiveCredentialEnabled": boolean(False),
        "TlsDomainCapabilities": domain_capabilities([]),
        "Server": forest.server_link(home.name),
        "TransportRole": enums.SERVER_ROLE.named("HubTransport"),
        "RejectReservedTopLevelRecipientDomains": boolean(False),
        "RejectReservedSecondLevelRecipientDomains": boolean(False),
        "RejectSingleLabelRecipientDomains": boolean(False),
        "AcceptConsumerMail": boolean(False),
        "SizeEnabled": enums.SIZE_MODE.named("Enabled"),
        "TarpitInterval": time_span(5 * TICKS),
        "AuthTarpitInterval": time_span(5 * TICKS),
        "MaxAcknowledgementDelay": time_span(30 * TICKS),
        **ending(
            identity,
            category=forest.schema_class("ms-Exch-Smtp-Receive-Connector"),
            classes=["top", "msExchSmtpReceiveConnector"],
            now=now,
            origin=origin,
        ),
    }
    properties = {name: given.get(name, default) for name, default in defaults.items()}
    return Obj(TYPES, identity_text, None, properties, None)


def _setup(
    port: int, role: str, auth: str, groups: str, more: Mapping[str, Value], *, v6_first: bool = True
) -> dict[str, Value]:
    """What setup chooses for every connector, and this one's own.

    Bindings and ranges come in the order in which Active Directory gives them: not the same for
    every connector.
    """
    bindings = [f"[::]:{port}", f"0.0.0.0:{port}"]
    return {
        "AuthMechanism": enums.AUTH_MECHANISM.named(auth),
        "Bindings": ip_bindings(bindings if v6_first else reversed(bindings)),
        "MaxHopCount": int32(60),
        "MaxLocalHopCount": int32(5),
        "PermissionGroups": enums.PERMISSION_GROUPS.named(groups),
        "TransportRole": enums.SERVER_ROLE.named(role),
        **more,
    }


_ALL = "Tls, Integrated, BasicAuth, BasicAuthRequireTLS, ExchangeServer"
_CLIENT = "Tls, Integrated, BasicAuth, BasicAuthRequireTLS"


def setup_connectors(home: Home) -> dict[str, dict[str, Value]]:
    """The connectors that setup leaves on a server [4-11], name to properties.

    Default, Client Frontend and Outbound Proxy Frontend are as exported; the others follow
    Microsoft's page "Default Receive connectors created during setup".
    """
    unlimited: dict[str, Value] = {
        "MaxInboundConnectionPerSource": unlimited_int(None),
        "MaxInboundConnectionPercentagePerSource": int32(100),
        "MaxRecipientsPerMessage": int32(5000),
        "SizeEnabled": enums.SIZE_MODE.named("EnabledWithoutValue"),
    }
    by_user: dict[str, Value] = {
        "MessageRateLimit": unlimited_int(5),
        "MessageRateSource": enums.MESSAGE_RATE_SOURCE.named("User"),
        "EnableAuthGSSAPI": boolean(True),
    }
    verbose: dict[str, Value] = {"ProtocolLoggingLevel": enums.PROTOCOL_LOGGING.named("Verbose")}
    front_end: dict[str, Value] = {"DomainSecureEnabled": boolean(True), **verbose}
    hub, front, name = "HubTransport", "FrontendTransport", home.name
    if home.is_edge:
        groups = "AnonymousUsers, ExchangeServers, Partners"
        only = _setup(25, hub, "Tls, ExchangeServer", groups, {}, v6_first=False)
        return {f"Default internal receive connector {name}": only}
    inside = "ExchangeUsers, ExchangeServers, ExchangeLegacyServers"
    outside = "AnonymousUsers, ExchangeServers, ExchangeLegacyServers"
    if not home.build.is_modern:
        return {
            f"Default {name}": _setup(25, hub, _ALL, inside, unlimited, v6_first=False),
            f"Client {name}": _setup(587, hub, _CLIENT, "ExchangeUsers", by_user),
        }
    at_once: dict[str, Value] = {"TarpitInterval": time_span(0), **front_end}
    return {
        f"Default {name}": _setup(2525, hub, _ALL, inside, unlimited, v6_first=False),
        f"Client Proxy {name}": _setup(465, hub, _ALL, "ExchangeUsers, ExchangeServers", {}),
        f"Default Frontend {name}": _setup(25, front, _ALL, outside, front_end),
        f"Outbound Proxy Frontend {name}": _setup(717, front, _ALL, "ExchangeServers", at_once),
        f"Client Frontend {name}": _setup(587, front, _CLIENT, "ExchangeUsers", by_user),
    }
