"""Attributes of a live object as keys and values of the YAML."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.cmdlets.mark import unmarked
from reconciler.config.models.send_connector import FRIENDLY
from state.resources import Kind, ReceiveConnector, Resource, SendConnector
from state.resources.attribute import BOOL, INT, LIMIT, Attribute, Choice, Flags, Optional, SetOf, ValueType
from state.values import UNKNOWN, UNSET

from .text import scalar

_KEYS: Final[Mapping[type[Resource], Mapping[str, str]]] = {
    SendConnector: {attribute: key for key, attribute in FRIENDLY.items()},
    ReceiveConnector: {"protocol_logging_level": "protocol_logging"},
}


@dataclass(frozen=True, slots=True)
class Said:
    """One attribute.

    Attributes:
        value: YAML, or a list of it; None for one that cannot be said.
        why: Why it cannot.
    """

    attribute: str
    key: str
    value: str | list[str] | None
    why: str = ""


def said(resource: Resource, but: Collection[str] = ()) -> Iterator[Said]:
    """The attributes that Exchange shows and takes, in their order."""
    keys = _KEYS[type(resource)]
    for name, attribute in type(resource).attributes().items():
        if attribute.kind is not Kind.WRITABLE or attribute.write_only or name in but:
            continue
        value = getattr(resource, name)
        if value is UNSET:
            continue
        key = keys.get(name, name)
        if value is UNKNOWN:
            yield Said(name, key, None, "it could not be read")
        elif not _is_known(attribute.type, value):
            yield Said(name, key, None, f"this program does not know {attribute.type.text(value)}")
        else:
            yield Said(name, key, yaml_value(attribute, value))


def yaml_value(attribute: Attribute, value: Any) -> str | list[str]:
    """A value as the YAML takes it; our mark in a comment is no part of it."""
    if attribute.name == "comment":
        value = unmarked(value)
    kind = attribute.type.inner if isinstance(attribute.type, Optional) else attribute.type
    match kind:
        case _ if value is None:
            return "null"
        case Flags():
            return [scalar(name) for name in kind.names if name in value] or [scalar(kind.none)]
        case SetOf():
            return [scalar(text) for text in kind.texts(value)]
        case _ if kind is BOOL:
            return "true" if value else "false"
        case _ if kind is INT or (kind is LIMIT and value.count is not None):
            return str(value)
        case _:
            return scalar(kind.text(value))


def _is_known(type: ValueType[Any], value: Any) -> bool:
    """False for an enumeration's name that the YAML does not take."""
    inner = type.inner if isinstance(type, Optional) else type
    if isinstance(inner, Flags):
        return bool(value <= set(inner.names))
    return not isinstance(inner, Choice) or value is None or value in inner.names
