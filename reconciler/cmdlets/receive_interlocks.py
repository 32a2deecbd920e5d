"""What Set- and New-ReceiveConnector refuse: rules [4-3], [4-5], [4-7].

Looked at as it is declared, before any connection, and once more as it would be beside what is live.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from state.resources import ReceiveConnector
from state.values import Binding, IpRange


@dataclass(frozen=True, slots=True)
class Interlock:
    """Attributes of one connector that exclude or demand each other.

    Attributes:
        detail: Goes on from the connector's name.
        attribute: Where it is told.
        involved: Whose values it follows from, ``attribute`` among them.
    """

    summary: str
    detail: str
    attribute: str
    hint: str
    involved: frozenset[str]


def interlocks(connector: ReceiveConnector) -> Iterator[Interlock]:
    """Everything in a connector that Exchange refuses; what is not known breaks no rule."""
    yield from _sign_on(connector)
    yield from _protocol(connector)


def _sign_on(connector: ReceiveConnector) -> Iterator[Interlock]:
    """[4-5], [4-7]"""
    mechanisms = connector.auth_mechanism
    if not isinstance(mechanisms, frozenset):
        return
    if "BasicAuthRequireTLS" in mechanisms and not mechanisms >= {"BasicAuth", "Tls"}:
        yield Interlock(
            "AuthMechanism incomplete",
            "has BasicAuthRequireTLS without both BasicAuth and Tls",
            "auth_mechanism",
            "add BasicAuth and Tls",
            frozenset({"auth_mechanism"}),
        )
    if "ExternalAuthoritative" in mechanisms:
        yield from _external(connector, mechanisms)
    for attribute, declared in (
        ("require_tls", connector.require_tls),
        ("domain_secure_enabled", connector.domain_secure_enabled),
    ):
        if declared is True and "Tls" not in mechanisms:
            yield Interlock(
                "AuthMechanism incomplete",
                f"sets {attribute} without Tls",
                attribute,
                "add Tls to auth_mechanism",
                frozenset({"auth_mechanism", attribute}),
            )


def _external(connector: ReceiveConnector, mechanisms: frozenset[str]) -> Iterator[Interlock]:
    if others := mechanisms - {"ExternalAuthoritative", "Tls"}:
        yield Interlock(
            "AuthMechanism contradictory",
            f"has ExternalAuthoritative, which goes with Tls only, beside {', '.join(sorted(others))}",
            "auth_mechanism",
            "keep ExternalAuthoritative and Tls",
            frozenset({"auth_mechanism"}),
        )
    groups = connector.permission_groups
    if isinstance(groups, frozenset) and "ExchangeServers" not in groups:
        yield Interlock(
            "PermissionGroups incomplete",
            "has ExternalAuthoritative, and its permission groups lack ExchangeServers",
            "permission_groups",
            "add ExchangeServers",
            frozenset({"auth_mechanism", "permission_groups"}),
        )
    if connector.domain_secure_enabled is True:
        yield Interlock(
            "AuthMechanism contradictory",
            "has ExternalAuthoritative and sets domain_secure_enabled",
            "domain_secure_enabled",
            "give up one of them",
            frozenset({"auth_mechanism", "domain_secure_enabled"}),
        )


def _protocol(connector: ReceiveConnector) -> Iterator[Interlock]:
    """[4-7]"""
    idle, longest = connector.connection_inactivity_timeout, connector.connection_timeout
    if isinstance(idle, timedelta) and isinstance(longest, timedelta) and idle >= longest:
        yield Interlock(
            "Timeouts contradictory",
            "has a connection_inactivity_timeout that is not shorter than its connection_timeout",
            "connection_inactivity_timeout",
            "make it shorter",
            frozenset({"connection_inactivity_timeout", "connection_timeout"}),
        )
    if connector.binary_mime_enabled is True and connector.chunking_enabled is False:
        yield Interlock(
            "BINARYMIME without CHUNKING",
            "enables binary_mime_enabled and disables chunking_enabled",
            "binary_mime_enabled",
            "enable chunking_enabled too",
            frozenset({"binary_mime_enabled", "chunking_enabled"}),
        )
    if isinstance(connector.banner, str) and connector.banner and not connector.banner.startswith("220"):
        yield Interlock(
            "Banner not allowed",
            "has a banner that does not begin with 220",
            "banner",
            'begin it with "220 "',
            frozenset({"banner"}),
        )


def shared_binding(one: ReceiveConnector, other: ReceiveConnector) -> Binding | None:
    """A binding that two connectors of one server cannot both have [4-3]; None where they can, or may.

    They can share it while the clients they are for differ, and where these overlap, one range lies
    wholly inside the other.
    """
    if not (isinstance(one.bindings, frozenset) and isinstance(other.bindings, frozenset)):
        return None
    ranges, theirs = one.remote_ip_ranges, other.remote_ip_ranges
    if not (isinstance(ranges, frozenset) and isinstance(theirs, frozenset)):
        return None
    shared = one.bindings & other.bindings
    if not shared or not (ranges == theirs or any(_cross(a, b) for a in ranges for b in theirs)):
        return None
    return min(shared, key=str)


def _cross(one: IpRange, other: IpRange) -> bool:
    """True for ranges that overlap, and neither lies inside the other."""
    first, last = (ipaddress.ip_address(text) for text in (one.first, one.last))
    low, high = (ipaddress.ip_address(text) for text in (other.first, other.last))
    if first.version != low.version or int(last) < int(low) or int(high) < int(first):
        return False
    is_inside = int(low) <= int(first) and int(last) <= int(high)
    return not is_inside and not (int(first) <= int(low) and int(high) <= int(last))
