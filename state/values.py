"""What attributes are made of.

Every value is parsed once, at the edge, into a form where ``==`` means "Exchange would say the
same". Three markers stand where there is no value: :data:`UNSET` (not declared), :data:`UNKNOWN`
(not readable) and :class:`Deferred` (known during apply). None is a value: Exchange's ``$null``.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import Final, Self, TypeAlias, TypeVar

from .address import Address
from .errors import InvalidValue


class Unset(Enum):
    """Not declared, so neither compared nor touched."""

    UNSET = "unset"

    def __repr__(self) -> str:
        return "UNSET"


class Unknown(Enum):
    """There, but it could not be read. Never the same as absent."""

    UNKNOWN = "unknown"

    def __repr__(self) -> str:
        return "UNKNOWN"


UNSET: Final = Unset.UNSET
UNKNOWN: Final = Unknown.UNKNOWN


@dataclass(frozen=True, slots=True)
class Deferred:
    """A value that apply will learn: ``certificate.EDGE1.public#thumbprint``."""

    address: Address
    attribute: str

    def __str__(self) -> str:
        return f"{self.address}#{self.attribute}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text that :meth:`__str__` writes.

        Raises:
            InvalidValue: it has no ``#attribute``.
            InvalidAddress: what stands before is no address.
        """
        address, mark, attribute = text.rpartition("#")
        if not mark or not attribute:
            raise InvalidValue(text, "a deferred value such as certificate.EX1.public#thumbprint")
        return cls(Address.parse(address), attribute)


T = TypeVar("T")
Maybe: TypeAlias = T | Unset | Unknown | Deferred


@dataclass(frozen=True, slots=True)
class Name:
    """A text that Active Directory compares without case: a server or a connector."""

    text: str = field(compare=False)
    folded: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "folded", self.text.casefold())

    @classmethod
    def parse(cls, text: str) -> Self:
        if not text.strip():
            raise InvalidValue(text, "a name")
        return cls(text.strip())

    def __str__(self) -> str:
        return self.text


_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")


def _domain(name: str, text: str, expected: str) -> str:
    """Read a domain name that is all or a part of ``text``; the error tells the whole text."""
    name = name.strip()
    if len(name) <= 254 and not name.isascii():  # the codec's cost grows with the square of the length
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError:
            raise InvalidValue(text, expected) from None
    name = name.removesuffix(".").lower()
    if len(name) > 253 or not _DOMAIN.fullmatch(name):
        raise InvalidValue(text, expected)
    return name


@dataclass(frozen=True, slots=True)
class Fqdn:
    """A host name or a domain, lower case, without the final dot. Source: RFC 1035 2.3.1, 2.3.4."""

    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        return cls(_domain(text, text, "a domain name"))

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class DomainPattern:
    """A domain, or ``*.domain``, or ``*``. Source: SmtpDomainWithSubdomains, [3-13]."""

    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        stripped = text.strip()
        if stripped == "*":
            return cls("*")
        if stripped.startswith("*."):
            return cls("*." + _domain(stripped[2:], text, "a domain, or *. and a domain"))
        return cls(_domain(stripped, text, "a domain, or *. and a domain"))

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, order=True)
class AddressSpace:
    """``[type:]address[;cost]``, compared without case. Source: rules [3-1], [3-2], [3-5].

    Attributes:
        type: ``SMTP`` in upper case, or another system's as given.
        address: For SMTP a domain, ``*``, ``*.domain`` or EdgeSync's ``--``; lower case. Another
            system's as given.
        cost: 1 to 100.
    """

    address: str = field(compare=False)
    cost: int = field(default=1, compare=False)
    type: str = field(default="SMTP", compare=False)
    folded: tuple[str, int, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        folded = (self.address.casefold(), self.cost, self.type.casefold())
        object.__setattr__(self, "folded", folded)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read any spelling that Exchange takes or prints.

        Raises:
            InvalidValue: it is none.
        """
        expected = "an address space such as contoso.com, *.contoso.com or SMTP:*;10"
        rest, separator, cost_text = text.strip().rpartition(";")
        if not separator:
            rest, cost_text = cost_text, "1"
        type, colon, address = rest.partition(":")
        if not colon:
            type, address = "SMTP", rest
        type, address, cost_text = type.strip(), address.strip(), cost_text.strip()
        if not (
            cost_text.isascii() and cost_text.isdigit() and len(cost_text) <= 3 and 1 <= int(cost_text) <= 100
        ):
            raise InvalidValue(text, expected)
        if not type or not address:
            raise InvalidValue(text, expected)
        if type.upper() != "SMTP":
            return cls(address, int(cost_text), type)
        if address != "--":
            try:
                address = str(DomainPattern.parse(address))
            except InvalidValue:
                raise InvalidValue(text, expected) from None
        return cls(address, int(cost_text))

    def __str__(self) -> str:
        return f"{self.type}:{self.address};{self.cost}"


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Read an address; a zone, if any, is a number or a plain word. Source: RFC 4007 11.2."""
    address = ipaddress.ip_address(text)
    zone = address.scope_id if isinstance(address, ipaddress.IPv6Address) else None
    if zone is not None and not re.fullmatch(r"[0-9A-Za-z]+", zone):
        raise ValueError(text)
    return address


@dataclass(frozen=True, slots=True, order=True)
class SmartHost:
    """A host name or an IP address, brackets taken off. Source: rule [3-9]."""

    host: str

    @classmethod
    def parse(cls, text: str) -> Self:
        bare = text.strip().removeprefix("[").removesuffix("]")
        try:
            return cls(str(_ip(bare)))
        except ValueError:
            pass
        if bare == "--":  # EdgeSync's placeholder [3-5]
            return cls(bare)
        return cls(_domain(bare, text, "a host name or an IP address"))

    def __str__(self) -> str:
        return self.host


@dataclass(frozen=True, slots=True)
class IpAddress:
    """One IPv4 or IPv6 address in its shortest text."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        try:
            return cls(str(_ip(text.strip().removeprefix("[").removesuffix("]"))))
        except ValueError:
            raise InvalidValue(text, "an IP address") from None

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class IpRange:
    """First and last address. ``192.0.2.0/24``, ``a-b`` and a single address are one form. Source: 6.5."""

    first: str
    last: str

    @classmethod
    def parse(cls, text: str) -> Self:
        stripped = text.strip()
        try:
            if "/" in stripped:
                net = ipaddress.ip_network(stripped, strict=False)
                return cls(str(net[0]), str(net[-1]))
            first_text, dash, last_text = stripped.partition("-")
            first = _ip(first_text.strip())
            last = _ip(last_text.strip()) if dash else first
        except ValueError:
            raise InvalidValue(text, "an IP address, a range or a network") from None
        if first.version != last.version or int(first) > int(last):
            raise InvalidValue(text, "a range whose first address is not after its last")
        return cls(str(first), str(last))

    def __str__(self) -> str:
        return self.first if self.first == self.last else f"{self.first}-{self.last}"


