"""Commands against what needs no Exchange: files, locks, and servers that are not there."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.cli import main
from reconciler.cmdlets.invocation import Invocation
from reconciler.diagnostics import Diagnostic, Severity, SourceRange
from reconciler.plan.change import Action, Change, Difference, Plan
from reconciler.plan.plan_file import SavedPlan, encode_plan
from state.address import Address
from state.lock import LockInfo
from state.snapshot import Snapshot
from state.stores.local import LocalStore

ONE_SERVER = """\
version: 1
organization: contoso
servers:
  EX1:
    role: mailbox
    host: ex1.invalid
    certificates:
      public: {subject: "CN=mail.contoso.com", domains: [mail.contoso.com], key_size: 2048}
"""

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: a declaration, one with a warning, one with an error, and how to connect."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECONCILER_TEST_LOGIN", "admin:hunter2")
    (tmp_path / "broken.yaml").write_text(ONE_SERVER.replace("mailbox", "mailbix"))
    (tmp_path / "warned.yaml").write_text(ONE_SERVER.replace("2048", "1024"))
    (tmp_path / "one.yaml").write_text(ONE_SERVER)
    # Where nobody listens: the port was free a moment ago, and connecting to it is refused.
    with socket.create_server(("127.0.0.1", 0)) as probe:
        write_connections(tmp_path, probe.getsockname()[1])
    return tmp_path


def write_connections(folder: Path, port: int) -> None:
    server = {
        "url": f"https://127.0.0.1:{port}/PowerShell/",
        "endpoint": "exchange",
        "credential": "env:RECONCILER_TEST_LOGIN",
    }
    (folder / "connections.yaml").write_text(json.dumps({"servers": {"EX1": server}}))


PLAN = ["plan", "one.yaml", "--connections", "connections.yaml"]


@pytest.mark.usefixtures("folder")
class TestValidate:
    def test_says_that_all_is_well(self, capsys: Captured) -> None:
        assert main(["validate", "one.yaml"]) == 0
        assert capsys.readouterr() == ("one.yaml is valid\n", "")

    def test_shows_what_is_wrong_and_where(self, capsys: Captured) -> None:
        assert main(["validate", "broken.yaml"]) == 1
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err.startswith("broken.yaml:5:11: error: ")
        assert "mailbix" in printed.err

    def test_lets_a_warning_pass(self, capsys: Captured) -> None:
        assert main(["validate", "warned.yaml"]) == 0
        assert "warning: " in capsys.readouterr().err

    def test_does_not_when_it_is_strict(self) -> None:
        assert main(["validate", "warned.yaml", "--strict"]) == 1

    def test_tells_of_a_missing_file(self, capsys: Captured) -> None:
        assert main(["validate", "nowhere.yaml"]) == 1
        assert "nowhere.yaml" in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
class TestPlan:
    def test_fails_when_a_server_cannot_be_read(self, capsys: Captured) -> None:
        """And says so in the document, the only thing on stdout then; people read it on stderr."""
        assert main([*PLAN, "--json", "--detailed-exitcode"]) == 1
        printed = capsys.readouterr()
        (problem,) = json.loads(printed.out)["diagnostics"]
        assert (problem["subject"], problem["where"]["line"]) == ("EX1", 4)
        assert printed.err.endswith("This plan cannot be applied: 1 error\n")
        assert "hunter2" not in printed.out + printed.err

    @pytest.mark.parametrize("wrong", [["broken.yaml"], ["gone.yaml"], ["one.yaml", "--target", "x.."]])
    def test_says_in_the_document_why_there_is_no_plan(self, wrong: list[str], capsys: Captured) -> None:
        """Who reads stdout as JSON gets JSON, whatever is wrong."""
        assert main(["plan", *wrong, "--json"]) == 1
        printed = capsys.readouterr()
        document = json.loads(printed.out)
        assert (document["organization"], document["changes"]) == ("", [])
        assert document["diagnostics"][0]["summary"] in printed.err

    def test_saves_no_plan_that_cannot_be_applied(self, folder: Path) -> None:
        assert main([*PLAN, "--out", "tls.plan"]) == 1
        assert not (folder / "tls.plan").exists()

    def test_refuses_every_bad_target(self, capsys: Captured) -> None:
        assert main([*PLAN, "--target", "x..", "--target", "y"]) == 1
        assert capsys.readouterr().err.count("error: Not an address") == 2


class TestASavedPlan:
    @pytest.fixture(autouse=True)
    def _saved(self, folder: Path) -> None:
        change = Change(
            address=Address.of("send_connector", "EX1", "tls_never"),
            action=Action.UPDATE,
            attributes={"port": Difference(25, 26)},
            invocations=(Invocation("EX1", "Set-SendConnector", {"Identity": "x", "Port": 26}),),
        )
        warning = Diagnostic(
            summary="Key is short",
            detail="1024 bits.",
            where=SourceRange("one.yaml", 8, 7, "      key_size: 1024", 8),
            severity=Severity.WARNING,
        )
        saved = SavedPlan(
            plan=Plan(organization="fabrikam", changes=(change,), diagnostics=(warning,)),
            desired=Snapshot({}),
            path=str(folder / "one.yaml"),
            connections="",
            state="",
            targets=(),
            made_at=datetime(2026, 11, 24, tzinfo=UTC),
            tool_version="1.2.3",
        )
        (folder / "tls.plan").write_bytes(encode_plan(saved))

    def test_is_shown_as_text(self, capsys: Captured) -> None:
        assert main(["show", "tls.plan"]) == 0
        printed = capsys.readouterr()
        assert "EX1> Set-SendConnector -Identity x -Port 26\n" in printed.out
        assert "one.yaml:8:7: warning: Key is short\n  8 |       key_size: 1024\n" in printed.out
        assert printed.err == ""

    def test_is_shown_as_the_document_of_plan(self, capsys: Captured) -> None:
        """With the version that made it."""
        assert main(["show", "tls.plan", "--as", "json"]) == 0
        document = json.loads(capsys.readouterr().out)
        assert (document["tool_version"], document["summary"]["update"]) == ("1.2.3", 1)
        (warning,) = document["diagnostics"]
        assert (warning["summary"], warning["where"]["line"]) == ("Key is short", 8)

    def test_is_shown_as_a_script(self, capsys: Captured) -> None:
        assert main(["show", "tls.plan", "--as", "powershell"]) == 0
        printed = capsys.readouterr().out
        assert "Set-SendConnector `\n    -Identity 'x' `\n    -Port 26\n" in printed
        assert "# warning: Key is short: 1024 bits.\n" in printed

    def test_is_not_applied_to_another_organization(self, capsys: Captured) -> None:
        assert main(["apply", "tls.plan", "--auto-approve"]) == 1
        assert "fabrikam" in capsys.readouterr().err

    @pytest.mark.parametrize("command", [["show"], ["apply", "--auto-approve"]])
    def test_of_an_earlier_version_is_to_be_made_again(
        self, command: list[str], folder: Path, capsys: Captured
    ) -> None:
        document = json.loads((folder / "tls.plan").read_text())
        (folder / "tls.plan").write_text(json.dumps({**document, "format_version": 1}, indent=2))
        assert main([*command, "tls.plan"]) == 1
        told = capsys.readouterr().err
        assert "Saved plan too old" in told
        assert "hint: plan again with this version: reconciler plan PATH --out FILE" in told

    def test_is_told_from_yaml(self, capsys: Captured) -> None:
        assert main(["show", "one.yaml"]) == 1
        assert "Not a saved plan" in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
class TestApply:
    def test_needs_somebody_to_ask(self, folder: Path, capsys: Captured) -> None:
        """Before anything is read: a pipeline must not hang, nor go on."""
        assert main(["apply", "one.yaml", "--connections", "connections.yaml"]) == 1
        assert "--auto-approve" in capsys.readouterr().err
        assert not (folder / ".reconciler").exists()

    def test_is_refused_while_somebody_else_applies(self, folder: Path, capsys: Captured) -> None:
        holder = LockInfo("1", "apply", "mary@elsewhere", datetime(2026, 11, 24, 10, 0, tzinfo=UTC))
        with LocalStore(folder / "records", "contoso").lock(holder):
            assert main(["apply", "one.yaml", "--state", "records", "--auto-approve"]) == 4
        assert "mary@elsewhere" in capsys.readouterr().err

    def test_changes_nothing_when_a_server_cannot_be_read(self, capsys: Captured) -> None:
        arguments = ["apply", "one.yaml", "--connections", "connections.yaml", "--auto-approve", "--json"]
        assert main(arguments) == 1
        printed = capsys.readouterr()
        types = [json.loads(line)["type"] for line in printed.out.splitlines()]
        assert types == ["read_started", "read_finished"]
        assert "Server not read" in printed.err


@pytest.mark.usefixtures("folder")
class TestVerifyAndImport:
    def test_warns_when_there_is_nothing_to_verify(self, capsys: Captured) -> None:
        assert main(["verify", "one.yaml"]) == 0
        assert "No endpoints" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("address", "hint"),
        [
            ("certificate.EX1.pubic", 'did you mean "certificate.EX1.public"?'),
            ("certificate.EX1", "one of: certificate.EX1.public"),
        ],
    )
    def test_suggests_the_address_that_may_be_meant(self, address: str, hint: str, capsys: Captured) -> None:
        assert main(["import", "one.yaml", address]) == 1
        assert f"hint: {hint}" in capsys.readouterr().err

    def test_imports_only_what_is_declared(self, capsys: Captured) -> None:
        assert main(["import", "one.yaml", "send_connector.EX1.tls_never"]) == 1
        assert "Address not declared" in capsys.readouterr().err


class TestSchema:
    @pytest.mark.parametrize("arguments", [[], ["desired"], ["plan"], ["events"]], ids=" ".join)
    def test_is_draft_2020_12(self, arguments: list[str], capsys: Captured) -> None:
        assert main(["schema", *arguments]) == 0
        assert json.loads(capsys.readouterr().out)["$schema"].endswith("/2020-12/schema")


class TestCtrlC:
    @pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
    def test_while_reading_exits_with_130(self, folder: Path, sent: signal.Signals) -> None:
        """The server takes the connection and says nothing; no traceback is shown.

        A pipeline that is cancelled sends SIGTERM, and is told the same.
        """
        program = f"import sys; from reconciler.cli import main; sys.exit(main({PLAN}))"
        root = str(Path(__file__).parents[3])
        with socket.create_server(("127.0.0.1", 0)) as server:
            write_connections(folder, server.getsockname()[1])
            running = subprocess.Popen(
                [sys.executable, "-c", program],
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONPATH": root},
            )
            server.settimeout(20)
            connection, _ = server.accept()
            running.send_signal(sent)
        connection.close()
        _, told = running.communicate(timeout=30)
        assert running.returncode == 130
        assert told.splitlines()[-1] == "Interrupted: nothing was changed."
        assert "Traceback" not in told


class TestALabThatIsNotThere:
    @pytest.mark.parametrize("command", ["status", "down", "up"])
    def test_is_told_as_a_mistake(self, command: str, capsys: Captured) -> None:
        """A name that no system takes, too."""
        assert main(["lab", command, "--dir", "a" * 5000]) == 1
        assert "error: Lab not usable" in capsys.readouterr().err

    def test_is_to_be_started(self, tmp_path: Path, capsys: Captured) -> None:
        assert main(["lab", "status", "--dir", str(tmp_path)]) == 1
        told = " ".join(capsys.readouterr().err.split())
        assert f"hint: start one with: reconciler lab up --dir {tmp_path}" in told


class TestImportGenerate:
    @pytest.mark.parametrize(
        "arguments",
        [
            ["--generate"],
            ["--generate", "one.yaml", "--connections", "connections.yaml"],
            ["--generate", "--connections", "connections.yaml", "--state", "state"],
            [],
            ["one.yaml"],
        ],
        ids=["of nothing", "with PATH", "with a record", "neither", "without ADDR"],
    )
    def test_takes_connections_and_nothing_else(
        self, folder: Path, arguments: list[str], capsys: Captured
    ) -> None:
        assert main(["import", *arguments]) == 1
        told = capsys.readouterr()
        assert told.out == ""
        assert "--generate" in told.err

    def test_prints_nothing_when_a_server_cannot_be_read(self, folder: Path, capsys: Captured) -> None:
        """A YAML without it would look as if it had nothing."""
        assert main(["import", "--generate", "--connections", "connections.yaml"]) == 1
        told = capsys.readouterr()
        assert told.out == ""
        assert "Server not read" in told.err


class TestCertificates:
    @pytest.mark.parametrize(
        ("options", "told"),
        [
            (["--reason", "compromise"], "--reason goes with --replace or --issuer"),
            (["--auto-approve"], "--auto-approve goes with --replace, --issuer, or --answer with --password"),
            (["--auto-approve", "--answer", "certificate.EX1.public", "x.cer"], "--auto-approve goes with"),
            (["--password", "env:PFX"], "--password goes with --answer"),
            (["--json", "--as", "prometheus"], "--json and --as ask for different forms"),
        ],
    )
    def test_takes_what_goes_with_one_option_for_nothing_else(
        self, folder: Path, capsys: Captured, options: list[str], told: str
    ) -> None:
        """Who forgets which one believes that it was replaced."""
        assert main(["certificates", "one.yaml", *options]) == 1
        assert told in " ".join(capsys.readouterr().err.replace("│", " ").split())

    def test_says_how_to_approve_where_there_is_no_terminal(
        self, folder: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "stdin", None)
        assert main(["certificates", "one.yaml", "--replace", "certificate.EX1.public"]) == 1
        assert "which shows the plan and asks, or give --auto-approve" in " ".join(
            capsys.readouterr().err.split()
        )
