"""Maintenance windows: what leads to a renewed certificate goes on, what the world would notice waits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.issuers.local import LocalIssuer
from reconciler.plan.change import Action, Plan
from state.address import Address
from state.values import TlsCertificateName
from tests.authority import Authority
from tests.life import Fleet, fleet

MBX1, MBX2 = (Address.of("certificate", server, "internet") for server in ("MBX1", "MBX2"))
SECOND = Address.of("certificate", "MBX1", "second")
TRUSTED = Address.of("send_connector", "internet", "tls_required")
SATURDAYS = {
    "time_zone": "Europe/Berlin",
    "windows": [{"days": ["sat"], "from": "22:00", "to": "04:00"}],
}
WAITS = "waits for the window that opens 2026-12-26 22:00 Europe/Berlin"
DUE = datetime(2026, 12, 26, 12, tzinfo=UTC)
"""A Saturday at noon: certificates of 47 days are due since Friday."""
OPEN = datetime(2026, 12, 26, 22, tzinfo=UTC)


def actions(plan: Plan) -> dict[str, str]:
    return {
        str(change.address): change.action.value
        for change in plan.changes
        if change.action not in (Action.NONE,)
    }


def reason(plan: Plan, address: Address) -> str:
    return next(change.reason for change in plan.changes if change.address == address)


def summaries(plan: Plan) -> list[str]:
    return [diagnostic.summary for diagnostic in plan.diagnostics]


def cmdlets(world: Fleet, since: int = 0) -> list[str]:
    return sorted(cmdlet for _, cmdlet, _ in world.lab.sent[since:])


def enabled(world: Fleet, address: Address) -> frozenset[object]:
    """The thumbprints of the certificates that a server's SMTP service may present."""
    live = world.plan().live.servers
    server = next(one for name, one in live.items() if str(name) == address.parts[0])
    return frozenset(
        one.thumbprint
        for one in server.certificates.objects
        if isinstance(one.services, frozenset) and "SMTP" in one.services
    )


@pytest.fixture
def declared() -> dict[str, Any]:
    return {"maintenance": SATURDAYS}


@pytest.fixture
def world(tmp_path: Path, declared: dict[str, Any]) -> Fleet:
    """Everything is set up, on a Tuesday at noon."""
    world = fleet(tmp_path)
    world.declared |= declared
    world.apply()
    return world


@pytest.fixture
def due(world: Fleet) -> Fleet:
    world.lab.now = DUE
    return world


class TestAFirstCertificate:
    def test_waits_for_no_window(self, world: Fleet) -> None:
        """There is nothing that it could break."""
        assert world.plan().plan.is_idle
        assert cmdlets(world).count("Enable-ExchangeCertificate") == 2


