"""Connectors that stay as they are: the plan tells when it changes what they present."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.lab.exchange import values
from reconciler.plan.change import Plan
from reconciler.views.plan_text import render_plan
from tests.cases.test_retirement import INTERNET, LIFETIME, applied, recorded
from tests.cases.test_windows import SATURDAYS
from tests.life import Fleet, fleet
from tests.organizations import Organization
from tests.stored import receive_connector

CLIENTS = "Client Frontend MBX1"


def told(world: Fleet) -> list[str]:
    summary = "Changes what unmanaged connectors present"
    return [one.detail for one in world.plan().plan.diagnostics if one.summary == summary]


def presenters(plan: Plan) -> tuple[str, ...]:
    """The managed connectors that a plan's certificate is presented by with the binding that they have."""
    change = next(change for change in plan.changes if change.address == INTERNET)
    return tuple(map(str, change.presented_by))


@pytest.fixture
def due(tmp_path: Path) -> Fleet:
    """A server whose certificate is to be renewed now."""
    world = fleet(tmp_path, servers=1)
    applied(world)
    world.pass_time(LIFETIME * 0.7)
    return world


def test_one_that_names_the_same_issuer_and_subject_is_told_with_before_and_after(due: Fleet) -> None:
    frontend = receive_connector(due.lab, "MBX1", "Default Frontend MBX1")
    same = frontend.properties["TlsCertificateName"]
    with receive_connector(due.lab, "MBX1", CLIENTS).changed(TlsCertificateName=same):
        (detail,) = told(due)
    assert f'receive connector "{CLIENTS}": {recorded(due)} now, the new one then' in detail
    assert "by issuer and subject" in detail


def test_one_that_chooses_by_its_fqdn_is_told(due: Fleet) -> None:
    with receive_connector(due.lab, "MBX1", CLIENTS).changed(Fqdn=values.fqdn("mail.contoso.com")):
        (detail,) = told(due)
    assert (
        f'receive connector "{CLIENTS}": {recorded(due)} now, the new one then, for mail.contoso.com'
        in detail
    )


def test_a_first_certificate_takes_the_place_of_the_default_one(tmp_path: Path) -> None:
    world = fleet(tmp_path, servers=1)
    with receive_connector(world.lab, "MBX1", CLIENTS).changed(Fqdn=values.fqdn("mail.contoso.com")):
        (detail,) = told(world)
    assert "the default certificate of MBX1 now" in detail


def test_nothing_is_told_of_managed_ones_and_of_others(due: Fleet) -> None:
    assert told(due) == []
    due.declared["servers"]["MBX1"]["receive_connectors"][CLIENTS] = {"certificate": "internet"}
    with receive_connector(due.lab, "MBX1", CLIENTS).changed(Fqdn=values.fqdn("mail.contoso.com")):
        assert told(due) == []


def test_nothing_is_told_while_nothing_is_enabled(tmp_path: Path) -> None:
    world = fleet(tmp_path, servers=1)
    applied(world)
    with receive_connector(world.lab, "MBX1", CLIENTS).changed(Fqdn=values.fqdn("mail.contoso.com")):
        assert told(world) == []


def test_a_hybrid_s_send_connector_is_told(due: Fleet) -> None:
    name = receive_connector(due.lab, "MBX1", "Default Frontend MBX1").stored["TlsCertificateName"]
    Organization(due.lab).run(
        "MBX1",
        "New-SendConnector",
        Name="Outbound to Office 365",
        AddressSpaces=("contoso.mail.onmicrosoft.com",),
        SourceTransportServers=("MBX1",),
        TlsCertificateName=str(name),
    )
    (detail,) = told(due)
    assert f'send connector "Outbound to Office 365": {recorded(due)} now, the new one then' in detail
    applied(due)
    assert told(due) == []


class TestAManagedConnectorWhoseBindingStays:
    """Nothing is sent to it, and the world is presented another certificate by it: the plan says so."""

    CONNECTORS = (
        'receive_connector.MBX1."Default Frontend MBX1"',
        "send_connector.internet.opportunistic",
        "send_connector.internet.tls_required",
    )

    def test_is_told_with_the_certificate_that_it_will_present(self, due: Fleet) -> None:
        """Whether issuer and subject stay is known when it is issued."""
        plan = due.plan().plan
        assert presenters(plan) == self.CONNECTORS
        shown = " ".join(render_plan(plan).split())
        assert (
            f"presented by {', '.join(self.CONNECTORS)}, whose binding stays if issuer and subject do"
            in shown
        )

    def test_is_told_without_an_if_once_the_certificate_is_there(self, due: Fleet) -> None:
        """Held by a window, then let go: its name is known by now."""
        due.declared["maintenance"] = SATURDAYS
        due.apply()
        assert presenters(due.plan().plan) == ()
        del due.declared["maintenance"]
        plan = due.plan().plan
        assert [str(change.address) for change in plan.changes if change.invocations] == [str(INTERNET)]
        shown = " ".join(render_plan(plan).split())
        assert f"{self.CONNECTORS[-1]}, whose binding stays MBX1>" in shown

    def test_may_choose_by_its_fqdn(self, due: Fleet) -> None:
        due.declared["servers"]["MBX1"]["receive_connectors"][CLIENTS] = {"enabled": True}
        with receive_connector(due.lab, "MBX1", CLIENTS).changed(Fqdn=values.fqdn("mail.contoso.com")):
            assert f'receive_connector.MBX1."{CLIENTS}"' in presenters(due.plan().plan)
            assert told(due) == []

    def test_is_none_that_is_bound_anew(self, due: Fleet) -> None:
        """It chooses by its Fqdn now, and is to be bound: its own change tells."""
        due.declared["servers"]["MBX1"]["receive_connectors"][CLIENTS] = {"certificate": "internet"}
        with receive_connector(due.lab, "MBX1", CLIENTS).changed(Fqdn=values.fqdn("mail.contoso.com")):
            assert presenters(due.plan().plan) == self.CONNECTORS

    def test_is_none_where_another_subject_is_asked_for(self, due: Fleet) -> None:
        due.declared["certificates"]["internet"]["subject"] = "O=Contoso Corporation, CN=mail.contoso.com"
        assert presenters(due.plan().plan) == ()
