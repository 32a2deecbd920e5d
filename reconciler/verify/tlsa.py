"""Asking DNS for TLSA records."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Final, TypeAlias

import dns.exception
import dns.flags
import dns.rdatatype
import dns.resolver

from reconciler.plan.tlsa import Published, TlsaRecord

SECONDS: Final = 5.0
_PAYLOAD: Final = 1232
"""Bytes of UDP that pass everywhere."""
_REMAINDER: Final = 3600
"""Seconds that an unsigned answer from a cache is taken to last: it tells what is left of its time."""

TlsaLookUp: TypeAlias = Callable[[Iterable[str], tuple[str, int] | None], Mapping[str, Published]]
"""Does what :func:`look_up` does."""


def look_up(
    names: Iterable[str], resolver: tuple[str, int] | None, *, seconds: float = SECONDS
) -> Mapping[str, Published]:
    """Ask for the TLSA records of names.

    Args:
        resolver: Host and port; None for the one of this machine.
        seconds: For one name.

    Returns:
        What is known of each; that there are none is known, and no answer is not.
    """
    asked = tuple(dict.fromkeys(names))
    try:
        asking = _asking(resolver, seconds)
    except (dns.exception.DNSException, OSError) as error:
        return {name: Published(name, unknown=_reason(error)) for name in asked}
    return {name: _asked(name, asking) for name in asked}


def _asking(resolver: tuple[str, int] | None, seconds: float) -> dns.resolver.Resolver:
    asking = dns.resolver.Resolver(configure=resolver is None)
    if resolver is not None:
        host, port = resolver
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        asking.nameservers = [str(address[0]) for *_, address in found]
        asking.port = port
    asking.lifetime = seconds
    asking.use_edns(0, dns.flags.DO, _PAYLOAD)  # the signature tells the TTL as it was published
    return asking


def _asked(name: str, asking: dns.resolver.Resolver) -> Published:
    try:
        answer = asking.resolve(f"{name}.", "TLSA", raise_on_no_answer=False, search=False)
    except dns.resolver.NXDOMAIN:
        return Published(name)
    except (dns.exception.DNSException, OSError) as error:
        return Published(name, unknown=_reason(error))
    if answer.rrset is None:
        return Published(name)
    records = tuple(TlsaRecord(one.usage, one.selector, one.mtype, one.cert.hex()) for one in answer.rrset)
    return Published(name, records, timedelta(seconds=_ttl(answer)))


def _ttl(answer: dns.resolver.Answer) -> int:
    """The TTL as it was published; an answer from a cache has only the rest of it."""
    signed = [
        int(signature.original_ttl)
        for found in answer.response.answer
        if found.rdtype == dns.rdatatype.RRSIG
        for signature in found
        if signature.type_covered == dns.rdatatype.TLSA
    ]
    told = int(answer.rrset.ttl) if answer.rrset is not None else 0
    if signed:
        return max(signed)
    return told if answer.response.flags & dns.flags.AA else max(told, _REMAINDER)


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split()).rstrip(".")
    return text[:200] or type(error).__name__
