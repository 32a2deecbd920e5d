"""SmtpSendConnectorConfig: properties in the order in which Get-SendConnector lists them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from reconciler.lab.exchange import blobs, enums
from reconciler.lab.exchange.addresses import ANY, smart_hosts
from reconciler.lab.exchange.builds import Build
from reconciler.lab.exchange.clixml import NIL, Obj, Value, boolean, int32, string, texts_of
from reconciler.lab.exchange.directory import NO_GUID, Forest, ending
from reconciler.lab.exchange.values import OBJECT, address_spaces, multi_valued, time_span, unlimited_bytes

CONFIGURATION = "Microsoft.Exchange.Data.Directory.SystemConfiguration."
TYPES = (
    f"{CONFIGURATION}SmtpSendConnectorConfig",
    f"{CONFIGURATION}MailGateway",
    f"{CONFIGURATION}SendConnector",
    f"{CONFIGURATION}ADLegacyVersionableObject",
    f"{CONFIGURATION}ADConfigurationObject",
    "Microsoft.Exchange.Data.Directory.ADObject",
    "Microsoft.Exchange.Data.Directory.ADRawEntry",
    "Microsoft.Exchange.Data.ConfigurableObject",
    OBJECT,
)
TEN_MINUTES = 600 * 10_000_000
DEFAULT_MAX_SIZE = 35 * 1024 * 1024
"""Both real connectors show 35 MB; the page says 25 MB [3-17]."""

SINCE: Mapping[str, tuple[int, ...]] = {
    "FrontendProxyEnabled": (15,),
    "CloudServicesMailEnabled": (15,),
    "TlsCertificateName": (15,),
    "ConnectorType": (15, 1),
    "Region": (15, 1),
}
"""Properties that older builds do not show (cmdlets.json, "applicable"); the directory has them."""


def send_connector(
    forest: Forest,
    name: str,
    guid: UUID,
    sources: Sequence[str],
    given: Mapping[str, Value],
    *,
    build: Build,
    now: datetime,
    origin: str,
) -> Obj:
    """Make a connector.

    Args:
        forest: Where it lives.
        name: Its name.
        guid: Its GUID.
        sources: Names of its source servers.
        given: Properties that differ from the defaults; names that are not below are ignored.
        build: Of the server that makes it.
        now: When it is made.
        origin: The domain controller that answers.
    """
    identity = forest.object_id(forest.send_connector_dn(name), guid)
    home = sources[0] if sources else ""
    mta_dn = f"CN=Microsoft MTA,{forest.server_dn(home)}"
    defaults: dict[str, Value] = {
        "DNSRoutingEnabled": boolean(True),
        "TlsDomain": NIL,
        "TlsAuthLevel": NIL,
        "ErrorPolicies": enums.ERROR_POLICIES.named("Default"),
        "SmartHosts": smart_hosts([], build.assembly),
        "Port": int32(25),
        "ConnectionInactivityTimeOut": time_span(TEN_MINUTES),
        "ForceHELO": boolean(False),
        "FrontendProxyEnabled": boolean(False),
        "IgnoreSTARTTLS": boolean(False),
        "CloudServicesMailEnabled": boolean(False),
        "Fqdn": NIL,
        "TlsCertificateName": NIL,
        "RequireTLS": boolean(False),
        "RequireOorg": boolean(False),
        "Enabled": boolean(True),
        "ProtocolLoggingLevel": enums.PROTOCOL_LOGGING.named("None"),
        "SmartHostAuthMechanism": enums.SMART_HOST_AUTH.named("None"),
        "AuthenticationCredential": NIL,
        "UseExternalDNSServersEnabled": boolean(False),
        "DomainSecureEnabled": boolean(False),
        "SourceIPAddress": ANY,
        "SmtpMaxMessagesPerConnection": int32(20),
        "ConnectorType": enums.CONNECTOR_TYPE.named("Default"),
        "SmartHostsString": string(""),
        "CertificateSubject": NIL,
        "Region": enums.CONNECTOR_REGION.named("NotSpecified"),
        "AddressSpaces": address_spaces([]),
        "ConnectedDomains": multi_valued("Microsoft.Exchange.Data.ConnectedDomain", blobs.DATA, ()),
        "IsScopedConnector": boolean(False),
        "IsSmtpConnector": boolean(True),
        "Comment": string(""),
        "SourceRoutingGroup": forest.object_id(forest.routing_group_dn(), NO_GUID),
        "SourceTransportServers": forest.server_links(list(sources)),
        "HomeMTA": forest.object_id(mta_dn, NO_GUID) if home else NIL,
        "HomeMtaServerId": forest.server_link(home) if home else NIL,
        "MaxMessageSize": unlimited_bytes(DEFAULT_MAX_SIZE),
        **ending(
            identity,
            category=forest.schema_class("ms-Exch-Routing-SMTP-Connector"),
            classes=["top", "msExchConnector", "mailGateway", "msExchRoutingSMTPConnector"],
            now=now,
            origin=origin,
        ),
    }
    properties = {name: given.get(name, default) for name, default in defaults.items()}
    properties["SmartHostsString"] = smart_hosts_string(properties["SmartHosts"])
    return Obj(TYPES, name, None, properties, None)


def smart_hosts_string(hosts: Value) -> Value:
    """SmartHostsString: the same hosts in one string [3-9]."""
    return string(",".join(texts_of(hosts)))
