"""What could not be read, so that nobody takes it for sound."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from state.resources import Resource
from state.snapshot import Listing, LiveServer, Unread, Unreadable
from state.values import Name

from . import rules
from .finding import Finding, Weight
from .organization import Audited, takes_names

JUDGED: Final = frozenset(
    {
        "address_spaces",
        "auth_mechanism",
        "domains",
        "enabled",
        "fqdn",
        "has_private_key",
        "ignore_starttls",
        "is_scoped_connector",
        "max_message_size",
        "not_after",
        "not_before",
        "remote_ip_ranges",
        "require_tls",
        "services",
        "source_transport_servers",
        "tls_auth_level",
        "tls_certificate_name",
    }
)
"""Attributes that some rule looks at."""
_OWN: Final = {"certificates": "certificates", "receive_connectors": "receive connectors"}
"""Lists of a server's own."""


def check_unread(audited: Audited) -> Iterator[Finding]:
    for server in audited.live.servers.values():
        if server.unreachable:
            yield _finding(str(server.name), f"Nothing could be read: {server.unreachable.reason}.")
            continue
        for what, why in _own_lists(server):
            yield _finding(str(server.name), f"Its {what} could not be read: {why.reason}.")
        yield from _attributes(str(server.name), server.unread, has_names=takes_names(server))
    for where, what, why in _shared_lists(audited):
        yield _finding(where, f"The {what} could not be read: {why.reason}.")
    has_names = any(map(takes_names, audited.live.servers.values()))
    yield from _attributes("", audited.live.organization.unread, has_names=has_names)
    for known in audited.known.objects:
        if isinstance(known.name, Name) and known.name not in audited.live.servers:
            detail = "It is a server of the organization, and was not read."
            yield Finding(rules.NOT_AUDITED, Weight.UNKNOWN, "server", str(known.name), "", detail)


def is_complete(audited: Audited) -> bool:
    """True when every server answered, and every list that an audit rests on was read."""
    servers = audited.live.servers.values()
    return not (
        any(server.unreachable or list(_own_lists(server)) for server in servers)
        or list(_shared_lists(audited))
    )


def _own_lists(server: LiveServer) -> Iterator[tuple[str, Unreadable]]:
    for attribute, what in _OWN.items():
        listing: Listing[Resource] = getattr(server, attribute)
        if listing.unreadable:
            yield what, listing.unreadable


def _shared_lists(audited: Audited) -> Iterator[tuple[str, str, Unreadable]]:
    """What is the organization's or an Edge server's; where no server answered, that is told already."""
    for group in audited.send_connectors(copies=True):
        told = audited.live.servers[group.edge].unreachable if group.edge else _is_mute(audited)
        if group.listing.unreadable and not told:
            yield group.where, "send connectors", group.listing.unreadable
    subscriptions = audited.live.organization.edge_subscriptions.unreadable
    if not _is_mute(audited):
        if audited.known.unreadable:
            yield "", "servers of the organization", audited.known.unreadable
        if subscriptions:
            yield "", "Edge subscriptions", subscriptions


def _is_mute(audited: Audited) -> bool:
    return audited.live.organization.read_from is None


def _attributes(server: str, unread: Iterable[Unread], *, has_names: bool) -> Iterator[Finding]:
    """One for each reason: a session without serialization data hides the same of every certificate."""
    judged = JUDGED if has_names else JUDGED - {"tls_certificate_name"}
    reasons: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
    for one in unread:
        if one.attribute in judged:
            objects, attributes = reasons.setdefault(one.reason, ({}, {}))
            objects[one.object] = attributes[one.attribute] = None
    for reason, (objects, attributes) in reasons.items():
        yield _finding(server, f"{', '.join(attributes)} of {', '.join(objects)}: {reason}.")


def _finding(server: str, detail: str) -> Finding:
    return Finding(rules.NOT_READ, Weight.UNKNOWN, "server", server, server, detail)
