"""Connectors that nobody declared: the plan tells when it changes what they present."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.lab.exchange import values
from tests.cases.test_retirement import LIFETIME, applied, recorded
from tests.life import Fleet, fleet
from tests.organizations import Organization
from tests.stored import receive_connector

CLIENTS = "Client Frontend MBX1"


def told(world: Fleet) -> list[str]:
    summary = "Changes what unmanaged connectors present"
    return [one.detail for one in world.plan().plan.diagnostics if one.summary == summary]


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
