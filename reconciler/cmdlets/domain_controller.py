"""Which domain controller an invocation reads from and writes to.

Directory objects are written to one domain controller in a run, the one that they were read from. Which one
that is depends on the day: a plan names it as what apply will know.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from state.address import Address
from state.values import Deferred

from .invocation import Invocation

PARAMETER: Final = "DomainController"
_WITHOUT: Final = frozenset({"Start-EdgeSynchronization"})
"""Cmdlets that have no such parameter. Source: their pages."""


def domain_controller_of(organization: str) -> Deferred:
    """The domain controller that a run keeps to, by the name of the record."""
    return Deferred(Address.of("organization", organization), "domain_controller")


def at_domain_controller(invocation: Invocation, organization: str) -> Invocation:
    """The same invocation, naming the domain controller; a cmdlet that cannot name one stays as it is."""
    if invocation.cmdlet in _WITHOUT:
        return invocation
    parameters = {**invocation.parameters, PARAMETER: domain_controller_of(organization)}
    return replace(invocation, parameters=parameters)
