"""What DNS says of the certificates that are about to be put to use."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.config.desired import Desired
from reconciler.plan.change import Action, Plan
from reconciler.plan.tlsa import Published
from state.address import Address

from .endpoints import tlsa_names
from .inputs import Surroundings


def published_for(
    made: Plan, desired: Desired, surroundings: Surroundings
) -> Mapping[Address, tuple[Published, ...]]:
    """Ask for the TLSA records of the endpoints whose certificates a plan is about; else nobody is asked.

    A first certificate replaces none, so that no record has to be waited for.
    """
    about = {
        change.address
        for change in made.changes
        if change.action.is_run and change.action is not Action.CREATE
    }
    names = {address: found for address, found in tlsa_names(desired).items() if address in about}
    if not names:
        return {}
    asked = sorted({name for found in names.values() for name in found})
    if desired.is_dns_out_of_reach:
        known: Mapping[str, Published] = {name: Published(name, is_not_asked=True) for name in asked}
    else:
        known = surroundings.look_up(asked, desired.resolver)
    return {address: tuple(known[name] for name in found) for address, found in names.items()}
