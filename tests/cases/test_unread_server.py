"""A server that cannot be read, while certificates of others are due."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.diagnostics import Severity
from reconciler.exchange.errors import AuthenticationFailed
from reconciler.exchange.port import Connection, Reader
from reconciler.operations.applying import ApplyOutcome
from reconciler.operations.failed import OperationFailed
from tests.cases.test_retirement import LIFETIME, applied
from tests.life import Fleet, Remembering, fleet, presented, remember_what_was_read

PARTNERS = "send_connector.internet.tls_required"


@dataclass
class OneIsDown(Remembering):
    """Sessions of an organization in which one server does not answer."""

    down: str = "MBX3"

    @contextmanager
    def reader(self, connection: Connection) -> Iterator[Reader]:
        if connection.server == self.down:
            raise AuthenticationFailed(self.down, "reader", ("basic",), "the account is locked")
        with super().reader(connection) as session:
            yield session


@pytest.fixture
def due(tmp_path: Path) -> Fleet:
    """Three servers with connectors of their own, whose certificates are due."""
    world = fleet(tmp_path, servers=3)
    sets = world.declared.pop("send_connectors")["internet"]
    del sets["servers"]
    for server in world.declared["servers"].values():
        server["send_connectors"] = sets
    applied(world)
    world.pass_time(LIFETIME * 0.7)
    return world


def stopped(world: Fleet) -> ApplyOutcome:
    """Apply; it is told as an error that something could not be read."""
    outcome = world.apply()
    assert outcome.applied is not None
    assert not outcome.applied.is_complete
    return outcome


def test_those_of_the_others_are_renewed(due: Fleet) -> None:
    before = presented(due)
    due.sessions = OneIsDown(due.lab)
    outcome = stopped(due)
    after = presented(due)
    assert {server: before[server] != after[server] for server in before} == {
        "MBX1": True,
        "MBX2": True,
        "MBX3": False,
    }
    assert outcome.applied is not None
    errors = [one.summary for one in outcome.applied.diagnostics if one.severity is Severity.ERROR]
    assert errors == ["Server not read"]


def test_nothing_else_is_changed_and_that_is_told(due: Fleet) -> None:
    due.declared["partners"]["trusted"] = ["fabrikam.com", "example.com"]
    due.sessions = OneIsDown(due.lab)
    outcome = stopped(due)
    told = [one.detail for one in outcome.planned.diagnostics if one.summary == "Only renewals"]
    assert "2 other changes wait" in told[0]
    assert not [cmdlet for _, cmdlet, _ in due.lab.sent if cmdlet == "Set-SendConnector"]
    due.sessions = None
    applied(due)
    assert due.plan().plan.is_empty


def test_without_a_renewal_nothing_is_done(due: Fleet) -> None:
    applied(due)
    due.sessions = OneIsDown(due.lab)
    with pytest.raises(OperationFailed, match="Server not read"):
        due.apply()


def test_what_is_wrong_otherwise_stops_renewals_too(due: Fleet) -> None:
    """A connector of somebody else's has the name of one that is declared."""
    due.sessions = OneIsDown(due.lab)
    due.declared["servers"]["MBX1"]["send_connectors"] = {
        **due.declared["servers"]["MBX1"]["send_connectors"],
        "opportunistic": {"to": ["*"], "certificate": "internet", "name": "MBX2 TLS required"},
    }
    with pytest.raises(OperationFailed):
        due.apply()
    assert presented(due)


def test_a_list_that_could_not_be_read_is_no_reason_either(due: Fleet) -> None:
    before = presented(due)
    due.lab.disturb({"server": "MBX2", "hides": "Get-ExchangeCertificate"})
    stopped(due)
    after = presented(due)
    assert {server for server in before if before[server] != after[server]} == {"MBX1", "MBX3"}


def test_a_quarter_in_which_a_server_and_then_the_authority_are_down_for_weeks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remember_what_was_read(monkeypatch)
    world = fleet(tmp_path, servers=3)
    usual, one_is_down = Remembering(world.lab), OneIsDown(world.lab)
    first = world.now
    for day in range(0, 120, 2):
        world.sessions = one_is_down if 20 <= day < 60 else usual
        world.desk.failure = lambda is_out=70 <= day < 80: "out of order" if is_out else ""
        with suppress(OperationFailed):  # nothing is due on those that can be read
            world.apply()
        ended = {server for server, one in presented(world).items() if one and not one.is_current(world.now)}
        assert ended <= ({"MBX3"} if 20 <= day < 62 else set()), day
        world.pass_time(timedelta(days=2))
    assert world.now - first == timedelta(days=120)
    assert world.plan().plan.is_empty
