"""An organization read with nothing declared."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.operations.discovery import discover
from reconciler.operations.failed import OperationFailed
from reconciler.operations.inputs import Surroundings
from state.values import Name
from tests.contoso import unheard
from tests.direct import direct_lab


def test_reads_every_server_of_the_connections_file(tmp_path: Path) -> None:
    lab = direct_lab(tmp_path / "lab", servers=2, edges=1)
    found = discover(lab.connections(), Surroundings(unheard, lambda: lab.now, lab))
    assert (
        list(found.live.servers) == list(found.servers.connections) == [*map(Name, ("MBX1", "MBX2", "EDGE1"))]
    )
    for name, server in found.live.servers.items():
        assert server.unreachable is None
        assert server.certificates.objects
        [itself] = server.server.objects
        assert itself.is_edge is found.servers.is_edge(name)
    assert lab.sent == []


def test_a_server_that_cannot_be_read_is_told_of_as_such(tmp_path: Path) -> None:
    """Unknown is not absent."""
    lab = direct_lab(tmp_path / "lab", servers=2, edges=0)
    connections = lab.connections()
    connections.write_text(connections.read_text().replace("admin.credential", "nowhere", 1))
    found = discover(connections, Surroundings(unheard, lambda: lab.now, lab))
    assert found.live.servers[Name("MBX1")].unreachable is not None
    assert found.live.servers[Name("MBX2")].unreachable is None


def test_a_wrong_connections_file_reads_nothing(tmp_path: Path) -> None:
    lab = direct_lab(tmp_path / "lab", servers=1, edges=0)
    file = tmp_path / "connections.yaml"
    file.write_text("servers: {}", encoding="utf-8")
    with pytest.raises(OperationFailed):
        discover(file, Surroundings(unheard, lambda: lab.now, lab))
