"""What a program prints, within bounds of time and size."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

SECONDS: Final = 30.0
"""Enough for a vault behind a slow network."""

LARGEST: Final = 64 * 1024


LARGEST_SAID: Final = 4 * 1024
"""Bytes of standard error that are kept."""


class CommandMissing(Exception):
    """There is no such program."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A program that ran to its end.

    Attributes:
        output: All that it printed on standard output.
        said: The beginning of what it printed on standard error.
    """

    status: int
    output: bytes
    said: bytes


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
    ended = run(arguments_of(command, is_windows=sys.platform == "win32"), folder, seconds, largest)
    if ended.status:
        raise CommandFailed(f"it {how_ended(ended.status)}")
    return ended.output


def how_ended(status: int) -> str:
    """What became of a program that did not end well."""
    if status >= 0 or sys.platform == "win32":
        return f"ended with status {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"


def run(
    arguments: str | Sequence[str],
    folder: Path,
    seconds: float,
    largest: int,
    *,
    given: bytes | None = None,
    environment: Mapping[str, str] | None = None,
) -> Ended:
    """Run a program without a shell until it ends or passes a bound; then it is ended with its children.

    A child that left for a session of its own is not ended, and not waited for beyond the bound either.

    Args:
        arguments: Program and arguments.
        folder: Where it runs.
        seconds: How long it may take.
        largest: Bytes that it may print on standard output.
        given: What it reads on standard input. With it, the beginning of what it prints on standard error is
            kept, which is thrown away without.
        environment: Variables that are set for it beside ours.

    Raises:
        CommandMissing: there is no such program.
        CommandFailed: it cannot be run, took too long or printed too much.
    """
    is_talk = given is not None
    try:
        process = subprocess.Popen(  # noqa: S603 the program is what the person who wrote the file wants run
            arguments,
            cwd=folder,
            env={**os.environ, **environment} if environment else None,
            stdin=subprocess.PIPE if is_talk else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if is_talk else subprocess.DEVNULL,
            bufsize=0,  # a pipe that is waited for can be left to itself
            start_new_session=True,
        )
    except (FileNotFoundError, NotADirectoryError):
        raise CommandMissing from None
    except (OSError, ValueError) as error:
        raise CommandFailed(f"it cannot be run ({type(error).__name__})") from None
    try:
        return _Bounded(process, seconds, largest, given or b"").ended()
    finally:
        process.wait()


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
    """A running program, written to and read until it ends or passes a bound.

    Each pipe has a thread, which closes it: what a child of the program holds open, out of our reach in a
    session of its own, is not waited for.
    """

    def __init__(self, process: subprocess.Popen[bytes], seconds: float, largest: int, given: bytes) -> None:
        self.process = process
        self.seconds = seconds
        self.largest = largest
        self.given = given
        self.output = b""
        self.said = b""

    def ended(self) -> Ended:
        ends = time.monotonic() + self.seconds
        talks = [
            threading.Thread(target=talk, args=(pipe,), daemon=True)
            for talk, pipe in (
                (self.read, self.process.stdout),
                (self.listen, self.process.stderr),
                (self.give, self.process.stdin),
            )
            if pipe is not None
        ]
        try:
            for thread in talks:
                thread.start()
            for thread in talks:
                thread.join(max(0.0, ends - time.monotonic()))
                if len(self.output) > self.largest:
                    raise CommandFailed(f"it printed over {self.largest} bytes")
            if any(thread.is_alive() for thread in talks):
                raise self.late()
            status = self.process.wait(max(0.0, ends - time.monotonic()))
        except subprocess.TimeoutExpired:
            _kill(self.process)
            raise self.late() from None
        except BaseException:
            _kill(self.process)
            raise
        return Ended(status, self.output, self.said)

    def late(self) -> CommandFailed:
        return CommandFailed(f"it took over {self.seconds:g} seconds")

    def read(self, pipe: IO[bytes]) -> None:
        """Keep what it prints, and no more than is good."""
        self.output = _up_to(self.largest + 1, pipe)
        with contextlib.suppress(OSError):
            pipe.close()

    def listen(self, pipe: IO[bytes]) -> None:
        """Keep the beginning of what it says, and let it say the rest."""
        self.said = _up_to(LARGEST_SAID, pipe)
        with contextlib.suppress(OSError), pipe:
            while pipe.read(LARGEST_SAID):
                pass

    def give(self, pipe: IO[bytes]) -> None:
        """Write what it is given; a program that does not read it all is not wrong for that."""
        left = memoryview(self.given)
        with contextlib.suppress(OSError), pipe:
            while left:
                left = left[pipe.write(left) :]


def _up_to(most: int, pipe: IO[bytes]) -> bytes:
    """What comes until the end, or until there is this much."""
    found = bytearray()
    with contextlib.suppress(OSError):
        while len(found) < most and (part := pipe.read(most - len(found))):
            found += part
    return bytes(found)


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
