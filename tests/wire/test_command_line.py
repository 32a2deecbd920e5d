"""The command line against a lab: what depends on the answer of a person or on what Exchange holds."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.cli import main
from reconciler.lab.control import open_threaded
from reconciler.lab.emulator import ThreadedLab

YAML = """\
version: 1
organization: contoso
servers:
  MBX1: {role: mailbox, host: mbx1.contoso.com}
send_connectors:
  internet:
    servers: [MBX1]
    opportunistic: {to: ["*"], comment: first}
"""

Captured = pytest.CaptureFixture[str]


class Terminal(io.StringIO):
    """Somebody who types one line."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreadedLab]:
    with open_threaded(tmp_path_factory.mktemp("lab"), servers=1, edges=0) as running:
        yield running


@pytest.fixture
def tls(tmp_path: Path, lab: ThreadedLab) -> list[str]:
    """Arguments that name a YAML that differs from every other test's, the lab, and its record."""
    (tmp_path / "tls.yaml").write_text(YAML.replace("first", tmp_path.name))
    return [
        str(tmp_path / "tls.yaml"),
        f"--connections={lab.connections()}",
        f"--state={lab.directory / 'records'}",
    ]


def types(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(line))


class TestSomebodyAtATerminal:
    def test_is_shown_the_plan_and_may_refuse(
        self, tls: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Captured
    ) -> None:
        """``y`` is not ``yes``: the plan stays to be done."""
        types(monkeypatch, "y\n")
        assert main(["apply", *tls]) == 1
        printed = capsys.readouterr()
        assert "-SendConnector" in printed.out
        assert printed.err.endswith("Not applied: nothing was changed.\n")
        assert main(["plan", *tls, "--detailed-exitcode"]) == 2

    def test_may_approve_it(self, tls: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
        types(monkeypatch, "yes\n")
        assert main(["apply", *tls]) == 0
        assert capsys.readouterr().err.endswith("Apply finished: 1 done\n")
        assert main(["plan", *tls, "--detailed-exitcode"]) == 0
        assert capsys.readouterr().out == "No changes\n"


class TestAPlanThatWasSaved:
    def test_is_applied_once_and_stale_then(self, tls: list[str], tmp_path: Path, capsys: Captured) -> None:
        saved = str(tmp_path / "tls.plan")
        assert main(["plan", *tls, "--out", saved]) == 0
        assert main(["apply", saved, "--auto-approve", "--json"]) == 0
        lines = capsys.readouterr().out.splitlines()
        last = json.loads(lines[-1])
        assert (last["type"], last["done"], last["stopped"]) == ("apply_finished", 1, False)
        assert main(["apply", saved, "--auto-approve"]) == 5
        told = capsys.readouterr().err
        assert "Plan is stale" in told
        assert "perhaps it was applied before" in told

    @pytest.mark.parametrize(("plan", "show"), [([], []), (["--json"], ["--as", "json"])])
    def test_shows_all_that_plan_showed(
        self, plan: list[str], show: list[str], tls: list[str], tmp_path: Path, capsys: Captured
    ) -> None:
        """The warnings of the YAML, too: whoever reviews the file reads nothing else."""
        saved = str(tmp_path / "tls.plan")
        with (tmp_path / "tls.yaml").open("a", encoding="utf-8") as file:
            file.write("    tls_never: {to: [contoso.com]}\n    tls_required: {to: []}\n")
        assert main(["plan", *tls, *plan, "--out", saved]) == 0
        planned = capsys.readouterr().out
        assert "Nobody to send to" in planned  # of the YAML alone
        assert "Partner is an accepted domain" in planned  # of what Exchange holds
        assert main(["show", saved, *show]) == 0
        assert capsys.readouterr().out == planned

    def test_for_a_server_that_left_the_yaml_is_stale(
        self, tls: list[str], lab: ThreadedLab, tmp_path: Path, capsys: Captured
    ) -> None:
        """Nobody knows any more how it is reached."""
        saved, yaml = str(tmp_path / "tls.plan"), tmp_path / "tls.yaml"
        known = json.loads(lab.connections().read_text(encoding="utf-8"))
        known["servers"]["MBX9"] = {}  # so that nothing but the YAML is wrong afterwards
        wider = lab.directory / "wider.yaml"
        wider.write_text(json.dumps(known), encoding="utf-8")
        assert main(["plan", tls[0], f"--connections={wider}", tls[2], "--out", saved]) == 0
        yaml.write_text(yaml.read_text(encoding="utf-8").replace("MBX1", "MBX9"), encoding="utf-8")
        assert main(["apply", saved, "--auto-approve"]) == 5
        assert "server MBX1" in capsys.readouterr().err

    def test_is_not_saved_where_there_is_no_folder(
        self, tls: list[str], tmp_path: Path, capsys: Captured
    ) -> None:
        """A mistake like any other, and no bug of ours."""
        assert main(["plan", *tls, "--out", str(tmp_path / "gone" / "tls.plan")]) == 1
        told = " ".join(capsys.readouterr().err.split())
        assert "error: Plan not saved" in told
        assert "No such file or directory" in told

    def test_replaces_no_file_that_is_none(self, tls: list[str], capsys: Captured) -> None:
        """The YAML given twice, at night: it would be gone."""
        declared = Path(tls[0]).read_text()
        assert main(["plan", *tls, "--out", tls[0]]) == 1
        assert "error: Plan not saved" in capsys.readouterr().err
        assert Path(tls[0]).read_text() == declared

    def test_takes_the_place_of_nothing_that_is_no_file(
        self, tls: list[str], tmp_path: Path, capsys: Captured
    ) -> None:
        """Whoever is root and names the null device would lose it."""
        special = tmp_path / "special"
        special.mkdir() if sys.platform == "win32" else os.mkfifo(special)
        assert main(["plan", *tls, "--out", str(special)]) == 1
        assert "error: Plan not saved" in capsys.readouterr().err
        assert special.exists()
        assert not special.is_file()

    def test_replaces_an_older_one_and_an_empty_file(self, tls: list[str], tmp_path: Path) -> None:
        """An empty one is what mktemp makes."""
        saved = tmp_path / "tls.plan"
        saved.touch()
        for _ in range(2):
            assert main(["plan", *tls, "--out", str(saved)]) == 0
            assert main(["show", str(saved)]) == 0


class TestVerification:
    def test_that_fails_exits_with_8(self, tls: list[str], tmp_path: Path, capsys: Captured) -> None:
        """A lab as setup leaves it presents its self-signed certificate."""
        with (tmp_path / "tls.yaml").open("a") as file:
            file.write("endpoints: [{name: mail.contoso.com, servers: [MBX1]}]\n")
        assert main(["verify", *tls]) == 8
        assert capsys.readouterr().out.endswith("\n1 of 1 handshake failed\n")
