"""Every example is valid, and shows the plan that its folder says it shows."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from reconciler.config import load
from reconciler.views.plan_text import render_plan
from tests.contoso import contoso

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
TODAY = date(2026, 11, 24)


@pytest.mark.parametrize("folder", sorted(EXAMPLES.iterdir()), ids=lambda folder: folder.name)
def test_an_example_is_valid_and_explained(folder: Path) -> None:
    loaded = load(folder, today=TODAY)
    assert loaded.desired is not None, loaded.diagnostics
    assert not loaded.diagnostics
    assert (folder / "README.md").is_file()


def test_contoso_plans_what_it_shows(tmp_path: Path) -> None:
    """On a fresh lab, byte by byte: nothing in a first plan depends on a key or a clock."""
    expected = EXAMPLES / "contoso" / "plan.txt"
    with contoso(tmp_path) as made:
        text = render_plan(made.plan().plan, width=100)
    if os.environ.get("GOLDEN_UPDATE"):
        expected.write_text(text, encoding="utf-8", newline="\n")
    assert text == expected.read_text(encoding="utf-8")


def test_what_the_readme_declares_is_valid(tmp_path: Path) -> None:
    readme = (EXAMPLES.parent / "README.md").read_text(encoding="utf-8")
    block = readme.split("```yaml\n", 1)[1].split("```", 1)[0]
    path = tmp_path / "tls.yaml"
    path.write_text(block, encoding="utf-8")
    loaded = load(path, today=TODAY)
    assert loaded.desired is not None, loaded.diagnostics
    assert not loaded.diagnostics
