"""What is kept of a bug."""

from __future__ import annotations

import errno
import os
import re
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.cli import main
from reconciler.cli.app import own_words
from reconciler.cli.bug_report import write_bug_report
from reconciler.cli.failure import StoppedByBug, tell


def crash(password: str) -> None:
    try:
        raise KeyError(password)
    except KeyError as cause:
        raise ValueError(f"cannot sign on with {password}") from cause


@pytest.fixture
def bug() -> Exception:
    with pytest.raises(ValueError) as caught:
        crash("hunter2")
    return caught.value


@pytest.fixture
def report(bug: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    arguments = ["plan", "customers/hunter2.yaml", "--state=hunter2", "--out", "hunter2", "-hunter2"]
    return Path(write_bug_report(bug, arguments=arguments, own={"plan", "--state", "--out"}, version="1.2.3"))


class TestTheReport:
    def test_says_where_it_happened(self, report: Path) -> None:
        """The cause first, as a traceback reads."""
        lines = report.read_text().splitlines()
        assert lines[0] == "reconciler 1.2.3"
        assert lines.index("builtins.KeyError") < lines.index("builtins.ValueError")
        assert any("test_bug_report.py:" in line and line.endswith(" crash") for line in lines)

    def test_names_the_command_without_its_values(self, report: Path) -> None:
        assert "command: plan ... --state --out ... ..." in report.read_text().splitlines()

    def test_holds_no_secret(self, report: Path) -> None:
        """Neither messages nor values nor variables."""
        assert "hunter2" not in report.read_text()

    def test_is_for_its_owner_only(self, report: Path) -> None:
        assert stat.S_IMODE(report.stat().st_mode) == 0o600

    def test_holds_no_option_that_is_not_ours(
        self, bug: Exception, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """Who pastes a password where an option belongs has pasted a password."""
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        path = write_bug_report(bug, arguments=["--swordfish", "-x", "--out"], own=own_words(), version="1")
        assert "command: ... ... --out" in Path(path).read_text().splitlines()


class TestTheProgramsOwnWords:
    def test_are_its_commands_options_and_choices(self) -> None:
        assert {"plan", "lab", "up", "--out", "--from-clixml", "json", "events"} <= own_words()

    def test_are_nothing_else(self) -> None:
        """A name of a file or a value must not be among them."""
        assert all(re.fullmatch(r"-{0,2}[a-z][a-z-]*", word) for word in own_words())


@given(secret=st.text(min_size=4).map(lambda text: f"hunter2{text}"), data=st.data())
def test_no_report_holds_what_was_handled(secret: str, data: st.DataObject) -> None:
    """Wherever it was: in messages, causes, notes, local variables, arguments or the environment."""
    before = secret.encode("utf-8", "replace").decode()

    def handle(password: str) -> None:
        kept = {"Authorization": password}
        try:
            raise KeyError(kept["Authorization"])
        except KeyError as cause:
            wrong = OSError(5, password, password)
            wrong.add_note(password)
            raise ExceptionGroup(password, [wrong, ValueError(kept)]) from cause

    with pytest.raises(ExceptionGroup) as caught:
        handle(secret)
    words = st.sampled_from([secret, f"--{secret}", f"--out={secret}", f"{secret}=x", "plan", "--json"])
    arguments = data.draw(st.lists(words, max_size=6))
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.tempdir", folder)
        patch.setenv("EXCHANGE", before.replace("\0", ""))
        report = Path(write_bug_report(caught.value, arguments=arguments, own=own_words(), version="1"))
        assert "hunter2" not in report.read_text(encoding="utf-8")
        assert "builtins.ExceptionGroup" in report.read_text(encoding="utf-8")


class TestABug:
    def test_in_a_command_ends_in_a_report_without_secrets(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The whole way: a command line, a secret in the environment, a bug while it is in use."""
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        monkeypatch.setenv("EXCHANGE", "admin:hunter2")

        def load(*given: object, **options: object) -> None:
            secret = os.environ["EXCHANGE"]
            raise RuntimeError(f"cannot use {secret} for {given}")

        monkeypatch.setattr("reconciler.cli.commands.validate.load", load)
        assert main(["validate", "hunter2.yaml", "--connections=hunter2"]) == 1
        told = capsys.readouterr().err
        (path,) = tmp_path.iterdir()
        assert told == f"internal error: RuntimeError; a report without secrets is in {path}\n"
        report = path.read_text(encoding="utf-8")
        assert "hunter2" not in report + told
        assert "command: validate ... --connections" in report
        assert "reconciler/cli/commands/validate.py" in report.replace(os.sep, "/")

    def test_of_a_broken_connection_is_not_taken_for_a_reader_who_left(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """typer would end with 1 and say nothing, so no command runs inside of it."""
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

        def load(*given: object, **options: object) -> None:
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")

        monkeypatch.setattr("reconciler.cli.commands.validate.load", load)
        assert main(["validate", "tls.yaml"]) == 1
        assert capsys.readouterr().err.startswith("internal error: BrokenPipeError; a report ")

    def test_is_told_in_one_line(
        self,
        bug: Exception,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """Never as a traceback, never with what was being handled."""
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        assert tell(bug, ["plan"], {"plan"}) == 1
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err.startswith("internal error: ValueError; a report without secrets is in ")
        assert printed.err.count("\n") == 1
        assert "hunter2" not in printed.err

    def test_is_told_where_no_report_can_be_kept(
        self,
        bug: Exception,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
        tell(bug, ["plan"], {"plan"})
        assert capsys.readouterr().err == "internal error: ValueError\n"


class TestABugInTheMiddleOfAnApply:
    def test_ends_with_the_code_of_a_stopped_apply(
        self,
        bug: Exception,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """A pipeline must learn that something was changed, and a person what to do about it."""
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        stopped = StoppedByBug()
        stopped.__cause__ = bug
        assert tell(stopped, ["apply"], {"apply"}) == 3
        told = capsys.readouterr().err
        assert told.startswith("internal error part-way: ValueError; a report without secrets is in ")
        assert told.endswith("; apply again, it reads Exchange and goes on from there\n")
        assert told.count("\n") == 1
