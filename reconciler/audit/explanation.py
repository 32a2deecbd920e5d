"""Why something is as it is, ready to be shown: what was chosen, by which rule, and what was passed over."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Option:
    """One of the things that could have been chosen.

    Attributes:
        name: As Exchange names it, with what tells it from others.
        why: Why it was chosen, or why it was not; completes "it ...".
    """

    name: str
    why: str
    is_chosen: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """One choice.

    Attributes:
        where: The server or the servers that it is about; "" for all.
        rule: What decides.
        options: The chosen ones first, then the nearest misses.
        notes: What is not known, or goes beyond the choice.
    """

    where: str
    rule: str
    options: tuple[Option, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that there is to say of one address or domain."""

    subject: str
    parts: tuple[Part, ...]
    notes: tuple[str, ...] = ()
