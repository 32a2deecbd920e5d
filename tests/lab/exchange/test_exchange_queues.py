"""Queues and Edge synchronization: typed, and honest about what the lab has none of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


class TestAQueue:
    def test_is_there_for_submission_and_empty(self, lab: Any) -> None:
        queue = lab.run("Get-Queue")
        assert queue["Identity"] == "MBX1\\Submission"
        assert queue["MessageCount"] == "0"
        assert queue["Status"] == "Ready"
        assert queue.one.types[0] == "Microsoft.Exchange.Data.QueueViewer.PropertyBagBasedQueueInfo"

    def test_had_another_type_in_2010(self, new_lab: Callable[..., Any]) -> None:
        assert new_lab(build="2010").run("Get-Queue").one.types[0].endswith(".QueueInfo")

    @pytest.mark.parametrize(
        "named",
        [
            {"Identity": "mbx2\\submission"},
            {"Identity": "MBX2\\"},
            {"Server": "mbx2.contoso.com"},
        ],
    )
    def test_of_another_server_is_named_by_it(
        self, new_lab: Callable[..., Any], named: dict[str, str]
    ) -> None:
        assert new_lab(servers=2).run("Get-Queue", **named)["Identity"] == "MBX2\\Submission"

    @pytest.mark.parametrize("identity", ["contoso.com", "MBX9\\Submission", "EDGE1\\Submission"])
    def test_that_is_not_there(self, lab: Any, identity: str) -> None:
        assert "ManagementObjectNotFoundException" in lab.run("Get-Queue", Identity=identity).error_id

    def test_can_not_be_retried_while_it_is_ready(self, lab: Any) -> None:
        result = lab.run("Retry-Queue", Identity="Submission")
        assert result.error.category == 7
        assert result.error.target == "MBX1\\Submission"
        assert result.error_id.endswith(",Microsoft.Exchange.Management.QueueViewerTasks.RetryQueue")
        assert lab.run("Retry-Queue", Identity="Submission", WhatIf=...).errors == []

    @pytest.mark.parametrize("cmdlet", ["Get-Queue", "Retry-Queue"])
    def test_is_not_chosen_by_a_filter(self, lab: Any, cmdlet: str) -> None:
        """Better no answer than that of another filter."""
        assert lab.run(cmdlet, Filter="Status -eq 'Retry'").error.target == "Filter"


class TestADigest:
    @pytest.mark.parametrize("scope", [{"Forest": ...}, {"Server": ["MBX1"]}, {}])
    def test_of_empty_queues_is_empty(self, lab: Any, scope: dict[str, Any]) -> None:
        result = lab.run("Get-QueueDigest", **scope)
        assert (result.objects, result.errors) == ([], [])

    @pytest.mark.parametrize("scope", [{"Server": ["MBX9"]}, {"Dag": ["DAG1"]}, {"Site": ["Default"]}])
    def test_needs_what_it_names(self, lab: Any, scope: dict[str, Any]) -> None:
        assert "ManagementObjectNotFoundException" in lab.run("Get-QueueDigest", **scope).error_id


class TestEdgeSynchronization:
    @pytest.mark.parametrize("cmdlet", ["Start-EdgeSynchronization", "Test-EdgeSynchronization"])
    def test_has_nobody_to_synchronize_with(self, lab: Any, cmdlet: str) -> None:
        result = lab.run(cmdlet)
        assert result.error.category == 7
        assert ",Microsoft.Exchange.Management.EdgeSync." in result.error_id
        assert lab.run(cmdlet, WhatIf=...).errors == []


@pytest.fixture
def subscribed(new_lab: Callable[..., Any]) -> Any:
    """EDGE1 is subscribed, EDGE2 is not."""
    return new_lab(edges=2, subscribed=1)


class TestASubscribedEdgeServer:
    """[1-5]: its send connectors are the organization's."""

    @pytest.mark.rule("1-5")
    def test_is_told_by_the_organization(self, subscribed: Any) -> None:
        found = subscribed.run("Get-EdgeSubscription")
        assert (found["Name"], found["Domain"]) == ("EDGE1", "contoso.com")
        assert subscribed.run("Get-EdgeSubscription", Identity="edge1")["Name"] == "EDGE1"
        assert "NotFound" in subscribed.run("Get-EdgeSubscription", Identity="EDGE2").error_id
        names = [server.text for server in subscribed.run("Get-ExchangeServer").objects]
        assert names == ["MBX1", "EDGE1"]

    @pytest.mark.rule("3-5")
    def test_brings_two_connectors(self, subscribed: Any) -> None:
        inbound = subscribed.run(
            "Get-SendConnector", Identity="EdgeSync - Inbound to Default-First-Site-Name"
        )
        assert inbound.items("AddressSpaces") == ["SMTP:--;1"]
        assert inbound.items("SmartHosts") == ["--"]
        assert inbound.items("SourceTransportServers") == ["EDGE1"]
        outbound = subscribed.run(
            "Get-SendConnector", Identity="EdgeSync - Default-First-Site-Name to Internet"
        )
        assert outbound.items("AddressSpaces") == ["SMTP:*;100"]

    @pytest.mark.rule("1-5")
    def test_has_what_was_synchronized_last(self, subscribed: Any) -> None:
        subscribed.run(
            "New-SendConnector", Name="Out", AddressSpaces=["fabrikam.com"], SourceTransportServers=["EDGE1"]
        )
        on_edge = {"on": "EDGE1", "endpoint": "winrm"}
        assert subscribed.run("Get-SendConnector", **on_edge).objects == []
        report = subscribed.run("Start-EdgeSynchronization")
        assert (report["Name"], report["Result"], report["Added"]) == ("EDGE1", "Success", "3")
        there = [each.text for each in subscribed.run("Get-SendConnector", **on_edge).objects]
        assert "Out" in there
        subscribed.run("Remove-SendConnector", Identity="Out", Confirm=False)
        assert subscribed.run("Get-SendConnector", Identity="Out", **on_edge).errors == []
        subscribed.run("Start-EdgeSynchronization", TargetServer="EDGE1")
        assert "NotFound" in subscribed.run("Get-SendConnector", Identity="Out", **on_edge).error_id

    @pytest.mark.rule("1-5")
    def test_takes_no_connector_of_its_own(self, subscribed: Any) -> None:
        """Another Edge server does."""
        new = {"Name": "Own", "AddressSpaces": ["fabrikam.com"], "endpoint": "winrm"}
        assert subscribed.run("New-SendConnector", on="EDGE1", **new).error.category == 7
        assert subscribed.run("New-SendConnector", on="EDGE2", **new).errors == []

    def test_alone_can_be_a_source_in_the_organization(self, subscribed: Any) -> None:
        """EDGE2 is unknown there."""
        new = {"AddressSpaces": ["fabrikam.com"], "SourceTransportServers": ["EDGE2"]}
        assert "NotFound" in subscribed.run("New-SendConnector", Name="Out", **new).error_id

    def test_stays_so_when_the_lab_is_opened_again(self, subscribed: Any) -> None:
        subscribed.exchange = subscribed.reopened()
        assert subscribed.run("Get-EdgeSubscription")["Name"] == "EDGE1"
