"""Whether the names of a certificate cover the names that are needed."""

from __future__ import annotations

from collections.abc import Iterable

from state.values import DomainPattern


def covers(pattern: DomainPattern, wanted: DomainPattern) -> bool:
    """Tell whether a name in a certificate is good for a wanted one.

    ``*`` stands for exactly one label, the leftmost, as a whole. A wanted wildcard is covered by the same
    wildcard only. Source: RFC 6125 6.4.3; both sides are already lower case and in A-labels (6.4.2).
    """
    if pattern == wanted:
        return pattern.name != "*"
    _, dot, parent = wanted.name.partition(".")
    return bool(dot) and pattern.name == f"*.{parent}"


def uncovered(patterns: Iterable[DomainPattern], wanted: Iterable[DomainPattern]) -> frozenset[DomainPattern]:
    """The wanted names that none of ``patterns`` covers."""
    offered = tuple(patterns)
    return frozenset(name for name in wanted if not any(covers(pattern, name) for pattern in offered))
