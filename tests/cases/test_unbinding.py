"""``retire: unbind``: certificates that only names hold are removed while connectors let go of the name."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.exchange.errors import CmdletFailed, ErrorRecord, ExchangeError, Unreachable
from reconciler.exchange.port import Command, Connection, Outcome, Query, Result, Writer
from reconciler.operations.planning import run_plan
from reconciler.plan.change import Action, Change
from state.address import Address
from tests.cases.test_every_crash_instant import Fate, Killed, World, once_more
from tests.cases.test_retirement import applied, renewed, stored
from tests.life import (
    Fleet,
    Remembering,
    drawn_turnaround,
    every_twentieth,
    fleet,
    presented,
    remember_what_was_read,
)
from tests.rules import rule
from tests.stored import organization_of, receive_connector

SETS = ("tls_required", "opportunistic")
NAMED = "bind <I>O=Exchange lab, CN=Lab issuing CA<S>C=US, O=Contoso Ltd, CN=mail.contoso.com"
REMOVE = "Remove-ExchangeCertificate"


def a_fleet(folder: Path, servers: int = 1, retire: str = "unbind") -> Fleet:
    """Servers whose send connectors answer with the name that the certificate is for."""
    world = fleet(folder, servers=servers, retire=retire)
    for kind in SETS:
        world.declared["send_connectors"]["internet"][kind]["fqdn"] = "mail.contoso.com"
    return world


def twice_renewed(world: Fleet) -> list[str]:
    """The thumbprints in MBX1's store that are not needed any more."""
    first = renewed(world)
    renewed(world)
    applied(world)
    return [str(first)]


def removals(world: Fleet) -> list[Change]:
    return [one for one in world.plan().plan.changes if one.action is Action.DELETE]


def sent(changes: list[Change]) -> list[tuple[str, str]]:
    """Server and cmdlet; of a connector, what it is bound to."""
    found = []
    for one in (invocation for change in changes for invocation in change.invocations):
        binds = "TlsCertificateName" in one.parameters
        found.append((one.server, f"bind {one.parameters['TlsCertificateName']}" if binds else one.cmdlet))
    return found


def bound(world: Fleet | World) -> list[str | None]:
    """What the send connectors that present a certificate are bound to."""
    connectors = organization_of(world.lab).servers["mbx1"].partition.send_connectors.values()
    return [
        str(one["TlsCertificateName"] or "") for one in connectors if "mail.contoso.com" in str(one["Fqdn"])
    ]


def told(world: Fleet) -> str:
    (held,) = [one for one in world.plan().plan.diagnostics if one.summary == "Replaced certificates held"]
    return held.detail


@rule("2.4-2")
def test_connectors_let_go_for_the_time_of_the_removal(tmp_path: Path) -> None:
    world = a_fleet(tmp_path)
    (old,) = twice_renewed(world)
    found = removals(world)
    assert sent(found) == [
        ("MBX1", "bind None"),
        ("MBX1", "bind None"),
        ("MBX1", REMOVE),
        ("MBX1", NAMED),
        ("MBX1", NAMED),
    ]
    before = presented(world)
    applied(world)
    assert old not in stored(world)
    assert [f"bind {name}" for name in bound(world)] == [NAMED, NAMED]
    assert presented(world) == before
    after = world.plan().plan
    assert after.is_empty
    assert not [one for one in after.changes if one.learned]


def test_connectors_of_several_servers_let_go_once_for_all_of_them(tmp_path: Path) -> None:
    world = a_fleet(tmp_path, servers=3)
    twice_renewed(world)
    steps = [name for _, name in sent(removals(world))]
    assert steps == [*["bind None"] * 2, *[REMOVE] * 3, *[NAMED] * 2]
    applied(world)
    servers = organization_of(world.lab).servers.values()
    assert [sum(not one.is_self_signed for one in server.certificates) for server in servers] == [2, 2, 2]
    assert [f"bind {name}" for name in bound(world)] == [NAMED, NAMED]
    assert world.plan().plan.is_empty


