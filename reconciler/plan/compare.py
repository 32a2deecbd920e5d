"""Desired against live, attribute by attribute, with ``==`` on parsed values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reconciler.cmdlets.mark import unmarked
from state.resources import Kind, Resource
from state.values import UNKNOWN

from .change import Difference


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs, and what could not be compared.

    Attributes:
        differences: Declared attributes whose live value is another one.
        unread: Declared attributes whose live value is UNKNOWN, with the declared value.
    """

    differences: dict[str, Difference]
    unread: dict[str, Any]


def compare(desired: Resource, live: Resource) -> Comparison:
    """Compare what is declared; what is not declared is not looked at."""
    differences: dict[str, Difference] = {}
    unread: dict[str, Any] = {}
    for attribute, wanted in desired.declared(Kind.WRITABLE):
        have = live_value(live, attribute.name)
        if have is UNKNOWN:
            unread[attribute.name] = wanted
        elif wanted != have:
            differences[attribute.name] = Difference(have, wanted)
    return Comparison(differences, unread)


def live_value(live: Resource, name: str) -> Any:
    """A live attribute as it is compared: our mark in a text is not part of it."""
    value = getattr(live, name)
    return unmarked(value) if name in ("comment", "friendly_name") and isinstance(value, str) else value


def drift(recorded: Resource, live: Resource) -> dict[str, Difference]:
    """What is not as we left it; UNKNOWN says nothing."""
    found: dict[str, Difference] = {}
    for attribute, was in recorded.declared(Kind.WRITABLE):
        have = live_value(live, attribute.name)
        if have is not UNKNOWN and have != was:
            found[attribute.name] = Difference(was, have)
    return found
