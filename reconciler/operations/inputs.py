"""What every operation starts from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from reconciler.config.desired import Desired
from reconciler.config.loading import load
from reconciler.diagnostics import Diagnostic
from reconciler.events import Listener

from .failed import OperationFailed


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the command line names.

    Attributes:
        path: The YAML: a file or a folder.
        connections: ``--connections``.
        state: ``--state``: the folder of records; None for ``.reconciler`` beside ``path``.
    """

    path: Path
    connections: Path | None = None
    state: Path | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an operation needs from outside: the clock, and somebody to tell.

    Attributes:
        now: Gives the instant; UTC, aware.
    """

    listener: Listener
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Declared:
    """The YAML, loaded without an error; ``diagnostics`` holds its warnings."""

    desired: Desired
    diagnostics: tuple[Diagnostic, ...]


def load_declared(inputs: Inputs, surroundings: Surroundings) -> Declared:
    """Load the YAML.

    Raises:
        OperationFailed: it has an error.
    """
    loaded = load(inputs.path, connections=inputs.connections, today=surroundings.now().date())
    if loaded.desired is None:
        raise OperationFailed(loaded.diagnostics)
    return Declared(loaded.desired, loaded.diagnostics)
