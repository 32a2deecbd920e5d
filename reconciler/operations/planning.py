"""``plan``: what apply would do. Holds nothing that can write to Exchange."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from reconciler.cmdlets.domain_controller import PARAMETER as DOMAIN_CONTROLLER
from reconciler.config.desired import Desired
from reconciler.diagnostics import Diagnostic
from reconciler.pki.bought import Bought
from reconciler.plan.change import Plan
from reconciler.plan.planner import plan
from reconciler.plan.settle import settle
from reconciler.plan.situation import Situation, Urgent
from reconciler.plan.tlsa import NOT_LOOKED_UP
from state.address import Address
from state.errors import InvalidAddress
from state.journal import Intent
from state.record import StateRecord
from state.resources import Certificate, ReceiveConnector, Resource, SendConnector, Server
from state.snapshot import LiveState, Snapshot
from state.values import Name

from .answers import with_answers
from .endpoints import watched_certificates
from .identity import check_organization
from .inputs import Declared, Inputs, Surroundings, load_declared
from .records import Remembered, open_store, remember
from .renewals import suggested_windows
from .servers import Servers, require_declared
from .tlsa import published_for

_REPLICATED: Final = timedelta(days=1)
_NOTHING_URGENT: Final[Mapping[Address, Urgent]] = MappingProxyType({})
_NOTHING_BOUGHT: Final[Mapping[Address, Bought]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, and what it was made from.

    Attributes:
        plan: Its diagnostics are those of planning, placed in the YAML.
        diagnostics: The warnings of loading and those of the plan: all there is to tell.
        snapshot: What was planned: all of the YAML, or what ``--target`` names and needs.
        live: As it was read.
        record: As it was before; requests whose answer was lost are settled.
        doubts: What could not be settled; it must not leave the journal.
        situation: All of it together, as the plan was worked out from it.
    """

    plan: Plan
    diagnostics: tuple[Diagnostic, ...]
    desired: Desired
    snapshot: Snapshot
    live: LiveState
    record: StateRecord
    doubts: tuple[Intent, ...]
    situation: Situation


def run_plan(
    inputs: Inputs,
    surroundings: Surroundings,
    *,
    targets: tuple[Address, ...] = (),
    refresh_only: bool = False,
) -> Planned:
    """Load, read, plan.

    Args:
        targets: Plan these addresses and what they need; all when empty.
        refresh_only: Only look for drift.

    Raises:
        OperationFailed: the YAML has an error, or the record cannot be read. An error of planning
            is among the diagnostics.
    """
    declared = load_declared(inputs, surroundings)
    desired = declared.desired
    require_declared(desired, targets)
    store = open_store(desired.organization, inputs, surroundings)
    planned = make_plan(
        declared,
        targeted(desired.snapshot, targets) if targets else desired.snapshot,
        remember(store, desired.organization),
        Servers(desired, surroundings.patient_sessions),
        surroundings,
        targets=targets,
    )
    return replace(planned, plan=replace(planned.plan, changes=())) if refresh_only else planned


def make_plan(
    declared: Declared,
    snapshot: Snapshot,
    remembered: Remembered,
    servers: Servers,
    surroundings: Surroundings,
    *,
    targets: tuple[Address, ...] = (),
    urgent: Mapping[Address, Urgent] = _NOTHING_URGENT,
    bought: Mapping[Address, Bought] = _NOTHING_BOUGHT,
) -> Planned:
    """Read the servers of a snapshot, and plan it."""
    if controller := _doubted_controller(remembered, surroundings.now()):
        servers.keep_to(controller)
    live = servers.refresh(homes(snapshot), surroundings.listener)
    check_organization(declared.desired, live.organization)
    settled = settle(remembered.record, _declared_doubts(remembered, declared.desired), live)
    record = settled.record
    now = surroundings.now()
    answered = with_answers(only(record, snapshot) if targets else record, declared.desired, now)
    situation = Situation(
        snapshot,
        live,
        answered.record,
        now,
        declared.desired.acknowledged,
        watched_certificates(declared.desired),
        declared.desired.maintenance,
        whole=declared.desired.snapshot,
        urgent=urgent,
        bought=bought,
    )
    situation = replace(situation, suggested=suggested_windows(situation, declared.desired, surroundings))
    made = plan(situation)
    if published := published_for(made, declared.desired, surroundings):
        made = plan(replace(situation, published=published))
    told = (*made.diagnostics, *answered.diagnostics)
    made = replace(made, diagnostics=tuple(_placed(_told_once(told), declared.desired)))
    return Planned(
        plan=made,
        diagnostics=(*declared.diagnostics, *made.diagnostics),
        desired=declared.desired,
        snapshot=snapshot,
        live=live,
        record=record,
        doubts=settled.doubts,
        situation=situation,
    )


