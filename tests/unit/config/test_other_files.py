"""Files of this tool's that stand where another belongs."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from reconciler.config import Loaded, load
from reconciler.plan.change import Plan
from reconciler.plan.plan_file import KIND
from reconciler.views.plan_json import render_plan_json

TODAY = date(2026, 7, 1)
DESIRED = "version: 1\norganization: contoso\nservers: {EX1: {role: mailbox}}\n"
CONNECTIONS = '{"servers": {"EX1": {"url": "https://ex1/PowerShell/", "ca": "ca.pem"}}, "issuers": {}}'
PLAN = f'{{"kind": "{KIND}", "format_version": 1, "changes": []}}'


def load_texts(folder: Path, desired: str, connections: str | None = None) -> Loaded:
    (folder / "tls.yaml").write_text(desired)
    if connections is None:
        return load(folder / "tls.yaml", today=TODAY)
    (folder / "connections.yaml").write_text(connections)
    return load(folder / "tls.yaml", connections=folder / "connections.yaml", today=TODAY)


class TestPath:
    @pytest.mark.parametrize(("text", "hint"), [(PLAN, "for show and apply"), (CONNECTIONS, "--connections")])
    def test_that_is_something_else_is_told_once(self, tmp_path: Path, text: str, hint: str) -> None:
        """Not as a dozen unknown keys."""
        (told,) = load_texts(tmp_path, text).diagnostics
        assert told.summary == "Another kind of file"
        assert told.where is not None
        assert hint in told.hint

    def test_that_lacks_keys_is_told_so(self, tmp_path: Path) -> None:
        """Servers that say more than how they are reached are declared servers."""
        told = load_texts(tmp_path, "servers: {EX1: {role: mailbox, ca: ca.pem}}").diagnostics
        assert {diagnostic.summary for diagnostic in told} == {"Key missing", "Unknown key"}

    def test_may_be_the_document_of_a_plan(self, tmp_path: Path) -> None:
        """What plan --json prints is no saved plan: its keys are told, and nothing breaks."""
        document = render_plan_json(Plan(organization="contoso", changes=()), tool_version="1")
        assert load_texts(tmp_path, document).desired is None


class TestConnections:
    @pytest.mark.parametrize("text", [DESIRED, PLAN])
    def test_that_are_something_else_are_told_once(self, tmp_path: Path, text: str) -> None:
        (told,) = load_texts(tmp_path, DESIRED, text).diagnostics
        assert told.summary == "Another kind of file"
        assert "--connections" in told.hint
