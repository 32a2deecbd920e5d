"""The two streams of a run: stdout for what was asked for, stderr for what is told beside it."""

from __future__ import annotations

import codecs
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TextIO

from reconciler.diagnostics import Diagnostic
from reconciler.views.diagnostics import render_diagnostics
from reconciler.views.terminal import DEFAULT_WIDTH


class OutputLost(Exception):
    """What a command was asked for could not be written: a full disk, not a reader who left."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Console:
    """Writes text that was rendered elsewhere.

    A reader who left (``| head``) is no error, and what a terminal cannot show is escaped.
    """

    def __init__(self, out: TextIO, err: TextIO, environment: Mapping[str, str]) -> None:
        self._out = out
        self._err = err
        self.colour_out = _takes_colour(out, environment)
        self.colour_err = _takes_colour(err, environment)
        self.width = shutil.get_terminal_size((DEFAULT_WIDTH, 24)).columns if out.isatty() else DEFAULT_WIDTH

    @classmethod
    def of_this_process(cls) -> Console:
        return cls(sys.stdout, sys.stderr, os.environ)

    def document(self, text: str) -> None:
        """What was asked for.

        Raises:
            OutputLost: it cannot be written.
        """
        try:
            _write(self._out, text)
        except OSError as error:
            raise output_lost(self._out, error) from error

    def yaml(self, text: str) -> None:
        r"""A document that goes into a file, which is read as UTF-8 whatever the console's encoding is.

        Elsewhere what is not ASCII is escaped: it stands in comments and in double quotes alone, where YAML
        has the same ``\xe9`` and ``\u20ac``.

        Raises:
            OutputLost: it cannot be written.
        """
        is_utf8 = codecs.lookup(self._out.encoding or "utf-8").name == "utf-8"
        self.document(text if is_utf8 else text.encode("ascii", "backslashreplace").decode("ascii"))

    def out(self, text: str) -> None:
        """What is shown of an apply: nothing stops that half-way, so what cannot be written is dropped."""
        with suppress(OSError):
            _write(self._out, text)

    def err(self, text: str) -> None:
        """What is told beside it; dropped when it cannot be written."""
        with suppress(OSError):
            _write(self._err, text)

    def problems(self, diagnostics: Sequence[Diagnostic]) -> None:
        self.err(render_diagnostics(diagnostics, colour=self.colour_err, width=self.width))

    def ask(self, question: str) -> str:
        """What the person at the terminal answers; "" when there is nobody."""
        self.err(question)
        return sys.stdin.readline().strip()


def output_lost(stream: TextIO, error: OSError) -> OutputLost:
    """What to raise for a stream that took no more; nothing is written to it from now on."""
    with suppress(OSError):
        _discard(stream)
    return OutputLost(error.strerror or str(error))


def _takes_colour(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Only a terminal that understands it, and only when nobody objects. Source: no-color.org."""
    if not stream.isatty() or environment.get("NO_COLOR") or environment.get("TERM") == "dumb":
        return False
    if sys.platform == "win32":  # the old console prints escape sequences as they are
        return "WT_SESSION" in environment or "TERM" in environment or environment.get("ConEmuANSI") == "ON"
    return True


def _write(stream: TextIO, text: str) -> None:
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except BrokenPipeError:
        _discard(stream)
    except OSError:
        _discard(stream)
        raise


def _discard(stream: TextIO) -> None:
    """Let later writes, and the flush at the end of the process, go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
