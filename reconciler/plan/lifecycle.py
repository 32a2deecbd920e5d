"""How far each certificate has come: what is asked for, what is there, and what was there before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from reconciler.pki.selection import imported_of, select
from state.address import Address
from state.record import Predecessor, Recorded, Request
from state.resources import Certificate
from state.values import UNSET, Name, Thumbprint

from .case import case_of
from .change import Action, Change, Plan
from .due import Due, due_of
from .held_back import is_yet_to_be_used
from .references import Connector, References, held_by, users_of
from .revocation import revocations
from .situation import Situation, home_of
from .standing import Standing, State

_APPLY = "apply"
_SMTP = frozenset({"SMTP"})


def standings(situation: Situation, plan: Plan) -> tuple[Standing, ...]:
    """Tell of every declared certificate how it stands.

    Args:
        plan: Of this situation: what is to be done next.

    Returns:
        By address, in the order they are declared: what is under way, what is there, what was replaced.
    """
    changes = {change.address: change for change in plan.changes}
    errors = {one.subject: one.detail for one in reversed(plan.diagnostics) if one.severity.value == "error"}
    revoking = {one.predecessor.thumbprint: one.waits for one in revocations(situation)}
    told: list[Standing] = []
    for address, asked in situation.desired.of(Certificate):
        error = errors.get(str(address), "")
        case = _Case(address, asked, situation, changes.get(address), error, revoking)
        told += case.standings()
    return tuple(told)


@dataclass(frozen=True, slots=True)
class _Case:
    address: Address
    asked: Certificate
    situation: Situation
    change: Change | None
    error: str
    revoking: Mapping[Thumbprint, str]

    @property
    def server(self) -> Name:
        return home_of(self.asked)

    @property
    def names(self) -> tuple[str, ...]:
        domains = self.asked.domains
        return tuple(sorted(map(str, domains))) if isinstance(domains, frozenset) else ()

    @property
    def issuer(self) -> str:
        return self.asked.issuer if isinstance(self.asked.issuer, str) else ""

    def standings(self) -> Iterator[Standing]:
        listing = self.situation.server(self.server).certificates
        request = self.situation.record.requests.get(self.address)
        if listing.unreadable:
            if request is not None:
                yield self._under_way(request, self._recorded_certificate)
            yield from self._last_known(listing.unreadable.reason)
            return
        is_open = request is not None and imported_of(listing.objects, request) is None
        current = self._current(listing.objects, request)
        if request is not None and is_open:
            yield self._under_way(request, current)
        in_use = self._still_in_use(current, listing.objects)
        if current is not None:
            yield self._there(current, in_use, is_replaced=is_open)
        elif not is_open:
            yield self._told(State.WANTED, reason=self._why(), next_step=self._next())
        for one in self._recorded.predecessors if self._recorded else ():
            if in_use is not None and one.thumbprint == in_use.thumbprint:
                yield self._still(one, in_use)
            else:
                yield self._before(one, listing.objects, current)

    @property
    def _recorded(self) -> Recorded | None:
        return self.situation.record.resources.get(self.address)

    @property
    def _recorded_certificate(self) -> Certificate | None:
        resource = self._recorded.resource if self._recorded else None
        return resource if isinstance(resource, Certificate) else None

    def _last_known(self, why: str) -> Iterator[Standing]:
        """What the record says of a server that could not be read: it may be otherwise by now."""
        recorded, was = self._recorded, self._recorded_certificate
        told = partial(self._told, State.UNKNOWN, next_step="reconciler doctor PATH")
        if recorded is None or was is None or not isinstance(was.thumbprint, Thumbprint):
            yield told(reason=why)
            return
        renewal, ends = self._renewal(was), _instant(was.not_after)
        before = recorded.predecessors[0] if recorded.predecessors else None
        in_use = before if before is not None and is_yet_to_be_used(recorded) else None
        yield told(
            reason=f"{why}; what is shown is the record's",
            deadline=in_use.not_after if in_use is not None else ends,
            thumbprint=str(was.thumbprint),
            not_before=_instant(was.not_before),
            expires=ends,
            renewal=renewal.at if renewal is not None else None,
        )
        if in_use is not None:
            yield told(
                reason=f"{why}; by the record it was in use until its successor is",
                deadline=in_use.not_after,
                thumbprint=str(in_use.thumbprint),
                expires=in_use.not_after,
            )

    def _current(self, live: tuple[Certificate, ...], request: Request | None) -> Certificate | None:
        was = self._recorded_certificate
        key = was.public_key if was is not None else None
        if request is not None and imported_of(live, request) is not None:
            key = request.public_key
        mark = self.situation.request_mark(self.address, self.asked)
        chosen = select(self.asked, live, key if isinstance(key, str) else None, mark, self.situation.now)
        return chosen.certificate

    def _under_way(self, request: Request, current: Certificate | None) -> Standing:
        state, since, step = State.REQUESTED, request.since, "apply brings it to its issuer"
        if request.answer:
            state, step = State.ISSUED, "apply imports it"
            since = request.issued or since
        elif request.submitted is not None:
            state = State.WAITING if request.waits else State.SUBMITTED
            since, step = request.submitted, "apply asks its issuer again"
            if request.next_try is not None:
                step += f", not before {request.next_try:%Y-%m-%d %H:%M} UTC"
        ends = current.not_after if current is not None else None
        return self._told(
            state,
            since=since,
            reason=request.waits or self._why(),
            next_step=step,
            deadline=ends if isinstance(ends, datetime) else None,
        )

    def _still_in_use(self, current: Certificate | None, live: tuple[Certificate, ...]) -> Certificate | None:
        """What is presented while the certificate that is there is in the store, and not put to use."""
        if current is None or self._serves(current):
            return None
        before = [one.thumbprint for one in (self._recorded.predecessors if self._recorded else ())]
        there = [one for thumbprint in before for one in live if one.thumbprint == thumbprint]
        return next((one for one in there if self._serves(one)), None)

    def _serves(self, one: Certificate) -> bool:
        """Whether one of the declared services is enabled for a certificate: names alone do not use it."""
        wanted = self.asked.services if isinstance(self.asked.services, frozenset) else _SMTP
        if isinstance(one.services, frozenset):
            return not wanted or bool(wanted & one.services)
        was = self._recorded_certificate
        is_recorded = was is not None and was.thumbprint == one.thumbprint
        return not (is_recorded and self._recorded is not None and is_yet_to_be_used(self._recorded))

    def _there(self, current: Certificate, in_use: Certificate | None, *, is_replaced: bool) -> Standing:
        """The certificate that is there; ``in_use``: what is presented in its place for now."""
        begin, ends = _instant(current.not_before), _instant(current.not_after)
        renewal = self._renewal(current)
        due = renewal.at if renewal is not None else None
        users = tuple(users_of(current, self.server, self.situation)) if in_use is None else ()
        milestones = self._milestones(current)
        state = State.IMPORTED
        if isinstance(self.asked.services, frozenset) and isinstance(current.services, frozenset):
            state = State.ENABLED if self.asked.services <= current.services else state
        elif "enabled" in milestones:
            state = State.ENABLED
        if self._serves(current) and _is_named(current, users):
            state = State.BOUND
        if "served" in milestones and state in (State.BOUND, State.ENABLED):
            state = State.SERVED
        since = milestones.get(state.value, begin)
        step = "" if is_replaced else self._next()
        if due is not None and due <= self.situation.now:
            state, since = State.RENEWAL_DUE, due
        return self._told(
            state,
            since=since,
            reason="its successor is under way"
            if is_replaced
            else self._why() or (renewal.reason if renewal is not None else ""),
            next_step=step,
            deadline=_instant(in_use.not_after) if in_use is not None else ends,
            names=_names(current),
            thumbprint=str(current.thumbprint),
            not_before=begin,
            expires=ends,
            renewal=due,
            used_by=_names_of(users),
        )

    def _still(self, replaced: Predecessor, one: Certificate) -> Standing:
        """One that is presented until its successor, which is there, is put to use."""
        to_revoke, step = self._revocation(replaced)
        users = tuple(users_of(one, self.server, self.situation))
        begin, ends = _instant(one.not_before), _instant(one.not_after)
        return self._told(
            State.BOUND if _is_named(one, users) else State.ENABLED,
            since=begin,
            reason="; ".join(filter(None, ("in use until its successor is", to_revoke))),
            next_step=step,
            deadline=ends,
            names=_names(one),
            thumbprint=str(one.thumbprint),
            not_before=begin,
            expires=ends,
            used_by=_names_of(users),
        )

    def _before(
        self, one: Predecessor, live: tuple[Certificate, ...], current: Certificate | None
    ) -> Standing:
        there = next((other for other in live if other.thumbprint == one.thumbprint), None)
        if there is None:
            reason, step = self._revocation(one)
            return self._told(
                State.RETIRED,
                reason="; ".join(filter(None, ("is no longer in the store", reason))),
                next_step=step,
                thumbprint=str(one.thumbprint),
                expires=one.not_after,
            )
        shares_name = current is not None and current.tls_certificate_name == there.tls_certificate_name
        references = held_by(there, self.server, self.situation)
        why_held = _why_held(references, shares_name=shares_name)
        reason, step = self._revocation(one)
        begin = _instant(there.not_before)
        return self._told(
            State.HELD if why_held else State.SUPERSEDED,
            since=one.superseded,
            reason="; ".join(filter(None, (reason, why_held))) or "was replaced",
            next_step=step,
            names=_names(there),
            thumbprint=str(one.thumbprint),
            not_before=begin,
            expires=one.not_after,
            used_by=_names_of(users_of(there, self.server, self.situation)),
        )

    def _revocation(self, one: Predecessor) -> tuple[str, str]:
        """What a predecessor that is to be revoked waits for, and what is to be done; else empty."""
        if not one.is_to_be_revoked or one.thumbprint not in self.revoking:
            return "", ""
        waits = self.revoking[one.thumbprint]
        reason = f"is to be revoked ({one.revoke})"
        return f"{reason}, and waits: {waits}" if waits else reason, f"{_APPLY} revokes it"

    def _milestones(self, current: Certificate) -> Mapping[str, datetime]:
        recorded, was = self._recorded, self._recorded_certificate
        if recorded is None or was is None or was.public_key != current.public_key:
            return {}
        return recorded.milestones

    def _renewal(self, current: Certificate) -> Due | None:
        if self.asked.issuer is UNSET or self.asked.mode is not UNSET:
            return None
        return due_of(case_of(self.address, self.asked, self.situation), current)

    def _why(self) -> str:
        return self.error or (self.change.reason if self.change else "")

    def _next(self) -> str:
        if self.error:
            return "reconciler plan PATH tells what is wrong"
        if self.change is None or not self.change.invocations:
            return ""
        if self.change.action is Action.WAIT:
            return f"{_APPLY}, once that is over"
        first = self.change.invocations[0].cmdlet
        return f"{_APPLY}, with {first}"

    def _told(
        self,
        state: State,
        *,
        since: datetime | None = None,
        reason: str = "",
        next_step: str = "",
        deadline: datetime | None = None,
        names: tuple[str, ...] = (),
        thumbprint: str = "",
        not_before: datetime | None = None,
        expires: datetime | None = None,
        renewal: datetime | None = None,
        used_by: tuple[str, ...] = (),
    ) -> Standing:
        return Standing(
            address=self.address,
            server=str(self.server),
            state=state,
            since=since,
            reason=reason,
            next_step=next_step,
            deadline=deadline,
            names=names or self.names,
            thumbprint=thumbprint,
            not_before=not_before,
            expires=expires,
            renewal=renewal,
            issuer=self.issuer,
            used_by=used_by,
        )


def _instant(read: object) -> datetime | None:
    """What could be read of a date."""
    return read if isinstance(read, datetime) else None


def _is_named(certificate: Certificate, users: Iterable[Connector]) -> bool:
    return any(one.tls_certificate_name == certificate.tls_certificate_name for one in users)


def _names(certificate: Certificate) -> tuple[str, ...]:
    domains = certificate.domains
    return tuple(sorted(map(str, domains))) if isinstance(domains, frozenset) else ()


def _names_of(connectors: Iterable[Connector]) -> tuple[str, ...]:
    return tuple(sorted({f"{one.name}" for one in connectors}))


def _why_held(references: References, *, shares_name: bool) -> str:
    """What refers to a certificate that was replaced, or may; "" where it is free."""
    if references.named_by and references.is_only_named:
        told = "connectors are bound to its issuer and subject"
        return f"{told}, which are its successor's too" if shares_name else told
    holders, unknown = ", ".join(references.holders), "; ".join(references.unknown)
    told = f"referred to by {holders}" if holders else ""
    may = f"what may refer to it is not known: {unknown}" if unknown else ""
    return "; ".join(filter(None, (told, may)))
