"""The default SMTP certificate of a server: what replacing it means beyond the server [1-5], [2.3-4].

It secures mail between the servers of an organization, and an Edge subscription rests on it. Which one it is
cannot be read from outside, so that it was replaced is recorded, and not repeated.
"""

from __future__ import annotations

from dataclasses import replace

from reconciler.diagnostics import Diagnostic
from state.address import Address
from state.values import Name

from . import certificate_problems
from .case import CertificatePlan
from .situation import Situation

SUBSCRIPTION_RULE = "edge-subscription"
SSL_RULE = "require-ssl"


def judged(address: Address, planned: CertificatePlan, server: Name, situation: Situation) -> CertificatePlan:
    """Tell what enabling a planned certificate does to others; refuse what breaks an Edge subscription.

    An acknowledgement in the YAML lifts the refusal.
    """
    enabling = [
        invocation.parameters
        for invocation in (planned.change.invocations if planned.change else ())
        if invocation.cmdlet == "Enable-ExchangeCertificate"
    ]
    told: list[Diagnostic] = []
    accepted = situation.acknowledged.get(address, frozenset())
    services = {name for given in enabling for name in str(given.get("Services")).split(", ")}
    if "IIS" in services and SSL_RULE not in accepted:
        told.append(certificate_problems.requires_ssl(address, str(server)))
    if any(given.get("Force") is True for given in enabling):
        broken, unknown = _subscriptions(server, situation)
        if (broken or unknown) and SUBSCRIPTION_RULE not in accepted:
            refused = certificate_problems.breaks_subscription(address, str(server), broken, unknown)
            return replace(planned, change=None, diagnostics=(*planned.diagnostics, refused))
        told.append(certificate_problems.default_replaced(address, str(server), broken, unknown))
    return replace(planned, diagnostics=(*planned.diagnostics, *told)) if told else planned


def unfit_names(server: Name, situation: Situation) -> tuple[Diagnostic, ...]:
    """Connectors whose name would make Enable fail for the whole server: it has characters that DNS has not.

    Source: Microsoft's support article on the error 0xe0434352.
    """
    live = situation.server(server)
    names = {
        str(one.name): str(one.fqdn)
        for one in situation.receive_connectors(server).all()
        if "_" in str(one.fqdn)
    }
    for one in live.unread:
        if one.attribute == "fqdn" and one.object.partition("\\")[0].casefold() == str(server).casefold():
            names[one.object.partition("\\")[2]] = one.reason
    return tuple(certificate_problems.unfit_name(str(server), name, fqdn) for name, fqdn in names.items())


def _subscriptions(server: Name, situation: Situation) -> tuple[list[str], str]:
    """The Edge subscriptions that rest on a server's default certificate; why that is unknown, if it is."""
    listing = situation.live.organization.edge_subscriptions
    if listing.unreadable:
        return [], listing.unreadable.reason
    if situation.is_edge(server):
        return [str(one.name) for one in listing.objects if one.name == server], ""
    itself = next((one for one in situation.server(server).server.objects if one.name == server), None)
    here = _site(itself.site) if itself is not None else ""
    broken, unread = [], []
    for one in listing.objects:
        there = _site(one.site)
        if here and here == there:
            broken.append(str(one.name))
        elif not (here and there):
            unread.append(str(one.name))
    return broken, f"the site of {server}, or of {', '.join(unread)}, was not told" if unread else ""


def _site(value: object) -> str:
    """The name of an Active Directory site, however it is written; "" where it is not known."""
    return value.rpartition("/")[2].casefold() if isinstance(value, str) else ""


def enables_smtp(planned: CertificatePlan) -> bool:
    """Whether a plan enables a certificate for SMTP."""
    return planned.change is not None and any(
        invocation.cmdlet == "Enable-ExchangeCertificate"
        and "SMTP" in str(invocation.parameters.get("Services"))
        for invocation in planned.change.invocations
    )