@dataclass(frozen=True, slots=True)
class Binding:
    """``address:port``, IPv6 in brackets. Source: 6.5."""

    address: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        host, colon, port = text.strip().rpartition(":")
        try:
            address = _ip(host.removeprefix("[").removesuffix("]"))
        except ValueError:
            raise InvalidValue(text, "a binding such as 0.0.0.0:25 or [::]:25") from None
        if not colon or not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535):
            raise InvalidValue(text, "a binding such as 0.0.0.0:25 or [::]:25")
        return cls(str(address), int(port))

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


_UNITS: Final = ("B", "KB", "MB", "GB", "TB")
_LARGEST_SIZE: Final = 2**64
_SIZE = re.compile(r"(\d{1,20})\s*(B|KB|MB|GB|TB)?", re.IGNORECASE)
_EXACT_SIZE = re.compile(
    r"\d[\d.,\s'\u2019]{0,30}(?:B|KB|MB|GB|TB)\s*\((\d[\d.,\s'\u2019]{0,30})\s[^)\d]{1,20}\)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class ByteSize:
    """A size in bytes, always a whole number of KB as Exchange rounds up [3-17]; None is unlimited."""

    bytes: int | None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``35 MB``, ``35MB``, ``36700160``, ``1.5 MB (1,572,864 bytes)`` or ``Unlimited``.

        The number in parentheses is exact and wins: the one before it is rounded when it has a
        fraction, and the separators of both depend on the server's culture.

        Raises:
            InvalidValue: it is none, or more than 64 bits of bytes.
        """
        stripped = text.strip()
        if stripped.casefold() == "unlimited":
            return cls(None)
        if exact := _EXACT_SIZE.fullmatch(stripped):
            size = int(re.sub(r"\D", "", exact.group(1)))
        elif found := _SIZE.fullmatch(stripped):
            size = int(found.group(1)) * 1024 ** _UNITS.index((found.group(2) or "B").upper())
        else:
            raise InvalidValue(text, "a size such as 35 MB, or unlimited")
        rounded = -(-size // 1024) * 1024
        if rounded > _LARGEST_SIZE:
            raise InvalidValue(text, "a size such as 35 MB, or unlimited")
        return cls(rounded)

    def __str__(self) -> str:
        if self.bytes is None:
            return "Unlimited"
        size, unit = self.bytes, 0
        while size and size % 1024 == 0 and unit < len(_UNITS) - 1:
            size, unit = size // 1024, unit + 1
        return f"{size} {_UNITS[unit]}"


@dataclass(frozen=True, slots=True)
class Limit:
    """A count, or None for unlimited."""

    count: int | None

    @classmethod
    def parse(cls, text: str) -> Self:
        stripped = text.strip()
        if stripped.casefold() == "unlimited":
            return cls(None)
        if not (stripped.isascii() and stripped.isdigit() and len(stripped) <= 15):
            raise InvalidValue(text, "a number, or unlimited")
        return cls(int(stripped))

    def __str__(self) -> str:
        return "Unlimited" if self.count is None else str(self.count)


_SPAN = re.compile(r"(-)?(?:(\d{1,8})\.)?(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,7}))?)?")


def parse_time_span(text: str) -> timedelta:
    """Read .NET's ``[-][d.]hh:mm[:ss[.fffffff]]``; ticks below a microsecond are cut off.

    Raises:
        InvalidValue: it is none.
    """
    found = _SPAN.fullmatch(text.strip())
    if not found:
        raise InvalidValue(text, "a time span such as 00:10:00 or 1.00:00:00")
    sign, days, hours, minutes, seconds, fraction = found.groups()
    if int(hours) > 23 or int(minutes) > 59 or int(seconds or 0) > 59:
        raise InvalidValue(text, "a time span such as 00:10:00 or 1.00:00:00")
    span = timedelta(
        days=int(days or 0),
        hours=int(hours),
        minutes=int(minutes),
        seconds=int(seconds or 0),
        microseconds=int((fraction or "0").ljust(7, "0")[:6]),
    )
    return -span if sign else span


def time_span_text(span: timedelta) -> str:
    """Write what :func:`parse_time_span` reads, as .NET prints it."""
    sign, span = ("-", -span) if span < timedelta(0) else ("", span)
    hours, rest = divmod(span.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    days = f"{span.days}." if span.days else ""
    fraction = f".{span.microseconds:06d}0" if span.microseconds else ""
    return f"{sign}{days}{hours:02d}:{minutes:02d}:{seconds:02d}{fraction}"


_TLS_NAME = re.compile(r"<I>(.*?)<S>(.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class TlsCertificateName:
    """``<I>issuer<S>subject``, both exactly as Exchange prints them. Not a thumbprint. Source: [3-15]."""

    issuer: str
    subject: str

    @classmethod
    def parse(cls, text: str) -> Self:
        found = _TLS_NAME.fullmatch(text.strip())
        if not found:
            raise InvalidValue(text, "a certificate name such as <I>CN=Issuing CA<S>CN=mail.contoso.com")
        return cls(found.group(1), found.group(2))

    def __str__(self) -> str:
        return f"<I>{self.issuer}<S>{self.subject}"


@dataclass(frozen=True, slots=True)
class Thumbprint:
    """SHA-1 of one certificate, upper-case hexadecimal."""

    hex: str

    @classmethod
    def parse(cls, text: str) -> Self:
        bare = re.sub(r"[\s:\u200e]", "", text)
        if not re.fullmatch(r"[0-9A-Fa-f]{40}", bare):
            raise InvalidValue(text, "a thumbprint of 40 hexadecimal digits")
        return cls(bare.upper())

    def __str__(self) -> str:
        return self.hex


@dataclass(frozen=True, slots=True)
class CredentialReference:
    """Where a secret is found (``env:RELAY``); never the secret. Exchange does not give it back [1-10]."""

    reference: str

    @classmethod
    def parse(cls, text: str) -> Self:
        if not text.strip():
            raise InvalidValue(text, "a credential reference such as env:NAME")
        return cls(text)

    def __str__(self) -> str:
        return self.reference
