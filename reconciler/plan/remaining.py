"""Whether what is left to do is part of what was approved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from reconciler.cmdlets.invocation import Invocation, ParameterValue
from state.address import Address
from state.values import Deferred

from .change import Action, Change, Plan

Known = Callable[[Deferred], object]
"""What a deferred value has become; None while that is not known."""


def beyond(left: Plan, approved: Plan, known: Known) -> tuple[Address, ...]:
    """The addresses that need by now what nobody approved.

    Approved is the end of what was to be sent to an address: its beginning may be done. Before it the text of
    a request may be fetched once more, which changes nothing. What is only recorded needs no approval, but
    what is forgotten must have been known to go.

    Args:
        left: Planned from Exchange as it is now.
    """
    planned = {change.address: change for change in approved.changes}
    return tuple(
        change.address for change in left.changes if not _is_part(change, planned.get(change.address), known)
    )


def _is_part(change: Change, approved: Change | None, known: Known) -> bool:
    if change.action is Action.FORGET:
        return approved is not None and approved.action in (Action.FORGET, Action.DELETE)
    if not change.action.is_run or not change.invocations:
        return True
    if approved is None:
        return False
    steps = change.invocations
    if steps[0].cmdlet == "Export-ExchangeCertificate":
        steps = steps[1:]
    done = len(approved.invocations) - len(steps)
    same = _Comparison(_certificates(approved), known)
    return done >= 0 and same.of(steps, approved.invocations[done:])


def _certificates(change: Change) -> tuple[Address, ...]:
    """What a connector is bound to: all of one name, or it is not bound [3-15]."""
    recorded = change.learned.recorded if change.learned else None
    certificates = getattr(recorded.resource, "certificates", ()) if recorded else ()
    return certificates if isinstance(certificates, tuple) else ()


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Whether invocations are what was approved, with values known that were deferred then."""

    certificates: tuple[Address, ...]
    known: Known

    def of(self, steps: Sequence[Invocation], approved: Sequence[Invocation]) -> bool:
        return all(
            (one.server, one.cmdlet, one.answers) == (other.server, other.cmdlet, other.answers)
            and self._have_same(one.parameters, other.parameters)
            for one, other in zip(steps, approved, strict=True)
        )

    def _have_same(
        self, parameters: Mapping[str, ParameterValue], approved: Mapping[str, ParameterValue]
    ) -> bool:
        """A deferred value need not be sent where it turned out to be what is there: a name that stays."""
        return (
            all(
                self._is_same(parameters[name], value) if name in parameters else isinstance(value, Deferred)
                for name, value in approved.items()
            )
            and parameters.keys() <= approved.keys()
        )

    def _is_same(self, value: ParameterValue, approved: ParameterValue) -> bool:
        if not isinstance(approved, Deferred) or value == approved:
            return value == approved
        alike = {approved}
        if approved.address in self.certificates:
            alike |= {Deferred(address, approved.attribute) for address in self.certificates}
        became = {str(now) for deferred in alike if (now := self.known(deferred)) is not None}
        return value in alike or str(value) in became
