"""Address spaces: which domains they take, and which of two is the more specific [3-1], [3-7]."""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum
from typing import Final

from state.values import AddressSpace, Fqdn

SMTP: Final = "SMTP"
ALL: Final = "*"
ACCEPTED: Final = "--"
"""EdgeSync's placeholder for the accepted domains of the organization [3-5]."""


class Match(Enum):
    """Whether a space takes mail for a domain."""

    YES = "yes"
    MAYBE = "maybe"
    """The page does not say whether ``*.contoso.com`` takes contoso.com itself [3-4]."""
    NO = "no"


def match(space: AddressSpace, domain: Fqdn, accepted: Collection[str] = ()) -> Match:
    """Tell whether a space takes mail for a domain.

    Args:
        accepted: The accepted domains of the organization as Exchange prints them, lower case.
    """
    if space.type != SMTP:
        return Match.NO
    if space.address == ACCEPTED:
        return Match.YES if is_accepted(domain, accepted) else Match.NO
    if space.address in (ALL, domain.name):
        return Match.YES
    if space.address.startswith("*."):
        if domain.name.endswith(space.address[1:]):
            return Match.YES
        if domain.name == space.address[2:]:
            return Match.MAYBE
    return Match.NO


def is_accepted(domain: Fqdn, accepted: Collection[str]) -> bool:
    """True for an accepted domain, and for one below ``*.domain``."""
    labels = domain.name.split(".")
    parents = {"*." + ".".join(labels[at:]) for at in range(1, len(labels))}
    return domain.name in accepted or ALL in accepted or not parents.isdisjoint(accepted)


def specificity(space: AddressSpace) -> tuple[int, int]:
    """Larger is more specific: a domain, then wildcards by their number of labels, then ``*``."""
    if space.address == ALL:
        return 0, 0
    if space.address.startswith("*."):
        return 1, space.address.count(".")
    return 2, 0


def holds(wide: AddressSpace, narrow: AddressSpace) -> bool:
    """True when a space takes all that a narrower one does."""
    if wide.type != narrow.type:
        return False
    return wide.address == ALL or (
        wide.address.startswith("*.") and narrow.address.removeprefix(ALL).endswith(wide.address[1:])
    )
