"""A lab in a process of its own, so that its work is not counted as ours, and what is declared for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from reconciler.config.desired import Desired
from reconciler.config.loading import load
from reconciler.lab import control


@contextmanager
def lab(servers: int, *, latency_ms: int = 0, from_clixml: Path | None = None) -> Iterator[Path]:
    """Run Mailbox servers for a while, made up or as a folder of exports has them; gives the lab's folder."""
    with TemporaryDirectory(prefix="bench-") as folder:
        directory = Path(folder) / "lab"
        control.up(
            directory,
            servers=servers,
            edges=0,
            latency_ms=latency_ms,
            from_clixml=from_clixml,
            lifetime=timedelta(minutes=15),
        )
        try:
            yield directory
        finally:
            control.down(directory)


def declared_for(directory: Path) -> Desired:
    """Every server of a lab, with nothing declared of it: enough to read them."""
    connections = directory / "connections.yaml"
    names = list(json.loads(connections.read_text(encoding="utf-8"))["servers"])
    path = directory.parent / "tls.yaml"
    path.write_text(
        json.dumps(
            {
                "version": 1,
                "organization": "bench",
                "servers": {name: {"role": "mailbox"} for name in names},
            }
        ),
        encoding="utf-8",
    )
    loaded = load(path, connections=connections, today=datetime.now(UTC).date())
    if loaded.desired is None:
        raise AssertionError(loaded.diagnostics)
    return loaded.desired
