"""Names in certificates that do not belong to the organization, as far as its accepted domains tell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reconciler.diagnostics import Diagnostic, Severity
from reconciler.pki.asked import asked_domains
from state.address import Address
from state.resources import Certificate

from .situation import Situation

RULE = "foreign-names"


def foreign_names(situation: Situation, accepted: frozenset[str]) -> Iterator[Diagnostic]:
    """Warn of declared names outside the accepted domains, where an authority is to be asked for them.

    Args:
        accepted: As :func:`state.resources.AcceptedDomain` has them; nothing is told where none is known.
    """
    if not accepted:
        return
    told: set[tuple[str, ...]] = set()
    for address, asked in situation.desired.of(Certificate):
        if not isinstance(asked.issuer, str) or RULE in situation.acknowledged.get(address, frozenset()):
            continue
        names = tuple(
            sorted(domain.name for domain in asked_domains(asked) if not is_within(domain.name, accepted))
        )
        if names and names not in told:  # one declaration for several servers is told once
            told.add(names)
            yield _foreign(address, names)


def is_within(name: str, accepted: Iterable[str]) -> bool:
    """Whether a name is an accepted domain or below one; a wildcard counts as what it stands under."""
    host = name.casefold().removeprefix("*.")
    for domain in accepted:
        own = domain.casefold().removeprefix("*.")
        if own == "*" or host == own or host.endswith(f".{own}"):
            return True
    return False


def _foreign(address: Address, names: tuple[str, ...]) -> Diagnostic:
    are = "is within none" if len(names) == 1 else "are within none"
    return Diagnostic(
        summary="Names outside the accepted domains",
        detail=(
            f"{', '.join(names)} of {address} {are} of the organization's accepted domains: an authority "
            "issues only for domains whose control is shown to it, and turns others down days later."
        ),
        hint=f'correct domains, or acknowledge: [{{rule: {RULE}, reason: "..."}}]',
        subject=str(address),
        severity=Severity.WARNING,
    )
