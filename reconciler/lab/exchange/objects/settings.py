"""Configuration objects of which a client reads a few properties, and the lab shows those.

No export of one is at hand: type names follow the cmdlet pages and DSC's resources, properties
are the ones that concern certificates and mail flow.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import uuid5

from reconciler.lab.exchange.addresses import ip_bindings
from reconciler.lab.exchange.clixml import NIL, Obj, Value, boolean, string
from reconciler.lab.exchange.directory import Forest, ending
from reconciler.lab.exchange.objects.receive_connector import Home
from reconciler.lab.exchange.values import OBJECT, strings, unlimited_bytes

CONFIGURATION = "Microsoft.Exchange.Data.Directory.SystemConfiguration."
BASES = (
    f"{CONFIGURATION}ADConfigurationObject",
    "Microsoft.Exchange.Data.Directory.ADObject",
    "Microsoft.Exchange.Data.Directory.ADRawEntry",
    "Microsoft.Exchange.Data.ConfigurableObject",
    OBJECT,
)


PRESENTED = (
    "Microsoft.Exchange.Data.Directory.Management.ADPresentationObject",
    "Microsoft.Exchange.Data.Directory.ADObject",
    *BASES[2:],
)
"""What a cmdlet presents instead of the object in the directory."""
ORGANIZATION_CONFIG = "Microsoft.Exchange.Data.Directory.Management.OrganizationConfig"


def _settings(
    forest: Forest,
    types: tuple[str, ...],
    rdns: str,
    schema: str,
    own: Mapping[str, Value],
    now: datetime,
    origin: str,
) -> Obj:
    """One object below the organization (``rdns`` empty: the organization itself)."""
    dn = f"{rdns},{forest.organization}" if rdns else forest.organization
    guid = uuid5(forest.partition, dn)
    identity = forest.object_id(dn, guid)
    category = forest.schema_class(schema)
    last = ending(identity, category=category, classes=["top", "container"], now=now, origin=origin)
    return Obj(types, identity.text, None, {**own, **last}, None)


def organization_config(forest: Forest, now: datetime, origin: str) -> Obj:
    """Get-OrganizationConfig: its Guid tells one organization from another."""
    own: dict[str, Value] = {
        "OrganizationSummary": strings([]),
        "IsMixedMode": boolean(False),
        "MapiHttpEnabled": boolean(True),
        "OAuth2ClientProfileEnabled": boolean(False),
    }
    types = (ORGANIZATION_CONFIG, *PRESENTED)
    return _settings(forest, types, "", "ms-Exch-Organization-Container", own, now, origin)


def transport_config(forest: Forest, now: datetime, origin: str) -> Obj:
    """Get-TransportConfig: the domain-secure lists of [3-14] among them."""
    own: dict[str, Value] = {
        "InternalSMTPServers": ip_bindings([]),
        "MaxReceiveSize": unlimited_bytes(36 * 1024 * 1024),
        "MaxSendSize": unlimited_bytes(35 * 1024 * 1024),
        "TLSReceiveDomainSecureList": strings([]),
        "TLSSendDomainSecureList": strings([]),
        "VerifySecureSubmitEnabled": boolean(False),
    }
    schema = "ms-Exch-Transport-Settings"
    types = (f"{CONFIGURATION}TransportConfigContainer", *BASES)
    return _settings(forest, types, "CN=Transport Settings", schema, own, now, origin)


def auth_config(forest: Forest, thumbprint: str | None, now: datetime, origin: str) -> Obj:
    """Get-AuthConfig: refers to the certificate that signs tokens [2.5-3]."""
    own: dict[str, Value] = {
        "CurrentCertificateThumbprint": NIL if thumbprint is None else string(thumbprint),
        "PreviousCertificateThumbprint": NIL,
        "NextCertificateThumbprint": NIL,
        "NextCertificateEffectiveDate": NIL,
        "ServiceName": string("00000002-0000-0ff1-ce00-000000000000"),
        "Realm": string(""),
    }
    schema = "ms-Exch-Auth-Auth-Config"
    types = (f"{CONFIGURATION}AuthConfig", *BASES)
    return _settings(forest, types, "CN=Auth Configuration", schema, own, now, origin)


def client_settings(forest: Forest, home: Home, protocol: str, now: datetime, origin: str) -> Obj:
    """Get-PopSettings or Get-ImapSettings: they name a certificate by host name [2.5-3].

    Args:
        forest: Where it lives.
        home: Whose settings.
        protocol: ``Pop3`` or ``Imap4``.
        now: When they were made.
        origin: Who answers.
    """
    number = protocol[-1]
    dn = f"CN=1,CN={protocol.upper()},CN=Protocols,{forest.server_dn(home.name)}"
    identity = forest.object_id(dn, uuid5(forest.partition, dn), f"{home.name}\\1")
    own: dict[str, Value] = {
        "ProtocolName": string(protocol.upper()),
        "Name": string("1"),
        "X509CertificateName": string(home.name),
        "LoginType": string("SecureLogin"),
        "Server": forest.server_link(home.name),
    }
    category = forest.schema_class(f"ms-Exch-Protocol-Cfg-{protocol[:-1].upper()}-Server")
    last = ending(identity, category=category, classes=["top", "protocolCfg"], now=now, origin=origin)
    types = (f"{CONFIGURATION}{protocol[:-1]}{number}AdConfiguration", *BASES)
    return Obj(types, f"{home.name}\\1", None, {**own, **last}, None)
