"""Outbound SMTP routes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from ..address import Address
from ..values import (
    AddressSpace,
    ByteSize,
    CredentialReference,
    DomainPattern,
    Fqdn,
    IpAddress,
    Maybe,
    Name,
    SmartHost,
    TlsCertificateName,
)
from .attribute import (
    ADDRESS,
    ADDRESS_SPACE,
    BOOL,
    BYTE_SIZE,
    CREDENTIAL,
    DOMAIN_PATTERN,
    FQDN,
    GUID,
    INT,
    IP_ADDRESS,
    NAME,
    SMART_HOST,
    TEXT,
    TIME_SPAN,
    TLS_CERTIFICATE_NAME,
    Choice,
    Flags,
    ListOf,
    Optional,
    SetOf,
    observed,
    setting,
    writable,
)
from .resource import MODE, Resource

TLS_AUTH_LEVEL = Choice("EncryptionOnly", "CertificateValidation", "DomainValidation")
PROTOCOL_LOGGING_LEVEL = Choice("None", "Verbose")
SMART_HOST_AUTH = Choice(
    "None", "BasicAuth", "BasicAuthRequireTLS", "ExchangeServer", "ExternalAuthoritative"
)
ERROR_POLICIES = Flags(
    "DowngradeDnsFailures",
    "DowngradeCustomFailures",
    "UpgradeCustomFailures",
    "DowngradeAuthFailures",  # 2010 only [3-19]
    none="Default",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SendConnector(Resource):
    """Outbound SMTP route. Attribute names follow Set-SendConnector, in snake_case.

    Organization-wide, or local on an unsubscribed Edge server [1-3], [1-4].
    """

    kind: ClassVar[str] = "send_connector"

    name: Maybe[Name] = writable("Name", NAME)
    enabled: Maybe[bool] = writable("Enabled", BOOL)
    address_spaces: Maybe[frozenset[AddressSpace]] = writable("AddressSpaces", SetOf(ADDRESS_SPACE))
    source_transport_servers: Maybe[frozenset[Name]] = writable("SourceTransportServers", SetOf(NAME))
    is_scoped_connector: Maybe[bool] = writable("IsScopedConnector", BOOL)
    require_tls: Maybe[bool] = writable("RequireTLS", BOOL)
    ignore_starttls: Maybe[bool] = writable("IgnoreSTARTTLS", BOOL)
    tls_auth_level: Maybe[str | None] = writable("TlsAuthLevel", Optional(TLS_AUTH_LEVEL))
    tls_domain: Maybe[DomainPattern | None] = writable("TlsDomain", Optional(DOMAIN_PATTERN))
    tls_certificate_name: Maybe[TlsCertificateName | None] = writable(
        "TlsCertificateName", Optional(TLS_CERTIFICATE_NAME)
    )
    domain_secure_enabled: Maybe[bool] = writable("DomainSecureEnabled", BOOL)
    fqdn: Maybe[Fqdn | None] = writable("Fqdn", Optional(FQDN))
    dns_routing_enabled: Maybe[bool] = writable("DNSRoutingEnabled", BOOL)
    smart_hosts: Maybe[frozenset[SmartHost]] = writable("SmartHosts", SetOf(SMART_HOST))
    smart_host_auth_mechanism: Maybe[str] = writable("SmartHostAuthMechanism", SMART_HOST_AUTH)
    authentication_credential: Maybe[CredentialReference | None] = writable(
        "AuthenticationCredential", Optional(CREDENTIAL), write_only=True
    )
    use_external_dns_servers_enabled: Maybe[bool] = writable("UseExternalDNSServersEnabled", BOOL)
    source_ip_address: Maybe[IpAddress] = writable("SourceIPAddress", IP_ADDRESS)
    port: Maybe[int] = writable("Port", INT)
    frontend_proxy_enabled: Maybe[bool] = writable("FrontendProxyEnabled", BOOL)
    cloud_services_mail_enabled: Maybe[bool] = writable("CloudServicesMailEnabled", BOOL)
    connector_type: Maybe[str] = writable("ConnectorType", Choice("Default", "XPremises"))
    force_helo: Maybe[bool] = writable("ForceHELO", BOOL)
    max_message_size: Maybe[ByteSize] = writable("MaxMessageSize", BYTE_SIZE)
    connection_inactivity_timeout: Maybe[timedelta] = writable("ConnectionInactivityTimeOut", TIME_SPAN)
    smtp_max_messages_per_connection: Maybe[int] = writable("SmtpMaxMessagesPerConnection", INT)
    protocol_logging_level: Maybe[str] = writable("ProtocolLoggingLevel", PROTOCOL_LOGGING_LEVEL)
    error_policies: Maybe[frozenset[str]] = writable("ErrorPolicies", ERROR_POLICIES)
    comment: Maybe[str] = writable("Comment", TEXT)

    guid: Maybe[str] = observed("Guid", GUID)

    declared_in: Maybe[str] = setting(TEXT)
    """The server or set under which it is declared; its own name for ``kind: other``."""
    role: Maybe[str] = setting(TEXT)
    """``tls_required``, ``tls_never``, ``opportunistic`` or ``other``."""
    home: Maybe[tuple[Name, ...]] = setting(ListOf(NAME))
    """Where its commands may be run, first choice first; one Edge server alone when it is local there."""
    local: Maybe[bool] = setting(BOOL)
    """True when it lives on one Edge server, not in the organization."""
    certificates: Maybe[tuple[Address, ...]] = setting(ListOf(ADDRESS))
    """The certificates it must find on its source servers, in the order of ``home``."""
    mode: Maybe[str] = setting(MODE)
    """UNSET: ``manage``."""
