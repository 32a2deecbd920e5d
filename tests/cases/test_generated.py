"""import --generate: all that is there is declared, its plan is empty, and every change of it is seen.

Runs on organizations that labs make up, on the project's own exports, and on those in the folder that
EXCHANGE_CORPUS names.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from reconciler.config.desired import Desired
from reconciler.config.loading import load
from reconciler.diagnostics import Severity
from reconciler.exchange.session import Sessions
from reconciler.lab import process
from reconciler.lab.emulator import ThreadedLab
from reconciler.lab.exchange.enums import SMTP
from reconciler.lab.exchange.organization import Server
from reconciler.operations.applying import run_apply
from reconciler.operations.generating import Generated, run_generate
from reconciler.operations.inputs import Inputs, SessionOpener, Surroundings
from reconciler.operations.planning import Planned, run_plan
from reconciler.operations.servers import Servers
from reconciler.plan.change import Action, Plan
from reconciler.plan.planner import plan
from reconciler.plan.situation import Situation
from state.address import Address
from state.record import StateRecord
from state.resources import Kind, ReceiveConnector, SendConnector
from state.resources.attribute import Attribute
from state.snapshot import LiveState
from state.values import UNSET, Name
from tests import stored
from tests.contoso import unheard
from tests.direct import DirectLab, direct_lab, lab_of_exports
from tests.drawn import Drawn, filled, organizations

SAMPLES = Path(__file__).parent.parent / "lab" / "samples"
FOLDERS = [SAMPLES, *([Path(os.environ["EXCHANGE_CORPUS"])] if "EXCHANGE_CORPUS" in os.environ else [])]


@dataclass
class Rehearsal:
    """A lab, how it is reached, and the YAML that was generated of it."""

    lab: DirectLab
    connections: Path
    sessions: SessionOpener
    path: Path
    generated: Generated

    @property
    def surroundings(self) -> Surroundings:
        return Surroundings(unheard, lambda: self.lab.now, self.sessions)

    @property
    def inputs(self) -> Inputs:
        return Inputs(self.path, self.connections, self.path.parent / "state")

    def plan(self) -> Planned:
        return run_plan(self.inputs, self.surroundings)

    def desired(self) -> Desired:
        loaded = load(self.path, connections=self.connections, today=self.lab.now.date())
        assert loaded.desired is not None, loaded.diagnostics
        return loaded.desired

    def read(self, desired: Desired, names: Iterable[Name]) -> LiveState:
        return Servers(desired, self.sessions).refresh(names, unheard)

    def quick_plan(self, desired: Desired, live: LiveState, record: StateRecord | None = None) -> Plan:
        """A plan of what is loaded and read already."""
        record = record or StateRecord(desired.organization, "")
        return plan(Situation(desired.snapshot, live, record, self.lab.now))


def rehearse(
    lab: DirectLab, folder: Path, connections: Path | None = None, sessions: SessionOpener | None = None
) -> Rehearsal:
    """Generate the YAML of a lab: without a wire, unless it is said how else it is reached."""
    connections, sessions = connections or lab.connections(), sessions or lab
    generated = run_generate(connections, Surroundings(unheard, lambda: lab.now, sessions))
    path = folder / "generated.yaml"
    path.write_text(generated.text, encoding="utf-8")
    return Rehearsal(lab, connections, sessions, path, generated)


@pytest.fixture(params=["contoso", *FOLDERS], ids=["contoso", "samples", "corpus"][: 1 + len(FOLDERS)])
def rehearsal(request: pytest.FixtureRequest, tmp_path: Path) -> Rehearsal:
    if request.param == "contoso":
        lab = direct_lab(tmp_path / "lab", servers=1, edges=1, subscribed=1)
    else:
        lab = lab_of_exports(tmp_path / "lab", request.param)
    return rehearse(lab, tmp_path)


def counted(lab: DirectLab) -> dict[str, int]:
    """What an organization holds, by the lab's own account; without what EdgeSync copied."""
    organization = stored.organization_of(lab)
    subscribed = {one.name for one in organization.servers.values() if organization.is_subscribed(one)}
    senders = {key: len(each.send_connectors) for key, each in organization.partitions.items()}
    return {
        "send_connector": sum(number for key, number in senders.items() if key not in subscribed),
        "receive_connector": sum(len(one.receive_connectors) for one in organization.servers.values()),
        "certificate": sum(len(smtp_certificates(lab, server)) for server in organization.servers.values()),
    }


