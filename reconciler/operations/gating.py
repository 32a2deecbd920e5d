"""The gate of an apply: what the world is presented before and after it, and the step back from worse."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from reconciler.apply.applier import Applied
from reconciler.apply.known import KnownValues
from reconciler.apply.ledger import Ledger
from reconciler.diagnostics import Diagnostic, has_errors
from reconciler.events import SteppingBack
from reconciler.plan.change import Change, Plan
from reconciler.plan.held_back import is_urgent
from reconciler.plan.step_back import is_presented, taken_back, watched_by
from reconciler.verify.comparison import is_worse
from reconciler.verify.endpoints import Checked, Target, event_of
from reconciler.verify.gate import Gate, Seen, Verdict, Watched
from reconciler.verify.starttls import Fault, Handshake
from state.address import Address
from state.errors import StateError
from state.record import STEPPED_BACK, Learned, Recorded, StateRecord
from state.resources import Certificate

from . import gating_problems as problems
from .endpoints import Asked, asked_of, trusted_as_far_as_readable
from .inputs import Surroundings
from .planning import Planned

_LOOKED_FOR: Final = timedelta(days=1)

StepBack = Callable[[Plan], Applied]
"""Runs what takes changes back, as an apply."""


@dataclass(slots=True)
class Gated:
    """What came of the gate.

    Attributes:
        failed: Something that was seen is not as it should be, or is not to be seen any more.
        stopped: It did not come to its end: interrupted, or the step back did not succeed.
        verification: For machines: what all of it came to.
        unseen: The certificates whose endpoints could not be seen from here, neither before nor after.
    """

    diagnostics: list[Diagnostic] = field(default_factory=list)
    failed: bool = False
    stopped: bool = False
    verification: str = ""
    unseen: frozenset[Address] = frozenset()


class Gating:
    """One apply's gate: made before anything is sent."""

    def __init__(self, planned: Planned, surroundings: Surroundings) -> None:
        """Look at what the endpoints present that the plan may change.

        What an earlier apply bound and nobody saw served since is looked at again, for a day: that apply may
        have been killed before it came to that.
        """
        self._planned = planned
        self._surroundings = surroundings
        self._before: dict[Target, Handshake] = {}
        asked = asked_of(planned.desired, planned.record)
        touched = [one for one in asked if self._touching(one)]
        self._gate: Gate | None = None
        self._doubts: tuple[Diagnostic, ...] = ()
        if touched or any(map(self._is_unserved, asked)):
            trusted, unreadable = trusted_as_far_as_readable(planned.desired)
            self._doubts = tuple(map(problems.not_judged, unreadable))
            self._gate = Gate(
                trusted,
                surroundings.now,
                surroundings.patience,
                surroundings.listener,
                surroundings.shake,
            )
            found = self._gate.look(one.target for one in touched)
            self._before = {_place(target): handshake for target, handshake in found.items()}

    def verify(self, applied: Applied, ledger: Ledger, known: KnownValues, step_back: StepBack) -> Gated:
        """Wait until what was applied is presented; take it back where it is worse than before.

        What cannot be remembered meanwhile is told, and makes no difference to what is seen or taken back.

        Args:
            applied: What the apply came to. Of one that stopped nothing is waited for or taken back; that an
                issuer refused a certificate stops nothing else.
            ledger: Learns what is served, and what was taken back.
        """
        gated = Gated(list(self._doubts))
        if self._gate is None:
            return gated
        asked = {
            one.target: one
            for one in asked_of(self._planned.desired, ledger.record)
            if self._is_unserved(one)
            or any(change.address not in applied.waiting for change in self._touching(one))
        }
        watched = [
            Watched(target, self._before.get(_place(target)), self._seconds(one))
            for target, one in asked.items()
        ]
        try:
            if not applied.is_through:
                self._glance(watched, self._gate, gated)
                return gated
            self._gate.wait(watched)
        except KeyboardInterrupt:
            left = len(watched) - len(self._gate.seen)
            gated.diagnostics.append(problems.interrupted(left))
            gated.stopped, gated.verification = True, "interrupted"
            return gated
        gated.unseen = _unseen(self._gate.seen, asked)
        # What only an earlier apply was about, and is not to be seen from here, was told then.
        self._gate.seen = [
            one for one in self._gate.seen if one.watched.seconds or one.verdict is not Verdict.UNSEEN
        ]
        for one in self._gate.seen:
            self._surroundings.listener(event_of(one.checked))
        self._learn_served(asked, ledger, gated)
        self._judge(asked, gated)
        worse = [one for one in self._gate.seen if one.verdict is Verdict.WORSE]
        if worse:
            self._step_back(worse, asked, ledger, known, step_back, gated)
        return gated

    def _touching(self, asked: Asked) -> list[Change]:
        """The changes that may change what is presented there."""
        server = asked.target.server
        members = asked.endpoint.servers if server is None else (server,)
        return [
            change
            for change in self._planned.plan.changes
            if any(is_presented(change, member) for member in members)
        ]

    def _seconds(self, asked: Asked) -> float:
        """How long is waited; not at all for what this apply does not touch."""
        return asked.endpoint.serve_within.total_seconds() if self._touching(asked) else 0

    def _is_unserved(self, asked: Asked) -> bool:
        """Whether an earlier apply bound what nobody has seen served."""
        if asked.target.server is None or asked.endpoint.is_gateways:
            return False
        resources, now = self._planned.record.resources, self._surroundings.now()
        recorded = [resources.get(one.certificate) for one in asked.expected if one.certificate]
        return any(one is not None and _is_open(one, now) for one in recorded)

    def _glance(self, watched: Iterable[Watched], gate: Gate, gated: Gated) -> None:
        """After an apply that stopped: only tell whether STARTTLS is worse meanwhile."""
        found = gate.look(one.target for one in watched)
        for one in watched:
            if is_worse(found[one.target], one.before):
                checked = Checked(one.target, found[one.target])
                gated.diagnostics.append(problems.worse_meanwhile(checked))
                gated.failed, gated.verification = True, "failed"

    def _learn_served(self, asked: dict[Target, Asked], ledger: Ledger, gated: Gated) -> None:
        now = self._surroundings.now()
        for one in self._gate.seen if self._gate else ():
            expected = asked[one.watched.target].expected
            if one.verdict is not Verdict.SERVED or one.watched.target.server is None:
                continue
            for certificate in (each.certificate for each in expected if each.public_key):
                recorded = ledger.record.resources.get(certificate) if certificate else None
                if certificate is None or recorded is None:
                    continue
                milestones = {
                    "served": now,
                    **{name: at for name, at in recorded.milestones.items() if name != STEPPED_BACK},
                }
                if milestones != recorded.milestones:
                    _learn(ledger, certificate, replace(recorded, milestones=milestones), gated)

    def _judge(self, asked: dict[Target, Asked], gated: Gated) -> None:
        seen = self._gate.seen if self._gate else []
        for one in seen:
            if one.verdict in (Verdict.FAULTY, Verdict.NOT_SERVED):
                gated.diagnostics.append(problems.not_served(one))
            elif one.verdict is Verdict.LOST:
                gated.diagnostics.append(problems.lost(one))
            elif one.verdict is Verdict.WORSE and one.watched.target.server is None:
                gated.diagnostics.append(problems.worse_there(one))
        unseen = [one for one in seen if one.verdict is Verdict.UNSEEN]
        if unnamed := [one for one in unseen if not _is_not_judged(one)]:
            gated.diagnostics.append(problems.not_seen(unnamed))
        bad = {Verdict.FAULTY, Verdict.NOT_SERVED, Verdict.LOST, Verdict.WORSE}
        gated.failed = any(one.verdict in bad for one in seen)
        verdict = "failed" if gated.failed else "not_seen" if unseen else "passed"
        gated.verification = verdict if seen else ""

    def _step_back(
        self,
        worse: list[Seen],
        asked: dict[Target, Asked],
        ledger: Ledger,
        known: KnownValues,
        step_back: StepBack,
        gated: Gated,
    ) -> None:
        """Take back what was bound to the certificates behind which it is worse."""
        of_servers = [one for one in worse if one.watched.target.server is not None]
        certificates = {
            expected.certificate
            for one in of_servers
            for expected in asked[one.watched.target].expected
            if expected.certificate is not None
        }
        changes = [
            back
            for change in self._planned.plan.changes
            if watched_by(change) & certificates
            if (back := taken_back(change, self._planned.record, known.get)) is not None
        ]
        if not changes:
            gated.diagnostics += [problems.worse_and_stays(one) for one in of_servers]
            return
        for one in of_servers:
            for certificate in (each.certificate for each in asked[one.watched.target].expected):
                self._surroundings.listener(
                    SteppingBack(
                        str(one.watched.target.name),
                        str(one.watched.target.server),
                        str(certificate or ""),
                        one.checked.problem,
                    )
                )
        keys = {certificate: _key(ledger.record, certificate) for certificate in certificates}
        self._remember(certificates, ledger, gated)  # a kill from here on leaves it known
        applied = step_back(replace(self._planned.plan, changes=tuple(changes), diagnostics=()))
        gated.diagnostics += applied.diagnostics
        if applied.was_interrupted or has_errors(applied.diagnostics):
            gated.diagnostics += [problems.worse_and_not_taken_back(one) for one in of_servers]
            gated.stopped = True
            return
        for certificate in certificates:
            self._forget_bound(certificate, keys[certificate], ledger, gated)
        self._remember(certificates, ledger, gated)
        for one in of_servers:
            gated.diagnostics.append(self._taken_back(one, changes, gated))

    def _taken_back(self, one: Seen, changes: Iterable[Change], gated: Gated) -> Diagnostic:
        if self._gate is None:
            raise ValueError("there is no step back without a gate")
        try:
            after = self._gate.until_as_before(one.watched)
        except KeyboardInterrupt:
            gated.stopped = True
            after = one.handshake
        addresses = [str(change.address) for change in changes]
        checked = Checked(replace(one.watched.target, public_keys=frozenset()), after)
        return problems.taken_back(one, addresses, checked)

    def _remember(self, certificates: Iterable[Address], ledger: Ledger, gated: Gated) -> None:
        now = self._surroundings.now()
        for certificate in certificates:
            if recorded := ledger.record.resources.get(certificate):
                milestones = {**recorded.milestones, STEPPED_BACK: now}
                _learn(ledger, certificate, replace(recorded, milestones=milestones), gated)

    def _forget_bound(self, certificate: Address, key: object, ledger: Ledger, gated: Gated) -> None:
        """Nothing is bound to it any more; on Exchange 2010 it is its predecessor that is recorded now."""
        recorded = ledger.record.resources.get(certificate)
        if recorded is None or _key(ledger.record, certificate) != key:
            return
        left = {name: at for name, at in recorded.milestones.items() if name not in ("bound", "served")}
        _learn(ledger, certificate, replace(recorded, milestones=left), gated)


