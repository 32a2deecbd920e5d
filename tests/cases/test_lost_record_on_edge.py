"""The record is lost, and an Edge server tells nothing of its certificates but what is in them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.diagnostics import Diagnostic
from reconciler.operations.applying import run_apply
from reconciler.operations.failed import OperationFailed
from reconciler.operations.importing import run_import
from reconciler.operations.inputs import Inputs, Surroundings
from reconciler.operations.planning import run_plan
from reconciler.plan.change import Plan
from state.address import Address
from state.stores.memory import MemoryStore
from state.values import Name, Thumbprint
from tests.contoso import unheard
from tests.direct import DirectLab, direct_lab

PUBLIC = Address.parse("certificate.EDGE1.public")
BANNER = Address.parse('receive_connector.EDGE1."Default internal receive connector EDGE1"')
DECLARED = """
version: 1
organization: contoso
issuers: {house: {type: local, certificate: ca.pem, key: ca.key}}
maintenance: {time_zone: UTC, windows: [{days: [sat], from: "22:00", to: "04:00"}]}
servers:
  EDGE1:
    role: edge
    certificates:
      public: {subject: CN=mail.contoso.com, domains: [mail.contoso.com], issuer: house}
    receive_connectors:
      "Default internal receive connector EDGE1": {certificate: public}
"""
WEDNESDAY = datetime(2026, 12, 2, 12, tzinfo=UTC)
SATURDAY = datetime(2026, 12, 5, 23, tzinfo=UTC)


class Edge:
    def __init__(self, folder: Path) -> None:
        self.lab: DirectLab = direct_lab(folder / "lab", servers=0, edges=1)
        path = folder / "tls.yaml"
        path.write_text(DECLARED, encoding="utf-8")
        self.inputs = Inputs(path, self.lab.connections())
        self.store = MemoryStore()

    @property
    def surroundings(self) -> Surroundings:
        store = self.store
        return Surroundings(
            unheard, now=lambda: self.lab.now, sessions=self.lab, store=lambda folder, name: store
        )

    def plan(self) -> Plan:
        return run_plan(self.inputs, self.surroundings).plan

    def apply(self) -> list[str]:
        before = len(self.lab.sent)
        run_apply(self.inputs, self.surroundings, lambda planned: True)
        return [cmdlet for _, cmdlet, _ in self.lab.sent[before:]]

    def lose_record(self) -> None:
        self.store = MemoryStore()

    def thumbprints(self) -> list[Thumbprint]:
        """What covers the names, the oldest first."""
        listed: list[Any] = [
            *run_plan(self.inputs, self.surroundings).live.servers[Name("EDGE1")].certificates.objects
        ]
        found = [one for one in listed if any(str(name) == "mail.contoso.com" for name in one.domains)]
        return [one.thumbprint for one in sorted(found, key=lambda one: one.not_before)]


@pytest.fixture
def edge(tmp_path: Path) -> Edge:
    edge = Edge(tmp_path)
    edge.lab.now = WEDNESDAY
    edge.apply()
    return edge


@pytest.fixture
def renewed(edge: Edge) -> Edge:
    """Two certificates for the names, and nobody knows which is which."""
    edge.lab.now = SATURDAY + timedelta(days=63)
    assert "New-ExchangeCertificate" in edge.apply()
    edge.lose_record()
    edge.lab.now = WEDNESDAY + timedelta(days=70)
    return edge


def why_not_imported(
    edge: Edge, thumbprint: Thumbprint | None = None, address: Address = PUBLIC
) -> Diagnostic:
    with pytest.raises(OperationFailed) as failed:
        run_import(edge.inputs, address, edge.surroundings, thumbprint)
    [told] = failed.value.diagnostics
    return told


def not_judged(plan: Plan) -> Diagnostic:
    return next(one for one in plan.diagnostics if one.summary == "Certificate not judged")


class TestOfSeveral:
    def test_the_plan_tells_each_with_its_end_and_how_to_say_which(self, renewed: Edge) -> None:
        told = not_judged(renewed.plan())
        assert told.detail.startswith("EDGE1 holds 2 certificates for these domains")
        for thumbprint in renewed.thumbprints():
            assert f"{thumbprint} (ends 20" in told.detail
        assert told.hint.endswith("import PATH 'certificate.EDGE1.public' --thumbprint THUMBPRINT")

    def test_an_import_asks_which(self, renewed: Edge) -> None:
        told = why_not_imported(renewed)
        assert told.summary == "Several to import"
        for thumbprint in renewed.thumbprints():
            assert f"{thumbprint} (ends 20" in told.detail
        assert "--thumbprint" in told.hint

    def test_the_one_that_is_said_is_the_declared_one(self, renewed: Edge) -> None:
        newest = renewed.thumbprints()[-1]
        assert run_import(renewed.inputs, PUBLIC, renewed.surroundings, newest).name == str(newest)
        plan = renewed.plan()
        assert "New-ExchangeCertificate" not in [
            one.cmdlet for each in plan.changes for one in each.invocations
        ]
        assert "Certificate not judged" not in [one.summary for one in plan.diagnostics]

    def test_one_that_is_not_there_is_told(self, renewed: Edge) -> None:
        told = why_not_imported(renewed, Thumbprint("F" * 40))
        assert (told.summary, "F" * 40 in told.detail) == ("Nothing to import", True)

    def test_a_connector_is_not_meant_by_a_thumbprint(self, renewed: Edge) -> None:
        assert why_not_imported(renewed, Thumbprint("F" * 40), BANNER).summary == "Not importable"


def test_of_one_the_import_needs_no_thumbprint(edge: Edge) -> None:
    edge.lose_record()
    told = not_judged(edge.plan())
    assert told.hint.endswith("import PATH 'certificate.EDGE1.public'")
    assert run_import(edge.inputs, PUBLIC, edge.surroundings).name == str(edge.thumbprints()[0])


class TestANewOneBesideThoseThatMayBeInUse:
    def test_is_put_to_use_in_a_window(self, edge: Edge) -> None:
        """Enabled at once, it would be presented in their place in the middle of the week."""
        edge.lose_record()
        edge.lab.now += timedelta(days=7)
        assert edge.apply() == ["New-ExchangeCertificate", "Import-ExchangeCertificate"]
        assert edge.apply() == []
        edge.lab.now = SATURDAY + timedelta(days=7)
        assert "Enable-ExchangeCertificate" in edge.apply()

    def test_is_not_held_back_where_there_is_none(self, tmp_path: Path) -> None:
        edge = Edge(tmp_path)
        edge.lab.now = WEDNESDAY
        assert "Enable-ExchangeCertificate" in edge.apply()
