"""Explains which send connector carries a domain's mail, and how it is protected: rule [3-7]."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

from reconciler.mailflow.protection import Protection, protection_of
from reconciler.mailflow.route import Leg, Passed, Route, Why, route
from reconciler.mailflow.spaces import is_accepted
from state.resources import SendConnector
from state.values import ByteSize, Fqdn, Name

from .explanation import Explanation, Option, Part
from .organization import Audited, SendConnectors

_TEXTS = {
    Protection.NONE: "sent without TLS",
    Protection.OPPORTUNISTIC: "encrypted where TLS is offered",
    Protection.ENCRYPTED: "encrypted or not sent, no certificate validated",
    Protection.CERTIFICATE: "encrypted or not sent, to a trusted certificate",
    Protection.DOMAIN: "encrypted or not sent, to a trusted certificate with the name {domain}",
    None: "protected by what could not be read",
}


def explain_domain(domain: Fqdn, addresses: Mapping[Name, str], audited: Audited) -> Explanation:
    """Explain how mail for a domain leaves the organization, and each Edge server.

    Args:
        addresses: The addresses of declared connectors by their names in Exchange.
    """
    parts = tuple(_part(domain, group, addresses, audited) for group in audited.send_connectors(copies=True))
    own = audited.accepted_domains()
    notes = []
    if is_accepted(domain, own):
        notes.append(
            f"{domain} is an accepted domain: Mailbox servers deliver its mail inside, unless it is relayed."
        )
    return Explanation(domain.name, parts, tuple(notes))


def _part(domain: Fqdn, group: SendConnectors, addresses: Mapping[Name, str], audited: Audited) -> Part:
    where = str(group.edge) if group.edge else "the Mailbox servers"
    if group.listing.unreadable:
        why = group.listing.unreadable.reason
        return Part(where, "not known", (), (f"The send connectors could not be read: {why}.",))
    found = route(domain, group.listing.objects, audited.accepted_domains())

    def name(connector: SendConnector) -> str:
        known = addresses.get(connector.name) if isinstance(connector.name, Name) else None
        return f'"{connector.name}"' + (f" ({known})" if known else "")

    options = [
        Option(f"{name(leg.chosen.connector)} {leg.chosen.space}", _carries(leg, domain), is_chosen=True)
        for leg in found.legs
    ]
    options += [
        Option(f"{name(one.connector)}{f' {one.space}' if one.space else ''}", _why_not(one))
        for one in found.passed
    ]
    rule = "of what is enabled the most specific address space, then the lowest cost, then the lowest name"
    return Part(where, rule, tuple(options), tuple(_notes(found)))


def _carries(leg: Leg, domain: Fqdn) -> str:
    protection = protection_of(leg.chosen.connector)
    named = leg.chosen.connector.tls_domain or domain
    text = _TEXTS[protection].format(domain=named)
    return f"carries {_sizes(leg)}: {text}"


def _sizes(leg: Leg) -> str:
    most = leg.chosen.connector.max_message_size
    upper = f"up to {most}" if isinstance(most, ByteSize) and most.bytes is not None else ""
    lower = f"over {leg.over}" if leg.over else ""
    sizes = " ".join(part for part in (lower, upper) if part)
    return f"messages {sizes}" if sizes else "all messages"


def _why_not(one: Passed) -> str:
    if one.why in (Why.COSTS_MORE, Why.LATER_NAME) and one.may_win:
        return (
            f"{one.why.value}; but its source servers are others, so links between sites, and nearness, may "
            "decide for it"
        )
    if one.why is Why.SCOPED:
        return f"{one.why.value}, and there may be chosen"
    return str(one.why.value)


def _notes(found: Route) -> Iterator[str]:
    if not found.legs:
        yield "no connector carries its mail"
    if found.up_to is not None:
        yield f"what is larger than {found.up_to} is not sent"
    protections = [protection_of(leg.chosen.connector) for leg in found.legs]
    for first, later in pairwise(protections):
        if first is not None and later is not None and later < first:
            yield "larger messages are less protected"
            break
    for connector, attribute in found.unsure:
        yield f'{attribute} of "{connector.name}" could not be read'
