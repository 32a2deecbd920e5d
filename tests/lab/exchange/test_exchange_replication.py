"""Domain controllers: who answers, where a write lands, and when the others hear of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from reconciler.lab.exchange.clixml import text_of
from tests.rules import rule

DC1, DC2 = "DC1.contoso.com", "DC2.contoso.com"
PARTNER = {"Name": "partner", "AddressSpaces": "fabrikam.com"}


@pytest.fixture
def two(new_lab: Callable[..., Any]) -> Any:
    """MBX1 asks DC1, MBX2 asks DC2, which hears of nothing for 20 seconds."""
    lab = new_lab(servers=2, edges=1)
    lab.exchange.replicate({"DC2": 20})
    return lab


def names(lab: Any, **asked: Any) -> list[str]:
    shown = lab.run("Get-SendConnector", **asked)
    return [text_of(one.properties["Name"]) or "" for one in shown.objects]


class TestAnObject:
    def test_says_which_domain_controller_tells_it(self, two: Any) -> None:
        two.run("New-SendConnector", **PARTNER)
        two.later(seconds=20)
        assert two.run("Get-SendConnector")["OriginatingServer"] == DC1
        assert two.run("Get-SendConnector", on="MBX2")["OriginatingServer"] == DC2
        assert two.run("Get-SendConnector", DomainController="dc2")["OriginatingServer"] == DC2

    def test_is_told_by_no_machine_that_is_none(self, two: Any) -> None:
        refused = two.run("Get-SendConnector", DomainController="MBX1")
        assert "SuitabilityDirectoryException" in refused.error_id

    @rule("1-4")
    def test_of_an_edge_server_comes_from_itself(self, two: Any) -> None:
        shown = two.run("Get-ExchangeServer", on="EDGE1", endpoint="winrm")
        assert shown["OriginatingServer"] == "edge1.contoso.com"
        assert two.run("Get-SendConnector", on="EDGE1", endpoint="winrm", DomainController=DC1).errors


class TestAWrite:
    def test_is_heard_of_later_elsewhere(self, two: Any) -> None:
        two.run("New-SendConnector", **PARTNER)
        assert names(two) == ["partner"]
        assert names(two, on="MBX2") == []
        two.later(seconds=20)
        assert names(two, on="MBX2") == ["partner"]

    def test_lands_where_it_is_told_to(self, two: Any) -> None:
        two.run("New-SendConnector", **PARTNER, DomainController=DC2)
        assert names(two, on="MBX2") == ["partner"]
        assert names(two) == ["partner"], "DC1 hears at once"

    def test_that_changes_or_removes_is_no_quicker(self, two: Any) -> None:
        two.run("New-SendConnector", **PARTNER)
        two.later(seconds=20)
        two.run("Set-SendConnector", "partner", RequireTLS=True)
        assert two.run("Get-SendConnector", on="MBX2")["RequireTLS"] == "false"
        two.run("Remove-SendConnector", "partner", Confirm=False)
        assert names(two) == []
        assert names(two, on="MBX2") == ["partner"]
        two.later(seconds=20)
        assert names(two, on="MBX2") == []

    def test_of_a_receive_connector_is_no_quicker(self, two: Any) -> None:
        identity = "MBX2\\Default Frontend MBX2"
        two.run("Set-ReceiveConnector", identity, Banner="220 x")
        assert two.run("Get-ReceiveConnector", identity)["Banner"] == "220 x"
        assert two.run("Get-ReceiveConnector", identity, on="MBX2")["Banner"] == ""

    def test_wins_over_an_earlier_one_that_arrives_later(self, two: Any) -> None:
        two.run("New-SendConnector", **PARTNER)
        two.later(seconds=20)
        two.run("Set-SendConnector", "partner", Comment="first")
        two.run("Set-SendConnector", "partner", Comment="second", on="MBX2")
        two.later(seconds=20)
        for server in ("MBX1", "MBX2"):
            assert two.run("Get-SendConnector", on=server)["Comment"] == "second"

    def test_is_not_heard_of_where_replication_is_held(self, two: Any) -> None:
        two.exchange.replicate({"DC2.contoso.com": None})
        two.run("New-SendConnector", **PARTNER)
        two.later(days=30)
        assert names(two, on="MBX2") == []
        two.exchange.replicate({})
        assert names(two, on="MBX2") == ["partner"]

    def test_that_was_everywhere_stays_there(self, two: Any) -> None:
        two.run("New-SendConnector", **PARTNER)
        two.later(seconds=20)
        two.exchange.replicate({"DC2": None})
        assert names(two, on="MBX2") == ["partner"]


class TestPort25:
    def test_presents_what_the_servers_own_domain_controller_tells(self, two: Any) -> None:
        """A binding that has not arrived is no binding; its arrival is a change."""
        before = two.exchange.smtp_revision("MBX2")
        two.run("Set-ReceiveConnector", "MBX2\\Default Frontend MBX2", TlsCertificateName="<I>CN=a<S>CN=b")
        assert two.exchange.smtp_identity("MBX2") is not None
        on_its_way = two.exchange.smtp_revision("MBX2")
        two.later(seconds=20)
        assert two.exchange.smtp_identity("MBX2") is None, "the name dangles"
        assert len({before, on_its_way, two.exchange.smtp_revision("MBX2")}) == 3
