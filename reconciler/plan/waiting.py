"""Changes that need a certificate which its issuer has not given yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from reconciler.cmdlets.invocation import Invocation
from state.address import Address
from state.values import Deferred

from .case import CertificatePlan
from .change import Action, Change

_BINDING = "TlsCertificateName"
_IDENTITY = "Identity"


def after_certificates(
    change: Change, requires: frozenset[Address], certificates: Mapping[Address, CertificatePlan]
) -> Change:
    """Make a connector's change wait for its certificates, and no more of it than has to.

    Where one of them waits for its issuer, perhaps for days, what else differs is set at once, and the
    binding by a command of its own later. What has nothing else to be done waits as a whole.
    """
    if not requires or not change.action.is_mutating:
        return change
    awaited = sorted(str(address) for address in requires if _waits(certificates.get(address)))
    if not awaited:
        return replace(change, requires=change.requires | requires)
    reason = f"waits for {', '.join(awaited)}"
    if (parts := _parts(change)) is not None:
        return replace(change, invocations=parts, reason=f"its binding {reason}")
    return replace(change, action=Action.WAIT, requires=change.requires | requires, reason=reason)


def _waits(planned: CertificatePlan | None) -> bool:
    return planned is not None and planned.change is not None and planned.change.action is Action.WAIT


def _parts(change: Change) -> tuple[Invocation, ...] | None:
    """What can be set now, then the binding; None where there is nothing to set now."""
    if change.action is not Action.UPDATE or len(change.invocations) != 1:
        return None
    (whole,) = change.invocations
    given = whole.parameters
    if not isinstance(given.get(_BINDING), Deferred) or given.keys() <= {_IDENTITY, _BINDING}:
        return None
    now = {name: value for name, value in given.items() if name != _BINDING}
    later = {name: value for name, value in given.items() if name in (_IDENTITY, _BINDING)}
    return replace(whole, parameters=now), replace(whole, parameters=later, answers=())
