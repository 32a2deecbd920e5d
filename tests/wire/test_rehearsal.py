"""A rehearsal on a lab, with the options that the lab itself tells of."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.cli import main

YAML = """\
version: 1
organization: contoso
servers:
  MBX1:
    role: mailbox
    send_connectors: {opportunistic: {to: ["*"]}}
"""


def test_has_a_record_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A copy has the GUIDs of production: its record beside the YAML would be taken for production's."""
    yaml, directory = tmp_path / "tls.yaml", tmp_path / "lab"
    yaml.write_text(YAML)
    try:
        assert main(["lab", "up", "--dir", str(directory), "--servers", "1", "--edges", "0"]) == 0
        told = capsys.readouterr().out.splitlines()[-1]
        assert told == f"use it with --connections {directory}/connections.yaml --state {directory}/state"
        options = told.removeprefix("use it with ").split()
        assert main(["apply", str(yaml), "--auto-approve", *options]) == 0
    finally:
        main(["lab", "down", "--dir", str(directory)])
    assert (directory / "state" / "contoso").is_dir()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lab", "tls.yaml"]