def _doubted_controller(remembered: Remembered, now: datetime) -> str:
    """The domain controller that knows best what became of what is in doubt; "" where nothing is.

    After a day every other one knows as well, and that one may be gone.
    """
    sent = [
        intent.parameters[DOMAIN_CONTROLLER]
        for intent in remembered.doubts
        if now - intent.at < _REPLICATED and DOMAIN_CONTROLLER in intent.parameters
    ]
    return next((name for name in reversed(sent) if isinstance(name, str)), "")


def _declared_doubts(remembered: Remembered, desired: Desired) -> tuple[Intent, ...]:
    """What is in doubt on servers that are still declared: of others nobody will ever know."""
    return tuple(intent for intent in remembered.doubts if Name(intent.server) in desired.connections)


def targeted(snapshot: Snapshot, targets: Iterable[Address]) -> Snapshot:
    """What is named, the certificates that it is bound to, and the servers that know of it."""
    wanted = set(targets)
    for address in tuple(wanted):
        resource = snapshot.resources[address]
        if isinstance(resource, SendConnector | ReceiveConnector) and isinstance(
            resource.certificates, tuple
        ):
            wanted.update(resource.certificates)
    wanted.update(other for address in tuple(wanted) for other in _sharing(address, snapshot))
    names = {name for address in wanted for name in _home(snapshot.resources[address])}
    wanted.update(Address.of("server", str(name)) for name in names)
    if any(_is_local(snapshot.resources[address]) for address in wanted):
        # Whether that Edge server is subscribed, so that they are not its own, the organization tells.
        wanted.update(address for address, server in snapshot.of(Server) if server.role != "edge")
    return Snapshot({address: found for address, found in snapshot.resources.items() if address in wanted})


def _sharing(address: Address, snapshot: Snapshot) -> tuple[Address, ...]:
    """The certificates of the other servers that have the same key: they bring it, or request it."""
    certificate = snapshot.resources[address]
    if not isinstance(certificate, Certificate) or not isinstance(certificate.shared_by, tuple):
        return ()
    others = (Address.of("certificate", str(name), *address.parts[1:]) for name in certificate.shared_by)
    return tuple(other for other in others if other in snapshot.resources)


def _is_local(resource: Resource) -> bool:
    return isinstance(resource, SendConnector) and resource.local is True


def homes(snapshot: Snapshot) -> tuple[Name, ...]:
    """The servers that a snapshot needs read, in the order they are declared."""
    return tuple(Name(address.parts[0]) for address, _ in snapshot.of(Server))


def _home(resource: object) -> tuple[Name, ...]:
    if isinstance(resource, Certificate | SendConnector | ReceiveConnector) and isinstance(
        resource.home, tuple
    ):
        return resource.home
    return ()


def only(record: StateRecord, snapshot: Snapshot) -> StateRecord:
    """The part of the record that targets are about: the rest is neither compared nor forgotten."""
    return replace(
        record,
        resources={key: value for key, value in record.resources.items() if key in snapshot.resources},
        requests={key: value for key, value in record.requests.items() if key in snapshot.resources},
    )


def _told_once(diagnostics: Iterable[Diagnostic]) -> Iterable[Diagnostic]:
    """What was not asked of DNS is no other fact for each server that shares a key."""
    told: set[str] = set()
    for diagnostic in diagnostics:
        if diagnostic.summary == NOT_LOOKED_UP and diagnostic.detail in told:
            continue
        told.add(diagnostic.detail)
        yield diagnostic


def _placed(diagnostics: Iterable[Diagnostic], desired: Desired) -> Iterable[Diagnostic]:
    """Point at the place in the YAML that declares what a diagnostic is about."""
    for diagnostic in diagnostics:
        try:
            address = (
                Address.parse(diagnostic.subject)
                if "." in diagnostic.subject
                else Address.of("server", diagnostic.subject)
            )
        except InvalidAddress:
            yield diagnostic
        else:
            yield replace(diagnostic, where=desired.where(address))
