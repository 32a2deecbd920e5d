"""Desired states with the problems that are expected of them written into them."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from reconciler.config import load
from reconciler.config.secrecy import may_hold_password
from reconciler.diagnostics import Severity, has_errors

CASES = Path(__file__).parents[2] / "cases" / "config"
TODAY = date(2026, 7, 1)
_MARK = re.compile(r"#!(.*)$")


def expected_of(case: Path) -> list[tuple[int, int, str, str]]:
    """Line, column, severity and summary of every problem that a case announces."""
    found = []
    for line, text in enumerate(case.read_text(encoding="utf-8").splitlines(), 1):
        if mark := _MARK.search(text):
            for announced in mark.group(1).split(";"):
                column, severity, summary = announced.split(maxsplit=2)
                found.append((line, int(column), severity, summary.strip()))
    return sorted(found)


@pytest.mark.parametrize("case", sorted(CASES.glob("*.yaml")), ids=lambda case: case.stem)
def test_finds_what_the_case_announces_and_nothing_else(case: Path) -> None:
    """Every problem of a file is told in one run, each at the line and column where it stands."""
    loaded = load(case, today=TODAY)
    found = [
        (d.where.line, d.where.column, d.severity.value, d.summary) for d in loaded.diagnostics if d.where
    ]
    assert sorted(found) == expected_of(case)
    assert len(found) == len(loaded.diagnostics)


@pytest.mark.parametrize("case", sorted(CASES.glob("*.yaml")), ids=lambda case: case.stem)
def test_yields_a_desired_state_exactly_when_there_is_no_error(case: Path) -> None:
    """A warning never stands in the way; an error always does."""
    loaded = load(case, today=TODAY)
    assert (loaded.desired is None) is has_errors(loaded.diagnostics)


@pytest.mark.parametrize("case", sorted(CASES.glob("*.yaml")), ids=lambda case: case.stem)
def test_every_problem_is_told_with_its_line_and_a_hint(case: Path) -> None:
    """Whoever reads it sees the line and knows what to try next."""
    lines = case.read_text(encoding="utf-8").splitlines()
    for diagnostic in load(case, today=TODAY).diagnostics:
        assert diagnostic.where is not None
        line = lines[diagnostic.where.line - 1]
        # A line in which a password may stand in the place of its reference is not shown.
        assert diagnostic.where.text == ("" if may_hold_password(line) else line)
        assert diagnostic.hint
        assert diagnostic.detail.endswith(".")


def test_every_summary_is_the_same_text_every_time() -> None:
    """Summaries carry no names or numbers of a case, so that people can search for them."""
    for case in CASES.glob("*.yaml"):
        for diagnostic in load(case, today=TODAY).diagnostics:
            assert '"' not in diagnostic.summary
            assert len(diagnostic.summary) <= 48
            assert diagnostic.severity in Severity
