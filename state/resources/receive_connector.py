"""Listeners for inbound SMTP."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from ..address import Address
from ..values import Binding, ByteSize, Fqdn, IpRange, Limit, Maybe, Name, TlsCertificateName
from .attribute import (
    ADDRESS,
    BINDING,
    BOOL,
    BYTE_SIZE,
    FQDN,
    GUID,
    INT,
    IP_RANGE,
    LIMIT,
    NAME,
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
from .send_connector import PROTOCOL_LOGGING_LEVEL

AUTH_MECHANISM = Flags(
    "Tls", "Integrated", "BasicAuth", "BasicAuthRequireTLS", "ExchangeServer", "ExternalAuthoritative"
)
PERMISSION_GROUPS = Flags(
    "AnonymousUsers",
    "ExchangeUsers",
    "ExchangeServers",
    "ExchangeLegacyServers",
    "Partners",
    ignored=("Custom",),
)
"""``Custom`` is no group: it shows wherever somebody granted rights beside them [4-6]."""
TRANSPORT_ROLE = Choice("FrontendTransport", "HubTransport")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveConnector(Resource):
    """One SMTP listener of one server. Attribute names follow Set-ReceiveConnector, in snake_case."""

    kind: ClassVar[str] = "receive_connector"

    name: Maybe[Name] = writable("Name", NAME)
    enabled: Maybe[bool] = writable("Enabled", BOOL)
    bindings: Maybe[frozenset[Binding]] = writable("Bindings", SetOf(BINDING))
    remote_ip_ranges: Maybe[frozenset[IpRange]] = writable("RemoteIPRanges", SetOf(IP_RANGE))
    fqdn: Maybe[Fqdn | None] = writable("Fqdn", Optional(FQDN))
    tls_certificate_name: Maybe[TlsCertificateName | None] = writable(
        "TlsCertificateName", Optional(TLS_CERTIFICATE_NAME)
    )
    require_tls: Maybe[bool] = writable("RequireTLS", BOOL)
    domain_secure_enabled: Maybe[bool] = writable("DomainSecureEnabled", BOOL)
    auth_mechanism: Maybe[frozenset[str]] = writable("AuthMechanism", AUTH_MECHANISM)
    permission_groups: Maybe[frozenset[str]] = writable("PermissionGroups", PERMISSION_GROUPS)
    tls_domain_capabilities: Maybe[frozenset[str]] = writable("TlsDomainCapabilities", SetOf(TEXT))
    banner: Maybe[str] = writable("Banner", TEXT)
    default_domain: Maybe[Name | None] = writable("DefaultDomain", Optional(NAME))
    """Name of an accepted domain."""
    service_discovery_fqdn: Maybe[Fqdn | None] = writable("ServiceDiscoveryFqdn", Optional(FQDN))
    transport_role: Maybe[str] = writable("TransportRole", TRANSPORT_ROLE)
    max_message_size: Maybe[ByteSize] = writable("MaxMessageSize", BYTE_SIZE)
    max_header_size: Maybe[ByteSize] = writable("MaxHeaderSize", BYTE_SIZE)
    max_hop_count: Maybe[int] = writable("MaxHopCount", INT)
    max_recipients_per_message: Maybe[int] = writable("MaxRecipientsPerMessage", INT)
    max_inbound_connection: Maybe[Limit] = writable("MaxInboundConnection", LIMIT)
    max_inbound_connection_per_source: Maybe[Limit] = writable("MaxInboundConnectionPerSource", LIMIT)
    max_inbound_connection_percentage_per_source: Maybe[int] = writable(
        "MaxInboundConnectionPercentagePerSource", INT
    )
    max_local_hop_count: Maybe[int] = writable("MaxLocalHopCount", INT)
    max_logon_failures: Maybe[int] = writable("MaxLogonFailures", INT)
    max_protocol_errors: Maybe[Limit] = writable("MaxProtocolErrors", LIMIT)
    message_rate_limit: Maybe[Limit] = writable("MessageRateLimit", LIMIT)
    message_rate_source: Maybe[str] = writable(
        "MessageRateSource", Choice("None", "User", "IPAddress", "All")
    )
    connection_timeout: Maybe[timedelta] = writable("ConnectionTimeout", TIME_SPAN)
    connection_inactivity_timeout: Maybe[timedelta] = writable("ConnectionInactivityTimeout", TIME_SPAN)
    tarpit_interval: Maybe[timedelta] = writable("TarpitInterval", TIME_SPAN)
    auth_tarpit_interval: Maybe[timedelta] = writable("AuthTarpitInterval", TIME_SPAN)
    max_acknowledgement_delay: Maybe[timedelta] = writable("MaxAcknowledgementDelay", TIME_SPAN)
    protocol_logging_level: Maybe[str] = writable("ProtocolLoggingLevel", PROTOCOL_LOGGING_LEVEL)
    size_enabled: Maybe[str] = writable("SizeEnabled", Choice("Enabled", "Disabled", "EnabledWithoutValue"))
    chunking_enabled: Maybe[bool] = writable("ChunkingEnabled", BOOL)
    pipelining_enabled: Maybe[bool] = writable("PipeliningEnabled", BOOL)
    binary_mime_enabled: Maybe[bool] = writable("BinaryMimeEnabled", BOOL)
    eight_bit_mime_enabled: Maybe[bool] = writable("EightBitMimeEnabled", BOOL)
    require_ehlo_domain: Maybe[bool] = writable("RequireEHLODomain", BOOL)
    suppress_x_anonymous_tls: Maybe[bool] = writable("SuppressXAnonymousTls", BOOL)
    advertise_client_settings: Maybe[bool] = writable("AdvertiseClientSettings", BOOL)
    bare_linefeed_rejection_enabled: Maybe[bool] = writable("BareLinefeedRejectionEnabled", BOOL)
    delivery_status_notification_enabled: Maybe[bool] = writable("DeliveryStatusNotificationEnabled", BOOL)
    enable_auth_gssapi: Maybe[bool] = writable("EnableAuthGSSAPI", BOOL)
    enhanced_status_codes_enabled: Maybe[bool] = writable("EnhancedStatusCodesEnabled", BOOL)
    extended_protection_policy: Maybe[str] = writable(
        "ExtendedProtectionPolicy", Choice("None", "Allow", "Require")
    )
    long_addresses_enabled: Maybe[bool] = writable("LongAddressesEnabled", BOOL)
    orar_enabled: Maybe[bool] = writable("OrarEnabled", BOOL)
    reject_reserved_second_level_recipient_domains: Maybe[bool] = writable(
        "RejectReservedSecondLevelRecipientDomains", BOOL
    )
    reject_reserved_top_level_recipient_domains: Maybe[bool] = writable(
        "RejectReservedTopLevelRecipientDomains", BOOL
    )
    reject_single_label_recipient_domains: Maybe[bool] = writable("RejectSingleLabelRecipientDomains", BOOL)
    smtp_utf8_enabled: Maybe[bool] = writable("SmtpUtf8Enabled", BOOL)
    comment: Maybe[str] = writable("Comment", TEXT)

    guid: Maybe[str] = observed("Guid", GUID)
    server: Maybe[Name] = observed("Server", NAME)

    home: Maybe[tuple[Name, ...]] = setting(ListOf(NAME))
    """The one server that holds it."""
    certificates: Maybe[tuple[Address, ...]] = setting(ListOf(ADDRESS))
    """The certificate it is to present."""
    mode: Maybe[str] = setting(MODE)
    """UNSET: ``manage``."""
