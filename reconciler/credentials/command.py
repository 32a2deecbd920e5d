"""What a program prints, within bounds of time and size."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

SECONDS: Final = 30.0
"""Enough for a vault behind a slow network."""

LARGEST: Final = 64 * 1024


class CommandMissing(Exception):
    """There is no such program."""


@dataclass
class CommandFailed(Exception):
    """The program gave nothing that counts.

    Attributes:
        reason: In a few words; nothing that the program printed is in it.
    """

    reason: str

    def __str__(self) -> str:
        return self.reason


def read_command(command: str, folder: Path, seconds: float = SECONDS, largest: int = LARGEST) -> bytes:
    """Run a program without a shell, and give what it printed on standard output.

    Its standard error is thrown away: it may hold the secret, and would end up in a pipeline's log.

    Args:
        command: Program and arguments, quoted as for a POSIX shell; on Windows as its programs take them.
        folder: Where it runs.
        seconds: How long it may take.
        largest: Bytes that it may print.

    Raises:
        CommandMissing: there is no such program.
        CommandFailed: it cannot be run, failed, took too long or printed too much.
    """
    arguments = arguments_of(command, is_windows=sys.platform == "win32")
    try:
        process = subprocess.Popen(  # noqa: S603 the program is what the person who wrote the file wants run
            arguments,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (FileNotFoundError, NotADirectoryError):
        raise CommandMissing from None
    except (OSError, ValueError) as error:
        raise CommandFailed(f"it cannot be run ({type(error).__name__})") from None
    with process:
        return _Bounded(process, seconds, largest).output()


def arguments_of(command: str, *, is_windows: bool) -> str | list[str]:
    """What to start. On Windows each program takes its command line apart by itself, so it is left whole:
    a backslash there is a part of a path, and would be lost by the rules of a POSIX shell.

    Raises:
        CommandMissing: no program is named.
        CommandFailed: the quotes are not in order.
    """
    if is_windows:
        if not command.strip(' \t"'):
            raise CommandMissing
        return command
    try:
        arguments = shlex.split(command)
    except ValueError as error:
        raise CommandFailed(f"its quotes are not in order: {error}") from None
    if not arguments or not arguments[0]:
        raise CommandMissing
    return arguments


class _Bounded:
    """A running program, read until it ends or passes a bound."""

    def __init__(self, process: subprocess.Popen[bytes], seconds: float, largest: int) -> None:
        self.process = process
        self.seconds = seconds
        self.largest = largest
        self.is_late = False

    def output(self) -> bytes:
        timer = threading.Timer(self.seconds, self.stop_late)
        timer.daemon = True
        timer.start()
        try:
            pipe: IO[bytes] | None = self.process.stdout
            data = pipe.read(self.largest + 1) if pipe else b""
            if len(data) > self.largest:
                raise CommandFailed(f"it printed over {self.largest} bytes")
            status = self.process.wait()
        except BaseException:
            _kill(self.process)
            raise
        finally:
            timer.cancel()
        if self.is_late:
            raise CommandFailed(f"it took over {self.seconds:g} seconds")
        if status:
            raise CommandFailed(f"it ended with status {status}")
        return data

    def stop_late(self) -> None:
        self.is_late = True
        _kill(self.process)


if sys.platform == "win32":

    def _kill(process: subprocess.Popen[bytes]) -> None:
        process.kill()

else:

    def _kill(process: subprocess.Popen[bytes]) -> None:
        """End the program and what it started: a child that holds the pipe would keep us reading."""
        if process.returncode is not None:
            return  # it was waited for, so its number may be another's by now
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