def _is_not_judged(seen: Seen) -> bool:
    return any(problem.fault is Fault.NOT_JUDGED for problem in seen.handshake.problems)


def _is_open(recorded: Recorded, now: datetime) -> bool:
    milestones = recorded.milestones
    if STEPPED_BACK in milestones:
        return True
    if is_urgent(recorded) and "enabled" in milestones and "served" not in milestones:
        return True  # what it replaced is not revoked before
    bound = milestones.get("bound", milestones.get("enabled"))
    return bound is not None and "served" not in milestones and now - bound < _LOOKED_FOR


def _unseen(seen: Iterable[Seen], asked: dict[Target, Asked]) -> frozenset[Address]:
    """The certificates that none of their servers' endpoints let anybody see."""
    verdicts: dict[Address, set[Verdict]] = {}
    for one in seen:
        if one.watched.target.server is not None:
            for expected in asked[one.watched.target].expected:
                if expected.certificate is not None:
                    verdicts.setdefault(expected.certificate, set()).add(one.verdict)
    return frozenset(address for address, found in verdicts.items() if found == {Verdict.UNSEEN})


def _learn(ledger: Ledger, address: Address, recorded: Recorded, gated: Gated) -> None:
    try:
        ledger.learn(Learned(address, recorded, ledger.record.requests.get(address)))
    except StateError as error:
        gated.stopped = True
        if (problem := problems.not_noted(error)) not in gated.diagnostics:
            gated.diagnostics.append(problem)


def _key(record: StateRecord, certificate: Address) -> object:
    recorded = record.resources.get(certificate)
    resource = recorded.resource if recorded else None
    return resource.public_key if isinstance(resource, Certificate) else None


def _place(target: Target) -> Target:
    """The same target, whatever it is to present."""
    return replace(target, public_keys=frozenset())
