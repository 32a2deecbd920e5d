"""``apply``: execute a fresh plan, or exactly a saved one."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler.apply.applier import Applied, apply
from reconciler.apply.ledger import Ledger
from reconciler.apply.problems import not_remembered
from reconciler.apply.tools import Tools
from reconciler.config.desired import Desired
from reconciler.diagnostics import Diagnostic, has_errors
from reconciler.issuers.local import LocalIssuer
from reconciler.issuers.port import Issuer, IssuerFailed
from reconciler.plan.change import Change, Plan
from reconciler.plan.plan_file import SavedPlan
from state.errors import StateError
from state.resources import Certificate
from state.snapshot import LiveState
from state.store import Fence, StateStore

from .failed import Cause, OperationFailed
from .inputs import Declared, Inputs, Surroundings, load_declared
from .planning import Planned, homes, make_plan, targeted
from .records import Remembered, locked, open_store, remember, written
from .servers import Servers

_FILES_OF_ISSUER = "correct certificate and key of the issuer, in the YAML or in the connections file"

Approve = Callable[[Planned], bool]
"""Shows a plan and asks; only asked when there is something to do."""


@dataclass(frozen=True, slots=True)
class ApplyOutcome:
    """What an apply came to.

    Attributes:
        planned: What was to be done.
        applied: None when nothing was run: there was nothing to do, or it was not approved.
    """

    planned: Planned
    applied: Applied | None
    approved: bool = True


def run_apply(inputs: Inputs, surroundings: Surroundings, approve: Approve) -> ApplyOutcome:
    """Plan and apply, under the record's lock from before the first read.

    Raises:
        OperationFailed: nothing was changed.
        KeyboardInterrupt: nothing was changed.
    """
    declared = load_declared(inputs, surroundings)
    store = open_store(declared.desired.organization, inputs, surroundings)
    with locked(store, "apply", surroundings) as fence:
        remembered = remember(store, declared.desired.organization)
        servers = Servers(declared.desired, surroundings.sessions)
        planned = make_plan(declared, declared.desired.snapshot, remembered, servers, surroundings)
        return _execute(planned, remembered, servers, store, fence, surroundings, approve)


def run_saved_plan(saved: SavedPlan, surroundings: Surroundings, approve: Approve) -> ApplyOutcome:
    """Apply a saved plan: exactly it, or nothing.

    What it would do is planned again against Exchange as it is now. When one of the objects that the
    plan changes needs something else by now, the plan is stale.

    Raises:
        OperationFailed: nothing was changed; the cause is STALE for a stale plan.
        KeyboardInterrupt: nothing was changed.
    """
    inputs = Inputs(
        path=Path(saved.path),
        connections=Path(saved.connections) if saved.connections else None,
        state=Path(saved.state) if saved.state else None,
    )
    declared = load_declared(inputs, surroundings)
    _same_organization(saved, declared)
    _same_servers(saved, declared)
    store = open_store(saved.plan.organization, inputs, surroundings)
    with locked(store, "apply", surroundings) as fence:
        remembered = remember(store, saved.plan.organization)
        servers = Servers(declared.desired, surroundings.sessions)
        fresh = make_plan(
            declared,
            targeted(saved.desired, saved.targets) if saved.targets else saved.desired,
            remembered,
            servers,
            surroundings,
            targets=saved.targets,
        )
        if stale := _stale(saved.plan, fresh.plan):
            told = _done_already(saved) if fresh.plan.is_empty else _stale_plan(saved, stale)
            raise OperationFailed((told,), Cause.STALE)
        return _execute(fresh, remembered, servers, store, fence, surroundings, approve)


def _execute(
    planned: Planned,
    remembered: Remembered,
    servers: Servers,
    store: StateStore,
    fence: Fence,
    surroundings: Surroundings,
    approve: Approve,
) -> ApplyOutcome:
    if has_errors(planned.diagnostics):
        raise OperationFailed(planned.diagnostics)
    plan = planned.plan
    ledger = Ledger(store, fence, planned.record)
    if plan.is_empty and not any(change.learned for change in plan.changes):
        if not remembered.is_written:
            ledger.close(written)
        return ApplyOutcome(planned, None)
    issuers = _open_issuers(plan, planned.desired, surroundings)
    if not plan.is_empty and not approve(planned):
        return ApplyOutcome(planned, None, approved=False)
    tools = Tools(
        writer=servers.writer,
        issuers=issuers,
        credential=servers.credential,
        existing=_thumbprints(planned.live),
        listener=surroundings.listener,
        now=surroundings.now,
        new_id=lambda: str(uuid.uuid4()),
    )
    applied = apply(plan, ledger, tools)
    try:
        ledger.close(written)
    except StateError as error:
        # What was done is in the journal, and stays there until a later run writes the record.
        applied.diagnostics = (*applied.diagnostics, not_remembered(error))
    return ApplyOutcome(planned, applied)


def _open_issuers(plan: Plan, desired: Desired, surroundings: Surroundings) -> Mapping[str, Issuer]:
    """Open the issuers that the plan will ask, before anything is sent.

    Raises:
        OperationFailed: one of them cannot be used.
    """
    wanted = {
        str(change.learned.recorded.resource.issuer)
        for change in plan.changes
        if change.action.is_mutating
        and change.learned
        and change.learned.recorded
        and isinstance(change.learned.recorded.resource, Certificate)
        and any(invocation.cmdlet == "Import-ExchangeCertificate" for invocation in change.invocations)
    }
    opened: dict[str, Issuer] = {}
    problems: list[Diagnostic] = []
    for name in sorted(wanted):
        settings = desired.issuers[name]
        try:
            opened[name] = LocalIssuer.open(name, settings.certificate, settings.key, clock=surroundings.now)
        except IssuerFailed as error:
            problems.append(
                Diagnostic(
                    summary="Issuer not usable",
                    detail=f"{error}.",
                    hint=error.hint or _FILES_OF_ISSUER,
                    subject=name,
                )
            )
    if problems:
        raise OperationFailed(problems)
    return opened


def _thumbprints(live: LiveState) -> dict[str, tuple[str, ...]]:
    return {
        str(name): tuple(str(certificate.thumbprint) for certificate in server.certificates.objects)
        for name, server in live.servers.items()
    }


def _stale(saved: Plan, fresh: Plan) -> list[str]:
    """The addresses that the saved plan changes in a way that is not right any more."""
    now = {str(change.address): change for change in fresh.changes}
    return [
        str(change.address)
        for change in saved.changes
        if change.action.is_mutating and not _same(change, now.get(str(change.address)))
    ] + [
        str(change.address)
        for change in fresh.changes
        if change.action.is_mutating
        and str(change.address)
        not in {str(known.address) for known in saved.changes if known.action.is_mutating}
    ]


def _same(saved: Change, fresh: Change | None) -> bool:
    return (
        fresh is not None
        and saved.action is fresh.action
        and saved.attributes == fresh.attributes
        and saved.invocations == fresh.invocations
    )


def _stale_plan(saved: SavedPlan, addresses: list[str]) -> Diagnostic:
    return Diagnostic(
        summary="Plan is stale",
        detail=(
            f"The plan was made {saved.made_at:%Y-%m-%d %H:%M:%S} UTC; since then something changed for "
            + ", ".join(addresses)
            + "."
        ),
        hint=f"plan again: reconciler plan {saved.path} --out FILE",
    )


def _same_servers(saved: SavedPlan, declared: Declared) -> None:
    """Refuse a plan for a server that the YAML has no more: nobody knows how it is reached."""
    gone = [str(name) for name in homes(saved.desired) if name not in declared.desired.connections]
    if gone:
        raise OperationFailed((_stale_plan(saved, [f"server {name}" for name in gone]),), Cause.STALE)


def _done_already(saved: SavedPlan) -> Diagnostic:
    return Diagnostic(
        summary="Plan is stale",
        detail=(
            f"The plan was made {saved.made_at:%Y-%m-%d %H:%M:%S} UTC. Everything that it would do has been "
            "done since: perhaps it was applied before."
        ),
        hint="nothing is left to do for what was planned",
    )


def _same_organization(saved: SavedPlan, declared: Declared) -> None:
    if saved.plan.organization != declared.desired.organization:
        raise OperationFailed(
            (
                Diagnostic(
                    summary="Another organization",
                    detail=(
                        f"The plan is for {saved.plan.organization}, but {saved.path} now declares "
                        f"{declared.desired.organization}."
                    ),
                    hint="plan again",
                ),
            )
        )
