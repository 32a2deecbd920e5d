"""A connections file with no desired state beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.config.loading import load_servers
from state.values import Name


def written(folder: Path, file: Any) -> Path:
    path = folder / "connections.yaml"
    path.write_text(file if isinstance(file, str) else json.dumps(file), encoding="utf-8")
    return path


def test_says_which_servers_there_are_and_how_they_are_reached(tmp_path: Path) -> None:
    """What has no Exchange endpoint is an Edge server."""
    file = {
        "servers": {
            "EX1": {"url": "https://ex1.contoso.local/PowerShell/", "credential": "file:a.secret"},
            "EDGE1": {"endpoint": "winrm", "auth": "negotiate"},
        }
    }
    servers, diagnostics = load_servers(written(tmp_path, file))
    assert diagnostics == ()
    assert servers is not None
    assert list(servers.connections) == [Name("EX1"), Name("EDGE1")]
    assert [servers.is_edge(name) for name in servers.connections] == [False, True]
    ex1, edge1 = servers.connections.values()
    assert (ex1.credential, ex1.base, ex1.endpoint) == ("file:a.secret", tmp_path, "exchange")
    assert "//EDGE1:" in edge1.url


@pytest.mark.parametrize(
    ("file", "summary"),
    [
        ({"servers": {}}, "No server named"),
        ({"issuers": {}}, "No server named"),
        ({"servers": {" ": {"url": "https://ex1/PowerShell/"}}}, "Name missing"),
        ({"servers": {"EX 1": {}}}, "Host missing"),
        ({"servers": {"EX1": {"url": "http://ex1/PowerShell/", "auth": "basic"}}}, "Password in clear text"),
        ({"servers": {"EX1": {"uri": "https://ex1/"}}}, "Unknown key"),
        ({"version": 1, "organization": "contoso"}, "Another kind of file"),
        ("servers: [", "Not YAML"),
    ],
)
def test_that_is_wrong_yields_no_servers(tmp_path: Path, file: Any, summary: str) -> None:
    servers, diagnostics = load_servers(written(tmp_path, file))
    assert servers is None
    assert [diagnostic.summary for diagnostic in diagnostics] == [summary]
    assert diagnostics[0].where is not None
    assert diagnostics[0].where.file == str(tmp_path / "connections.yaml")
