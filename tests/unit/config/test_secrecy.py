"""A password in the place of its reference: whatever else is wrong there, it is shown to nobody."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from reconciler.config import load
from reconciler.config.secrecy import hidden_lines
from reconciler.config.tree import parse

TODAY = date(2026, 7, 1)
SERVER = "version: 1\norganization: contoso\nservers:\n  EX1:\n    role: mailbox\n    connection: "


@pytest.mark.parametrize(
    ("connection", "told"),
    [
        ('{auth: bsic, credential: "admin:hunter2"}', "Value not allowed"),
        ('{credentials: "admin:hunter2"}', "Unknown key"),
        ("{password: hunter2}", "Unknown key"),
        ('{credential: "admin:hunter2"}}', "Not YAML"),
        ("{credential: admin: hunter2}", "Not YAML"),
        ("{credential: *hunter2}", "Unknown anchor"),
        ("{credential: !hunter2 x}", "Tags are not supported"),
        ("{credential:admin:hunter2}", "Unknown key"),
        ("{credential:admin:hunter2, credential:admin:hunter2}", "Key given twice"),
        ("\n      credential:admin:hunter2", "Value not allowed"),
        ('\n      credential: "env:A"\n      credential: "admin:hunter2"', "Key given twice"),
        ("\n      credential:\n        'admin:hunter2' }", "Not YAML"),
        ("\n      credential: |\n        admin:hunter2\n", "Value not allowed"),
        ('{credential:\n"admin:hunter2", auth: bsic}', "Value not allowed"),
        ('{auth: bsic, credential: "admin:\n hunter2", endpoint: x}', "Value not allowed"),
        ('{url: "https://admin:hunter2@host/PowerShell/", auth: bsic}', "Value not allowed"),
    ],
)
def test_is_shown_by_no_diagnostic(tmp_path: Path, connection: str, told: str) -> None:
    """Neither in words nor in the line, also where the problem is another one."""
    file = tmp_path / "tls.yaml"
    file.write_text(SERVER + connection)
    diagnostics = load(file, today=TODAY).diagnostics
    assert told in [diagnostic.summary for diagnostic in diagnostics]
    assert "hunter2" not in repr(diagnostics)


def test_hides_its_own_lines_alone() -> None:
    """What stands beside it is shown, for whoever has to mend it."""
    lines = [
        "connection:",
        "  credential: env:EXCHANGE",
        "",
        "  ca: corporate.pem",
        "  credential: >",
        "    admin:hunter2",
        "  auth: basic",
        "  credential:",
        "",
        "  admin:hunter2",
        "servers:",
    ]
    assert sorted(hidden_lines(lines)) == [1, 4, 5, 7, 9]


def test_leaves_the_hint_for_its_line() -> None:
    """The hint knows the line, and shows nothing of it."""
    (found,) = parse("to: {credential: *, b: c}", "f").diagnostics
    assert 'write "*" in quotes' in found.hint
    assert found.where is not None
    assert found.where.text == ""
