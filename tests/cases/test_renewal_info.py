"""An authority that says when it wants certificates renewed (RFC 9773), asked by every plan."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import requests

from reconciler.config.desired import IssuerSettings
from reconciler.issuers.acme.http01 import Webroot
from reconciler.issuers.acme.issuer import AcmeIssuer, AcmeSettings
from reconciler.issuers.port import CertificateRequest, Issued, Issuer, IssuerUnusable, Waiting
from reconciler.operations import renewals
from reconciler.operations.applying import run_saved_plan
from reconciler.operations.certificates import run_certificates
from reconciler.operations.failed import Cause, OperationFailed
from reconciler.operations.inputs import Surroundings
from reconciler.operations.saved_plans import read_plan, save_plan
from reconciler.pki.renewal_info import SuggestedWindow
from reconciler.plan.change import Action, Plan
from reconciler.plan.standing import State
from state.address import Address
from state.resources import Certificate
from state.values import Name
from tests.life import Desk, Fleet, fleet
from tests.scripted_acme import ADVISING, HERE, Scripted, window

MBX1, MBX2 = (Address.of("certificate", server, "internet") for server in ("MBX1", "MBX2"))
DAY = timedelta(days=1)
PAGE = "https://acme.example/revoked"


@dataclass
class Advising:
    """The desk, with an authority before it that says when it wants certificates renewed.

    Attributes:
        says: What it answers about a certificate; a certificate that is not there is not known.
        replaced: What each request that came was said to replace.
        asked: What it was asked about.
    """

    desk: Desk
    says: dict[str, Any] = field(default_factory=dict)
    directory: Any = field(default_factory=lambda: ADVISING)
    replaced: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def issue(self, request: CertificateRequest) -> Issued | Waiting:
        self.replaced.append(request.replaces)
        return self.desk.issue(request)

    def suggested(self, renewal_ids: Sequence[str]) -> Iterator[tuple[str, SuggestedWindow]]:
        self.asked += renewal_ids
        script = Scripted(
            directory=[self.directory], renewal=[lambda asked: self.says.get(asked, (404, {}, b""))]
        )
        settings = AcmeSettings(f"{HERE}/directory", Webroot(Path("www")))
        yield from AcmeIssuer("desk", settings, session=script.session).suggested(renewal_ids)


def speaking_acme(folder: Path, **certificate: Any) -> Fleet:
    """Everything is set up, nothing is due, and who signs is declared as one that speaks ACME."""
    world = fleet(folder, **certificate)
    connections = json.loads(world.lab.connections().read_text())
    connections["issuers"] = {
        "*": {
            "type": "acme",
            "directory": f"{HERE}/directory",
            "agree_to_terms": True,
            "http01": {"webroot": "www"},
        }
    }
    (world.lab.directory / "connections.yaml").write_text(json.dumps(connections))
    world.issuer = Advising(world.desk)
    world.apply()
    world.pass_time(5 * DAY)
    assert world.plan().plan.is_idle
    return world


@pytest.fixture
def settled(tmp_path: Path) -> Fleet:
    return speaking_acme(tmp_path)


def authority(world: Fleet) -> Advising:
    assert isinstance(world.issuer, Advising)
    return world.issuer


def name_of(world: Fleet, address: Address) -> str:
    """What the authority calls the certificate of an address."""
    was = world.record.resources[address].resource
    assert isinstance(was, Certificate)
    live = world.plan().live.servers[Name(address.parts[0])]
    (found,) = (one.renewal_id for one in live.certificates.objects if one.public_key == was.public_key)
    assert isinstance(found, str)
    return found


def wants(world: Fleet, *addresses: Address, at: datetime | None = None) -> list[str]:
    """Let the authority want certificates renewed."""
    start = at or world.now - timedelta(hours=1)
    names = [name_of(world, address) for address in addresses]
    authority(world).says |= {name: window(start, start + DAY, explanationURL=PAGE) for name in names}
    return names


def replaced(plan: Plan) -> set[Address]:
    return {change.address for change in plan.changes if change.action is Action.REPLACE}


class TestAnAuthorityThatWantsACertificateRenewed:
    def test_gets_it_renewed_once_and_is_told_which_one_it_was(self, settled: Fleet) -> None:
        assert authority(settled).replaced == ["", ""]
        [name] = wants(settled, MBX1)
        planned = settled.plan().plan
        assert replaced(planned) == {MBX1}
        (reason,) = (change.reason for change in planned.changes if change.address == MBX1)
        assert reason == f"its authority wants it renewed from 2026-11-29 on: {PAGE}"
        before = settled.record.resources[MBX1].resource
        settled.apply()
        assert authority(settled).replaced == ["", "", name]
        assert settled.record.resources[MBX1].resource != before
        assert settled.plan().plan.is_idle

    def test_gets_it_renewed_when_it_came_today(self, settled: Fleet) -> None:
        wants(settled, MBX1)
        settled.apply()
        wants(settled, MBX2)
        assert replaced(settled.plan().plan) == {MBX2}

    def test_is_not_asked_for_another_one_at_every_run(self, settled: Fleet) -> None:
        """Whatever it was given, it wants replaced: after two at one time it waits as all others do."""
        for _ in range(5):
            wants(settled, MBX1)
            settled.apply()
        assert len(authority(settled).replaced) <= 4

    def test_has_its_date_shown_before_it_comes(self, settled: Fleet) -> None:
        wants(settled, MBX1, at=settled.now + 3 * DAY)
        planned = settled.plan().plan
        assert planned.is_idle
        assert (planned.upcoming[0].address, planned.upcoming[0].renewal) == (MBX1, settled.now + 3 * DAY)
        assert PAGE in planned.upcoming[0].reason

    def test_is_told_by_certificates_as_by_plan(self, settled: Fleet) -> None:
        wants(settled, MBX1)
        told = run_certificates(settled.inputs(), settled.surroundings()).standings
        (one,) = (one for one in told if one.address == MBX1)
        assert one.state is State.RENEWAL_DUE
        assert PAGE in one.reason

    def test_is_asked_once_about_a_certificate_that_several_servers_share(self, tmp_path: Path) -> None:
        """They get the next one together."""
        world = speaking_acme(tmp_path, key="shared", exportable=True)
        authority(world).asked.clear()
        world.plan()
        [name] = authority(world).asked
        wants(world, MBX2)
        assert replaced(world.plan().plan) == {MBX1, MBX2}
        world.apply()
        assert authority(world).replaced == ["", name]
        assert name_of(world, MBX1) == name_of(world, MBX2) != name
        assert world.plan().plan.is_idle

    def test_is_what_a_saved_plan_is_held_against(self, settled: Fleet, tmp_path: Path) -> None:
        """What was reviewed runs; when the authority changed its mind, it is stale."""
        inputs = settled.inputs()
        wants(settled, MBX1)
        out = tmp_path / "tls.plan"
        save_plan(settled.plan(), inputs, out, targets=(), made_at=settled.now, tool_version="1")
        wants(settled, MBX2)
        with pytest.raises(OperationFailed) as caught:
            run_saved_plan(read_plan(out), settled.surroundings(), lambda planned: True)
        assert caught.value.cause is Cause.STALE
        del authority(settled).says[name_of(settled, MBX2)]
        done = run_saved_plan(read_plan(out), settled.surroundings(), lambda planned: True).applied
        assert done is not None
        assert done.is_complete
        assert len(authority(settled).replaced) == 3


class TestAnAuthorityThatSaysNothing:
    @pytest.mark.parametrize(
        "said",
        [b"<html>", {"suggestedWindow": {}}, (503, {}, b""), requests.ConnectionError("gone")],
        ids=["a page", "no window", "out of order", "gone"],
    )
    def test_leaves_the_plan_as_it_was(self, settled: Fleet, said: Any) -> None:
        before = settled.plan().plan
        authority(settled).says = dict.fromkeys((name_of(settled, MBX1), name_of(settled, MBX2)), said)
        assert settled.plan().plan == before
        authority(settled).directory = said
        assert settled.plan().plan == before

    def test_in_time_is_not_waited_for(self, settled: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
        """What it has said until then counts."""
        names = [name_of(settled, MBX1), name_of(settled, MBX2)]
        monkeypatch.setattr(renewals, "_SECONDS", 0.3)
        is_over = Event()

        class Hanging(Advising):
            def suggested(self, renewal_ids: Sequence[str]) -> Iterator[tuple[str, SuggestedWindow]]:
                yield names[0], SuggestedWindow(settled.now, settled.now + DAY)
                is_over.wait(30)
                yield names[1], SuggestedWindow(settled.now, settled.now + DAY)

        settled.issuer = Hanging(settled.desk)
        try:
            assert replaced(settled.plan().plan) == {MBX1}
        finally:
            is_over.set()

    def test_because_it_cannot_be_opened_is_no_matter_of_a_plan(self, settled: Fleet) -> None:
        def refused(settings: IssuerSettings, clock: Callable[[], datetime]) -> Issuer:
            raise IssuerUnusable("desk", "there is no file ca.pem")

        made = renewals.suggested_windows(
            settled.plan().situation,
            settled.plan().desired,
            replace(settled.surroundings(), open_issuer=refused),
        )
        assert made == {}


def test_no_issuer_of_another_type_is_opened_to_plan(tmp_path: Path) -> None:
    """To open one may be to read a private key, which whoever plans need not have."""
    world = fleet(tmp_path)
    world.apply()

    def opened(settings: IssuerSettings, clock: Callable[[], datetime]) -> Issuer:
        raise AssertionError(f"{settings.name} is opened")

    def surroundings() -> Surroundings:
        return replace(Fleet.surroundings(world), open_issuer=opened)

    world.surroundings = surroundings
    assert world.plan().plan.is_idle
