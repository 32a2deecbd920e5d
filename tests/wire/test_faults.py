"""Every fault of a real endpoint, made by the lab on the wire: one apply gets through and does nothing twice.

tests/cases/test_lost_answers.py loses every answer there is, without a wire.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.events import Event, Retrying
from reconciler.exchange.patience import Patience
from reconciler.operations.applying import ApplyOutcome, run_apply
from reconciler.operations.failed import OperationFailed
from reconciler.operations.inputs import Surroundings
from reconciler.operations.planning import run_plan
from tests.contoso import Contoso, contoso

CHANGE = {"cmdlet": "New-SendConnector", "nth": 1}
FAULTS: dict[str, dict[str, Any]] = {
    "too many shells": {"request": "create", "nth": 1, "action": "shell_quota"},
    "too many runspaces": {"request": "create", "nth": 2, "action": "runspace_quota"},
    "too many operations": {"request": "command", "nth": 1, "action": "operation_quota"},
    "too many cmdlets": {"request": "command", "nth": 5, "action": "load_quota"},
    "throttled": {"cmdlet": "change", "times": 2, "action": "throttle", "seconds": 0.1},
    "busy web server": {"request": 4, "action": "busy"},
    "budget exceeded": {**CHANGE, "when": "before", "action": "busy"},
    "dropped before": {**CHANGE, "when": "before", "action": "drop"},
    "dropped after": {**CHANGE, "when": "after", "action": "drop"},
    "reset after": {**CHANGE, "when": "after", "action": "reset"},
    "reset while sent": {"request": "command", "nth": 6, "when": "after", "action": "reset"},
    "shell gone before": {**CHANGE, "when": "before", "action": "shell_gone"},
    "shell gone after": {**CHANGE, "when": "after", "action": "shell_gone"},
    "operation timeouts": {"request": "receive", "probability": 0.3, "times": 12, "action": "timeout"},
    "no domain controller": {**CHANGE, "when": "before", "action": "directory"},
    "no domain controller, told on the way": {**CHANGE, "action": "directory", "terminating": False},
    "no domain controller for a read": {"cmdlet": "Get-ReceiveConnector", "nth": 1, "action": "error"},
    "one fragment at a time": {"envelope": 32768},
}


STORM_APPLIES = 6


def storm(seed: int) -> list[dict[str, Any]]:
    """Every twentieth request fails in one way or another, and every twentieth cmdlet."""
    return [
        {"request": "any", "probability": 0.02, "seed": seed, "when": "after", "action": "reset"},
        {"request": "any", "probability": 0.02, "seed": seed + 1, "action": "busy"},
        {"request": "any", "probability": 0.01, "seed": seed + 2, "action": "shell_gone"},
        {"cmdlet": "*", "probability": 0.05, "seed": seed + 3, "action": "directory"},
    ]


def apply(made: Contoso) -> tuple[ApplyOutcome, list[Retrying]]:
    """Apply without waiting for anything, and what was tried again."""
    heard: list[Event] = []
    patience = Patience(sleep=lambda seconds: None)
    outcome = run_apply(made.inputs(), Surroundings(heard.append, patience=patience), lambda planned: True)
    return outcome, [event for event in heard if isinstance(event, Retrying)]


def assert_converged(made: Contoso, outcome: ApplyOutcome) -> None:
    assert outcome.applied is not None
    assert outcome.applied.is_complete, outcome.applied.diagnostics
    surroundings = Surroundings(lambda event: None, patience=Patience(sleep=lambda seconds: None))
    assert run_plan(made.inputs(), surroundings).plan.is_empty
    assert_nothing_twice(made)


def assert_nothing_twice(made: Contoso) -> None:
    """No key was drawn twice on a server, and no connector made twice."""
    done = [one for one in made.cmdlets(mutating=True) if one["result"] == "completed"]
    requests = [one["server"] for one in done if one["cmdlet"] == "New-ExchangeCertificate"]
    names = [one["parameters"]["Name"] for one in done if one["cmdlet"] == "New-SendConnector"]
    assert len(requests) == len(set(requests))
    assert len(names) == len(set(names))


@pytest.mark.parametrize("fault", FAULTS)
def test_an_apply_gets_through(fault: str, tmp_path: Path) -> None:
    rules = tmp_path / "faults.json"
    rules.write_text(json.dumps([FAULTS[fault]]), encoding="utf-8")
    with contoso(tmp_path, faults=rules) as made:
        outcome, again = apply(made)
        assert_converged(made, outcome)
        if fault not in ("throttled", "operation timeouts", "one fragment at a time"):
            assert again


@pytest.mark.parametrize("seed", [10, 20, 30])
def test_a_storm_is_got_through(seed: int, tmp_path: Path) -> None:
    """Mostly in one apply. Which thread a fault meets is chance, and one may stop: when another server
    had to be read in the midst of it, say. Then the next ones go on, and nothing is done twice.
    """
    rules = tmp_path / "faults.json"
    rules.write_text(json.dumps(storm(seed)), encoding="utf-8")
    with contoso(tmp_path, faults=rules) as made:
        again: list[Retrying] = []
        for _ in range(STORM_APPLIES):
            try:
                outcome, told = apply(made)
            except OperationFailed:  # a server could not be read at all
                continue
            again += told
            if outcome.applied is None or outcome.applied.is_complete:
                break
        else:
            pytest.fail(f"not through after {STORM_APPLIES} applies")
        assert again
        assert_nothing_twice(made)
