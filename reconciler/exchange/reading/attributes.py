"""Attributes of any kind, each by the type that `state` declares for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, Final, TypeVar

from reconciler.exchange.clixml import BadValue, Object, Primitive
from state.errors import InvalidValue
from state.resources import Resource
from state.resources.attribute import (
    BOOL,
    BYTE_SIZE,
    INT,
    LIMIT,
    TEXT,
    Attribute,
    Choice,
    Flags,
    Kind,
    ListOf,
    Optional,
    SetOf,
    ValueType,
)
from state.snapshot import Unread
from state.values import UNKNOWN

R = TypeVar("R", bound=Resource)


class Unreadable(Exception):
    """Why one attribute is UNKNOWN.

    Attributes:
        reason: A sentence for people.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def read_resource(kind: type[R], found: Object) -> tuple[R, tuple[Unread, ...]]:
    """Read every attribute that Exchange knows of; the settings of a declaration stay UNSET.

    Returns:
        The resource, and why each UNKNOWN in it is one; what Exchange never returns has no reason.
    """
    values: dict[str, Any] = {}
    unread: list[Unread] = []
    for name, attribute in kind.attributes().items():
        if attribute.kind is Kind.SETTING or not attribute.exchange:
            continue
        if attribute.write_only:
            values[name] = UNKNOWN
            continue
        try:
            values[name] = read_attribute(attribute, found)
        except Unreadable as error:
            values[name] = UNKNOWN
            unread.append(Unread(name_of(found), name, error.reason))
    return kind(**values), tuple(unread)


def read_attribute(attribute: Attribute, found: Object) -> Any:
    """Read one attribute of an object.

    Raises:
        Unreadable: it is missing, or is no value of its type.
    """
    member = found.get(attribute.exchange)
    if member is None:
        raise Unreadable(f"Exchange did not return {attribute.exchange}")
    try:
        return parse(attribute.type, member)
    except InvalidValue as error:
        raise Unreadable(f"{attribute.exchange}: {error}") from error


def parse(type: ValueType[Any], member: Primitive | Object) -> Any:
    """Read a value in whatever form it comes.

    Raises:
        Unreadable, InvalidValue: it is no value of that type.
    """
    return _reading(type)(member)


@cache
def _reading(type: ValueType[Any]) -> Callable[[Primitive | Object], Any]:
    """How values of a type are read: worked out once, for types are few and values many."""
    if isinstance(type, Optional):
        inner = _reading(type.inner)
        # A string property that is null arrives as an empty one where complex values come as strings.
        return lambda member: None if is_nil(member) or text_of(member) == "" else inner(member)
    if isinstance(type, SetOf | ListOf):
        item = _reading(type.item)
        gather = frozenset if isinstance(type, SetOf) else tuple
        return lambda member: _collection(type, member, lambda items: gather(map(item, items)))
    has_names = isinstance(type, Choice | Flags)
    return lambda member: _single(type, member, has_names=has_names)


def _collection(
    type: ValueType[Any],
    member: Primitive | Object,
    gather: Callable[[Iterable[Primitive | Object]], Any],
) -> Any:
    if is_nil(member):
        return type.parse("")
    items = member.items if isinstance(member, Object) else None
    if items is not None:
        return gather(items)
    _refuse_other_kind(type, member)
    return type.parse(_spoken(member))


def _single(type: ValueType[Any], member: Primitive | Object, *, has_names: bool) -> Any:
    if is_nil(member):
        if type is TEXT:
            return ""  # a text has no other way to be unset [6.5]
        raise Unreadable(f"null is not {type.expected}")
    text = text_of(member) if type is TEXT else _spoken(member)
    if has_names and text.lstrip("-").isdecimal():
        raise Unreadable(f"a number, {text}, whose name is not known")
    _refuse_other_kind(type, member)
    return type.parse(text)


def _refuse_other_kind(type: ValueType[Any], member: Primitive | Object) -> None:
    """A number where a name belongs would be taken for one: ``42`` is a domain, too."""
    if isinstance(member, Object):
        if member.to_string is not None or member.wrapped is None:
            return
        member = member.wrapped
    if member.tag not in _TEXTS and member.tag not in _OTHERS.get(type, ()):
        raise Unreadable(f"{member.text[:40]} ({member.tag}) is not {type.expected}")


_TEXTS: Final = frozenset({"S", "G", "C", "URI", "Version", "Sg", "DT", "TS"})
_NUMBERS: Final = frozenset({"By", "SB", "U16", "I16", "U32", "I32", "U64", "I64"})
_OTHERS: Final[Mapping[ValueType[Any], frozenset[str]]] = {
    BOOL: frozenset({"B"}),
    INT: _NUMBERS,
    LIMIT: _NUMBERS,
    BYTE_SIZE: _NUMBERS,
}


def _spoken(member: Primitive | Object) -> str:
    """The text of a value that has one; .NET's own answer is the name of the type, which says nothing.

    Raises:
        Unreadable: it is that, or there is none.
    """
    text = text_of(member)
    if _TYPE_NAME.match(text):
        raise Unreadable(f"the name of a type instead of a value: {text[:80]}")
    return text


_TYPE_NAME: Final = re.compile(
    r"(?:Deserialized\.)?(?:Microsoft\.Exchange\.[A-Z]|System\.(?:Collections|Management|Net)\.[A-Z]"
    r"|System\.(?:Object|String|Byte)\b)"
)


def is_nil(member: Primitive | Object) -> bool:
    """Whether this is Exchange's ``$null``."""
    return isinstance(member, Primitive) and member.tag == "Nil"


def text_of(member: Primitive | Object) -> str:
    """The text form of a value, as PowerShell would print it.

    Raises:
        Unreadable: an object without any.
    """
    if isinstance(member, Primitive):
        return member.text
    if member.to_string is not None:
        return member.to_string
    if member.wrapped is not None:
        return member.wrapped.text
    raise Unreadable(f"an object without a text form ({', '.join(member.types[:1]) or 'no type'})")


def bytes_of(found: Object, name: str) -> bytes | None:
    """A member that holds bytes; None when there is none.

    Raises:
        Unreadable: it holds something else.
    """
    member = found.get(name)
    if member is None or is_nil(member):
        return None
    try:
        value = member.value if isinstance(member, Primitive) else None
    except BadValue as error:
        raise Unreadable(f"{name}: {error}") from error
    if not isinstance(value, bytes):
        raise Unreadable(f"{name} holds no bytes")
    return value


def name_of(found: Object) -> str:
    """What to call an object when talking about it: its identity, its name, or what it prints."""
    for name in _NAMES:
        member = found.get(name)
        if member is not None and not is_nil(member):
            try:
                return text_of(member)
            except Unreadable:
                continue
    return found.to_string or "an object without a name"


_NAMES: Final = ("Identity", "Name")
