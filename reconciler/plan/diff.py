"""How two collections differ, item by item: for people, never to decide."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from deepdiff import DeepDiff


@dataclass(frozen=True, slots=True)
class Items:
    """Texts that went and texts that came, each sorted."""

    removed: tuple[str, ...]
    added: tuple[str, ...]


def describe(before: Iterable[str], after: Iterable[str]) -> Items:
    """Tell what was removed from and added to a collection whose order has no meaning."""
    found = DeepDiff(set(before), set(after), view="tree")
    return Items(
        removed=tuple(sorted(level.t1 for level in found.get("set_item_removed", ()))),
        added=tuple(sorted(level.t2 for level in found.get("set_item_added", ()))),
    )
