"""``apply``: execute a fresh plan, or exactly a saved one."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType

from reconciler.apply.applier import Applied, apply
from reconciler.apply.journey import Parcel
from reconciler.apply.known import KnownValues
from reconciler.apply.ledger import Ledger
from reconciler.apply.problems import not_remembered
from reconciler.apply.tools import Tools
from reconciler.diagnostics import Diagnostic, Severity, has_errors
from reconciler.events import ApplyFinished
from reconciler.issuers.port import Issuer
from reconciler.pki.bought import Bought
from reconciler.plan.change import Plan
from reconciler.plan.plan_file import SavedPlan
from reconciler.plan.renewals_only import renewals_of
from reconciler.plan.situation import Urgent
from reconciler.plan.suggested import replaceable
from state.address import Address
from state.errors import StateError
from state.resources import SendConnector
from state.snapshot import LiveState
from state.store import Fence, StateStore

from .endpoints import trusted_for_answers
from .failed import OperationFailed, cause_of
from .gating import Gated, Gating
from .inputs import Declared, Inputs, Surroundings, load_declared
from .issuers import issuers_asked, open_issuers
from .planning import Planned, make_plan, targeted
from .records import Remembered, locked, open_store, remember, written
from .replication import controllers_of, wait_until_seen
from .revoking import revoke_replaced
from .rounds import Rounds
from .servers import Servers, relay_credential
from .staleness import check_declared, check_fresh

Approve = Callable[[Planned], bool]
"""Shows a plan and asks; only asked when there is something to do."""


@dataclass(frozen=True, slots=True)
class ApplyOutcome:
    """What an apply came to.

    Attributes:
        planned: What was to be done.
        applied: None when nothing was run: there was nothing to do, or it was not approved.
        gated: What the world was presented afterwards.
    """

    planned: Planned
    applied: Applied | None
    approved: bool = True
    gated: Gated = field(default_factory=Gated)


def run_apply(inputs: Inputs, surroundings: Surroundings, approve: Approve) -> ApplyOutcome:
    """Plan and apply, under the record's lock from before the first read.

    Raises:
        OperationFailed: nothing was changed.
        KeyboardInterrupt: nothing was changed.
    """
    return apply_declared(load_declared(inputs, surroundings), inputs, surroundings, approve, Demand())


@dataclass(frozen=True, slots=True)
class Demand:
    """What of the declaration is applied.

    Attributes:
        operation: What others are told who find the record locked.
        targets: These addresses and what they need; all when empty.
        urgent: Certificates that are replaced whatever there is.
        bought: Certificates that become what was bought with its key.
        parcels: The same, ready to be sent: what a plan must not hold.
    """

    operation: str = "apply"
    targets: tuple[Address, ...] = ()
    urgent: Mapping[Address, Urgent] = field(default_factory=lambda: MappingProxyType({}))
    bought: Mapping[Address, Bought] = field(default_factory=lambda: MappingProxyType({}))
    parcels: Mapping[Address, Parcel] = field(default_factory=lambda: MappingProxyType({}))


def apply_declared(
    declared: Declared, inputs: Inputs, surroundings: Surroundings, approve: Approve, demand: Demand
) -> ApplyOutcome:
    """The same, of a declaration that is loaded.

    Raises:
        OperationFailed: nothing was changed.
        KeyboardInterrupt: nothing was changed.
    """
    store = open_store(declared.desired.organization, inputs, surroundings)
    with locked(store, demand.operation, surroundings) as fence:
        remembered = remember(store, declared.desired.organization)
        servers = Servers(declared.desired, surroundings.patient_sessions)
        whole = declared.desired.snapshot
        snapshot = targeted(whole, demand.targets) if demand.targets else whole

        def plan(remembered: Remembered) -> Planned:
            return make_plan(
                declared,
                snapshot,
                remembered,
                servers,
                surroundings,
                targets=demand.targets,
                urgent=demand.urgent,
                bought=demand.bought,
            )

        run = _Run(servers, store, fence, surroundings, plan, demand.parcels)
        return run.execute(plan(remembered), remembered, approve)


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
    check_declared(saved, declared.desired)
    store = open_store(saved.plan.organization, inputs, surroundings)
    with locked(store, "apply", surroundings) as fence:
        remembered = remember(store, saved.plan.organization)
        servers = Servers(declared.desired, surroundings.patient_sessions)
        snapshot = targeted(saved.desired, saved.targets) if saved.targets else saved.desired

        def plan(remembered: Remembered) -> Planned:
            return make_plan(declared, snapshot, remembered, servers, surroundings, targets=saved.targets)

        fresh = plan(remembered)
        if has_errors(fresh.diagnostics):
            raise OperationFailed(fresh.diagnostics, cause_of(fresh.diagnostics))
        check_fresh(saved, fresh.plan)
        return _Run(servers, store, fence, surroundings, plan).execute(fresh, remembered, approve)


@dataclass(frozen=True, slots=True)
class _Run:
    """An apply that holds the record's lock.

    Attributes:
        plan: Reads Exchange and plans, from what is remembered.
        parcels: What was bought with its key, ready to be sent.
    """

    servers: Servers
    store: StateStore
    fence: Fence
    surroundings: Surroundings
    plan: Callable[[Remembered], Planned]
    parcels: Mapping[Address, Parcel] = field(default_factory=lambda: MappingProxyType({}))

    def execute(self, planned: Planned, remembered: Remembered, approve: Approve) -> ApplyOutcome:
        """Ask, run, and write the record.

        Raises:
            OperationFailed: nothing was sent.
        """
        whole, planned = planned, _as_far_as_read(planned)
        if has_errors(planned.diagnostics):
            raise OperationFailed(planned.diagnostics, cause_of(planned.diagnostics))
        plan = planned.plan
        if plan.is_idle and not any(change.learned for change in plan.changes):
            return ApplyOutcome(planned, None, gated=self._look_again(planned, remembered))
        issuers = open_issuers(
            issuers_asked(plan), planned.desired, self.surroundings.open_issuer, self.surroundings.now
        )
        if not plan.is_idle and not approve(planned):
            return ApplyOutcome(planned, None, approved=False)
        self.servers.open_accounts(
            invocation.server for change in plan.changes for invocation in change.invocations
        )
        gating = Gating(planned, self.surroundings)
        unread = tuple(one for one in whole.diagnostics if one.severity is Severity.ERROR)
        applied, gated = self._carry_out(planned, issuers, gating, unread)
        return ApplyOutcome(planned, applied, gated=gated)

    def _look_again(self, planned: Planned, remembered: Remembered) -> Gated:
        """With nothing to do: see and revoke what an earlier apply did not come to; write what it learned."""
        gating, ledger = Gating(planned, self.surroundings), Ledger(self.store, self.fence, planned.record)
        gated = gating.verify(Applied(0), ledger, KnownValues(), lambda _: Applied(0))
        gated.diagnostics += self._revoke(planned, ledger, gated, read_again=False)
        is_written = remembered.is_written and ledger.record == planned.record
        if not is_written and not planned.doubts:
            ledger.close(written)
        return gated

    def _carry_out(
        self,
        planned: Planned,
        issuers: Mapping[str, Issuer],
        gating: Gating,
        unread: tuple[Diagnostic, ...],
    ) -> tuple[Applied, Gated]:
        """Run a plan and look at what came of it.

        Args:
            unread: What it was made without, and is told as an error at the end.
        """
        known = KnownValues()
        ledgers: list[Ledger] = []

        def run(left: Planned, earlier: Applied | None) -> Applied:
            ledgers.append(Ledger(self.store, self.fence, left.record))
            return apply(left.plan, ledgers[-1], self._tools(left, issuers), known, earlier)

        def plan_again() -> Planned:
            return _as_far_as_read(self.plan(remember(self.store, planned.plan.organization)))

        def step_back(back: Plan) -> Applied:
            return apply(back, ledgers[-1], self._tools(planned, issuers), known)

        rounds = Rounds(planned, planned, run, plan_again, known)
        applied = rounds.carry_out(self.surroundings)
        if applied.is_through:
            told = wait_until_seen(planned, applied.waiting, self.servers, self.surroundings)
            applied.diagnostics = (*applied.diagnostics, *told)
        gated = gating.verify(applied, ledgers[-1], known, step_back)
        if not applied.was_interrupted:
            told = self._revoke(planned, ledgers[-1], gated, read_again=True)
            applied.diagnostics = (*applied.diagnostics, *told)
        applied.diagnostics = (*applied.diagnostics, *unread)
        self.surroundings.listener(
            ApplyFinished(
                done=applied.done,
                failed=applied.failed,
                not_started=applied.not_started,
                in_doubt=applied.in_doubt,
                stopped=not applied.is_complete,
                waiting=applied.parked,
                verification=gated.verification,
            )
        )
        if not rounds.planned.doubts and not applied.in_doubt:
            # Else the journal stays: nothing else says what is in doubt.
            try:
                ledgers[-1].close(written)
            except StateError as error:
                # What was done is in the journal, and stays there until a later run writes the record.
                applied.diagnostics = (*applied.diagnostics, not_remembered(error))
        return applied, gated

    def _revoke(
        self, planned: Planned, ledger: Ledger, gated: Gated, *, read_again: bool
    ) -> tuple[Diagnostic, ...]:
        return revoke_replaced(
            planned, ledger, gated.unseen, self.servers, self.surroundings, read_again=read_again
        )

    def _tools(self, planned: Planned, issuers: Mapping[str, Issuer]) -> Tools:
        return Tools(
            writer=self.servers.writer,
            issuers=issuers,
            credential=lambda reference: relay_credential(planned.desired, reference),
            existing=_thumbprints(planned.live),
            listener=self.surroundings.listener,
            now=self.surroundings.now,
            new_id=lambda: str(uuid.uuid4()),
            controllers=controllers_of(planned),
            patience=self.surroundings.patience,
            trusted=cache(lambda: trusted_for_answers(planned.desired)),
            bought=self.parcels,
            for_mutual_tls=_for_mutual_tls(planned),
            at_once=frozenset(planned.situation.urgent),
            replaces=replaceable(planned.situation),
        )


def _for_mutual_tls(planned: Planned) -> frozenset[Address]:
    """The certificates that connectors with Domain Security show to partners, who verify them [3-14]."""
    return frozenset(
        address
        for _, connector in planned.snapshot.of(SendConnector)
        if connector.domain_secure_enabled is True and isinstance(connector.certificates, tuple)
        for address in connector.certificates
    )


def _thumbprints(live: LiveState) -> dict[str, tuple[str, ...]]:
    return {
        str(name): tuple(str(certificate.thumbprint) for certificate in server.certificates.objects)
        for name, server in live.servers.items()
    }


def _as_far_as_read(planned: Planned) -> Planned:
    """What may be done of a plan that lacks what could not be read; the whole of it where nothing may."""
    if not has_errors(planned.diagnostics):
        return planned
    renewals = renewals_of(replace(planned.plan, diagnostics=planned.diagnostics))
    if renewals is None:
        return planned
    return replace(planned, plan=renewals, diagnostics=renewals.diagnostics)
