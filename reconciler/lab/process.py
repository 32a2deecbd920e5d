"""Background processes, signals, locks and file modes: the only place in the lab that knows platforms."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

from filelock import BaseFileLock, FileLock, Timeout

from reconciler.lab.errors import AlreadyRunning

_LOCK: Final = "lab.lock"
_GATE: Final = "lab.gate"
_OWNER: Final = "lab.owner"
OWNERSHIP: Final = (_LOCK, _OWNER, _GATE)
"""The files in a directory that tell whose it is."""

_GATE_SECONDS: Final = 10.0
_GLANCE: Final = 0.02
"""Seconds between two looks."""

if sys.platform == "win32":
    _DETACHED: Final = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
else:
    _DETACHED: Final = 0

_started: Final[dict[int, subprocess.Popen[bytes]]] = {}
"""Processes that this one started: kept so that they can be reaped, and are not warned of while they run."""


def make_private_directory(path: Path) -> None:
    """Make a directory that only its owner can enter; leaves an existing one as it is."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read (on Windows: that the directory's permissions protect).

    The file appears whole or not at all.
    """
    part = path.with_name(path.name + ".part")
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
    part.replace(path)


@contextmanager
def hold_directory(directory: Path) -> Iterator[None]:
    """Own a lab's directory for as long as the block runs; the end of the process releases it too.

    Raises:
        AlreadyRunning: somebody else owns it.
        TimeoutError: somebody who looked at it, or took it, stopped in the middle.
    """
    lock = FileLock(directory / _LOCK)
    with _gate(directory):
        if not _takes(lock):
            raise AlreadyRunning(directory)
        try:
            write_private(directory / _OWNER, str(os.getpid()).encode())
        except BaseException:
            lock.release()
            raise
    try:
        yield
    finally:
        lock.release()


def owner_of(directory: Path) -> int | None:
    """The id of the process that owns the directory; None: nobody does.

    A recorded process id alone could not tell: ids recur, and a lab that was killed leaves its own behind.

    Raises:
        TimeoutError: somebody who looked at it, or took it, stopped in the middle.
    """
    if not (directory / _LOCK).exists():
        return None
    lock = FileLock(directory / _LOCK)
    with _gate(directory):
        if not _takes(lock):
            return int((directory / _OWNER).read_bytes())
        lock.release()
    return None


def wait_until_gone(directory: Path, pid: int, seconds: float) -> bool:
    """Wait until a process does not own the directory; False when it still does after ``seconds``."""
    end = time.monotonic() + seconds
    while owner_of(directory) == pid:
        if time.monotonic() > end:
            return False
        time.sleep(_GLANCE)  # a lock tells nobody that it was released
    return True


def remove_traces(directory: Path) -> None:
    """Remove what owning a directory left in it; nothing happens where somebody owns it."""
    if owner_of(directory) is None:
        for name in OWNERSHIP:
            (directory / name).unlink(missing_ok=True)


def _takes(lock: BaseFileLock) -> bool:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    return True


def _gate(directory: Path) -> AbstractContextManager[BaseFileLock]:
    """Held while the lock is looked at, or taken and its owner named.

    So to look never keeps anybody from taking the lock, and whoever finds it taken finds its owner's name.
    """
    return FileLock(directory / _GATE).acquire(timeout=_GATE_SECONDS, poll_interval=_GLANCE)


def start_background(module: str, arguments: Sequence[str], log: Path, seconds: float) -> tuple[int, bytes]:
    """Start a Python module that outlives this process, and wait for the first line it says.

    Args:
        module: Run as ``python -m``, with this interpreter and this copy of the package.
        arguments: Its arguments.
        log: Gets what it writes to standard error.
        seconds: How long it may be silent; then it is killed.

    Returns:
        Its process id, and the line; empty when it ended or was killed without a word.
    """
    package_root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, [package_root, os.environ.get("PYTHONPATH")]))
    with log.open("ab") as errors:
        process = subprocess.Popen(  # noqa: S603 - our own module, arguments as a list
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,
            creationflags=_DETACHED,
        )
    _started[process.pid] = process
    watchdog = threading.Timer(seconds, process.kill)
    watchdog.start()
    try:
        assert process.stdout is not None  # noqa: S101 - stdout=PIPE above; for the type checker
        with process.stdout:
            line = process.stdout.readline()
    finally:
        watchdog.cancel()
    if not line:
        reap(process.pid)
    return process.pid, line


def say(line: bytes) -> None:
    """Say the one line that the process waits for which started this one in the background.

    Standard output then goes where standard error goes: nobody reads it any more.
    """
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())


def reap(pid: int) -> None:
    """Collect a process that ended, if this process started it."""
    process = _started.pop(pid, None)
    if process is not None:
        process.wait()


def ask_to_end(pid: int) -> None:
    """Ask a process to end. On Windows it ends at once: what the lab owes was written before each answer."""
    _signal(pid, signal.SIGTERM)


def end_now(pid: int) -> None:
    """Kill a process."""
    if sys.platform == "win32":
        _signal(pid, signal.SIGTERM)
    else:
        _signal(pid, signal.SIGKILL)


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def on_end_request(loop: asyncio.AbstractEventLoop, act: Callable[[], None]) -> None:
    """Run ``act`` in the loop when this process is asked to end, and ignore the terminal's interrupts."""
    if sys.platform == "win32":
        signal.signal(signal.SIGBREAK, lambda _number, _frame: loop.call_soon_threadsafe(act))
    else:
        loop.add_signal_handler(signal.SIGTERM, act)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def loopback_socket(port: int = 0) -> socket.socket:
    """Listen on 127.0.0.1; on an ephemeral port when none is wanted, or the wanted one is taken."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if sys.platform == "win32":
        # There SO_REUSEADDR would share a port with whoever has it.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except OSError:
        listening.bind(("127.0.0.1", 0))
    listening.listen(128)
    return listening
