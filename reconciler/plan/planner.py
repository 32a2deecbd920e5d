"""The planner: pure, and the only place that decides what happens to an address."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from reconciler.diagnostics import Diagnostic
from state.address import Address
from state.resources import Certificate, ReceiveConnector, SendConnector
from state.snapshot import LiveServer, LiveState
from state.values import UNKNOWN, Name, Thumbprint, TlsCertificateName

from . import binding_problems, problems, revocation_problems, unread_problems
from .binding import C, bind, differing
from .builds import refused, unknown_build
from .bystanders import Presenters
from .case import CertificatePlan
from .certificates import plan_certificate
from .change import Change, Drift, Plan, Upcoming
from .default_smtp import enables_smtp, judged, unfit_names
from .discarding import discarded_requests
from .foreign_names import foreign_names
from .held_back import held_back_binding, held_back_certificate, still_bound
from .listeners import arranged
from .lost import lost_certificates
from .observed import plan_bound, plan_observed
from .other_sources import REASON, kept_for_others
from .pinning import pinned
from .protection import after_gains, rank
from .receive_connectors import plan_receive_connector
from .retirement import plan_retirements
from .revocation import revocations
from .send_connectors import ConnectorPlan, plan_send_connector
from .situation import Situation, home_of
from .step_back import with_step_backs
from .subscriptions import synchronizations, with_subscriptions
from .together import left_behind, works_meanwhile
from .uncollected import uncollected
from .undeclared import plan_undeclared
from .waiting import after_certificates
from .weak_requests import weak_requests

_ROLE_ORDER = {"tls_required": 0, "opportunistic": 1, "tls_never": 2, "other": 3}
"""Protection first."""
_SOON: Final = timedelta(days=30)
"""What is to be renewed within it is told."""


def plan(situation: Situation) -> Plan:
    """Work out the changes that turn live into desired.

    Returns:
        Changes in dependency order: certificates, what is bound to them, what is no longer declared,
        Edge servers that take it over; for addresses that are desired or recorded only. What cannot
        be planned has no change and an error among the diagnostics.
    """
    with uncollected():
        return _plan(situation)


def _plan(declared: Situation) -> Plan:
    subscriptions = with_subscriptions(declared)
    situation = subscriptions.situation
    worked = _Worked(diagnostics=[*lost_certificates(situation), *_ways(situation.live)])
    worked.diagnostics.extend(subscriptions.diagnostics)
    for name, server in situation.live.servers.items():
        if server.unreachable:
            worked.diagnostics.append(problems.server_unreadable(str(name), server.unreachable))
        else:
            worked.diagnostics.extend(_not_itself(name, server, situation))
    certificates = _certificates(situation, worked)
    worked.diagnostics.extend(_undescribed(situation))
    own = _accepted_domains(situation)
    worked.diagnostics.extend(_domains_unread(situation))
    worked.diagnostics.extend(foreign_names(situation, own))
    worked.diagnostics.extend(weak_requests(situation))
    connectors = [
        (address, connector, _connector(address, connector, plan_send_connector, certificates, situation))
        for address, connector in situation.desired.of(SendConnector)
        if not _is_lost(connector.home, situation)
    ]
    for address, connector, planned_one in sorted(connectors, key=_order):
        worked.add(address, planned_one)
        worked.diagnostics.extend(_own_domains(address, connector, own))
    listeners = [
        (address, listener, _connector(address, listener, plan_receive_connector, certificates, situation))
        for address, listener in situation.desired.of(ReceiveConnector)
        if not _is_lost(listener.home, situation)
    ]
    for address, planned_one in arranged(listeners, tuple(plan_undeclared(situation)), situation):
        worked.add(address, planned_one)
    for found in plan_retirements(certificates, tuple(worked.changes), situation):
        if isinstance(found, Change):
            worked.changes.append(found)
        else:
            worked.diagnostics.append(found)
    worked.changes += discarded_requests(certificates, situation)
    worked.diagnostics += [
        revocation_problems.waits(one.replaced_at[0], one.predecessor, one.waits)
        for one in revocations(situation)
        if one.predecessor.not_after > situation.now
    ]
    worked.changes += synchronizations(worked.changes, subscriptions)
    stepping = with_step_backs(worked.changes, situation)
    worked.diagnostics += stepping.diagnostics
    return Plan(
        organization=situation.record.organization,
        changes=after_gains([pinned(change, situation) for change in stepping.changes], situation),
        drift=tuple(worked.drift),
        diagnostics=tuple(worked.diagnostics),
        certificate_names={
            address: planned.name
            for address, planned in certificates.items()
            if isinstance(planned.name, TlsCertificateName) and not planned.held_back
        },
        builds={str(name): build for name in situation.live.servers if (build := situation.build(name))},
        upcoming=_upcoming(certificates.values(), situation.now),
    )


def _upcoming(certificates: Iterable[CertificatePlan], now: datetime) -> tuple[Upcoming, ...]:
    """The renewals of the next days; where there is none, those of the next day that has one."""
    known = sorted(
        (planned.upcoming for planned in certificates if planned.upcoming is not None),
        key=lambda one: (one.renewal, one.address),
    )
    return tuple(one for one in known if one.renewal.date() <= max(now + _SOON, known[0].renewal).date())


@dataclass(slots=True)
class _Worked:
    """What was worked out so far."""

    changes: list[Change] = field(default_factory=list)
    drift: list[Drift] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def add(self, address: Address, planned: CertificatePlan | ConnectorPlan) -> None:
        if planned.change is not None:
            self.changes.append(planned.change)
        self.diagnostics.extend(planned.diagnostics)
        if planned.drift:
            self.drift.append(Drift(address=address, attributes=planned.drift))
        if planned.observed:
            self.drift.append(Drift(address=address, attributes=planned.observed, is_observed=True))


def _ways(live: LiveState) -> list[Diagnostic]:
    """What was not read the way it is declared to be."""
    told = [
        problems.read_through_another(str(name), str(server.through), server.own_endpoint)
        for name, server in live.servers.items()
        if server.through is not None and server.own_endpoint is not None
    ]
    if live.organization.unpinned is not None:
        told.append(problems.domain_controller_not_named(live.organization))
    return told


def _certificates(situation: Situation, worked: _Worked) -> Mapping[Address, CertificatePlan]:
    """The plan of each declared certificate, and what enabling it would meet on its server."""
    declared = [
        (address, asked)
        for address, asked in situation.desired.of(Certificate)
        if not _is_lost(asked.home, situation)
    ]
    certificates = {address: plan_certificate(address, asked, situation) for address, asked in declared}
    behind = left_behind(certificates, situation)
    enabling: dict[Name, None] = {}
    presenters = Presenters(situation)
    for address, asked in declared:
        server, planned = home_of(asked), certificates[address]
        if address in behind:
            planned = plan_certificate(address, asked, situation, behind=behind[address])
        if planned.change is not None and (unknown := refused(planned.change, situation)):
            planned = CertificatePlan(None, None, unknown)
        planned = held_back_certificate(address, planned, asked, situation)
        planned, told = presenters.of(address, judged(address, planned, server, situation))
        certificates[address] = planned
        worked.add(address, planned)
        worked.diagnostics.extend(told)
        if enables_smtp(planned):
            enabling.setdefault(server)
    for server in enabling:
        worked.diagnostics.extend(unfit_names(server, situation))
    return certificates


def _not_itself(name: Name, server: LiveServer, situation: Situation) -> list[Diagnostic]:
    """A server that is not the declared one: its name or its role is another."""
    if unreadable := server.server.unreadable:
        return [problems.itself_unreadable(str(name), unreadable)]
    known = server.server.objects
    if any(one.name is UNKNOWN for one in known):
        why = next((one.reason for one in server.unread if one.attribute == "name"), "no name was sent")
        return [unread_problems.name_unread(str(name), why)]
    itself = next((one for one in known if one.name == name), None)
    if itself is None:
        found = sorted(str(one.name) for one in known)
        return [problems.another_server(str(name), found)] if found else []
    if isinstance(itself.is_edge, bool) and itself.is_edge != situation.is_edge(name):
        return [problems.another_role(str(name), is_edge=itself.is_edge)]
    return list(unknown_build(name, situation))


def _is_lost(home: object, situation: Situation) -> bool:
    """True when a server it needs could not be read at all: that is said once, for the server."""
    names = home if isinstance(home, tuple) else ()
    return any(situation.server(name).unreachable for name in names if isinstance(name, Name))


def _connector(
    address: Address,
    connector: C,
    plan_one: Callable[[Address, C, Situation], ConnectorPlan],
    certificates: Mapping[Address, CertificatePlan],
    situation: Situation,
) -> ConnectorPlan:
    """Bind a connector to its certificates, and plan it as far as its mode goes."""
    is_bound = isinstance(connector.certificates, tuple) and bool(connector.certificates)
    if connector.mode == "observe" or (connector.mode == "certificates" and not is_bound):
        return plan_observed(address, connector, certificates, situation)

    def made(connector: C) -> ConnectorPlan:
        if connector.mode == "certificates":
            return _taken(plan_bound(address, connector, plan_one, situation), situation)
        return _taken(plan_one(address, connector, situation), situation)

    bound = bind(address, connector, certificates)
    if isinstance(bound, Diagnostic):
        meanwhile = works_meanwhile(address, connector, situation)
        if meanwhile is None or not (names := differing(connector, certificates)):
            return ConnectorPlan(None, (bound,))
        told = binding_problems.name_not_everywhere(address, str(meanwhile), list(map(str, names)))
        reason = "waits until all its servers have a certificate of the same name"
        staying: ConnectorPlan = still_bound(made(connector.with_(tls_certificate_name=meanwhile)), reason)
        return replace(staying, diagnostics=(*staying.diagnostics, told))
    if (kept := kept_for_others(address, bound.connector, situation)) is not None:
        waiting: ConnectorPlan = still_bound(made(kept[0]), REASON)
        return replace(waiting, diagnostics=(*waiting.diagnostics, kept[1]))
    taken = made(bound.connector)
    if taken.change is None:
        return taken
    if (held_back := held_back_binding(taken, connector, certificates, situation)) is not None:
        name, reason = held_back
        return still_bound(made(bound.connector.with_(tls_certificate_name=name)), reason)
    return replace(taken, change=after_certificates(taken.change, bound.requires, certificates))


def _taken(planned: ConnectorPlan, situation: Situation) -> ConnectorPlan:
    """The same change, if its servers know everything in it."""
    unknown = refused(planned.change, situation) if planned.change is not None else ()
    if not unknown:
        return planned
    return replace(planned, change=None, diagnostics=(*planned.diagnostics, *unknown))


def _order(item: tuple[Address, SendConnector, ConnectorPlan]) -> tuple[int, int]:
    """A partner that moves to another connector is there before it leaves the old one; protection first."""
    _, connector, planned = item
    return rank(planned.change), _ROLE_ORDER.get(str(connector.role), 3)


def _accepted_domains(situation: Situation) -> frozenset[str]:
    """What this organization receives mail for, whichever server told it."""
    listings = (server.accepted_domains for server in situation.live.servers.values())
    distinct = {id(listing): listing for listing in listings}
    return frozenset(
        domain.domain
        for listing in distinct.values()
        for domain in listing.objects
        if isinstance(domain.domain, str)
    )


def _undescribed(situation: Situation) -> Iterator[Diagnostic]:
    """Mailbox servers whose declared certificates cannot be judged, and why [6.1-1]."""
    homes = {home_of(asked) for _, asked in situation.desired.of(Certificate)}
    for name in situation.live.servers:
        server = situation.server(name)
        if name not in homes or situation.is_edge(name):
            continue
        live = server.certificates.objects
        if not live or any(certificate.is_described for certificate in live):
            continue
        told = unread_problems.NO_SERIALIZATION_DATA
        if isinstance(server.auth_certificate, Thumbprint):
            signs = next((one for one in live if one.thumbprint == server.auth_certificate), None)
            ended = signs.not_after if signs is not None and isinstance(signs.not_after, datetime) else None
            if signs is None or (ended is not None and ended <= situation.now):
                told = unread_problems.auth_certificate(str(server.auth_certificate), ended)
        yield unread_problems.certificates_undescribed(str(name), *told)


def _domains_unread(situation: Situation) -> Iterator[Diagnostic]:
    """Lists of accepted domains that could not be read, where partners are declared."""
    told: set[int] = set()
    for _, connector in situation.desired.of(SendConnector):
        if connector.role not in ("tls_required", "tls_never") or _is_lost(connector.home, situation):
            continue
        name = home_of(connector)
        listing = situation.server(name).accepted_domains
        if listing.unreadable and id(listing) not in told:
            told.add(id(listing))
            yield unread_problems.domains_unread(str(name), listing.unreadable)


def _own_domains(address: Address, connector: SendConnector, own: frozenset[str]) -> list[Diagnostic]:
    """Partners that are accepted domains of this organization."""
    if connector.role not in ("tls_required", "tls_never") or not isinstance(
        connector.address_spaces, frozenset
    ):
        return []
    return [
        problems.own_domain(address, space.address)
        for space in sorted(connector.address_spaces)
        if space.type == "SMTP" and space.address in own
    ]
