"""What servers show wrongly, over the wire: read once each, told, and never taken for something else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from reconciler.diagnostics import Severity
from reconciler.exchange.errors import CmdletMissing, ParameterMissing
from reconciler.exchange.port import Command, Connection, Endpoint, Timeouts
from reconciler.exchange.refresh import read_first
from reconciler.exchange.session import Sessions
from reconciler.lab.call import Look, Role
from reconciler.lab.control import ThreadedLab, open_threaded
from state.snapshot import LiveOrganization, LiveServer
from state.values import UNKNOWN, Name, SmartHost
from tests.contoso import contoso
from tests.rules import rule

LOOKS = [look.value for look in Look if look not in (Look.MISSING, Look.MISTYPED)]
ON: Mapping[str, str] = {look: f"MBX{number}" for number, look in enumerate(LOOKS, 1)}
"""Each server has a flaw of its own; the one after the last hides things, the next lacks properties."""
PLAIN, HIDES, LACKS = (f"MBX{len(LOOKS) + number}" for number in (1, 2, 3))
RULES: list[dict[str, Any]] = [
    *({"server": server, "shows": look} for look, server in ON.items()),
    {"server": HIDES, "hides": "Get-AcceptedDomain"},
    {"server": HIDES, "hides": "Get-ExchangeCertificate -Server"},
    {"server": HIDES, "hides": "Set-SendConnector -Port"},
    {"server": HIDES, "hides": "Remove-SendConnector"},
    {"server": HIDES, "shows": "japanese"},
    {"server": LACKS, "shows": "missing", "properties": ["Guid"], "cmdlet": "Get-SendConnector"},
    {"server": LACKS, "shows": "mistyped", "properties": ["Bindings"], "cmdlet": "Get-ReceiveConnector"},
]


def write(folder: Path, rules: list[dict[str, Any]]) -> Path:
    path = folder / "faults.json"
    path.write_text(json.dumps(rules), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreadedLab]:
    folder = tmp_path_factory.mktemp("unreadable")
    with open_threaded(
        folder / "lab", servers=len(LOOKS) + 3, edges=0, faults=write(folder, RULES)
    ) as running:
        out: dict[str, Any] = {
            "Name": "Out",
            "AddressSpaces": ("a.example", "b.example;7"),
            "SmartHosts": ("192.0.2.1", "2001:db8::1"),
            "DNSRoutingEnabled": False,
        }
        with Sessions().writer(connection(running, PLAIN)) as writer:
            writer.run(Command("New-SendConnector", out))
        yield running


def connection(lab: ThreadedLab, server: str) -> Connection:
    account = lab.account()
    patience = Timeouts(connect=5, read=20, operation=10, invocation=30)
    return Connection(
        server, lab.url(server), Endpoint.EXCHANGE, account.name, account.password, lab.ca, patience
    )


def read(lab: ThreadedLab, server: str) -> tuple[LiveOrganization, LiveServer]:
    with Sessions().reader(connection(lab, server)) as reader:
        return read_first(reader, Name(server))


@rule("6.1-1", "6.1-5", "6.2-2", "6.4-2", "3-9")
@pytest.mark.parametrize("look", LOOKS)
def test_a_value_is_the_same_or_unknown(lab: ThreadedLab, look: str) -> None:
    whole, _ = read(lab, PLAIN)
    organization, server = read(lab, ON[look])
    (expected,) = whole.send_connectors.objects
    (found,) = organization.send_connectors.objects
    for name in type(found).attributes():
        assert getattr(found, name) in (getattr(expected, name), UNKNOWN), name
    assert found.name == Name("Out")
    assert found.guid == expected.guid
    assert server.certificates.objects
    for certificate in server.certificates.objects:
        assert certificate.status in ("Valid", UNKNOWN) or str(certificate.status).isdecimal()
        assert certificate.public_key is not UNKNOWN
    if "smart-hosts" in look:
        assert found.smart_hosts == {SmartHost("192.0.2.1"), SmartHost("2001:db8::1")}


@rule("5-4")
def test_what_a_role_hides_is_told_by_its_id(lab: ThreadedLab) -> None:
    organization, server = read(lab, HIDES)
    assert organization.accepted_domains.unreadable is not None
    assert "Get-AcceptedDomain" in organization.accepted_domains.unreadable.remedy
    assert server.certificates.unreadable is not None
    assert "-Server of Get-ExchangeCertificate" in server.certificates.unreadable.remedy
    assert organization.send_connectors.objects  # the others are read all the same
    with Sessions().writer(connection(lab, HIDES)) as writer:
        with pytest.raises(ParameterMissing) as parameter:
            writer.run(Command("Set-SendConnector", {"Identity": "Out", "Port": 26}))
        with pytest.raises(CmdletMissing):
            writer.run(Command("Remove-SendConnector", {"Identity": "Out", "Confirm": False}))
    assert parameter.value.parameters == ("Port",)
    assert read(lab, PLAIN)[0].send_connectors.objects[0].port == 25


def test_properties_that_are_not_there_are_unknown(lab: ThreadedLab) -> None:
    organization, server = read(lab, LACKS)
    assert organization.send_connectors.objects[0].guid is UNKNOWN
    assert {each.bindings for each in server.receive_connectors.objects} == {UNKNOWN}
    assert {each.attribute for each in organization.unread} == {"guid"}


@pytest.mark.slow  # an apply on three servers, with a lab of its own
def test_an_apply_converges_on_servers_that_hide_what_it_can_do_without(tmp_path: Path) -> None:
    """Certificates alone on one server, texts on another, questions in German on the Edge server."""
    rules = [
        {"server": "MBX1", "shows": "no-serialization-data"},
        {"server": "MBX2", "shows": "plain-values"},
        {"server": "MBX2", "shows": "german"},
        {"server": "EDGE1", "shows": "german"},
        {"hides": "Get-SendConnector", "account": "viewer"},
    ]
    with contoso(tmp_path, faults=write(tmp_path, rules)) as organization:
        outcome = organization.apply()
        assert outcome.applied is not None
        assert outcome.applied.is_complete, outcome.applied.diagnostics
        planned = organization.plan()
        assert planned.plan.is_empty
        assert not [one for one in planned.diagnostics if one.severity is Severity.ERROR]
        seen = organization.plan(Role.READER)
        assert seen.plan.is_empty
        assert "List not read" in {one.summary for one in seen.diagnostics}
