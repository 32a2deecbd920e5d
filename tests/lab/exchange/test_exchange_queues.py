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
