"""A hybrid's connectors follow their certificate, and nothing else of them is ever touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.plan.change import Plan
from reconciler.views.plan_text import render_plan
from tests.cases.test_bystanders import told
from tests.cases.test_retirement import LIFETIME, applied
from tests.cases.test_windows import DUE, OPEN, SATURDAYS, another_authority
from tests.life import Fleet, fleet
from tests.organizations import Organization
from tests.stored import receive_connector, send_connector

OUTBOUND = "Outbound to Office 365"
CLIENTS = "Client Frontend MBX1"
FOLLOWS = {"follow": ["certificate"], "certificate": "internet"}


def by_the_wizard(world: Fleet, *sources: str) -> None:
    """Make a send connector as the Hybrid Configuration wizard does, bound to the certificate of MBX1."""
    name = receive_connector(world.lab, "MBX1", "Default Frontend MBX1").stored["TlsCertificateName"]
    Organization(world.lab).run(
        "MBX1",
        "New-SendConnector",
        Name=OUTBOUND,
        AddressSpaces=("contoso.mail.onmicrosoft.com",),
        SourceTransportServers=sources,
        Fqdn="mail.contoso.com",
        RequireTLS=True,
        TlsAuthLevel="DomainValidation",
        TlsDomain="mail.protection.outlook.com",
        CloudServicesMailEnabled=True,
        TlsCertificateName=str(name),
    )


def follows(world: Fleet, *sources: str) -> None:
    world.declared["send_connectors"][OUTBOUND] = {
        "kind": "other",
        "source_servers": list(sources),
        **FOLLOWS,
    }


def names(world: Fleet) -> dict[str, str]:
    """What the two connectors that follow are bound to."""
    places = (send_connector(world.lab, OUTBOUND), receive_connector(world.lab, "MBX1", CLIENTS))
    return {one.stored.name: str(one.stored["TlsCertificateName"]) for one in places}


def others(world: Fleet) -> dict[str, dict[str, Any]]:
    """Everything else of them."""
    places = (send_connector(world.lab, OUTBOUND), receive_connector(world.lab, "MBX1", CLIENTS))
    changing = {"TlsCertificateName", "WhenChanged", "WhenChangedUTC"}
    return {
        one.stored.name: {key: value for key, value in one.properties.items() if key not in changing}
        for one in places
    }


def about(plan: Plan) -> list[str]:
    return [str(change.address) for change in plan.changes if change.invocations]


@pytest.fixture
def hybrid(tmp_path: Path) -> Fleet:
    """Two servers, and two connectors of somebody else's that follow the certificate."""
    world = fleet(tmp_path, servers=2)
    applied(world)
    by_the_wizard(world, "MBX1", "MBX2")
    follows(world, "MBX1", "MBX2")
    world.declared["servers"]["MBX1"]["receive_connectors"][CLIENTS] = FOLLOWS
    applied(world)
    return world


def test_a_certificate_of_another_name_binds_each_anew_by_one_command_with_one_value(hybrid: Fleet) -> None:
    another_authority(hybrid)
    hybrid.pass_time(LIFETIME * 0.7)
    before, since = others(hybrid), len(hybrid.lab.sent)
    applied(hybrid)
    sent = [
        (cmdlet, dict(parameters))
        for _, cmdlet, parameters in hybrid.lab.sent[since:]
        if str(parameters.get("Identity", "")).endswith((OUTBOUND, CLIENTS))
    ]
    assert [cmdlet for cmdlet, _ in sent] == ["Set-SendConnector", "Set-ReceiveConnector"]
    for _, parameters in sent:
        assert parameters.keys() == {"Identity", "TlsCertificateName", "DomainController"}
    assert all("CN=Another CA" in name for name in names(hybrid).values())
    assert others(hybrid) == before
    assert hybrid.plan().plan.is_empty


def test_whatever_else_somebody_changes_is_neither_told_nor_undone(hybrid: Fleet) -> None:
    outbound = send_connector(hybrid.lab, OUTBOUND)
    Organization(hybrid.lab).run(
        "MBX1", "Set-SendConnector", Identity=OUTBOUND, Fqdn="hybrid.contoso.com", MaxMessageSize="50 MB"
    )
    found = hybrid.plan().plan
    assert found.is_empty
    assert not found.drift
    assert str(outbound.stored["Fqdn"]) == "hybrid.contoso.com"


def test_a_binding_that_somebody_else_changes_is_told_and_made_again(hybrid: Fleet) -> None:
    before = names(hybrid)
    Organization(hybrid.lab).run("MBX1", "Set-SendConnector", Identity=OUTBOUND, TlsCertificateName=None)
    found = hybrid.plan().plan
    assert about(found) == [f'send_connector."{OUTBOUND}"']
    assert list(found.drift[0].attributes) == ["tls_certificate_name"]
    applied(hybrid)
    assert names(hybrid) == before


def test_no_longer_listed_they_are_forgotten_and_stay(hybrid: Fleet) -> None:
    before = names(hybrid)
    del hybrid.declared["send_connectors"][OUTBOUND]
    del hybrid.declared["servers"]["MBX1"]["receive_connectors"][CLIENTS]
    applied(hybrid)
    assert names(hybrid) == before


def test_what_follows_is_no_bystander(hybrid: Fleet) -> None:
    """Listed, it presents the successor because somebody wants that."""
    hybrid.pass_time(LIFETIME * 0.7)
    assert told(hybrid) == []
    del hybrid.declared["send_connectors"][OUTBOUND]
    (here, there) = told(hybrid)
    assert OUTBOUND in here
    assert OUTBOUND in there


def test_they_are_bound_in_a_window(hybrid: Fleet) -> None:
    """As what is managed: until then they stay with what works."""
    hybrid.declared["maintenance"] = SATURDAYS
    another_authority(hybrid)
    hybrid.lab.now = DUE
    before = names(hybrid)
    hybrid.apply()
    assert names(hybrid) == before
    hybrid.lab.now = OPEN
    applied(hybrid)
    assert all("CN=Another CA" in name for name in names(hybrid).values())


def test_it_stays_bound_while_a_server_that_sends_through_it_lacks_the_new_name(tmp_path: Path) -> None:
    """MBX2 has the certificate of the old authority: by the new name it would present nothing."""
    world = fleet(tmp_path, servers=2)
    applied(world)
    by_the_wizard(world, "MBX1", "MBX2")
    follows(world, "MBX1")
    world.declared["certificates"]["internet"]["servers"] = ["MBX1"]
    world.declared["send_connectors"]["internet"]["servers"] = ["MBX1"]
    world.declared["servers"]["MBX2"]["receive_connectors"] = {}
    another_authority(world)
    world.pass_time(LIFETIME * 0.7)
    old = str(send_connector(world.lab, OUTBOUND).stored["TlsCertificateName"])
    for _ in range(2):
        world.apply()
        assert str(send_connector(world.lab, OUTBOUND).stored["TlsCertificateName"]) == old
    shown = render_plan(world.plan().plan)
    assert "Certificate not on all source servers" in shown
    assert "MBX2 has none of that name for SMTP" in shown
