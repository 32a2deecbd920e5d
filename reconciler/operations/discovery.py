"""What is there, when nothing is declared: the servers of a connections file, read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reconciler.config.desired import KnownServers
from reconciler.config.loading import load_servers
from reconciler.diagnostics import Diagnostic
from state.snapshot import LiveState

from .failed import OperationFailed
from .inputs import Surroundings
from .servers import Servers


@dataclass(frozen=True, slots=True)
class Discovered:
    """An organization as it was found.

    Attributes:
        servers: As the connections file names them; each has its entry in ``live``, read or not.
        diagnostics: Warnings about the connections file.
    """

    servers: KnownServers
    live: LiveState
    diagnostics: tuple[Diagnostic, ...]


def discover(connections: Path, surroundings: Surroundings) -> Discovered:
    """Read every server that a connections file names; what could not be read is part of what is told.

    Raises:
        OperationFailed: the file has an error.
    """
    servers, diagnostics = load_servers(connections)
    if servers is None:
        raise OperationFailed(diagnostics)
    live = Servers(servers, surroundings.patient_sessions).refresh(
        tuple(servers.connections), surroundings.listener
    )
    return Discovered(servers, live, diagnostics)
