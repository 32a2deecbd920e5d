"""What an audit has to tell of one object."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Weight(Enum):
    """How much a finding weighs."""

    FINDING = "finding"
    """To be mended, or known to be wanted."""
    INFO = "info"
    """Worth knowing."""
    UNKNOWN = "unknown"
    """Could not be read, so nothing is known: never taken for sound."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that an audit looks for.

    Attributes:
        id: Stays the same for ever: people's filters name it.
        title: A few words, the same every time.
        remedy: The next thing to try.
    """

    id: str
    title: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule, met by one object.

    Attributes:
        kind: ``certificate``, ``send_connector``, ``receive_connector``, ``server`` or
            ``edge_subscription``.
        object: Its name in Exchange, or its thumbprint.
        server: Where that is; "" for the organization.
        detail: What and why, with the names and dates of this case.
        instead: The next thing to try, where it is not the rule's.
    """

    rule: Rule
    weight: Weight
    kind: str
    object: str
    server: str
    detail: str
    instead: str = ""

    @property
    def remedy(self) -> str:
        return self.instead or self.rule.remedy
