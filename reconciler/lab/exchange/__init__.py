"""An emulated Exchange organization: objects, rules and refusals, without a wire.

Written from Microsoft's documents and from exports of real servers; it knows nothing of the
rest of the project but the seam in :mod:`reconciler.lab.call`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from reconciler.lab.exchange.builds import builds_of_texts
from reconciler.lab.exchange.founding import found, load
from reconciler.lab.exchange.imports import found_from_exports
from reconciler.lab.exchange.keys import KeySource, new_rsa_key
from reconciler.lab.exchange.lab_exchange import LabExchange

__all__ = ["open_exchange"]

FOLDER = "organization"


def open_exchange(
    directory: Path,
    *,
    servers: int,
    edges: int,
    subscribed: int = 0,
    build: str | Sequence[str] = (),
    from_clixml: Path | None,
    now: Callable[[], datetime],
    new_key: KeySource = new_rsa_key,
) -> LabExchange:
    """Open the organization kept in a lab's folder, or make one there.

    Args:
        directory: The lab's folder. An organization that is there already is opened as it is, and the
            other arguments are ignored.
        servers: Number of Mailbox servers to make up, MBX1 and so on.
        edges: Number of Edge servers to make up, EDGE1 and so on.
        subscribed: How many of them are subscribed to the organization, from EDGE1 on.
        build: Build token of the servers, such as ``2019-cu15``; a bare version is its newest, nothing the
            newest of all. Or several: one for all, and ``NAME=BUILD`` for single servers.
        from_clixml: Folder of Export-Clixml files to start from; then no Mailbox server is made up.
        now: The clock; UTC, aware.
        new_key: Where RSA keys come from.

    Raises:
        UnknownBuild: there is no such build, or no such server.
        UnusableExport: nothing in the folder can be used.
    """
    root = directory / FOLDER
    if not root.exists():
        beside = directory / f"{FOLDER}.new"
        shutil.rmtree(beside, ignore_errors=True)  # of a lab that died while it was making one
        builds = builds_of_texts([build] if isinstance(build, str) else build)
        if from_clixml is None:
            found(
                beside,
                servers=servers,
                edges=edges,
                subscribed=subscribed,
                builds=builds,
                now=now(),
                new_key=new_key,
            )
        else:
            found_from_exports(beside, from_clixml, edges=edges, builds=builds, now=now(), new_key=new_key)
        beside.rename(root)
    return LabExchange(load(root, new_key), directory, now)
