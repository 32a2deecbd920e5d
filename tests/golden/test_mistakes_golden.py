"""Twenty mistakes in one file, as they are told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from reconciler.config import Loaded, load
from reconciler.views.diagnostics import render_diagnostics

Golden = Callable[[str, str], None]
CASES = Path(__file__).parents[1] / "cases"


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> Loaded:
    monkeypatch.chdir(CASES)  # so that the file is named as somebody in that folder names it
    return load(Path("mistakes.yaml"), today=date(2026, 7, 1))


def test_each_mistake_is_told_once(loaded: Loaded) -> None:
    """None hides another, and none is told a second time for what follows from it."""
    assert len(loaded.diagnostics) == 20
    assert len({diagnostic.summary for diagnostic in loaded.diagnostics}) == 20


def test_each_has_its_place_its_line_and_a_hint(loaded: Loaded) -> None:
    lines = (CASES / "mistakes.yaml").read_text(encoding="utf-8").splitlines()
    for diagnostic in loaded.diagnostics:
        assert diagnostic.where is not None
        assert diagnostic.where.text == lines[diagnostic.where.line - 1]
        assert diagnostic.hint


def test_all_of_them_as_people_read_them(loaded: Loaded, golden: Golden) -> None:
    golden("mistakes.txt", render_diagnostics(loaded.diagnostics))