class TestARenewalOutsideOfAWindow:
    def test_is_requested_and_imported(self, due: Fleet) -> None:
        since = len(due.lab.sent)
        applied = due.apply().applied
        assert applied is not None
        assert applied.is_complete
        assert cmdlets(due, since) == ["Import-ExchangeCertificate"] * 2 + ["New-ExchangeCertificate"] * 2

    def test_says_what_its_use_waits_for(self, due: Fleet) -> None:
        plan = due.plan().plan
        assert actions(plan) == {str(MBX1): "replace", str(MBX2): "replace"}
        assert reason(plan, MBX1).endswith(f"inside renew_before 1/3; {WAITS}")

    def test_leaves_in_use_what_is(self, due: Fleet) -> None:
        before = enabled(due, MBX1)
        due.apply()
        assert enabled(due, MBX1) == before
        after = due.plan()
        assert after.plan.is_empty
        assert after.plan.is_idle
        assert not after.plan.drift
        assert actions(after.plan) == {str(MBX1): "wait", str(MBX2): "wait"}
        assert reason(after.plan, MBX1) == WAITS

    def test_is_made_once(self, due: Fleet) -> None:
        since = len(due.lab.sent)
        for _ in range(4):
            due.apply()
            due.pass_time(timedelta(hours=2))
        assert cmdlets(due, since).count("New-ExchangeCertificate") == 2
        assert "Enable-ExchangeCertificate" not in cmdlets(due, since)

    def test_is_put_to_use_when_the_window_opens(self, due: Fleet) -> None:
        due.apply()
        since, before = len(due.lab.sent), enabled(due, MBX1)
        due.lab.now = OPEN
        due.apply()
        assert cmdlets(due, since) == ["Enable-ExchangeCertificate"] * 2
        assert len(enabled(due, MBX1) - before) == 1
        assert due.plan().plan.is_idle
        assert due.record.resources[MBX1].milestones["enabled"] == OPEN

    def test_goes_on_without_a_record(self, due: Fleet) -> None:
        """Its mark finds the new one, and what covers the same names is what is in use."""
        due.apply()
        due.store._record = None
        assert reason(due.plan().plan, MBX1) == WAITS
        since = len(due.lab.sent)
        due.apply()
        due.lab.now = OPEN
        due.apply()
        assert cmdlets(due, since) == ["Enable-ExchangeCertificate"] * 2

    def test_lets_everything_else_change(self, due: Fleet) -> None:
        due.apply()
        due.declared["partners"]["trusted"].append("adatum.com")
        since = len(due.lab.sent)
        due.apply()
        assert cmdlets(due, since) == ["Set-SendConnector"]
        assert not due.plan().plan.drift
        assert "bound" not in due.record.resources[MBX1].milestones

    def test_goes_on_at_once_inside_of_one(self, world: Fleet) -> None:
        world.lab.now = OPEN
        since = len(world.lab.sent)
        world.apply()
        assert cmdlets(world, since).count("Enable-ExchangeCertificate") == 2


class TestAWindowThatOpensTooLate:
    @pytest.fixture
    def late(self, world: Fleet) -> Fleet:
        """Expiry is on Sunday, 2027-01-10; the windows of the Saturdays before were missed."""
        world.lab.now = datetime(2027, 1, 4, 12, tzinfo=UTC)
        return world

    def test_is_not_waited_for(self, late: Fleet) -> None:
        plan = late.plan().plan
        assert summaries(plan).count("Maintenance window not waited for") == 2
        since = len(late.lab.sent)
        late.apply()
        assert cmdlets(late, since).count("Enable-ExchangeCertificate") == 2

    def test_lets_a_certificate_go_that_waited(self, due: Fleet) -> None:
        """It was imported in time, and every window was missed."""
        due.apply()
        due.lab.now = datetime(2027, 1, 4, 12, tzinfo=UTC)
        assert "Maintenance window not waited for" in summaries(due.plan().plan)
        since = len(due.lab.sent)
        due.apply()
        assert cmdlets(due, since) == ["Enable-ExchangeCertificate"] * 2


class TestAServerWithWindowsOfItsOwn:
    @pytest.fixture
    def declared(self) -> dict[str, Any]:
        return {}

    @pytest.fixture
    def apart(self, due: Fleet) -> Fleet:
        due.declared["servers"]["MBX2"]["maintenance"] = SATURDAYS
        return due

    def test_is_held_alone(self, apart: Fleet) -> None:
        apart.apply()
        assert actions(apart.plan().plan) == {str(MBX2): "wait"}
        apart.lab.now = OPEN
        apart.apply()
        assert apart.plan().plan.is_idle

    def test_replaces_those_of_all(self, apart: Fleet) -> None:
        apart.declared["maintenance"] = SATURDAYS
        apart.declared["servers"]["MBX1"]["maintenance"] = {
            "time_zone": "UTC",
            "windows": [{"days": ["sat"], "from": "00:00", "to": "24:00"}],
        }
        apart.apply()
        assert actions(apart.plan().plan) == {str(MBX2): "wait"}


def another_authority(world: Fleet) -> None:
    """Whose name is another one, so that what connectors are bound by is."""
    authority = Authority.make("Another CA")
    certificate, key = world.folder / "other.pem", world.folder / "other.key"
    certificate.write_text(authority.pem, encoding="utf-8")
    key.write_bytes(authority.key_pem)
    key.chmod(0o600)
    opened = LocalIssuer.open("desk", certificate, key, clock=lambda: world.now)
    opened._lifetime = timedelta(days=47)
    world.desk.authority = lambda: opened


