"""Paths as they come out of scripts gone wrong, wherever a path is taken."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from reconciler.cli import main

TLS = "version: 1\norganization: contoso\nservers: {EX1: {role: mailbox, host: ex1.invalid}}\n"
ODD = {
    "a folder": "folder",
    "nothing": "gone",
    "too long": "a" * 5000,
    "half a character": "\udcff",
    "a zero byte": "a\0b",
    "below a file": "tls.yaml/below",
    "the null device": os.devnull,
    "a binary": sys.executable,
}
TAKERS = {
    "validate": ["validate", "{}"],
    "plan": ["plan", "{}"],
    "verify": ["verify", "{}"],
    "import": ["import", "{}", "certificate.EX1.public"],
    "show": ["show", "{}"],
    "apply": ["apply", "{}", "--auto-approve"],
    "connections": ["plan", "tls.yaml", "--connections", "{}"],
    "record": ["apply", "tls.yaml", "--auto-approve", "--state", "{}"],
    "lab status": ["lab", "status", "--dir", "{}"],
    "lab down": ["lab", "down", "--dir", "{}"],
    "exports": ["lab", "up", "--dir", "lab", "--from-clixml", "{}"],
    "faults": ["lab", "up", "--dir", "lab", "--faults", "{}"],
}


@pytest.mark.parametrize("taker", TAKERS)
@pytest.mark.parametrize("path", ODD)
def test_is_told_as_a_mistake(
    taker: str, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1 and a text, never a bug of ours, and no lab that runs on."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EXCHANGE", raising=False)
    (tmp_path / "tls.yaml").write_text(TLS)
    (tmp_path / "folder").mkdir()
    assert main([word.replace("{}", ODD[path]) for word in TAKERS[taker]]) == 1
    printed = capsys.readouterr()
    assert "rror: " in printed.err + printed.out
    assert "internal error" not in printed.err
