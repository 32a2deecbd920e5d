"""What the servers of an organization share, on the wire: asked once, at one domain controller."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.exchange.patience import Patience
from reconciler.operations.applying import run_apply
from reconciler.operations.inputs import Surroundings
from reconciler.operations.planning import run_plan
from tests.contoso import Contoso, contoso, unheard

SHARED = {"Get-OrganizationConfig", "Get-SendConnector", "Get-AcceptedDomain", "Get-EdgeSubscription"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contoso]:
    with contoso(tmp_path_factory.mktemp("organization")) as running:
        yield running


class TestAPlan:
    def test_asks_one_mailbox_server_for_what_all_share(self, made: Contoso) -> None:
        before = len(made.cmdlets())
        made.plan()
        asked = made.cmdlets()[before:]
        shared = [one["server"] for one in asked if one["cmdlet"] in SHARED and one["server"] != "EDGE1"]
        assert shared == ["MBX1"] * len(SHARED)

    def test_names_the_domain_controller_that_answered_first(self, made: Contoso) -> None:
        before = len(made.cmdlets())
        made.plan()
        named = {
            (one["server"], one["cmdlet"]): one["parameters"].get("DomainController")
            for one in made.cmdlets()[before:]
        }
        assert named["MBX2", "Get-ExchangeCertificate"] == "DC1.contoso.com"
        assert named["MBX2", "Get-ReceiveConnector"] == "DC1.contoso.com"
        assert {value for (server, _), value in named.items() if server == "EDGE1"} == {None}


class TestAServerThatIsDown:
    """Its web server resets every connection."""

    @pytest.mark.parametrize("down", ["MBX1", "MBX2"])
    def test_is_read_and_changed_through_another(self, down: str, tmp_path: Path) -> None:
        rules = tmp_path / "faults.json"
        rules.write_text(json.dumps([{"server": down, "request": "any", "action": "reset"}]))
        other = "MBX2" if down == "MBX1" else "MBX1"
        with contoso(tmp_path, faults=rules) as made:
            quick = Surroundings(unheard, patience=Patience(sleep=lambda seconds: None))
            planned = run_plan(made.inputs(), quick)
            assert [one.summary for one in planned.diagnostics] == ["Read through another server"]
            outcome = run_apply(made.inputs(), quick, lambda planned: True)
            assert outcome.applied is not None
            assert outcome.applied.is_complete, outcome.applied.diagnostics
            changing = {one["server"] for one in made.cmdlets(mutating=True)}
            assert changing == {other, "EDGE1"}
            assert run_plan(made.inputs(), quick).plan.is_empty
