"""How an attribute is declared: Exchange's name for it, and the type of its value.

One declaration serves everybody who handles the attribute: the reader of Exchange's objects and of
YAML (:meth:`ValueType.parse`), the record and the plan (:meth:`ValueType.to_json`), and the cmdlet
that sets it (:attr:`Attribute.exchange`).
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Generic, TypeAlias, TypeVar, cast

from ..address import Address
from ..errors import InvalidValue
from ..values import (
    UNSET,
    AddressSpace,
    Binding,
    ByteSize,
    CredentialReference,
    DomainPattern,
    Fqdn,
    IpAddress,
    IpRange,
    Limit,
    Maybe,
    Name,
    SmartHost,
    Thumbprint,
    TlsCertificateName,
    parse_time_span,
    time_span_text,
)

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
T = TypeVar("T")


class ValueType(ABC, Generic[T]):
    """One kind of value, and its two outer forms: Exchange's text and JSON.

    ``from_json(to_json(v)) == v`` for every value, and ``parse(text(v)) == v`` for every one that is
    no list: the text of a list is for people, and says nothing of an item that holds a comma.
    """

    expected: str
    """What a text must be, for messages: "a domain name"."""

    @abstractmethod
    def parse(self, text: str) -> T:
        """Read Exchange's text form, or what a person writes.

        Raises:
            InvalidValue: it is none.
        """

    def text(self, value: T) -> str:
        """Write the value as Exchange takes it."""
        return str(value)

    def to_json(self, value: T) -> Json:
        return self.text(value)

    def from_json(self, json: Json) -> T:
        """Read what :meth:`to_json` wrote.

        Raises:
            InvalidValue: it is none.
        """
        if not isinstance(json, str):
            raise InvalidValue(repr(json)[:80], self.expected)
        return self.parse(json)


class Scalar(ValueType[T]):
    """A value class with a ``parse`` and a ``str``."""

    def __init__(self, expected: str, parse: Callable[[str], T], text: Callable[[T], str] = str) -> None:
        self.expected = expected
        self._parse = parse
        self._text = text

    def parse(self, text: str) -> T:
        return self._parse(text)

    def text(self, value: T) -> str:
        return self._text(value)


class _Bool(ValueType[bool]):
    expected = "true or false"

    def parse(self, text: str) -> bool:
        folded = text.strip().lower()
        if folded in ("true", "false"):
            return folded == "true"
        raise InvalidValue(text, self.expected)

    def to_json(self, value: bool) -> Json:
        return value

    def from_json(self, json: Json) -> bool:
        if isinstance(json, bool):
            return json
        return super().from_json(json)


class _Int(ValueType[int]):
    expected = "a whole number"

    def parse(self, text: str) -> int:
        stripped = text.strip()
        if not re.fullmatch(r"-?[0-9]{1,18}", stripped):
            raise InvalidValue(text, self.expected)
        return int(stripped)

    def to_json(self, value: int) -> Json:
        return value

    def from_json(self, json: Json) -> int:
        if isinstance(json, int) and not isinstance(json, bool):
            return json
        return super().from_json(json)


class Choice(ValueType[str]):
    """One of Exchange's enumeration names; one that we do not know is kept as it is."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.expected = "one of " + ", ".join(names)
        self._known = {name.casefold(): name for name in names}

    def parse(self, text: str) -> str:
        stripped = text.strip()
        return self._known.get(stripped.casefold(), stripped)


