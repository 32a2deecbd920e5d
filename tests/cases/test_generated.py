"""import --generate: all that is there is declared, its plan is empty, and every change of it is seen.

Runs on organizations that labs make up, on the project's own exports, and on those in the folder that
EXCHANGE_CORPUS names.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.config.desired import Desired
from reconciler.config.loading import load
from reconciler.operations.applying import run_apply
from reconciler.operations.generating import Generated, run_generate
from reconciler.operations.inputs import Inputs, Surroundings
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

SAMPLES = Path(__file__).parent.parent / "lab" / "samples"
FOLDERS = [SAMPLES, *([Path(os.environ["EXCHANGE_CORPUS"])] if "EXCHANGE_CORPUS" in os.environ else [])]


@dataclass
class Rehearsal:
    """A lab, and the YAML that was generated of it."""

    lab: DirectLab
    path: Path
    generated: Generated

    @property
    def surroundings(self) -> Surroundings:
        return Surroundings(unheard, lambda: self.lab.now, self.lab)

    @property
    def inputs(self) -> Inputs:
        return Inputs(self.path, self.lab.connections(), self.path.parent / "state")

    def plan(self) -> Planned:
        return run_plan(self.inputs, self.surroundings)

    def desired(self) -> Desired:
        loaded = load(self.path, connections=self.lab.connections(), today=self.lab.now.date())
        assert loaded.desired is not None, loaded.diagnostics
        return loaded.desired

    def read(self, desired: Desired, names: Iterable[Name]) -> LiveState:
        return Servers(desired, self.lab).refresh(names, unheard)

    def quick_plan(self, desired: Desired, live: LiveState, record: StateRecord | None = None) -> Plan:
        """A plan of what is loaded and read already."""
        record = record or StateRecord(desired.organization, "")
        return plan(Situation(desired.snapshot, live, record, self.lab.now))


def rehearse(lab: DirectLab, folder: Path) -> Rehearsal:
    generated = run_generate(lab.connections(), Surroundings(unheard, lambda: lab.now, lab))
    path = folder / "generated.yaml"
    path.write_text(generated.text, encoding="utf-8")
    return Rehearsal(lab, path, generated)


@pytest.fixture(params=["contoso", *FOLDERS], ids=["contoso", "samples", "corpus"][: 1 + len(FOLDERS)])
def rehearsal(request: pytest.FixtureRequest, tmp_path: Path) -> Rehearsal:
    if request.param == "contoso":
        lab = direct_lab(tmp_path / "lab", servers=1, edges=2, subscribed=1)
    else:
        lab = lab_of_exports(tmp_path / "lab", request.param)
    return rehearse(lab, tmp_path)


def counted(lab: DirectLab) -> dict[str, int]:
    """What an organization holds, by the lab's own account; without what EdgeSync copied."""
    organization = stored.organization_of(lab)
    subscribed = {one.name for one in organization.servers.values() if organization.is_subscribed(one)}
    senders = {key: len(each.send_connectors) for key, each in organization.partitions.items()}
    smtp = 16
    bound = {
        one["TlsCertificateName"]
        for each in organization.partitions.values()
        for one in each.send_connectors.values()
    }
    return {
        "send_connector": sum(number for key, number in senders.items() if key not in subscribed),
        "receive_connector": sum(len(one.receive_connectors) for one in organization.servers.values()),
        "certificate": sum(
            not one.is_pending
            and bool(one.services & smtp or f"<I>{one.name.issuer}<S>{one.name.subject}" in bound)
            for server in organization.servers.values()
            if not server.home.is_edge  # there, what a certificate is for cannot be read [5-1]
            for one in server.certificates
            if one.export is None or one.export_facts is not None
        ),
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
