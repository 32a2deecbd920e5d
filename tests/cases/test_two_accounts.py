"""An account that reads and one that changes: who opens which, and when."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.operations.applying import run_apply
from reconciler.operations.failed import OperationFailed
from reconciler.operations.inputs import Inputs, Surroundings
from reconciler.operations.planning import run_plan
from tests.contoso import EXAMPLE, unheard
from tests.direct import DirectLab, direct_lab


@pytest.fixture
def lab(tmp_path: Path) -> DirectLab:
    return direct_lab(tmp_path / "lab")


def inputs(lab: DirectLab, folder: Path, write: str) -> Inputs:
    """The lab's own connections, but for the account that changes MBX2."""
    path = lab.connections()
    content = json.loads(path.read_text())
    content["servers"]["MBX2"]["credential"] = {"read": "file:admin.credential", "write": write}
    path.write_text(json.dumps(content))
    return Inputs(EXAMPLE, connections=path, state=folder / "state")


def around(lab: DirectLab) -> Surroundings:
    return Surroundings(unheard, now=lambda: lab.now, sessions=lab)


class TestAnAccountForWritingThatIsMissing:
    def test_is_not_missed_by_a_plan(self, lab: DirectLab, tmp_path: Path) -> None:
        """A pipeline that only plans need not have it."""
        planned = run_plan(inputs(lab, tmp_path, "env:NO_SUCH_WRITER"), around(lab))
        assert not planned.plan.is_empty

    def test_stops_an_apply_before_anything_is_sent(self, lab: DirectLab, tmp_path: Path) -> None:
        """MBX1 could have been changed; half an apply helps nobody."""
        asked = inputs(lab, tmp_path, "env:NO_SUCH_WRITER")
        with pytest.raises(OperationFailed) as caught:
            run_apply(asked, around(lab), lambda planned: True)
        assert [(d.summary, d.subject) for d in caught.value.diagnostics] == [
            ("Account not available", "MBX2")
        ]
        assert lab.sent == []

    def test_is_not_looked_for_where_nobody_approves(self, lab: DirectLab, tmp_path: Path) -> None:
        asked = inputs(lab, tmp_path, "env:NO_SUCH_WRITER")
        outcome = run_apply(asked, around(lab), lambda planned: False)
        assert not outcome.approved


def test_an_account_for_writing_is_asked_for_once(lab: DirectLab, tmp_path: Path) -> None:
    """A vault counts."""
    program = tmp_path / "lab" / "writer.sh"
    program.write_text("echo x >> asked; echo admin:secret")
    run_apply(inputs(lab, tmp_path, "command:sh writer.sh"), around(lab), lambda _: True)
    assert (tmp_path / "lab" / "asked").read_text() == "x\n"