def test_nothing_is_asked_for_where_it_is_not_declared(tmp_path: Path) -> None:
    world = a_fleet(tmp_path, retire="keep")
    twice_renewed(world)
    assert not removals(world)
    assert "by issuer and subject" in told(world)


class TestTheyStayAndWhyIsTold:
    def test_where_an_unmanaged_connector_names_them(self, tmp_path: Path) -> None:
        world = a_fleet(tmp_path)
        twice_renewed(world)
        frontend = receive_connector(world.lab, "MBX1", "Default Frontend MBX1")
        name = frontend.properties["TlsCertificateName"]
        with receive_connector(world.lab, "MBX1", "Client Frontend MBX1").changed(TlsCertificateName=name):
            assert 'receive connector "Client Frontend MBX1" is not managed' in told(world)
            assert not removals(world)

    def test_where_the_fqdn_leads_elsewhere(self, tmp_path: Path) -> None:
        world = a_fleet(tmp_path)
        del world.declared["send_connectors"]["internet"]["tls_required"]["fqdn"]
        twice_renewed(world)
        assert "without that name, would not present its successor for " in told(world)
        assert not removals(world)

    def test_where_another_certificate_covers_the_fqdn(self, tmp_path: Path) -> None:
        """Exchange may choose that one, for all that is known."""
        world = a_fleet(tmp_path)
        world.declared["certificates"]["other"] = {
            **world.declared["certificates"]["internet"],
            "subject": "C=US, O=Contoso Ltd, CN=other.contoso.com",
            "domains": ["other.contoso.com", "mail.contoso.com"],
        }
        twice_renewed(world)
        assert "may present another certificate for mail.contoso.com" in told(world)
        assert not [one for one in removals(world) if one.address.parts[1] == "internet"]

    def test_outside_of_a_window(self, tmp_path: Path) -> None:
        world = a_fleet(tmp_path)
        (old,) = twice_renewed(world)
        tomorrow = world.now + timedelta(days=1)
        day = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[tomorrow.weekday()]
        world.declared["maintenance"] = {
            "time_zone": "UTC",
            "windows": [{"days": [day], "from": "00:00", "to": "24:00"}],
        }
        assert "a window of MBX1 is waited for" in told(world)
        assert not removals(world)
        world.pass_time(timedelta(days=1))
        applied(world)
        assert old not in stored(world)

    def test_where_something_else_refers_to_them(self, tmp_path: Path) -> None:
        world = a_fleet(tmp_path)
        twice_renewed(world)
        world.lab.disturb({"hides": "Get-HybridConfiguration"})
        assert "Get-HybridConfiguration could not be read" in told(world)
        assert not removals(world)


@rule("2.4-1")
def test_connectors_get_their_name_back_where_exchange_keeps_the_certificate(tmp_path: Path) -> None:
    world = a_fleet(tmp_path)
    (old,) = twice_renewed(world)
    organization = organization_of(world.lab)
    server = organization.servers["mbx1"]
    organization.put_certificates(server, server.certificates, default=old)
    outcome = applied(world)
    assert outcome.applied is not None
    assert "Replaced certificate kept" in [one.summary for one in outcome.applied.diagnostics]
    assert [f"bind {name}" for name in bound(world)] == [NAMED, NAMED]
    assert old in stored(world)
    assert world.plan().plan.is_empty


@dataclass
class Failing(Remembering):
    """Sessions in which removals fail."""

    error: ExchangeError | None = None

    @contextmanager
    def writer(self, connection: Connection) -> Iterator[Writer]:
        with super().writer(connection) as session:
            yield _FailingWriter(session, self.error)


@dataclass
class _FailingWriter:
    session: Writer
    error: ExchangeError | None

    @property
    def server(self) -> str:
        return self.session.server

    def read(self, queries: Sequence[Query]) -> tuple[Result, ...]:
        return self.session.read(queries)

    def run(self, command: Command) -> Outcome:
        if self.error is not None and command.cmdlet == REMOVE:
            raise self.error
        return self.session.run(command)


