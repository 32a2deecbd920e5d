"""What an audit has to tell of one object."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Weight(Enum):
    """How much a finding weighs."""

    FINDING = "finding"
    """To be mended, or known to be wanted: the audit exits with 2."""
    INFO = "info"
    """Worth knowing."""
    UNKNOWN = "unknown"
    """Could not be read, so nothing is known: never taken for sound."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that an audit looks for.

    Attributes:
        id: Stays the same for ever: people's filters name it.
        title: A few words.
        remedy: The next thing to try.
    """

    id: str
    title: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule, met by one object.

    Attributes:
        object: What it is about, as Exchange names it: ``EX1\\Default Frontend EX1``, a thumbprint.
        server: Where it is; "" for the organization.
        detail: What and why, with the names and dates of this case.
    """

    rule: Rule
    weight: Weight
    object: str
    server: str
    detail: str
