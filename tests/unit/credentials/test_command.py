"""Programs that print a secret, within their bounds."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from reconciler.credentials.command import (
    LARGEST_SAID,
    CommandFailed,
    CommandMissing,
    Ended,
    arguments_of,
    read_command,
    run,
)


def python(program: str) -> str:
    words = [sys.executable, "-c", program]
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)


class TestACommand:
    def test_gives_what_it_prints(self, tmp_path: Path) -> None:
        assert read_command(python("print('a:b', end='')"), tmp_path) == b"a:b"

    def test_has_nothing_to_read(self, tmp_path: Path) -> None:
        """One that asks for a passphrase would wait for a pipeline that never answers."""
        reading, writing = os.pipe()
        os.write(writing, b"typed")
        os.close(writing)
        ours = os.dup(0)
        os.dup2(reading, 0)
        try:
            printed = read_command(python("import sys; print(repr(sys.stdin.read()), end='')"), tmp_path)
        finally:
            os.dup2(ours, 0)
            os.close(ours)
            os.close(reading)
        assert printed == b"''"

    def test_that_fails_counts_for_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(CommandFailed, match="status 3"):
            read_command(python("print('a:b'); raise SystemExit(3)"), tmp_path)

    def test_that_takes_too_long_is_ended(self, tmp_path: Path) -> None:
        with pytest.raises(CommandFailed, match=r"over 0\.2 seconds"):
            read_command(python("import time; time.sleep(60)"), tmp_path, seconds=0.2)

    @pytest.mark.skipif(sys.platform == "win32", reason="there only the program itself is ended")
    def test_that_takes_too_long_is_ended_with_its_children(self, tmp_path: Path) -> None:
        """A child that holds the pipe open would keep the reader."""
        child = python("import time; time.sleep(60)")
        began = time.monotonic()
        with pytest.raises(CommandFailed, match=r"over 0\.3 seconds"):
            read_command(f"sh -c {shlex.quote(child + ' & wait')}", tmp_path, seconds=0.3)
        assert time.monotonic() - began < 30

    @pytest.mark.skipif(sys.platform == "win32", reason="there are no sessions to leave for")
    @pytest.mark.parametrize("is_talk", [False, True])
    def test_is_not_waited_for_where_its_child_left_for_a_session_of_its_own(
        self, tmp_path: Path, *, is_talk: bool
    ) -> None:
        """Nothing that is sent to the program's group reaches it, and it holds the pipes."""
        child = [sys.executable, "-c", "import os, time; os.setsid(); time.sleep(20)"]
        program = f"import subprocess; subprocess.Popen({child!r})"
        began = time.monotonic()
        with pytest.raises(CommandFailed, match=r"over 1 seconds"):
            run([sys.executable, "-c", program], tmp_path, 1, 100, given=b"x" if is_talk else None)
        assert time.monotonic() - began < 10

    def test_that_says_nothing_more_and_does_not_end_is_ended(self, tmp_path: Path) -> None:
        program = "import os, time; os.close(1); os.close(2); time.sleep(60)"
        with pytest.raises(CommandFailed, match=r"over 0\.5 seconds"):
            run([sys.executable, "-c", program], tmp_path, 0.5, 100, given=b"")

    def test_that_prints_without_end_is_ended(self, tmp_path: Path) -> None:
        program = "import sys\nwhile True: sys.stdout.write('x' * 1000)"
        with pytest.raises(CommandFailed, match="over 5000 bytes"):
            read_command(python(program), tmp_path, largest=5000)

    def test_that_is_not_there_is_missing(self, tmp_path: Path) -> None:
        for command in ("no-such-program-anywhere", "", "''"):
            with pytest.raises(CommandMissing):
                read_command(command, tmp_path)

    def test_that_is_no_program_fails(self, tmp_path: Path) -> None:
        (tmp_path / "note").write_text("hello")
        with pytest.raises(CommandFailed, match="cannot be run"):
            read_command(str(tmp_path / "note"), tmp_path)

    def test_with_quotes_that_do_not_close_fails(self, tmp_path: Path) -> None:
        with pytest.raises(CommandFailed, match="quotes"):
            read_command("a 'b", tmp_path)


class TestAProgramThatIsGivenSomething:
    def ended(self, folder: Path, program: str, **given: Any) -> Ended:
        return run([sys.executable, "-c", program], folder, 30, 100_000, **given)

    def test_reads_it_and_is_told_more_beside_our_variables(self, tmp_path: Path) -> None:
        program = "import os, sys; print(sys.stdin.read() + os.environ['MORE'], 'PATH' in os.environ, end='')"
        ended = self.ended(tmp_path, program, given=b"a", environment={"MORE": "b"})
        assert ended == Ended(0, b"ab True", b"")

    def test_is_heard_to_the_end_and_quoted_from_the_beginning(self, tmp_path: Path) -> None:
        """A full pipe would keep it from ending."""
        program = "import sys; sys.stderr.write('x' * 1_000_000); print('done', end=''); sys.exit(4)"
        assert self.ended(tmp_path, program, given=b"") == Ended(4, b"done", b"x" * LARGEST_SAID)

    def test_that_prints_before_it_reads_is_not_waited_for(self, tmp_path: Path) -> None:
        program = "import sys; sys.stdout.write('x' * 90_000); sys.stdout.flush(); sys.stdin.read()"
        assert len(self.ended(tmp_path, program, given=b"y" * 1_000_000).output) == 90_000

    @pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
    def test_that_prints_without_end_is_ended_and_nothing_of_ours_breaks(self, tmp_path: Path) -> None:
        """What listens to the rest is not robbed of its pipe; it ends with the program."""
        program = "import sys\nwhile True: sys.stdout.write('x' * 1000); sys.stderr.write('y')"
        before = threading.active_count()
        with pytest.raises(CommandFailed, match="over 100000 bytes"):
            self.ended(tmp_path, program, given=b"z" * 1_000_000)
        until = time.monotonic() + 10
        while threading.active_count() > before and time.monotonic() < until:
            time.sleep(0.01)
        assert threading.active_count() == before

    def test_without_it_what_it_says_is_thrown_away(self, tmp_path: Path) -> None:
        """It may hold the secret."""
        assert self.ended(tmp_path, "import sys; sys.stderr.write('secret')").said == b""


class TestACommandOnWindows:
    def test_keeps_its_backslashes(self) -> None:
        """By the rules of a POSIX shell they would be lost, and the program not found."""
        command = r'"C:\Program Files\vault.exe" read secret\exchange'
        assert arguments_of(command, is_windows=True) == command
        assert arguments_of(r"C:\vault\get.exe mail", is_windows=False) == ["C:vaultget.exe", "mail"]

    def test_that_names_no_program_is_missing(self) -> None:
        for command in ("", " ", '""'):
            with pytest.raises(CommandMissing):
                arguments_of(command, is_windows=True)