def test_they_are_not_let_go_again_for_a_removal_that_failed(tmp_path: Path) -> None:
    world = a_fleet(tmp_path, servers=2)
    twice_renewed(world)
    denied = CmdletFailed("MBX2", "", (ErrorRecord("Told", 7, "", "", "UnauthorizedAccessException", "no"),))
    world.sessions = Failing(world.lab, error=denied)
    applied(world)
    assert [f"bind {name}" for name in bound(world)] == [NAMED, NAMED]
    assert world.plan().plan.is_empty


def test_they_get_their_name_back_where_the_answer_to_a_removal_is_lost(tmp_path: Path) -> None:
    """The apply stops, and is not to leave them as they are until the next one."""
    world = a_fleet(tmp_path, servers=2)
    (old,) = twice_renewed(world)
    world.sessions = Failing(world.lab, error=Unreachable("MBX1", "connection reset by peer"))
    outcome = world.apply().applied
    assert outcome is not None
    assert not outcome.is_complete
    assert [f"bind {name}" for name in bound(world)] == [NAMED, NAMED]
    world.sessions = None
    applied(world)
    assert old not in stored(world)
    assert world.plan().plan.is_empty


def test_a_plan_of_a_part_calls_nobody_unmanaged_who_is_declared(tmp_path: Path) -> None:
    world = a_fleet(tmp_path, servers=2)
    twice_renewed(world)
    address = Address.parse("certificate.MBX1.internet")
    planned = run_plan(world.inputs(), world.surroundings(), targets=(address,))
    assert "not managed" not in str(planned.plan.diagnostics)
    assert not [one for one in planned.plan.changes if one.action is Action.DELETE]


def test_a_year_of_renewals_leaves_few_certificates_in_a_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is in use and one kept; older ones go when the connectors of all servers are bound."""
    remember_what_was_read(monkeypatch)
    world, chance = a_fleet(tmp_path, servers=3), random.Random(7)  # noqa: S311
    world.desk.turnaround = drawn_turnaround(chance, timedelta(days=6))
    world.sessions = Remembering(world.lab, every_twentieth(chance))
    most, first, stores = 0, world.now, organization_of(world.lab).servers.values()
    while world.now < first + timedelta(days=365):
        world.apply()
        for server in stores:
            found = [one for one in server.certificates if not (one.is_self_signed or one.is_pending)]
            assert any(one.is_current(world.now) for one in found) or world.now < first + timedelta(days=12)
            most = max(most, len(found))
        world.pass_time(timedelta(days=2))
    assert most == 3


@dataclass
class Counted(Fate):
    """The process dies at the so-and-so-manieth instant."""

    number: int = 0

    def pass_(self, *instant: str) -> None:
        if self.is_dead:
            raise Killed
        self.lived.append(instant)
        if len(self.lived) == self.number:
            self.is_dead = True
            raise Killed


@pytest.mark.slow  # every instant is an apply that dies, another one and a plan
def test_a_run_that_dies_while_they_are_let_go_is_made_good_by_the_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = a_fleet(tmp_path / "before", servers=2)
    twice_renewed(world)
    world.inputs()
    before = World(world.lab, world.store, world.folder / "tls.yaml")
    whole, fate = once_more(before, tmp_path / "whole"), Counted()
    assert whole.apply(fate)
    left = {name: stored_on(whole, name) for name in ("mbx1", "mbx2")}
    for number in range(1, len(fate.lived) + 1):
        one = once_more(before, tmp_path / str(number))
        assert not one.apply(Counted(number=number)), number
        assert one.apply(Fate()), number
        assert one.plan().plan.is_empty, number
        assert [f"bind {name}" for name in bound(one)] == [NAMED, NAMED], number
        assert {name: stored_on(one, name) for name in left} == left, number
    with capsys.disabled():
        print(f"\nunbinding: {len(fate.lived)} instants explored, all converge")
    assert len(fate.lived) > 20


def stored_on(world: World, server: str) -> set[str]:
    return {one.thumbprint for one in organization_of(world.lab).servers[server].certificates}
