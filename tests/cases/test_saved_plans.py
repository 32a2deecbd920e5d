"""A saved plan runs exactly as it was reviewed, or not at all; and why is told truly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.exchange.errors import Unreachable
from reconciler.exchange.port import Connection
from reconciler.operations.applying import run_apply, run_saved_plan
from reconciler.operations.failed import Cause, OperationFailed
from reconciler.operations.importing import run_import
from reconciler.operations.inputs import Inputs, Surroundings
from reconciler.operations.planning import run_plan
from reconciler.plan.plan_file import SavedPlan
from state.address import Address
from tests.contoso import EXAMPLE, unheard
from tests.direct import DirectLab, direct_lab


class _Cut(DirectLab):
    """A lab one of whose servers cannot be reached any more."""

    def reader(self, connection: Connection) -> Any:
        if connection.server == "EDGE1":
            raise Unreachable("EDGE1", "connection refused", was_connected=False)
        return super().reader(connection)


class Saved:
    """The example's first plan, saved, with its YAML in a folder where it can be changed."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "tls.yaml"
        self.path.write_text((EXAMPLE / "tls.yaml").read_text(encoding="utf-8"), encoding="utf-8")
        self.lab = direct_lab(folder / "lab")
        self.inputs = Inputs(self.path, connections=self.lab.connections(), state=folder / "state")
        planned = run_plan(self.inputs, self.surroundings())
        self.plan = SavedPlan(
            plan=planned.plan,
            desired=planned.snapshot,
            path=str(self.path),
            connections=str(self.inputs.connections),
            state=str(self.inputs.state),
            targets=(),
            made_at=self.lab.now,
            tool_version="0",
        )

    def surroundings(self, lab: DirectLab | None = None) -> Surroundings:
        return Surroundings(unheard, lambda: self.lab.now, lab or self.lab)

    def refused(self, lab: DirectLab | None = None) -> OperationFailed:
        before = len(self.lab.sent)
        with pytest.raises(OperationFailed) as failed:
            run_saved_plan(self.plan, self.surroundings(lab), lambda planned: True)
        assert len(self.lab.sent) == before
        return failed.value

    def edit(self, old: str, new: str) -> None:
        text = self.path.read_text(encoding="utf-8")
        assert old in text
        self.path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def saved(tmp_path: Path) -> Saved:
    return Saved(tmp_path)


class TestASavedPlan:
    def test_runs_as_it_was_reviewed(self, saved: Saved) -> None:
        outcome = run_saved_plan(saved.plan, saved.surroundings(), lambda planned: True)
        assert outcome.applied is not None
        assert outcome.applied.is_complete

    def test_runs_although_the_yaml_says_something_else_by_now(self, saved: Saved) -> None:
        saved.edit("    - adatum.com\n", "")
        outcome = run_saved_plan(saved.plan, saved.surroundings(), lambda planned: True)
        assert outcome.applied is not None
        assert outcome.applied.done == sum(len(change.invocations) for change in saved.plan.plan.changes)

    def test_is_stale_once_it_was_applied(self, saved: Saved) -> None:
        run_saved_plan(saved.plan, saved.surroundings(), lambda planned: True)
        refusal = saved.refused()
        assert refusal.cause is Cause.STALE
        assert "applied before" in refusal.diagnostics[0].detail

    def test_is_not_called_done_when_a_server_cannot_be_reached(self, saved: Saved) -> None:
        """Unknown is not absent: the operator would go home."""
        run_apply(saved.inputs, saved.surroundings(), lambda planned: True)
        cut = _Cut(saved.lab.directory, saved.lab.exchange)
        refusal = saved.refused(cut)
        assert refusal.cause is Cause.ERROR
        assert [diagnostic.summary for diagnostic in refusal.diagnostics] == ["Server not read"]

    def test_is_stale_when_its_issuer_left_the_yaml(self, saved: Saved) -> None:
        saved.edit("  house: {type: local", "  desk: {type: local")
        saved.edit("issuer: house", "issuer: desk")
        refusal = saved.refused()
        assert refusal.cause is Cause.STALE
        assert "issuer house" in refusal.diagnostics[0].detail

    def test_is_stale_when_it_would_forget_what_was_recorded_since(self, saved: Saved) -> None:
        saved.edit(
            '      "Default Frontend MBX2": {certificate: internet}\n',
            '      "Client Frontend MBX2": {banner: 220 hello}\n',
        )
        listener = Address.parse('receive_connector.MBX2."Client Frontend MBX2"')
        run_import(saved.inputs, listener, saved.surroundings())
        refusal = saved.refused()
        assert refusal.cause is Cause.STALE
        assert str(listener) in refusal.diagnostics[0].detail

    def test_is_made_again_against_the_same_servers_and_record(self, saved: Saved) -> None:
        """The hint is a command line that does not go to production by mistake."""
        run_saved_plan(saved.plan, saved.surroundings(), lambda planned: True)
        saved.lab.now = saved.lab.now.replace(year=saved.lab.now.year + 1)
        hint = saved.refused().diagnostics[0].hint
        assert f"--connections {saved.inputs.connections}" in hint
        assert f"--state {saved.inputs.state}" in hint

    def test_is_made_again_by_a_line_that_a_shell_takes(self, saved: Saved) -> None:
        run_saved_plan(saved.plan, saved.surroundings(), lambda planned: True)
        saved.lab.now = saved.lab.now.replace(year=saved.lab.now.year + 1)
        state = saved.inputs.state
        assert state is not None
        moved = state.parent / "a state"
        state.rename(moved)
        saved.plan = replace(saved.plan, state=str(moved))
        assert f"--state '{moved}' --out FILE" in saved.refused().diagnostics[0].hint

    def test_of_another_organization_is_refused(self, saved: Saved) -> None:
        saved.plan = replace(saved.plan, plan=replace(saved.plan.plan, organization="fabrikam"))
        assert saved.refused().cause is Cause.ERROR


class TestAnImport:
    def test_keeps_that_we_made_it(self, saved: Saved) -> None:
        """Else the tool would never delete again what it created."""
        run_apply(saved.inputs, saved.surroundings(), lambda planned: True)
        address = Address.parse("send_connector.EDGE1.tls_never")
        run_import(saved.inputs, address, saved.surroundings())
        record = run_plan(saved.inputs, saved.surroundings()).record
        assert record.resources[address].created

    def test_tells_what_the_next_plan_changes_and_nothing_else(self, saved: Saved) -> None:
        """A certificate that is bound already is no difference, although the YAML names it by its address."""
        run_apply(saved.inputs, saved.surroundings(), lambda planned: True)
        address = Address.parse("send_connector.internet.opportunistic")
        assert run_import(saved.inputs, address, saved.surroundings()).differing == ()
        saved.edit("cost: 10", "cost: 20")
        assert run_import(saved.inputs, address, saved.surroundings()).differing == ("address_spaces",)
