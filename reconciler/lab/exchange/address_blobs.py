"""SerializationData of addresses: bindings, smart hosts, ranges; see :mod:`.blobs`."""

from __future__ import annotations

import struct
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

from reconciler.lab.exchange.blobs import DATA, NAMESPACE, SYSTEM, TOKEN, started
from reconciler.lab.exchange.nrbf import ArrayOf, LibraryClass, Members, Primitive, Records, Special

Address = IPv4Address | IPv6Address


@lru_cache(maxsize=1024)
def ip_binding(address: Address, port: int) -> bytes:
    w = started(DATA)
    w.library(3, SYSTEM)
    members: Members = [
        ("IPEndPoint+m_Address", LibraryClass("System.Net.IPAddress", 3)),
        ("IPEndPoint+m_Port", Primitive.INT32),
    ]
    w.new_class(1, NAMESPACE + "IPBinding", members, 2)
    w.reference(4)
    w.value(Primitive.INT32, port)
    _ip_address(w, address, number=4, enum=-5, numbers=6, library=3)
    return w.end()


@lru_cache(maxsize=1024)
def smart_host(name: str | None, address: Address, assembly_version: str) -> bytes:
    """SmartHost: a host name, or an address (then ``name`` is None; that form has no sample)."""
    w = started(DATA)
    transport = NAMESPACE + "Transport."
    w.library(3, f"Microsoft.Exchange.Data.Transport, Version={assembly_version}, {TOKEN}")
    members: Members = [
        ("routingHost", LibraryClass(transport + "RoutingHost", 3)),
        ("hostName", LibraryClass(NAMESPACE + "Hostname", 2)),
    ]
    w.new_class(1, NAMESPACE + "SmartHost", members, 2)
    w.reference(4)
    if name is None:
        w.null()
    else:
        w.reference(5)
    host_name = LibraryClass(transport + "RoutingHostName", 3)
    ids = 5 if name is None else 6  # the library's id comes after those of the queued objects
    w.library(ids, SYSTEM)
    members = [
        ("domain", host_name),
        ("ipAddress", LibraryClass("System.Net.IPAddress", ids)),
        ("isFrontendAndHubColocatedServer", Primitive.BOOLEAN),
    ]
    w.new_class(4, transport + "RoutingHost", members, 3)
    w.new_class(-(ids + 1), host_name.name, [("hostnamestring", Special.STRING)], 3)
    if name is None:
        w.null()
        queued = ids + 2
    else:
        w.string(ids + 2, name)
        queued = ids + 3
    w.reference(queued)
    w.value(Primitive.BOOLEAN, False)
    if name is None:
        _ip_address(w, address, number=queued, enum=-(queued + 1), numbers=queued + 2, library=ids)
        return w.end()
    w.new_class(5, NAMESPACE + "Hostname", [("routingHostName", host_name)], 2)
    w.same_class(-(queued + 1), -(ids + 1))
    w.reference(ids + 2)
    _ip_address(w, address, number=queued, enum=-(queued + 3), numbers=queued + 4, library=ids)
    return w.end()


def _ip_address(w: Records, address: Address, *, number: int, enum: int, numbers: int, library: int) -> None:
    family = LibraryClass("System.Net.Sockets.AddressFamily", library)
    members: Members = [
        ("m_Address", Primitive.INT64),
        ("m_Family", family),
        ("m_Numbers", ArrayOf(Primitive.UINT16)),
        ("m_ScopeId", Primitive.INT64),
        ("m_HashCode", Primitive.INT32),
    ]
    w.new_class(number, "System.Net.IPAddress", members, library)
    is_v4 = isinstance(address, IPv4Address)
    w.value(Primitive.INT64, int.from_bytes(address.packed, "little") if is_v4 else 0)
    w.new_class(enum, family.name, [("value__", Primitive.INT32)], library)
    w.value(Primitive.INT32, 2 if is_v4 else 23)
    w.reference(numbers)
    w.value(Primitive.INT64, 0)
    w.value(Primitive.INT32, 0)
    w.uint16_array(numbers, [0] * 8 if is_v4 else struct.unpack(">8H", address.packed))


RANGE_FORMATS = {"CIDR": 1, "LoHi": 3, "SingleAddress": 0}
"""IPRange+Format. Only LoHi (3) is supported by samples."""


@lru_cache(maxsize=1024)
def ip_range(low: Address, high: Address, form: str, text: str) -> bytes:
    w = started(DATA)
    pair = LibraryClass(NAMESPACE + "IPvxAddress", 2)
    kind = LibraryClass(NAMESPACE + "IPRange+Format", 2)
    members: Members = [
        ("startAddress", pair),
        ("endAddress", pair),
        ("format", kind),
        ("exceptionMessage", Special.STRING),
        ("originalExpression", Special.STRING),
    ]
    w.new_class(1, NAMESPACE + "IPRange", members, 2)
    halves: Members = [("highBytes", Primitive.UINT64), ("lowBytes", Primitive.UINT64)]
    w.new_class(-3, pair.name, halves, 2)
    _halves(w, low)
    w.same_class(-4, -3)
    _halves(w, high)
    w.new_class(-5, kind.name, [("value__", Primitive.INT32)], 2)
    w.value(Primitive.INT32, RANGE_FORMATS[form])
    w.null()
    w.string(6, text)
    return w.end()


def _halves(w: Records, address: Address) -> None:
    # An IPv4 address is held as ::ffff:a.b.c.d.
    number = int(address) | (0xFFFF << 32 if isinstance(address, IPv4Address) else 0)
    w.value(Primitive.UINT64, number >> 64)
    w.value(Primitive.UINT64, number & (1 << 64) - 1)