class Flags(ValueType[frozenset[str]]):
    """Several names at once, ``Tls, Integrated``; ``none`` stands for the empty set.

    Attributes:
        ignored: Names that Exchange shows and nobody sets: dropped wherever they are read.
    """

    def __init__(self, *names: str, none: str = "None", ignored: tuple[str, ...] = ()) -> None:
        self.names = names
        self.none = none
        self.ignored = frozenset(name.casefold() for name in ignored)
        self.expected = "one or more of " + ", ".join((none, *names))
        self._known = {name.casefold(): name for name in names}

    def parse(self, text: str) -> frozenset[str]:
        given = [part.strip() for part in text.split(",") if part.strip()]
        return frozenset(
            self._known.get(part.casefold(), part)
            for part in given
            if part.casefold() != self.none.casefold() and part.casefold() not in self.ignored
        )

    def text(self, value: frozenset[str]) -> str:
        order = {name: at for at, name in enumerate(self.names)}
        return ", ".join(sorted(value, key=lambda name: (order.get(name, len(order)), name))) or self.none


class Optional(ValueType[T | None]):
    """A value or Exchange's ``$null``; JSON null."""

    def __init__(self, inner: ValueType[T]) -> None:
        self.inner = inner
        self.expected = inner.expected

    def parse(self, text: str) -> T | None:
        return self.inner.parse(text) if text.strip() else None

    def text(self, value: T | None) -> str:
        return "" if value is None else self.inner.text(value)

    def to_json(self, value: T | None) -> Json:
        return None if value is None else self.inner.to_json(value)

    def from_json(self, json: Json) -> T | None:
        return None if json is None else self.inner.from_json(json)


class SetOf(ValueType[frozenset[T]]):
    """Several values whose order has no meaning."""

    def __init__(self, item: ValueType[T]) -> None:
        self.item = item
        self.expected = f"a list, each {item.expected}"

    def parse(self, text: str) -> frozenset[T]:
        return frozenset(self.item.parse(part) for part in text.split(",") if part.strip())

    def of(self, texts: Iterable[str]) -> frozenset[T]:
        """Read the items one by one.

        Raises:
            InvalidValue: one of them is none.
        """
        return frozenset(self.item.parse(text) for text in texts)

    def texts(self, value: frozenset[T]) -> list[str]:
        """The items as Exchange takes them, sorted so that output is the same every time."""
        return sorted(self.item.text(item) for item in value)

    def text(self, value: frozenset[T]) -> str:
        return ", ".join(self.texts(value))

    def to_json(self, value: frozenset[T]) -> Json:
        return list(self.texts(value))

    def from_json(self, json: Json) -> frozenset[T]:
        if not isinstance(json, list):
            raise InvalidValue(repr(json)[:80], self.expected)
        return frozenset(self.item.from_json(item) for item in json)


class ListOf(ValueType[tuple[T, ...]]):
    """Several values in an order that matters."""

    def __init__(self, item: ValueType[T]) -> None:
        self.item = item
        self.expected = f"a list, each {item.expected}"

    def parse(self, text: str) -> tuple[T, ...]:
        return tuple(self.item.parse(part) for part in text.split(",") if part.strip())

    def text(self, value: tuple[T, ...]) -> str:
        return ", ".join(self.item.text(item) for item in value)

    def to_json(self, value: tuple[T, ...]) -> Json:
        return [self.item.to_json(item) for item in value]

    def from_json(self, json: Json) -> tuple[T, ...]:
        if not isinstance(json, list):
            raise InvalidValue(repr(json)[:80], self.expected)
        return tuple(self.item.from_json(item) for item in json)


class _Instant(ValueType[datetime]):
    expected = "a time such as 2027-01-31T00:00:00Z"

    def parse(self, text: str) -> datetime:
        try:
            instant = datetime.fromisoformat(text.strip())
        except ValueError:
            raise InvalidValue(text, self.expected) from None
        if instant.tzinfo is None:
            raise InvalidValue(text, self.expected)
        try:
            return instant.astimezone(UTC)
        except OverflowError:  # .NET's first or last instant, east or west of Greenwich
            raise InvalidValue(text, self.expected) from None

    def text(self, value: datetime) -> str:
        """Write an instant.

        Raises:
            ValueError: it is naive, so it is none.
        """
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _guid(text: str) -> str:
    bare = text.strip().strip("{}").lower()
    if not _GUID.fullmatch(bare):
        raise InvalidValue(text, "a GUID")
    return bare