def smtp_certificates(lab: DirectLab, server: Server) -> set[str]:
    """Thumbprints of those that are bound or enabled for SMTP, as far as that can be read."""
    organization = stored.organization_of(lab)
    partitions = [server.partition]
    if organization.is_subscribed(server):
        partitions = [organization.partitions["ad"]]
    senders = [one for each in partitions for one in each.send_connectors.values()]
    is_local = server.home.is_edge and not organization.is_subscribed(server)
    bound = {
        one["TlsCertificateName"]
        for one in [
            *(one for one in senders if is_local or server.name in one.texts("SourceTransportServers")),
            *server.receive_connectors.values(),
        ]
    }
    is_blind = server.home.is_edge  # there, what a certificate is for cannot be read [5-1]
    return {
        one.thumbprint
        for one in server.certificates
        if not one.is_pending
        and (
            f"<I>{one.name.issuer}<S>{one.name.subject}" in bound
            or (one.services & SMTP and not is_blind and (one.export is None or one.export_facts is not None))
            or (is_blind and not one.is_self_signed)  # perhaps for SMTP: unknown is not absent
        )
    }


class TestTheFirstPlan:
    def test_is_empty_and_counts_each_object(self, rehearsal: Rehearsal) -> None:
        planned = rehearsal.plan()
        assert planned.plan.is_empty
        assert {change.action for change in planned.plan.changes} <= {Action.ADOPT, Action.NONE}
        found = [change.address.type for change in planned.plan.changes]
        assert {kind: found.count(kind) for kind in counted(rehearsal.lab)} == counted(rehearsal.lab)

    def test_is_empty_after_it_was_applied(self, rehearsal: Rehearsal) -> None:
        """Adopting sends nothing, and leaves nothing to adopt."""
        run_apply(rehearsal.inputs, rehearsal.surroundings, lambda planned: True)
        assert rehearsal.lab.sent == []
        planned = rehearsal.plan()
        assert {change.action for change in planned.plan.changes} == {Action.NONE}
        assert not planned.plan.drift


@dataclass
class Declared:
    """A declared connector: where the lab keeps it, and which server has to be read for it."""

    address: Address
    resource: SendConnector | ReceiveConnector
    place: stored.Place
    server: Name


def connectors(rehearsal: Rehearsal, desired: Desired) -> Iterator[Declared]:
    organization = stored.organization_of(rehearsal.lab)
    mailbox = next(name for name in desired.servers if not desired.is_edge(name))
    for address, sender in desired.snapshot.of(SendConnector):
        assert isinstance(sender.home, tuple)
        home = sender.home[0]
        edge = organization.server(str(home)) if sender.local is True else None
        is_local = edge is not None and not organization.is_subscribed(edge)
        place = stored.send_connector(rehearsal.lab, str(sender.name), str(home) if is_local else "")
        yield Declared(address, sender, place, home if is_local or edge is None else mailbox)
    for address, receiver in desired.snapshot.of(ReceiveConnector):
        server = address.parts[0]
        place = stored.receive_connector(rehearsal.lab, server, str(receiver.name))
        yield Declared(address, receiver, place, Name(server))


def seen(made: Plan) -> dict[str, set[str]]:
    """The attributes that a plan tells of, by address."""
    found = {
        str(change.address): set(change.attributes) for change in made.changes if change.action.is_mutating
    }
    for drift in made.drift:
        found.setdefault(str(drift.address), set()).update(drift.attributes)
    return found


def walked(one: Declared) -> Iterator[Attribute]:
    """The attributes of a connector that Exchange shows and takes: all of them are declared."""
    for attribute in type(one.resource).attributes().values():
        if attribute.kind is not Kind.WRITABLE or attribute.write_only or attribute.name == "name":
            continue
        declared = getattr(one.resource, attribute.name)
        if attribute.exchange not in one.place.properties:
            assert declared is UNSET, (one.address, attribute.name)
        elif declared is UNSET:
            assert attribute.name in NOT_TAKEN_EVERYWHERE, (one.address, attribute.name)
        else:
            yield attribute


