"""Text on its way to people and pipes."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.cli import main
from reconciler.cli.console import Console, OutputLost
from reconciler.diagnostics import Diagnostic


class Screen(io.TextIOWrapper):
    """A stream of a given encoding that may be a terminal."""

    def __init__(self, encoding: str = "utf-8", *, terminal: bool = True) -> None:
        super().__init__(io.BytesIO(), encoding=encoding, write_through=True, newline="")
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    @property
    def shown(self) -> bytes:
        self.seek(0)
        return bytes(self.buffer.read())


def shown(screen: Screen, **environment: str) -> bytes:
    """What a problem looks like on this screen."""
    Console(Screen(terminal=False), screen, environment).problems(
        [Diagnostic(summary="Bad", detail="It is.")]
    )
    return screen.shown


class TestColour:
    def test_is_for_terminals(self) -> None:
        assert b"\x1b[31m" in shown(Screen(), TERM="xterm")

    def test_is_not_for_files(self) -> None:
        assert b"\x1b" not in shown(Screen(terminal=False), TERM="xterm")

    def test_is_off_when_somebody_objects(self) -> None:
        assert b"\x1b" not in shown(Screen(), TERM="xterm", NO_COLOR="1")

    def test_is_not_objected_to_by_an_empty_wish(self) -> None:
        """As no-color.org has it."""
        assert b"\x1b" in shown(Screen(), TERM="xterm", NO_COLOR="")

    def test_is_off_for_a_dumb_terminal(self) -> None:
        assert b"\x1b" not in shown(Screen(), TERM="dumb")


class TestACharacterThatTheTerminalLacks:
    @pytest.mark.parametrize(("encoding", "expected"), [("ascii", rb"M\xfcnchen"), ("cp1252", b"M\xfcnchen")])
    def test_is_escaped(self, encoding: str, expected: bytes) -> None:
        screen = Screen(encoding)
        Console(screen, screen, {}).out("München")
        assert screen.shown == expected

    def test_may_even_be_half_a_character(self) -> None:
        """File names on disk need not be text."""
        screen = Screen()
        Console(screen, screen, {}).out("\udcff")
        assert screen.shown == rb"\udcff"

    def test_in_the_name_of_a_folder_stops_no_command(self, tmp_path: Path) -> None:
        """A console of Western Europe, and a folder from elsewhere: what it lacks is escaped."""
        folder = tmp_path / "Büro 東京"
        folder.mkdir()
        (folder / "tls.yaml").write_text("version: 1\nörtlich: 1\n", encoding="utf-8")
        program = "import sys; from reconciler.cli import main; sys.exit(main(['validate', sys.argv[1]]))"
        ran = subprocess.run(
            [sys.executable, "-c", program, folder / "tls.yaml"],
            env={**os.environ, "PYTHONIOENCODING": "cp1252"},
            capture_output=True,
            check=False,
        )
        assert ran.returncode == 1
        assert rb"\u6771\u4eac" in ran.stdout + ran.stderr
        assert "Büro".encode("cp1252") in ran.stdout + ran.stderr


class TestAReaderWhoLeft:
    def test_is_not_an_error(self) -> None:
        """``reconciler schema | head -1``: no complaint, and the exit code of what was done."""
        program = "import sys; from reconciler.cli import main; sys.exit(main(['schema', 'plan']))"
        running = subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert running.stdout is not None
        running.stdout.close()
        _, complaint = running.communicate()
        assert (running.returncode, complaint) == (0, b"")


class FullDisk(Screen):
    """A file that takes nothing more."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(terminal=False)
        self._descriptor = descriptor

    def write(self, text: str, /) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    def fileno(self) -> int:
        return self._descriptor


class TestAFullDisk:
    @pytest.fixture
    def console(self, tmp_path: Path) -> Iterator[Console]:
        with (tmp_path / "plan.json").open("w") as file:
            yield Console(FullDisk(file.fileno()), Screen(), {})

    def test_fails_what_was_asked_for(self, console: Console) -> None:
        """A plan that is not in its file must not end with 0."""
        with pytest.raises(OutputLost, match="No space left"):
            console.document("{}")

    def test_does_not_stop_an_apply(self, console: Console) -> None:
        console.out("{}")

    @pytest.mark.parametrize("arguments", [["version"], ["--help"], ["plan", "--help"]], ids=" ".join)
    def test_fails_what_is_printed_before_any_command_runs(
        self,
        arguments: list[str],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """It is no bug of ours: nobody is asked to send a report in."""
        with (tmp_path / "help.txt").open("w") as file:
            monkeypatch.setattr("sys.stdout", FullDisk(file.fileno()))
            assert main(arguments) == 1
        told = capsys.readouterr().err
        assert told.startswith("error: Output not written\n")
        assert "No space left on device" in told

    def test_is_told_once(self) -> None:
        """What waits in Python's buffer is not tried again at the end, where nobody would catch it."""
        if not Path("/dev/full").exists():  # a device of Linux; the tests above hold the rule elsewhere
            return
        program = "import sys; from reconciler.cli import main; sys.exit(main(['version']))"
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
        with open("/dev/full", "wb") as full:
            ran = subprocess.run(
                [sys.executable, "-c", program],
                stdout=full,
                stderr=subprocess.PIPE,
                env=environment,
                check=False,
            )
        assert ran.returncode == 1
        assert ran.stderr.startswith(b"error: Output not written\n")
        assert b"Exception ignored" not in ran.stderr


class TestAStreamThatIsClosed:
    """As ``>&-`` leaves it, and a service: Python has None in its place."""

    @pytest.mark.parametrize("closed", [["stdin"], ["stdout"], ["stderr"], ["stdin", "stdout", "stderr"]])
    @pytest.mark.parametrize(
        ("arguments", "code"),
        [
            (["version"], 0),
            (["--help"], 0),
            (["schema", "plan"], 0),
            (["plan"], 1),
            (["validate", "nowhere.yaml"], 1),
            (["plan", "nowhere.yaml", "--json"], 1),
            (["apply", "nowhere.yaml"], 1),
        ],
    )
    def test_changes_no_exit_code(
        self, closed: list[str], arguments: list[str], code: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in closed:
            monkeypatch.setattr(sys, name, None)
        assert main(arguments) == code
        assert [getattr(sys, name) for name in closed] == [None] * len(closed)

    def test_is_no_terminal_to_ask_at(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(sys, "stdin", None)
        assert main(["apply", "nowhere.yaml"]) == 1
        assert "error: Nobody to ask" in capsys.readouterr().err

    def test_leaves_its_descriptor_to_no_file(self, tmp_path: Path) -> None:
        """The first file that is opened would get it, and whatever is still printed there with it."""
        program = (
            "import os, sys\n"
            "from reconciler.cli.streams import no_stream_missing\n"
            "report = os.dup(2)\n"
            "for at, name in enumerate(('stdin', 'stdout', 'stderr')):\n"
            "    os.close(at)\n"
            "    setattr(sys, name, None)\n"
            "with no_stream_missing(), open(sys.argv[1], 'w') as file:\n"
            "    os.write(report, b'%d' % file.fileno())\n"
        )
        ran = subprocess.run(
            [sys.executable, "-c", program, tmp_path / "record.json"], capture_output=True, check=False
        )
        assert int(ran.stderr) > 2