BOOL = _Bool()
INT = _Int()
TEXT: ValueType[str] = Scalar("a text", str)
ADDRESS: ValueType[Address] = Scalar("a resource address", Address.parse)
NAME: ValueType[Name] = Scalar("a name", Name.parse)
FQDN: ValueType[Fqdn] = Scalar("a domain name", Fqdn.parse)
DOMAIN_PATTERN: ValueType[DomainPattern] = Scalar("a domain, or *. and a domain", DomainPattern.parse)
ADDRESS_SPACE: ValueType[AddressSpace] = Scalar("an address space such as contoso.com", AddressSpace.parse)
SMART_HOST: ValueType[SmartHost] = Scalar("a host name or an IP address", SmartHost.parse)
IP_ADDRESS: ValueType[IpAddress] = Scalar("an IP address", IpAddress.parse)
IP_RANGE: ValueType[IpRange] = Scalar("an IP address, a range or a network", IpRange.parse)
BINDING: ValueType[Binding] = Scalar("a binding such as 0.0.0.0:25", Binding.parse)
BYTE_SIZE: ValueType[ByteSize] = Scalar("a size such as 35 MB, or unlimited", ByteSize.parse)
LIMIT: ValueType[Limit] = Scalar("a number, or unlimited", Limit.parse)
TIME_SPAN: ValueType[timedelta] = Scalar("a time span such as 00:10:00", parse_time_span, time_span_text)
TLS_CERTIFICATE_NAME: ValueType[TlsCertificateName] = Scalar(
    "a certificate name such as <I>CN=Issuing CA<S>CN=mail.contoso.com", TlsCertificateName.parse
)
GUID: ValueType[str] = Scalar("a GUID", _guid)
THUMBPRINT: ValueType[Thumbprint] = Scalar("a thumbprint of 40 hexadecimal digits", Thumbprint.parse)
CREDENTIAL: ValueType[CredentialReference] = Scalar(
    "a credential reference such as env:NAME", CredentialReference.parse
)
INSTANT = _Instant()


class Kind(Enum):
    """What an attribute is to the planner."""

    WRITABLE = "writable"
    """Declared, compared and set."""
    OBSERVED = "observed"
    """Only Exchange says it; never declared, never compared."""
    SETTING = "setting"
    """Only the declaration says it; steers the planner, never sent as it is."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of a resource kind.

    Attributes:
        name: Our name, snake_case.
        exchange: Exchange's property and parameter; "" when Exchange has none.
        write_only: Get does not return it [1-10]: the live value is UNKNOWN.
    """

    name: str
    exchange: str
    type: ValueType[Any]
    kind: Kind
    write_only: bool = False


@dataclass(frozen=True, slots=True)
class _Declared:
    exchange: str
    type: ValueType[Any]
    kind: Kind
    write_only: bool


def writable(exchange: str, type: ValueType[T], *, write_only: bool = False) -> Maybe[T]:
    """Declare an attribute that can be set and read back (or not read back: ``write_only``)."""
    return cast("Maybe[T]", _field(_Declared(exchange, type, Kind.WRITABLE, write_only)))


def observed(exchange: str, type: ValueType[T]) -> Maybe[T]:
    """Declare an attribute that only Exchange fills."""
    return cast("Maybe[T]", _field(_Declared(exchange, type, Kind.OBSERVED, False)))


def setting(type: ValueType[T]) -> Maybe[T]:
    """Declare an attribute that only the declaration fills."""
    return cast("Maybe[T]", _field(_Declared("", type, Kind.SETTING, False)))


def _field(declared: _Declared) -> Any:
    return field(default=UNSET, metadata={"attribute": declared})


def declared_attribute(name: str, metadata: Any) -> Attribute | None:
    """The attribute behind a dataclass field; None for a field that is none."""
    declared = metadata.get("attribute")
    if declared is None:
        return None
    return Attribute(name, declared.exchange, declared.type, declared.kind, declared.write_only)
