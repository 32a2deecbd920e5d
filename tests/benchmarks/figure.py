"""What was measured, beside what it may be at most."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Spread:
    """Repeated measurements of one thing; the distance of the two is the machine's noise."""

    least: float
    middle: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        kept = list(values)
        return cls(min(kept), median(kept))


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table.

    Attributes:
        value: What is held against the limit.
        unit: Stands behind value and limit: ``x`` for a ratio, ``s``, ``MB``.
        limit: At most this; None where it is told for comparison only.
        note: What it was made from.
    """

    name: str
    value: float
    unit: str
    limit: float | None = None
    note: str = ""

    @property
    def is_kept(self) -> bool:
        return self.limit is None or self.value <= self.limit


def table(figures: Iterable[Figure]) -> str:
    """Figure, limit, verdict, and what it was made from; one line each."""
    rows = [("figure", "value", "limit", "", "made from")]
    for figure in figures:
        limit = "" if figure.limit is None else f"{figure.limit:g} {figure.unit}"
        verdict = "" if figure.limit is None else "ok" if figure.is_kept else "MISSED"
        rows.append((figure.name, f"{figure.value:.2f} {figure.unit}", limit, verdict, figure.note))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "".join(
        f"{row[0]:<{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:>{widths[2]}}  {row[3]:<{widths[3]}}"
        f"  {row[4]}".rstrip()
        + "\n"
        for row in rows
    )
