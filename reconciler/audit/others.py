"""What other tools own: the Hybrid Configuration wizard [3-21], Edge subscriptions [3-5], [1-5]."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.mailflow.spaces import ACCEPTED
from state.resources import ReceiveConnector, SendConnector
from state.values import SmartHost

from . import rules
from .finding import Finding, Weight
from .organization import Audited


def check_others(audited: Audited) -> Iterator[Finding]:
    for group in audited.send_connectors():
        for connector in group.listing.objects:
            for rule, detail in (
                (rules.HYBRID, _hybrid(connector)),
                (rules.EDGE_SYNC, _edge_sync(connector)),
            ):
                if detail:
                    yield Finding(rule, Weight.INFO, connector.kind, str(connector.name), group.where, detail)
    for server in audited.live.servers.values():
        for listener in server.receive_connectors.objects:
            if detail := _hybrid_listener(listener):
                yield Finding(
                    rules.HYBRID, Weight.INFO, listener.kind, str(listener.name), str(server.name), detail
                )
    for subscription in audited.live.organization.edge_subscriptions.objects:
        detail = (
            f"It is subscribed to the site {subscription.site}, and has the organization's send connectors."
        )
        yield Finding(rules.EDGE_SYNC, Weight.INFO, subscription.kind, str(subscription.name), "", detail)


def _hybrid(connector: SendConnector) -> str:
    if connector.cloud_services_mail_enabled is True:
        return "CloudServicesMailEnabled is true: it keeps the headers of mail to Exchange Online."
    if connector.connector_type == "XPremises":
        return "ConnectorType is XPremises."
    spaces = connector.address_spaces if isinstance(connector.address_spaces, frozenset) else frozenset()
    online = sorted(space.address for space in spaces if space.address.endswith(".mail.onmicrosoft.com"))
    return f"It carries mail for {', '.join(online)}." if online else ""


def _hybrid_listener(connector: ReceiveConnector) -> str:
    capabilities = connector.tls_domain_capabilities
    if not isinstance(capabilities, frozenset):
        return ""
    cloud = sorted(one for one in capabilities if "acceptcloudservicesmail" in one.casefold())
    return f"TlsDomainCapabilities has {', '.join(cloud)}." if cloud else ""


def _edge_sync(connector: SendConnector) -> str:
    if str(connector.name).casefold().startswith("edgesync - "):
        return "Its name is that of a connector that subscribing makes."
    spaces = connector.address_spaces if isinstance(connector.address_spaces, frozenset) else frozenset()
    hosts = connector.smart_hosts if isinstance(connector.smart_hosts, frozenset) else frozenset()
    if any(space.address == ACCEPTED for space in spaces) or SmartHost(ACCEPTED) in hosts:
        return "It holds --, which EdgeSync replaces."
    return ""
