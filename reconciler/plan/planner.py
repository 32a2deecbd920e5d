"""The planner: pure, and the only place that decides what happens to an address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from reconciler.diagnostics import Diagnostic
from state.address import Address
from state.resources import Certificate, ReceiveConnector, SendConnector
from state.values import Deferred, Name, TlsCertificateName

from . import problems
from .certificates import CertificatePlan, plan_certificate
from .change import Change, Drift, Plan
from .receive_connectors import plan_receive_connector
from .send_connectors import ConnectorPlan, plan_send_connector
from .situation import Situation
from .uncollected import uncollected
from .undeclared import plan_undeclared

_ROLE_ORDER = {"tls_required": 0, "opportunistic": 1, "tls_never": 2, "other": 3}
"""Protection first: after every step, mail to a trusted partner is protected as well as before or better."""


def plan(situation: Situation) -> Plan:
    """Work out the changes that turn live into desired.

    Returns:
        Changes in dependency order: certificates, what is bound to them, what is no longer
        declared; for addresses that are desired or recorded only. What cannot be planned has no
        change and an error among the diagnostics.
    """
    with uncollected():
        return _plan(situation)


def _plan(situation: Situation) -> Plan:
    worked = _Worked()
    for name, server in situation.live.servers.items():
        if server.unreachable:
            worked.diagnostics.append(problems.server_unreadable(str(name), server.unreachable))
    certificates: dict[Address, CertificatePlan] = {}
    for address, asked in situation.desired.of(Certificate):
        if not _is_lost(asked.home, situation):
            certificates[address] = planned = plan_certificate(address, asked, situation)
            worked.add(address, planned)
    own = _accepted_domains(situation)
    for address, connector in sorted(
        situation.desired.of(SendConnector), key=lambda item: _ROLE_ORDER.get(str(item[1].role), 3)
    ):
        if not _is_lost(connector.home, situation):
            worked.add(address, _bound_send_connector(address, connector, certificates, situation))
            worked.diagnostics.extend(_own_domains(address, connector, own))
    for address, listener in situation.desired.of(ReceiveConnector):
        if not _is_lost(listener.home, situation):
            worked.add(address, _bound_receive_connector(address, listener, certificates, situation))
    for undeclared in plan_undeclared(situation):
        worked.add(undeclared.address, ConnectorPlan(undeclared.change, undeclared.diagnostics))
    return Plan(
        organization=situation.record.organization,
        changes=tuple(worked.changes),
        drift=tuple(worked.drift),
        diagnostics=tuple(worked.diagnostics),
        certificate_names={
            address: planned.name
            for address, planned in certificates.items()
            if isinstance(planned.name, TlsCertificateName)
        },
    )


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


def _is_lost(home: object, situation: Situation) -> bool:
    """True when a server it needs could not be read at all: that is said once, for the server."""
    names = home if isinstance(home, tuple) else ()
    return any(situation.server(name).unreachable for name in names if isinstance(name, Name))


@dataclass(frozen=True, slots=True)
class _Binding:
    name: TlsCertificateName | Deferred | None
    requires: frozenset[Address]
    problem: Diagnostic | None = None


def _binding(
    address: Address,
    connector: SendConnector | ReceiveConnector,
    certificates: Mapping[Address, CertificatePlan],
) -> _Binding:
    """What a connector's certificates come to: one name for all source servers [3-15]."""
    wanted = connector.certificates if isinstance(connector.certificates, tuple) else ()
    requires: set[Address] = set()
    names: dict[TlsCertificateName | Deferred, None] = {}
    for certificate in wanted:
        planned = certificates.get(certificate)
        if planned is None or planned.name is None:
            return _Binding(None, frozenset(), problems.certificate_blocked(address, certificate))
        names[planned.name] = None
        if planned.change is not None and planned.change.action.is_mutating:
            requires.add(certificate)
    known = [name for name in names if isinstance(name, TlsCertificateName)]
    if len(known) > 1:
        return _Binding(None, frozenset(), problems.names_differ(address, [str(name) for name in known]))
    deferred = [name for name in names if isinstance(name, Deferred)]
    return _Binding((deferred or known)[0], frozenset(requires))


def _bound_send_connector(
    address: Address,
    connector: SendConnector,
    certificates: Mapping[Address, CertificatePlan],
    situation: Situation,
) -> ConnectorPlan:
    if not isinstance(connector.certificates, tuple):
        return plan_send_connector(address, connector, situation)
    binding = _binding(address, connector, certificates)
    if binding.problem:
        return ConnectorPlan(None, (binding.problem,))
    planned = plan_send_connector(address, connector.with_(tls_certificate_name=binding.name), situation)
    return _after(planned, binding.requires)


def _bound_receive_connector(
    address: Address,
    connector: ReceiveConnector,
    certificates: Mapping[Address, CertificatePlan],
    situation: Situation,
) -> ConnectorPlan:
    if not isinstance(connector.certificates, tuple):
        return plan_receive_connector(address, connector, situation)
    binding = _binding(address, connector, certificates)
    if binding.problem:
        return ConnectorPlan(None, (binding.problem,))
    planned = plan_receive_connector(address, connector.with_(tls_certificate_name=binding.name), situation)
    return _after(planned, binding.requires)


def _after(planned: ConnectorPlan, requires: frozenset[Address]) -> ConnectorPlan:
    """The same change, made to wait for its certificates."""
    if not requires or planned.change is None or not planned.change.action.is_mutating:
        return planned
    return replace(planned, change=replace(planned.change, requires=requires))


def _accepted_domains(situation: Situation) -> frozenset[str]:
    """What this organization receives mail for, whichever server told it."""
    return frozenset(
        domain.domain
        for server in situation.live.servers.values()
        for domain in server.accepted_domains.objects
        if isinstance(domain.domain, str)
    )


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
