"""Each benchmark at a tiny size: that it still measures what it says. Nothing here is timed."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.plan.planner import plan
from tests.benchmarks import fleet, many_servers, planner, server_read, start, terraform
from tests.benchmarks.figure import Figure, Spread, table
from tests.benchmarks.organization import organization


class TestABenchmark:
    def test_of_the_planner_plans_what_it_says(self) -> None:
        """It raises where not every connector changes, or where one does that should not."""
        assert [figure.unit for figure in planner.measure(2, 4, repeat=1)] == ["x", "CPU s", "MB"] * 2

    def test_of_the_planner_changes_all_sixteen_attributes(self) -> None:
        situation = organization(1, changed=True)
        (change,) = [change for change in plan(situation).changes if change.attributes]
        assert len(change.attributes) == 16

    def test_of_a_fleet_renews_what_it_says(self) -> None:
        """It raises where not every certificate is replaced, or where one is that should not."""
        assert [figure.unit for figure in fleet.measure(1, 2, (2, 3), repeat=1)] == ["x"] * 3

    def test_of_terraform_is_left_out_where_it_is_not_installed(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", "")
        assert terraform.measure(1, 2) == []

    def test_of_the_start_runs_both_programs(self) -> None:
        assert [figure.limit for figure in start.measure(pairs=1)] == [1.3, 2.5]

    def test_of_many_servers_reads_them_all(self) -> None:
        assert len(many_servers.measure(servers=2, latency_ms=0, repeat=1)) == 1

    def test_of_a_server_read_finds_as_much_both_ways(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It raises where one of the two found less than the other."""
        monkeypatch.setenv("EXCHANGE_CORPUS", str(Path(__file__).parents[1] / "lab" / "samples"))
        figures = server_read.measure(repeat=1, relays=1, certificates=1)
        assert [figure.limit for figure in figures] == [None, server_read.RATIO] * 2


class TestTheTable:
    def test_tells_what_is_kept_and_what_is_missed(self) -> None:
        told = table([Figure("a", 1, "x", 2), Figure("b", 3, "x", 2), Figure("c", 3, "x")])
        assert [line.split()[3:4] for line in told.splitlines()[1:]] == [["2"], ["2"], []]
        assert [word in told for word in ("ok", "MISSED")] == [True, True]

    def test_holds_the_least_and_the_middle_of_what_was_measured(self) -> None:
        assert Spread.of([3.0, 1.0, 2.0]) == Spread(1.0, 2.0)
