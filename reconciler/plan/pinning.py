"""Every change of a Mailbox server goes to the domain controller that the plan was made from."""

from __future__ import annotations

from dataclasses import replace

from reconciler.cmdlets.domain_controller import at_domain_controller
from state.values import Name

from .change import Change
from .situation import Situation


def pinned(change: Change, situation: Situation) -> Change:
    """The change with its domain controller named, where one is known.

    An Edge server has none: ``-DomainController`` is not supported there [1-4].
    """
    if not change.invocations or not situation.live.organization.domain_controller:
        return change
    organization = situation.record.organization
    return replace(
        change,
        invocations=tuple(
            invocation
            if situation.is_edge(Name(invocation.server))
            else at_domain_controller(invocation, organization)
            for invocation in change.invocations
        ),
    )
