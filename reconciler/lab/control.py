"""Labs from outside: start one in the background, ask how it is, stop it; or run one in a thread."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from reconciler.lab import authority, process
from reconciler.lab.emulator import ThreadedLab, tally_of, utc_now
from reconciler.lab.errors import (
    AlreadyRunning,
    FileUnreadable,
    LabError,
    NotALab,
    StartFailed,
    StopFailed,
)
from reconciler.lab.exchange import open_exchange
from reconciler.lab.faults import read_faults
from reconciler.lab.serve import DESCRIPTION, Settings

__all__ = [
    "LIFETIME",
    "AlreadyRunning",
    "FileUnreadable",
    "LabError",
    "NotALab",
    "StartFailed",
    "StopFailed",
    "ThreadedLab",
    "down",
    "open_threaded",
    "status",
    "up",
]

LIFETIME: Final = timedelta(hours=8)
LOG: Final = "lab.log"

_START_SECONDS: Final = 120.0
_STOP_SECONDS: Final = 10.0

_begun: Final[dict[Path, int]] = {}
"""Process ids of the labs that this process started, by directory: those that ended by themselves must be
reaped too."""


def up(
    directory: Path,
    *,
    servers: int = 2,
    edges: int = 1,
    subscribed: int = 0,
    exchange: str | Sequence[str] = (),
    from_clixml: Path | None = None,
    latency_ms: int = 0,
    faults: Path | None = None,
    lifetime: timedelta = LIFETIME,
    transcript: bool = False,
) -> dict[str, Any]:
    """Start a lab in the background; returns when every listener answers.

    A directory that holds a lab is resumed: its organization, accounts and, where they are free, ports are
    kept, and ``servers``, ``edges``, ``subscribed``, ``exchange`` and ``from_clixml`` are ignored.

    Args:
        directory: The lab's own; made if need be.
        servers: Mailbox servers, ``MBX1`` and on.
        edges: Edge servers, ``EDGE1`` and on.
        subscribed: How many of them are subscribed, from ``EDGE1`` on.
        exchange: Build token, such as ``2019-cu15``, or several: one for all servers, ``NAME=BUILD`` for
            single ones. The newest where nothing is said.
        from_clixml: Folder of Export-Clixml files to start from instead.
        latency_ms: Waited before each HTTP request.
        faults: File of rules, see :mod:`reconciler.lab.faults`.
        lifetime: After this the lab ends by itself.
        transcript: Keep everything that is sent, under ``transcript/``.

    Returns:
        As :func:`status`.

    Raises:
        AlreadyRunning: a lab runs in this directory.
        FileUnreadable: the rules or the exported files cannot be used.
        StartFailed: anything else; what this call made is removed again.
    """
    directory = directory.resolve()
    if process.owner_of(directory) is not None:
        raise AlreadyRunning(directory)
    read_faults(faults)
    if from_clixml is not None and not from_clixml.is_dir():
        raise FileUnreadable(from_clixml, "not a folder")
    is_new = not directory.is_dir() or not any(directory.iterdir())
    settings = Settings(
        directory=directory,
        servers=servers,
        edges=edges,
        subscribed=subscribed,
        exchange=(exchange,) if isinstance(exchange, str) else tuple(exchange),
        from_clixml=from_clixml.resolve() if from_clixml else None,
        latency_ms=latency_ms,
        faults=faults.resolve() if faults else None,
        lifetime=lifetime,
        transcript=transcript,
    )
    made = not directory.exists()
    try:
        process.make_private_directory(directory)
    except OSError as error:
        raise FileUnreadable(directory, error.strerror or str(error)) from error
    pid, line = process.start_background(
        "reconciler.lab.serve", [settings.model_dump_json()], directory / LOG, _START_SECONDS
    )
    answer = json.loads(line) if line else {"failed": {"reason": _last_words(directory / LOG)}}
    if "failed" not in answer:
        _begun[directory] = pid
        return status(directory)
    process.reap(pid)
    facts = answer["failed"]
    if facts.get("is_held"):
        raise AlreadyRunning(directory)
    if is_new:
        _empty(directory, remove=made)
    if "path" in facts:
        raise FileUnreadable(Path(facts["path"]), facts["reason"])
    raise StartFailed(directory, facts["reason"])


def down(directory: Path) -> None:
    """Stop a lab, be it still starting, and wait for its end; one that does not run is left as it is.

    Raises:
        NotALab: the directory holds none.
        StopFailed: its process does not even end when killed.
    """
    directory = directory.resolve()
    pid = process.owner_of(directory)
    if pid is None:
        _description(directory)
    else:
        _end(directory, pid)
    if directory in _begun:
        process.reap(_begun.pop(directory))


def _end(directory: Path, pid: int) -> None:
    for end in (process.ask_to_end, process.end_now):
        end(pid)
        if process.wait_until_gone(directory, pid, _STOP_SECONDS):
            return
    raise StopFailed(directory, pid)


def status(directory: Path) -> dict[str, Any]:
    """Tell how a lab is, running or not.

    Returns:
        Plain data: ``directory``, ``running``, ``pid`` (None when it does not run), ``started``, ``ends``,
        ``servers`` (``name``, ``fqdn``, ``role``, ``build``, ``url``, ``http``, ``smtp``), ``remarks``, and
        the tally of its ledger:
        ``requests`` by server, ``cmdlets``, ``held``, ``shells_open`` and ``shells_max`` by server (see
        :class:`reconciler.lab.ledger.Tally`).

    Raises:
        NotALab: the directory holds none.
    """
    directory = directory.resolve()
    description = _description(directory)
    del description["ports"]
    servers = [server["name"] for server in description["servers"]]
    pid = process.owner_of(directory)
    return {**description, "running": pid is not None, "pid": pid, **tally_of(directory, servers)}


def open_threaded(
    directory: Path,
    *,
    servers: int = 2,
    edges: int = 1,
    subscribed: int = 0,
    exchange: str | Sequence[str] = (),
    from_clixml: Path | None = None,
    now: Callable[[], datetime] = utc_now,
    **options: Any,
) -> ThreadedLab:
    """Make a lab that runs in a thread of this process while used as a context manager: quick, for tests.

    Args:
        directory: As for :func:`up`.
        servers: As for :func:`up`.
        edges: As for :func:`up`.
        subscribed: As for :func:`up`.
        exchange: As for :func:`up`.
        from_clixml: As for :func:`up`.
        options: Those of :class:`reconciler.lab.emulator.Emulator`.
    """
    process.make_private_directory(directory)
    authority.open_authorities(directory, utc_now())
    organization = open_exchange(
        directory,
        servers=servers,
        edges=edges,
        subscribed=subscribed,
        build=exchange,
        from_clixml=from_clixml,
        now=now,
    )
    return ThreadedLab(organization, directory, now=now, **options)


def _description(directory: Path) -> dict[str, Any]:
    path = directory / DESCRIPTION
    if not path.exists():
        raise NotALab(directory)
    description: dict[str, Any] = json.loads(path.read_bytes())
    return description


def _last_words(log: Path) -> str:
    """The last line a process wrote before it ended."""
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1] if lines else "its process ended without a word"


def _empty(directory: Path, *, remove: bool) -> None:
    """Remove what a start that failed made; nothing where another one has begun meanwhile."""
    try:
        with process.hold_directory(directory):
            if (directory / DESCRIPTION).exists():
                return
            for entry in directory.iterdir():
                if entry.is_dir():
                    shutil.rmtree(entry)
                elif entry.name not in process.OWNERSHIP:
                    entry.unlink()
    except AlreadyRunning:
        return
    process.remove_traces(directory)
    if remove:
        with suppress(OSError):  # somebody may have put something there
            directory.rmdir()
