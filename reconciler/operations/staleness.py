"""Whether a saved plan is still what apply would do."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from reconciler.config.desired import Desired
from reconciler.diagnostics import Diagnostic
from reconciler.plan.change import Action, Change, Plan
from reconciler.plan.plan_file import SavedPlan
from state.address import Address
from state.resources import Certificate, Kind
from state.values import CredentialReference

from .failed import Cause, OperationFailed
from .planning import homes


def check_declared(saved: SavedPlan, desired: Desired) -> None:
    """Refuse a plan when what it needs of the YAML is not there any more: how a server is reached, who
    signs a request, where a secret is.

    Raises:
        OperationFailed: it is for another organization, or stale.
    """
    if saved.plan.organization != desired.organization:
        raise OperationFailed((_another_organization(saved, desired),))
    gone = [f"server {name}" for name in homes(saved.desired) if name not in desired.connections]
    gone += [f"issuer {name}" for name in _issuers(saved) if name not in desired.issuers]
    gone += [f"credential {name}" for name in _credentials(saved) if name not in desired.credentials]
    if gone:
        raise OperationFailed((_stale(saved, gone),), Cause.STALE)


def check_fresh(saved: SavedPlan, fresh: Plan) -> None:
    """Refuse a plan when one of the objects that it changes needs something else by now.

    Args:
        fresh: The same desired state planned just now, without an error.

    Raises:
        OperationFailed: it is stale, or was applied already.
    """
    changed = _changed(saved.plan, fresh)
    if not changed:
        return
    told = _done(saved) if fresh.is_idle and not _forgets(saved.plan, fresh) else _stale(saved, changed)
    raise OperationFailed((told,), Cause.STALE)


def _issuers(saved: SavedPlan) -> Iterable[str]:
    return {
        str(certificate.issuer)
        for _, certificate in saved.desired.of(Certificate)
        if isinstance(certificate.issuer, str)
    }


def _credentials(saved: SavedPlan) -> Iterable[str]:
    return {
        str(value)
        for resource in saved.desired.resources.values()
        for _, value in resource.declared(Kind.WRITABLE)
        if isinstance(value, CredentialReference)
    }


def _changed(saved: Plan, fresh: Plan) -> list[str]:
    """The addresses for which the saved plan is not right any more."""
    now = {change.address: change for change in fresh.changes}
    planned = {change.address for change in saved.changes if change.action.is_run}
    outdated = [
        change.address
        for change in saved.changes
        if change.action.is_run and not _same(change, now.get(change.address))
    ]
    new = [
        change.address for change in fresh.changes if change.action.is_run and change.address not in planned
    ]
    return [str(address) for address in (*outdated, *new, *_forgets(saved, fresh))]


def _forgets(saved: Plan, fresh: Plan) -> list[Address]:
    """What would be forgotten now and was not in the plan that was reviewed."""
    known = {change.address for change in saved.changes if change.action is Action.FORGET}
    return [
        change.address
        for change in fresh.changes
        if change.action is Action.FORGET and change.address not in known
    ]


def _same(saved: Change, fresh: Change | None) -> bool:
    return (
        fresh is not None
        and saved.action is fresh.action
        and saved.attributes == fresh.attributes
        and saved.invocations == fresh.invocations
        and saved.on_failure == fresh.on_failure
    )


def _stale(saved: SavedPlan, what: Iterable[str]) -> Diagnostic:
    return Diagnostic(
        summary="Plan is stale",
        detail=(
            f"The plan was made {saved.made_at:%Y-%m-%d %H:%M:%S} UTC; since then something changed for "
            f"{', '.join(what)}."
        ),
        hint=f"plan again: {_command(saved)}",
    )


def _done(saved: SavedPlan) -> Diagnostic:
    return Diagnostic(
        summary="Plan is stale",
        detail=(
            f"The plan was made {saved.made_at:%Y-%m-%d %H:%M:%S} UTC. Everything that it would do has been "
            "done since: perhaps it was applied before."
        ),
        hint="nothing is left to do for what was planned",
    )


def _another_organization(saved: SavedPlan, desired: Desired) -> Diagnostic:
    return Diagnostic(
        summary="Another organization",
        detail=(
            f"The plan is for {saved.plan.organization}, but {saved.path} now declares "
            f"{desired.organization}."
        ),
        hint=f"plan again: {_command(saved)}",
    )


def _command(saved: SavedPlan) -> str:
    """The command line that makes the plan anew, against the same servers and with the same record."""
    words = ["reconciler", "plan", saved.path]
    words += ["--connections", saved.connections] if saved.connections else []
    words += ["--state", saved.state] if saved.state else []
    for address in saved.targets:
        words += ["--target", str(address)]
    return f"{shlex.join(words)} --out FILE"