NOT_TAKEN_EVERYWHERE = frozenset({"source_ip_address", "source_transport_servers", "transport_role"})
"""Shown by servers that do not take them [1-4], [4-10]."""


class TestEachAttribute:
    @pytest.mark.slow  # some 30 of each connector, and a plan for each
    def test_that_is_changed_is_seen_and_no_other(self, rehearsal: Rehearsal) -> None:
        desired = rehearsal.desired()
        live = rehearsal.read(desired, desired.servers)
        number = 0
        for one in connectors(rehearsal, desired):
            for attribute in walked(one):
                made = self.plan_with_another(rehearsal, desired, live, one, attribute)
                assert seen(made) == {str(one.address): {attribute.name}}
                number += 1
        assert number > 60
        assert not seen(rehearsal.quick_plan(desired, live))

    def test_that_is_changed_after_an_apply_is_drift(self, rehearsal: Rehearsal) -> None:
        """One connector of each kind; what Exchange wants on the same command line comes with it."""
        run_apply(rehearsal.inputs, rehearsal.surroundings, lambda planned: True)
        record = rehearsal.plan().record
        desired = rehearsal.desired()
        live = rehearsal.read(desired, desired.servers)
        first = {one.address.type: one for one in connectors(rehearsal, desired)}
        for one in first.values():
            for attribute in walked(one):
                made = self.plan_with_another(rehearsal, desired, live, one, attribute, record)
                assert [drift.address for drift in made.drift] == [one.address]
                assert set(made.drift[0].attributes) == {attribute.name}
                assert attribute.name in seen(made)[str(one.address)]

    @staticmethod
    def plan_with_another(
        rehearsal: Rehearsal,
        desired: Desired,
        live: LiveState,
        one: Declared,
        attribute: Attribute,
        record: StateRecord | None = None,
    ) -> Plan:
        with one.place.changed(**{attribute.exchange: stored.another(one.place, attribute.exchange)}):
            read = rehearsal.read(desired, [one.server])
        organization = live.organization if desired.is_edge(one.server) else read.organization
        return rehearsal.quick_plan(
            desired, LiveState({**live.servers, **read.servers}, organization), record
        )


CASES = int(os.environ.get("SOAK_CASES", "100"))
"""More of them with ``make soak``."""


@pytest.mark.slow  # a hundred organizations, each read and planned three times
@given(organizations())
@settings(max_examples=CASES, suppress_health_check=list(HealthCheck))
def test_any_organization_plans_empty_and_every_change_of_it_is_seen(made: Drawn) -> None:
    """Through real CLIXML bytes: what was generated loads, plans empty, counts all, and misses nothing."""
    with tempfile.TemporaryDirectory() as folder:
        holds(made, rehearse(filled(made), Path(folder)))


@pytest.mark.slow  # ten organizations, each with listeners of its own
@given(organizations())
@settings(
    max_examples=max(10, CASES // 100), suppress_health_check=list(HealthCheck), phases=[Phase.generate]
)
def test_so_it_does_over_http(made: Drawn) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lab, wire = filled(made), Path(folder) / "wire"
        process.make_private_directory(wire)
        with ThreadedLab(lab.exchange, wire):
            holds(made, rehearse(lab, Path(folder), wire / "connections.yaml", Sessions()))


def holds(made: Drawn, rehearsal: Rehearsal) -> None:
    """What was generated plans empty, and what is changed then is seen."""
    desired = rehearsal.desired()
    live = rehearsal.read(desired, desired.servers)
    first = rehearsal.quick_plan(desired, live)
    assert first.is_empty
    assert not seen(first)
    assert [one for one in first.diagnostics if one.severity is Severity.ERROR] == []
    found = [change.address.type for change in first.changes]
    assert {kind: found.count(kind) for kind in counted(rehearsal.lab)} == counted(rehearsal.lab)
    places = [(one, attribute) for one in connectors(rehearsal, desired) for attribute in walked(one)]
    if places:
        one, attribute = places[made.which % len(places)]
        changed = TestEachAttribute.plan_with_another(rehearsal, desired, live, one, attribute)
        assert seen(changed) == {str(one.address): {attribute.name}}
