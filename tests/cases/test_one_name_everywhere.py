"""An authority that changes the name it issues under between two renewals of one connector's servers."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from reconciler.issuers.local import LocalIssuer
from reconciler.issuers.port import CertificateRequest, Issued, Waiting
from reconciler.lab.exchange import values
from reconciler.lab.exchange.organization import Stored
from reconciler.plan.change import Action, Change, Plan
from reconciler.plan.retirement import is_retirement
from state.address import Address
from tests.authority import Authority
from tests.cases.test_rotation import dangling
from tests.life import Desk, Fleet, fleet
from tests.rules import rule
from tests.stored import organization_of, send_connector

LIFETIME = timedelta(days=47)
OPPORTUNISTIC = Address.parse("send_connector.internet.opportunistic")
FIRST, SECOND = (Address.parse(f"certificate.MBX{number}.internet") for number in (1, 2))
TOLD = "New name not on all servers"


@dataclass
class Authorities(Desk):
    """A desk that may issue under another name from now on, and that may keep one server waiting."""

    current: str = "Contoso CA 1"
    keeps_waiting: set[Address] = field(default_factory=set)

    def issue(self, request: CertificateRequest) -> Issued | Waiting:
        if request.address in self.keeps_waiting:
            return Waiting("order", "the authority checks the organization")
        return super().issue(request)


def world_of(folder: Path) -> tuple[Fleet, Authorities]:
    """Two servers with one set of connectors, all bound to the name of the first authority."""

    def opened() -> LocalIssuer:
        made = Authority.make(desk.current, not_after=world.now + timedelta(days=900))
        return LocalIssuer("desk", (made.certificate,), made.key, lifetime=LIFETIME, clock=lambda: world.now)

    world = fleet(folder, servers=2)
    desk = Authorities(opened, lambda: world.now)
    world.desk = desk
    run(world)
    assert names(world) == {"Contoso CA 1"}
    return world, desk


def run(world: Fleet) -> list[str]:
    """Apply, and look at every connector; what was told, each once."""
    outcome = world.apply()
    assert outcome.applied is not None
    assert outcome.applied.is_complete, outcome.applied.diagnostics
    assert not dangling(world.lab, frozenset())
    return [one.summary for one in outcome.applied.diagnostics]


def names(world: Fleet) -> set[str]:
    """The authorities in the names that send connectors are bound by."""
    bound = {connector["TlsCertificateName"] for connector in send_connectors(world)}
    return {text.partition("<S>")[0].removeprefix("<I>CN=") for text in bound if text}


def send_connectors(world: Fleet) -> list[Stored]:
    servers = organization_of(world.lab).servers.values()
    return [one for server in servers for one in server.partition.send_connectors.values()]


def summaries(plan: Plan) -> list[str]:
    return [one.summary for one in plan.diagnostics]


def change_of(plan: Plan, address: Address) -> Change:
    (found,) = [one for one in plan.changes if one.address == address]
    return found


def apart(folder: Path) -> tuple[Fleet, Authorities]:
    """The second server got its certificate six days after the first, so it is due later."""
    world, desk = world_of(folder)
    world.pass_time(LIFETIME * 0.7)
    desk.keeps_waiting = {SECOND}
    run(world)
    world.pass_time(timedelta(days=6))
    desk.keeps_waiting = set()
    run(world)
    assert world.plan().plan.is_empty
    return world, desk


@rule("3-15")
def test_a_connector_stays_with_the_old_name_until_every_server_has_the_new_one(tmp_path: Path) -> None:
    world, desk = apart(tmp_path)
    world.pass_time(timedelta(days=21))  # the first is due, 16 + 6 days before its end; the second is not
    desk.current = "Contoso CA 2"
    assert TOLD in run(world)
    assert names(world) == {"Contoso CA 1"}
    planned = world.plan().plan
    renewal = change_of(planned, SECOND)
    assert renewal.action is Action.REPLACE
    assert "is named otherwise than" in renewal.reason
    run(world)
    assert names(world) == {"Contoso CA 2"}
    left = [one for one in world.plan().plan.changes if one.action.is_run]
    assert all(is_retirement(one.address) for one in left), left  # what nothing names any more
    run(world)
    assert world.plan().plan.is_idle


@rule("3-15")
def test_one_that_was_issued_just_now_is_renewed_when_it_is_no_longer_new(tmp_path: Path) -> None:
    world, desk = world_of(tmp_path)
    world.pass_time(LIFETIME * 0.7)
    desk.keeps_waiting = {SECOND}
    run(world)
    desk.keeps_waiting, desk.current = set(), "Contoso CA 2"
    world.pass_time(timedelta(days=1))
    assert TOLD in run(world)
    planned = world.plan().plan
    assert TOLD in summaries(planned)
    assert planned.is_empty
    assert change_of(planned, FIRST).action is Action.NONE
    assert change_of(planned, OPPORTUNISTIC).action is Action.WAIT
    world.pass_time(LIFETIME / 10)
    assert change_of(world.plan().plan, FIRST).action is Action.REPLACE
    run(world)
    assert names(world) == {"Contoso CA 2"}
    left = [one for one in world.plan().plan.changes if one.action.is_run]
    assert all(is_retirement(one.address) for one in left), left  # what nothing names any more
    run(world)
    assert world.plan().plan.is_idle


def test_what_else_differs_is_set_while_the_binding_stays(tmp_path: Path) -> None:
    world, desk = world_of(tmp_path)
    world.pass_time(LIFETIME * 0.7)
    desk.keeps_waiting = {SECOND}
    run(world)
    desk.keeps_waiting, desk.current = set(), "Contoso CA 2"
    run(world)
    world.declared["partners"]["trusted"] = ["fabrikam.com", "example.com"]
    run(world)
    spaces = [text for one in send_connectors(world) for text in one.texts("AddressSpaces")]
    assert any("example.com" in text for text in spaces)
    assert names(world) == {"Contoso CA 1"}


def test_without_a_name_that_works_everywhere_it_is_an_error(tmp_path: Path) -> None:
    world, desk = world_of(tmp_path)
    world.pass_time(LIFETIME * 0.7)
    desk.keeps_waiting = {SECOND}
    run(world)
    desk.keeps_waiting, desk.current = set(), "Contoso CA 2"
    run(world)
    name = next(one.name for one in send_connectors(world) if one["TlsCertificateName"])
    gone = values.certificate_name("<I>CN=Gone<S>CN=Gone")
    with send_connector(world.lab, name).changed(TlsCertificateName=gone):
        assert "Certificates of one set differ" in summaries(world.plan().plan)
    assert "Certificates of one set differ" not in summaries(world.plan().plan)


def test_an_authority_with_several_names_needs_a_shared_key_and_the_error_says_so(tmp_path: Path) -> None:
    """Each request is signed by another intermediate, as public authorities do."""
    numbers = itertools.count(1)

    def opened() -> LocalIssuer:
        made = Authority.make(f"Contoso CA {next(numbers)}", not_after=world.now + timedelta(days=900))
        return LocalIssuer("desk", (made.certificate,), made.key, lifetime=LIFETIME, clock=lambda: world.now)

    world = fleet(tmp_path, servers=3)
    world.desk = Desk(opened, lambda: world.now)
    first = world.apply().applied
    assert first is not None
    (told, *_) = [one for one in first.diagnostics if one.summary == "Certificates of one set differ"]
    assert "key: shared" in (told.hint or "")
    world.declared["certificates"]["internet"] |= {"key": "shared", "exportable": True}
    for _ in range(3):
        run(world)
        assert len(names(world)) == 1
        assert world.plan().plan.is_empty or all(
            is_retirement(one.address) for one in world.plan().plan.changes if one.action.is_run
        )
        world.pass_time(LIFETIME * 0.7)
