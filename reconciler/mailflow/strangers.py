"""Whether a receive connector answers to clients from the Internet."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, summarize_address_range

from state.values import IpRange


def is_private(range: IpRange) -> bool:
    """True when no address of the Internet is among the clients."""
    first, last = ip_address(range.first), ip_address(range.last)
    if isinstance(first, IPv4Address) and isinstance(last, IPv4Address):
        return all(part.is_private for part in summarize_address_range(first, last))
    if isinstance(first, IPv6Address) and isinstance(last, IPv6Address):
        return all(part.is_private for part in summarize_address_range(first, last))
    return False
