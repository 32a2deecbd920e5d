"""IP addresses in Exchange's shapes: smart hosts, bindings, ranges; read and shown as [6.5] says."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from reconciler.lab.exchange import address_blobs, blobs
from reconciler.lab.exchange.clixml import NIL, Obj, Scalar, Value, boolean, int32, string
from reconciler.lab.exchange.values import (
    DATA,
    EDGE_SYNC_DOMAINS,
    OBJECT,
    BadValue,
    checked_domain,
    multi_valued,
    note,
)

Address = IPv4Address | IPv6Address


def checked_address(text: str) -> Address:
    try:
        return ip_address(text.strip().removeprefix("[").removesuffix("]"))
    except ValueError:
        raise BadValue(f'"{text}" isn\'t a valid IP address.') from None


def ip_address_object(address: Address) -> Obj:
    """System.Net.IPAddress; such an object has no SerializationData."""
    properties: dict[str, Value] = {}
    if isinstance(address, IPv4Address):
        properties["Address"] = Scalar("I64", str(int.from_bytes(address.packed, "little")))
    properties["AddressFamily"] = string("InterNetwork" if address.version == 4 else "InterNetworkV6")
    if isinstance(address, IPv6Address):
        properties["ScopeId"] = Scalar("I64", "0")
    properties |= {
        "IsIPv6Multicast": boolean(address.version == 6 and address.is_multicast),
        "IsIPv6LinkLocal": boolean(address.version == 6 and address.is_link_local),
        "IsIPv6SiteLocal": boolean(isinstance(address, IPv6Address) and address.is_site_local),
        "IsIPv6Teredo": boolean(isinstance(address, IPv6Address) and address.teredo is not None),
        "IsIPv4MappedToIPv6": boolean(isinstance(address, IPv6Address) and address.ipv4_mapped is not None),
    }
    types = ("System.Net.IPAddress", OBJECT)
    return Obj(types, str(address), None, properties, {"IPAddressToString": string(str(address))})


ANY = ip_address_object(IPv4Address(0))
"""0.0.0.0; one object, so that a connector refers to it more than once, as real ones do [6.5-1]."""


def checked_smart_host(text: str) -> Address | None:
    """Check a smart host; gives its address, or None where it is a name or EdgeSync's placeholder [3-5]."""
    try:
        return checked_address(text)
    except BadValue:
        if text != EDGE_SYNC_DOMAINS:
            checked_domain(text)
        return None


def smart_host(text: str, assembly: str) -> Obj:
    """A host name, or an address, which is printed in brackets [3-9]."""
    address = checked_smart_host(text)
    types = (f"{DATA}SmartHost", OBJECT)
    if address is None:
        properties: dict[str, Value] = {"Address": ANY, "IsIPAddress": boolean(False), "Domain": string(text)}
        return Obj(
            types, text, None, properties, note(address_blobs.smart_host(text, IPv4Address(0), assembly))
        )
    properties = {"Address": ip_address_object(address), "IsIPAddress": boolean(True), "Domain": NIL}
    return Obj(
        types, f"[{address}]", None, properties, note(address_blobs.smart_host(None, address, assembly))
    )


def smart_hosts(texts: Iterable[str], assembly: str) -> Obj:
    return multi_valued(f"{DATA}SmartHost", blobs.DATA, (smart_host(text, assembly) for text in texts))


def ip_binding(text: str) -> Obj:
    """``0.0.0.0:25`` or ``[::]:25``."""
    host, colon, port_text = text.rpartition(":")
    if not colon or not port_text.isdigit() or int(port_text) > 65535:
        raise BadValue(f'"{text}" isn\'t a valid binding. The format is IP address:port.')
    if ":" in host and not host.startswith("["):
        raise BadValue(f'"{text}" isn\'t a valid binding. IPv6 addresses need brackets.')
    address = checked_address(host)
    port = int(port_text)
    shown = f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
    properties: dict[str, Value] = {
        "Port": int32(port),
        "AddressFamily": string("InterNetwork" if address.version == 4 else "InterNetworkV6"),
        "Address": ip_address_object(address),
    }
    types = (f"{DATA}IPBinding", "System.Net.IPEndPoint", "System.Net.EndPoint", OBJECT)
    return Obj(types, shown, None, properties, note(address_blobs.ip_binding(address, port)))


def ip_bindings(texts: Iterable[str]) -> Obj:
    return multi_valued(f"{DATA}IPBinding", blobs.DATA, (ip_binding(text) for text in texts))


def range_of(text: str) -> tuple[Address, Address, str]:
    """Read a single address, ``first-last`` or CIDR; gives both ends and the form's name."""
    try:
        if "-" in text:
            low, high = (checked_address(part) for part in text.split("-", 1))
            if low.version != high.version or int(low) > int(high):
                raise BadValue(f'"{text}" isn\'t a valid IP range.')
            return low, high, "LoHi"
        if "/" in text:
            network: IPv4Network | IPv6Network = ip_network(text, strict=False)
            return network[0], network[-1], "CIDR"
        address = checked_address(text)
    except ValueError:
        raise BadValue(f'"{text}" isn\'t a valid IP range.') from None
    return address, address, "SingleAddress"


def ip_range(text: str) -> Obj:
    low, high, form = range_of(text)
    shown = str(low) if form == "SingleAddress" else text
    # The size is one more than the difference, held as an IPv6 number: a whole IPv4 space is ::1:0:0,
    # the whole IPv6 space does not fit and stays at the largest number.
    size = min(int(high) - int(low) + 1, (1 << 128) - 1)
    properties: dict[str, Value] = {
        "LowerBound": string(str(low)),
        "UpperBound": string(str(high)),
        "RangeFormat": string(form),
        "Size": string(str(IPv6Address(size))),
        "Expression": string(shown),
    }
    blob = address_blobs.ip_range(low, high, form, shown)
    return Obj((f"{DATA}IPRange", OBJECT), shown, None, properties, note(blob))


def ip_ranges(texts: Iterable[str]) -> Obj:
    return multi_valued(f"{DATA}IPRange", blobs.DATA, (ip_range(text) for text in texts))