def bindings(world: Fleet) -> dict[str, str]:
    """What the connectors of MBX1 are bound by."""
    live = next(server for name, server in world.plan().live.servers.items() if str(name) == "MBX1")
    connectors = (*live.send_connectors.objects, *live.receive_connectors.objects)
    return {
        str(one.name): one.tls_certificate_name.issuer
        for one in connectors
        if isinstance(one.tls_certificate_name, TlsCertificateName)
    }


class TestABindingThatBecomesAnother:
    """The authority that signs has another name by now."""

    @pytest.fixture
    def moved(self, due: Fleet) -> Fleet:
        another_authority(due)
        return due

    def test_stays_as_it_is_while_its_certificate_is_held(self, moved: Fleet) -> None:
        before = bindings(moved)
        assert len(before) == 3
        for _ in range(2):
            moved.apply()
            assert bindings(moved) == before
            assert not moved.plan().plan.drift

    def test_is_made_when_the_window_opens(self, moved: Fleet) -> None:
        moved.apply()
        moved.lab.now = OPEN
        since = len(moved.lab.sent)
        moved.apply()
        assert set(bindings(moved).values()) == {"CN=Another CA"}
        assert cmdlets(moved, since).count("Enable-ExchangeCertificate") == 2
        assert moved.plan().plan.is_idle

    def test_waits_for_the_last_of_its_servers(self, moved: Fleet) -> None:
        """One of them may change it at any time, but a connector has one name on all of them [3-15]."""
        del moved.declared["maintenance"]
        moved.declared["servers"]["MBX2"]["maintenance"] = SATURDAYS
        before = bindings(moved)
        moved.apply()
        shared = {"internet TLS required", "internet opportunistic"}
        assert {name: bindings(moved)[name] for name in shared} == {name: before[name] for name in shared}
        assert actions(moved.plan().plan) == {str(MBX2): "wait"}
        moved.lab.now = OPEN
        moved.apply()
        assert set(bindings(moved).values()) == {"CN=Another CA"}

    def test_is_made_outside_of_a_window_when_the_next_is_too_late(self, moved: Fleet) -> None:
        moved.lab.now = datetime(2027, 1, 4, 12, tzinfo=UTC)
        moved.apply()
        assert set(bindings(moved).values()) == {"CN=Another CA"}


class TestAnotherCertificateForAConnector:
    @pytest.fixture
    def two(self, world: Fleet) -> Fleet:
        """A second one is there, and a connector is to be bound to it."""
        second = {**world.declared["certificates"]["internet"], "subject": "CN=mx.contoso.com"}
        world.declared["certificates"]["second"] = {**second, "domains": ["mx.contoso.com"]}
        world.apply()
        world.declared["send_connectors"]["internet"]["tls_required"]["certificate"] = "second"
        return world

    def test_is_bound_in_a_window(self, two: Fleet) -> None:
        plan = two.plan().plan
        assert actions(plan) == {str(TRUSTED): "wait"}
        assert reason(plan, TRUSTED) == "waits for the window that opens 2026-11-28 22:00 Europe/Berlin"
        since = len(two.lab.sent)
        two.apply()
        assert cmdlets(two, since) == []
        two.lab.now = datetime(2026, 11, 28, 22, tzinfo=UTC)
        two.apply()
        assert cmdlets(two, since) == ["Set-SendConnector"]
        assert two.plan().plan.is_idle

    def test_does_not_hold_up_its_partners(self, two: Fleet) -> None:
        two.declared["partners"]["trusted"].append("adatum.com")
        plan = two.plan().plan
        assert actions(plan) == {str(TRUSTED): "update"}
        assert reason(plan, TRUSTED).startswith("its binding waits for the window")
        since = len(two.lab.sent)
        two.apply()
        ((_, _, parameters),) = two.lab.sent[since:]
        assert parameters.keys() & {"AddressSpaces", "TlsCertificateName"} == {"AddressSpaces"}
        assert actions(two.plan().plan) == {str(TRUSTED): "wait"}
        assert not two.plan().plan.drift
        assert "bound" not in two.record.resources[SECOND].milestones
        two.lab.now = datetime(2026, 11, 28, 22, tzinfo=UTC)
        two.apply()
        assert two.plan().plan.is_idle
