"""AcceptedDomain: properties in the order in which Get-AcceptedDomain lists them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from reconciler.lab.exchange import enums
from reconciler.lab.exchange.clixml import NIL, Obj, Value, boolean
from reconciler.lab.exchange.directory import Forest, ending
from reconciler.lab.exchange.values import OBJECT, domain_with_subdomains, object_version

CONFIGURATION = "Microsoft.Exchange.Data.Directory.SystemConfiguration."
TYPES = (
    f"{CONFIGURATION}AcceptedDomain",
    f"{CONFIGURATION}ADConfigurationObject",
    "Microsoft.Exchange.Data.Directory.ADObject",
    "Microsoft.Exchange.Data.Directory.ADRawEntry",
    "Microsoft.Exchange.Data.ConfigurableObject",
    OBJECT,
)


def accepted_domain(forest: Forest, domain: str, guid: UUID, *, now: datetime, origin: str) -> Obj:
    """Make the default authoritative domain, named as the domain."""
    identity = forest.object_id(forest.accepted_domain_dn(domain), guid)
    false = boolean(False)
    properties: dict[str, Value] = {
        "DomainName": domain_with_subdomains(domain),
        "CatchAllRecipientID": NIL,
        "DomainType": enums.ACCEPTED_DOMAIN_TYPE.named("Authoritative"),
        "MatchSubDomains": false,
        "AddressBookEnabled": boolean(True),
        "Default": boolean(True),
        "EmailOnly": false,
        "ExternallyManaged": false,
        "AuthenticationType": NIL,
        "LiveIdInstanceType": NIL,
        "PendingRemoval": false,
        "PendingCompletion": false,
        "FederatedOrganizationLink": NIL,
        "MailFlowPartner": NIL,
        "OutboundOnly": false,
        "PendingFederatedAccountNamespace": false,
        "PendingFederatedDomain": false,
        "IsCoexistenceDomain": false,
        "PerimeterDuplicateDetected": false,
        "IsDefaultFederatedDomain": false,
        "EnableNego2Authentication": false,
        "InitialDomain": false,
        **ending(
            identity,
            category=forest.schema_class("ms-Exch-Accepted-Domain"),
            classes=["top", "msExchAcceptedDomain"],
            now=now,
            origin=origin,
        ),
        "ExchangeVersion": object_version(0, 20, (15, 0, 0, 0)),
    }
    return Obj(TYPES, domain, None, properties, None)
