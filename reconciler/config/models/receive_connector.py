"""Inbound connectors."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from state.resources import ReceiveConnector
from state.resources.attribute import Choice
from state.resources.receive_connector import TRANSPORT_ROLE

from .base import (
    As,
    Bindings,
    CertificateName,
    Count,
    Flag,
    Follow,
    Groups,
    IpRanges,
    Logging,
    Mechanisms,
    Model,
    NullableDomain,
    NullableName,
    Size,
    Span,
    Text,
    Texts,
    Whole,
    follow,
    key,
    section,
)

SizeMode: TypeAlias = Annotated[Any, As(Choice("Enabled", "Disabled", "EnabledWithoutValue"))]
Role: TypeAlias = Annotated[Any, As(TRANSPORT_ROLE)]
RateSource: TypeAlias = Annotated[Any, As(Choice("None", "User", "IPAddress", "All"))]
Protection: TypeAlias = Annotated[Any, As(Choice("None", "Allow", "Require"))]


class ReceiveConnectorModel(Model):
    """One listener. What is left out is neither compared nor touched.

    One that does not exist is created where bindings and remote_ip_ranges are declared.
    """

    certificate: str = section(str, "Name of the declared certificate that it presents.")
    follow: Follow = follow()
    enabled: Flag = key("Whether it listens.")
    bindings: Bindings = key(
        "Local addresses and ports, such as 0.0.0.0:25. An address that the server does not have cannot be "
        "told from here, and may keep its Transport service from starting."
    )
    remote_ip_ranges: IpRanges = key("Clients it is for: addresses, ranges (a-b) or networks (a/24).")
    fqdn: NullableDomain = key("The name it answers with; binding by certificate needs none.")
    tls_certificate_name: CertificateName = key(
        "Issuer and subject of a certificate that is not declared: <I>CN=Issuing CA<S>CN=mail.contoso.com; "
        "null for none."
    )
    require_tls: Flag = key("Whether clients must use STARTTLS.")
    domain_secure_enabled: Flag = key("Mutual TLS with the domains of TLSReceiveDomainSecureList.")
    auth_mechanism: Mechanisms = key("How clients may sign on.")
    permission_groups: Groups = key("Who may submit mail.")
    tls_domain_capabilities: Texts = key(
        "What a partner may do, such as fabrikam.com:AcceptCloudServicesMail."
    )
    banner: Text = key('The greeting; begins with "220".')
    default_domain: NullableName = key("Name of the accepted domain that addresses without one get; or null.")
    service_discovery_fqdn: NullableDomain = key("Where clients look for Autodiscover; null for none.")
    transport_role: Role = key(
        "The service of a Mailbox server that listens; FrontendTransport where one is created untold."
    )
    max_message_size: Size = key("Largest message it takes, such as 36 MB.")
    max_header_size: Size = key("Largest header it takes.")
    max_hop_count: Whole = key("Received lines after which a message is refused.")
    max_recipients_per_message: Whole = key("Recipients in one message.")
    max_inbound_connection: Count = key("Connections at once, or unlimited.")
    max_inbound_connection_per_source: Count = key("Connections at once from one address, or unlimited.")
    max_inbound_connection_percentage_per_source: Whole = key(
        "Connections at once from one address, in percent of those that are left."
    )
    max_local_hop_count: Whole = key("Servers of the organization after which a message is refused.")
    max_logon_failures: Whole = key("Failed sign-ons after which a connection is closed; 0 for never.")
    max_protocol_errors: Count = key("Errors after which a connection is closed, or unlimited.")
    message_rate_limit: Count = key("Messages a minute from one client, or unlimited.")
    message_rate_source: RateSource = key("What the rate is counted by.")
    connection_timeout: Span = key("A connection is closed after this time, such as 00:10:00.")
    connection_inactivity_timeout: Span = key("An idle connection is closed after this time.")
    tarpit_interval: Span = key("Delay of answers to failures.")
    auth_tarpit_interval: Span = key("Delay of answers to failed sign-ons.")
    max_acknowledgement_delay: Span = key("How long an answer may wait for the message's shadow copy.")
    protocol_logging: Logging = key("None or Verbose.")
    size_enabled: SizeMode = key("Whether SIZE is offered.")
    chunking_enabled: Flag = key("Whether CHUNKING is offered.")
    pipelining_enabled: Flag = key("Whether PIPELINING is offered.")
    binary_mime_enabled: Flag = key("Whether BINARYMIME is offered; needs CHUNKING.")
    eight_bit_mime_enabled: Flag = key("Whether 8BITMIME is offered.")
    require_ehlo_domain: Flag = key("Whether clients must name a domain in EHLO.")
    suppress_x_anonymous_tls: Flag = key("Whether X-ANONYMOUSTLS is withheld from other Exchange servers.")
    advertise_client_settings: Flag = key(
        "Whether its name, port and sign-on are shown to Outlook on the web."
    )
    bare_linefeed_rejection_enabled: Flag = key("Whether messages with bare line feeds are refused.")
    delivery_status_notification_enabled: Flag = key("Whether DSN is offered.")
    enable_auth_gssapi: Flag = key("Whether GSSAPI is offered with Integrated.")
    enhanced_status_codes_enabled: Flag = key("Whether ENHANCEDSTATUSCODES is offered.")
    extended_protection_policy: Protection = key("Extended protection of Integrated.")
    long_addresses_enabled: Flag = key("Whether long X.400 addresses are taken.")
    orar_enabled: Flag = key("Whether XORAR is offered.")
    reject_reserved_second_level_recipient_domains: Flag = key(
        "Whether recipients at example.com and its like are refused."
    )
    reject_reserved_top_level_recipient_domains: Flag = key(
        "Whether recipients at .test, .example and their like are refused."
    )
    reject_single_label_recipient_domains: Flag = key(
        "Whether recipients at a domain of one label are refused."
    )
    smtp_utf8_enabled: Flag = key("Whether SMTPUTF8 is offered; Microsoft reserves it.")
    comment: Text = key("A note on the connector; our mark is appended where this tool made it.")


def attribute_of(name: str) -> str | None:
    """The attribute that a key declares; None for a key that declares none by itself."""
    attribute = "protocol_logging_level" if name == "protocol_logging" else name
    return attribute if attribute in ReceiveConnector.attributes() else None
