"""Every command is in the documentation, or this fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.cli.app import app, lab

ROOT = Path(__file__).parents[3]


def names() -> list[str]:
    """``plan``, ``lab up`` ..."""
    found = [
        (prefix, command)
        for prefix, part in (("", app), ("lab ", lab))
        for command in part.registered_commands
    ]
    return [
        prefix + (command.name or (command.callback.__name__ if command.callback else ""))
        for prefix, command in found
    ]


@pytest.mark.parametrize("name", names())
def test_a_command_is_documented(name: str) -> None:
    """In the README or under docs, as it is typed."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    assert any(f"reconciler {name}" in page.read_text(encoding="utf-8") for page in pages if page.exists())
