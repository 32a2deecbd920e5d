"""Every change of a Mailbox server goes to the domain controller that the plan was made from."""

from __future__ import annotations

from dataclasses import replace

from reconciler.cmdlets.domain_controller import at_domain_controller
from reconciler.cmdlets.invocation import Invocation
from state.values import Name

from .change import Change
from .situation import Situation


def pinned(change: Change, situation: Situation) -> Change:
    """The change with its domain controller named, where one is known.

    An Edge server has none: ``-DomainController`` is not supported there [1-4].
    """
    if not change.invocations or not situation.live.organization.domain_controller:
        return change
    return replace(
        change,
        invocations=_pinned(change.invocations, situation),
        on_failure=_pinned(change.on_failure, situation),
    )


def _pinned(invocations: tuple[Invocation, ...], situation: Situation) -> tuple[Invocation, ...]:
    organization = situation.record.organization
    return tuple(
        invocation
        if situation.is_edge(Name(invocation.server))
        else at_domain_controller(invocation, organization)
        for invocation in invocations
    )
