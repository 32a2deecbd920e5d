"""Outbound connectors: the three kinds, sets of them, and any other connector by its attributes."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag

from state.errors import InvalidValue
from state.resources import Kind as AttributeKind
from state.resources import SendConnector
from state.resources.attribute import Choice, Scalar

from .acknowledge import Acknowledgement
from .base import (
    As,
    AuthLevel,
    CertificateName,
    Credential,
    Flag,
    Follow,
    Ip,
    Logging,
    Mode,
    Model,
    NameText,
    NullableAuthLevel,
    NullableCredential,
    NullableDomain,
    NullablePattern,
    Pattern,
    Policies,
    Size,
    SmartHostAuth,
    SmartHosts,
    Spaces,
    Span,
    Text,
    Whole,
    follow,
    key,
    mode,
    required,
    section,
)

ConnectorType: TypeAlias = Annotated[Any, As(Choice("Default", "XPremises"))]
OwnMode: TypeAlias = Annotated[Any, As(Choice("observe", "manage"))]
"""The mode of one connector: whose certificate alone is cared for, that follows it."""


class ViaSmartHosts(Model):
    """Routing through relays."""

    smart_hosts: SmartHosts = required("Host names or IP addresses of the relays.")
    auth: SmartHostAuth = key("How to sign on to them.")
    credential: Credential = key("Reference to the user and password of BasicAuth and BasicAuthRequireTLS.")


def _route(value: Any) -> str:
    return "<dns>" if isinstance(value, str) else "<smart hosts>"


Via: TypeAlias = Annotated[
    Annotated[Literal["dns"], Tag("<dns>")] | Annotated[ViaSmartHosts, Tag("<smart hosts>")],
    Discriminator(_route),
]


class SendAttributes(Model):
    """What every send connector may declare. What is left out is neither compared nor touched."""

    certificate: str = section(
        str, "Name of the declared certificate that it presents, on each of its servers."
    )
    via: Via = key("dns, or the smart hosts that take its mail.")
    tls_certificate_name: CertificateName = key(
        "Issuer and subject of a certificate that is not declared: <I>CN=Issuing CA<S>CN=mail.contoso.com; "
        "null for none."
    )
    dns_routing_enabled: Flag = key("Whether it routes by DNS; via says the same.")
    smart_hosts: SmartHosts = key("Its relays; via says the same.")
    smart_host_auth_mechanism: SmartHostAuth = key("How it signs on to them; via says the same.")
    authentication_credential: NullableCredential = key("Reference to user and password; via says the same.")
    enabled: Flag = key("Whether Exchange uses it; mail of a disabled one goes to a less specific connector.")
    scoped: Flag = key("Whether only servers of the same Active Directory site use it.")
    tls_auth_level: NullableAuthLevel = key(
        "What the partner's certificate must show: EncryptionOnly, CertificateValidation, DomainValidation; "
        "null for nothing."
    )
    tls_domain: NullablePattern = key(
        "The name that DomainValidation demands, such as mail.protection.outlook.com."
    )
    domain_secure_enabled: Flag = key("Mutual TLS with the domains of TLSSendDomainSecureList.")
    fqdn: NullableDomain = key("The name it says in EHLO; null for the server's own.")
    external_dns: Flag = key("Whether it asks the external DNS servers of the transport service.")
    source_ip: Ip = key("Local address that it sends from; Edge servers only.")
    port: Whole = key("TCP port of the next hop.", json_schema_extra={"minimum": 0, "maximum": 65535})
    frontend_proxy: Flag = key(
        "Whether its mail leaves through the Front End Transport service (2013 and later)."
    )
    cloud_services_mail_enabled: Flag = key(
        "Whether cross-premises headers survive (hybrid; 2013 and later)."
    )
    connector_type: ConnectorType = key("Default, or XPremises for hybrid mail (2016 and later).")
    force_helo: Flag = key("Whether it says HELO, never EHLO; then there is no STARTTLS.")
    max_message_size: Size = key("Largest message it takes, such as 35 MB or unlimited.")
    connection_inactivity_timeout: Span = key(
        "An idle connection is closed after this time, such as 00:10:00."
    )
    smtp_max_messages_per_connection: Whole = key("Messages after which a new connection is opened.")
    protocol_logging: Logging = key("None or Verbose.")
    error_policies: Policies = key("Which errors are made lighter or heavier.")
    comment: Text = key("A note on the connector; our mark is appended to those that we make.")
    acknowledge: list[Acknowledgement] = section(list, "Warnings about this connector that are accepted.")


class Kind(SendAttributes):
    """One of the three connectors of a set."""

    to: str | list[str] = key(
        'Who it is for: the name of a list under partners, or several of them, domains, or "*" for everybody.'
    )
    cost: int = Field(
        1,
        description="Preference among connectors that are equally specific, 1 (first) to 100.",
        ge=1,
        le=100,
    )
    name: str = section(
        str,
        "Its name in Exchange; {set} stands for the server or set, {group} for what sets a group apart.",
        min_length=1,
    )


class Set(Model):
    """The three connectors of one server."""

    tls_required: Kind = key("Trusted partners: encrypted, or not sent.")
    tls_never: Kind = key("Exceptions whose STARTTLS handshake fails: never encrypted.")
    opportunistic: Kind = key("Everybody else: encrypted where the other side offers it.")


class SharedSet(Set):
    """The three connectors of several source servers."""

    servers: list[str] = required(
        "Mailbox servers that send through them; Edge servers have sets of their own.", min_length=1
    )
    mode: Mode = mode("the set")


class OtherConnector(SendAttributes):
    """Any other connector, by its attributes."""

    kind: Literal["other"] = required("None of the three kinds: only what is written here is declared.")
    mode: OwnMode = key(
        "manage (assumed): it is made as declared; observe: differences are only told. For its certificate "
        "alone write follow: [certificate]."
    )
    follow: Follow = follow()
    source_servers: list[str] = section(list, "Servers that send through it.", min_length=1)
    other_source_servers: list[NameText] = section(
        list,
        "Servers that send through it too, and are not declared: gone, or cared for elsewhere.",
        min_length=1,
    )
    name: NameText = key("A new name in Exchange.")
    address_spaces: Spaces = key("What it carries, such as contoso.com, *.contoso.com or SMTP:*;10.")
    require_tls: Flag = key("Whether mail is encrypted or not sent.")
    ignore_starttls: Flag = key("Whether STARTTLS is never used.")


def _connectors(value: Any) -> str:
    return "<other>" if isinstance(value, dict) and "kind" in value else "<set>"


SetOrOther: TypeAlias = Annotated[
    Annotated[SharedSet, Tag("<set>")] | Annotated[OtherConnector, Tag("<other>")],
    Discriminator(_connectors),
]

FRIENDLY: dict[str, str] = {
    "scoped": "is_scoped_connector",
    "external_dns": "use_external_dns_servers_enabled",
    "source_ip": "source_ip_address",
    "frontend_proxy": "frontend_proxy_enabled",
    "protocol_logging": "protocol_logging_level",
    "source_servers": "source_transport_servers",
}
"""Keys that are shorter than the attribute they declare."""


def attribute_of(name: str) -> str | None:
    """The attribute that a key declares; None for a key that declares none by itself."""
    attribute = SendConnector.attributes().get(FRIENDLY.get(name, name))
    return attribute.name if attribute and attribute.kind is AttributeKind.WRITABLE else None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise InvalidValue(text, "a date such as 2027-01-31") from None


Day: TypeAlias = Annotated[Any, As(Scalar("a date such as 2027-01-31", _day))]


class Partner(Model):
    """A domain with more to say about it."""

    domain: Pattern = required("The domain; *.contoso.com for its subdomains.")
    tls_auth_level: AuthLevel = key("As on the connector, for this domain.")
    tls_domain: Pattern = key("As on the connector, for this domain.")
    via: Via = key("As on the connector, for this domain.")
    reason: str = section(str, "Why it is on the list.")
    until: Day = key(
        "Last day that the entry is meant for, such as 2027-01-31; later it is a warning.",
        json_schema_extra={"format": "date"},
    )
    owner: str = section(str, "Who answers for it.")


def _entry(value: Any) -> str:
    return "<partner>" if isinstance(value, dict) else "<domain>"


PartnerEntry: TypeAlias = Annotated[
    Annotated[Pattern, Tag("<domain>")] | Annotated[Partner, Tag("<partner>")], Discriminator(_entry)
]
