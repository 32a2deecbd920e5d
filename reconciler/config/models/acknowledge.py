"""A warning that somebody looked at and accepts."""

from __future__ import annotations

from typing import Literal, TypeAlias

from .base import Model, required

Rule: TypeAlias = Literal[
    "key-size",
    "legal-name",
    "foreign-names",
    "falls-through",
    "two-protections",
    "edge-subscription",
    "require-ssl",
]


class Acknowledgement(Model):
    """Silences one warning, or lifts one refusal, where it stands."""

    rule: Rule = required("The warning or refusal that is accepted.")
    reason: str = required("Why it is acceptable; for whoever reads this next.", min_length=1)
