"""What is kept of a bug."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

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
    return Path(write_bug_report(bug, arguments=arguments, commands={"plan"}, version="1.2.3"))


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


class TestABug:
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
