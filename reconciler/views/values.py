"""Attribute values as people read them."""

from __future__ import annotations

from typing import Any

from reconciler.cmdlets.certificate import BOUGHT
from reconciler.plan.change import Difference
from reconciler.plan.diff import describe
from state.resources import KINDS, Attribute
from state.resources.attribute import ListOf, SetOf
from state.values import UNKNOWN, UNSET, CredentialReference, Deferred

from .terminal import Ink, columns, harmless, shortened, wrapped

MOST_ITEMS = 20
"""Of one list, and of each sign where two are compared; the JSON form has them all."""


def attribute_of(kind: str, name: str) -> Attribute:
    """What is known of an attribute of one kind of resource."""
    return KINDS[kind].attributes()[name]


def deferred_text(value: Deferred) -> str:
    if value.attribute == BOUGHT:
        return "(the file that was bought)"
    return f"(known after apply: {harmless(str(value))})"


def value_text(attribute: Attribute, value: Any) -> str:
    """One value on one line; what is no value stands in parentheses."""
    if value is UNSET:
        return "(not set)"
    if value is UNKNOWN:
        return "(could not be read)"
    if value is None:
        return "(none)"
    if isinstance(value, Deferred):
        return deferred_text(value)
    if isinstance(value, CredentialReference):
        return "(secret)"
    if isinstance(value, bool):
        return "true" if value else "false"
    items = _items(attribute, value)
    if items is not None:
        return shortened(items, MOST_ITEMS) if items else "(empty)"
    return _marked_off(harmless(attribute.type.text(value)))


def difference_lines(
    attribute: Attribute, difference: Difference, *, ink: Ink, label: int, indent: str, width: int
) -> list[str]:
    """One attribute before and after: ``name  before -> after``, or what a list gains and loses.

    Args:
        label: Columns for names, so that the values of one change stand below each other.
    """
    before, after = (_items(attribute, value) for value in (difference.before, difference.after))
    if before is not None and after is not None and set(before) != set(after):
        return [indent + attribute.name, *_list_lines(before, after, ink=ink, indent=indent + "  ")]
    old, new = (value_text(attribute, value) for value in (difference.before, difference.after))
    first = f"{indent}{attribute.name:<{label}}  "
    hanging = " " * len(first)
    if difference.before is UNSET or difference.after is UNSET:
        text = new if difference.before is UNSET else old
        if before is None and after is None:
            return [first + text]
        return wrapped(text, width=width, indent=first, hanging=hanging)
    if columns(f"{first}{old} -> {new}") <= width:
        return [f"{first}{old} -> {new}"]
    return [f"{first}{old}", f"{hanging}-> {new}"]


def _list_lines(before: list[str], after: list[str], *, ink: Ink, indent: str) -> list[str]:
    differing = describe(before, after)
    lines: list[str] = []
    for sign, items, paint in (("+", differing.added, ink.green), ("-", differing.removed, ink.red)):
        lines += [indent + paint(f"{sign} {item}") for item in items[:MOST_ITEMS]]
        if len(items) > MOST_ITEMS:
            lines.append(indent + paint(f"{sign} and {len(items) - MOST_ITEMS} more"))
    kept = len(before) - len(differing.removed)
    return [*lines, f"{indent}  {kept} unchanged"] if kept else lines


def _items(attribute: Attribute, value: Any) -> list[str] | None:
    """The members of a list, each as text; None for what is no list."""
    match attribute.type:
        case SetOf() as many if isinstance(value, frozenset):
            return [_marked_off(harmless(text)) for text in many.texts(value)]
        case ListOf() as many if isinstance(value, tuple):
            return [_marked_off(harmless(many.item.text(item))) for item in value]
        case _:
            return None


def _marked_off(text: str) -> str:
    """Quoted where a bare text could be taken for a marker of ours, or would not be seen."""
    if not text or text != text.strip() or text.startswith(("(", '"')) or "->" in text:
        return f'"{text}"'
    return text
