"""A pipeline that is killed while Exchange still works: the next apply finds out, and goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.contoso import EXAMPLE, Contoso, contoso

SECONDS = 60

CASES = [
    ("MBX1", "New-ExchangeCertificate"),
    ("EDGE1", "New-ExchangeCertificate"),
    ("MBX1", "Import-ExchangeCertificate"),
    ("EDGE1", "Import-ExchangeCertificate"),
    ("MBX1", "Enable-ExchangeCertificate"),
    ("EDGE1", "Enable-ExchangeCertificate"),
    ("MBX1", "New-SendConnector"),
    ("EDGE1", "New-SendConnector"),
    ("MBX1", "Set-ReceiveConnector"),
    ("EDGE1", "Set-ReceiveConnector"),
]


class TestAnApplyThatIsKilled:
    """By SIGKILL, with the lab holding the answer until the process is dead."""

    @pytest.mark.parametrize(("server", "cmdlet"), CASES)
    def test_converges_at_the_next(self, server: str, cmdlet: str, tmp_path: Path) -> None:
        rules = tmp_path / "faults.json"
        rules.write_text(json.dumps([{"server": server, "cmdlet": cmdlet, "nth": 1, "action": "hold"}]))
        with contoso(tmp_path, faults=rules) as made:
            _killed_while_held(made, cmdlet)
            outcome = made.apply()
            assert outcome.applied is not None
            assert outcome.applied.is_complete, outcome.applied.diagnostics
            again = made.plan()
            assert again.plan.is_empty
            assert not [change for change in again.plan.changes if change.learned]
            _nothing_was_made_twice(made)

    def test_converges_when_it_is_killed_twice(self, tmp_path: Path) -> None:
        """While the request is made, and again while its text is fetched once more."""
        rules = tmp_path / "faults.json"
        rules.write_text(
            json.dumps(
                [
                    {"server": "EDGE1", "cmdlet": "New-ExchangeCertificate", "nth": 1, "action": "hold"},
                    {"server": "EDGE1", "cmdlet": "Export-ExchangeCertificate", "nth": 1, "action": "hold"},
                ]
            )
        )
        with contoso(tmp_path, faults=rules) as made:
            _killed_while_held(made, "New-ExchangeCertificate")
            _killed_while_held(made, "Export-ExchangeCertificate")
            outcome = made.apply()
            assert outcome.applied is not None
            assert outcome.applied.is_complete, outcome.applied.diagnostics
            assert made.plan().plan.is_empty
            _nothing_was_made_twice(made)

    def test_converges_for_a_change_of_what_exists(self, tmp_path: Path) -> None:
        rules = tmp_path / "faults.json"
        rules.write_text(json.dumps([{"cmdlet": "Set-SendConnector", "nth": 1, "action": "hold"}]))
        declared = tmp_path / "tls.yaml"
        text = (EXAMPLE / "tls.yaml").read_text(encoding="utf-8")
        declared.write_text(text, encoding="utf-8")
        with contoso(tmp_path, declared, faults=rules) as made:
            made.apply()
            declared.write_text(
                text.replace("- adatum.com", "- adatum.com\n    - tailspin.com"), encoding="utf-8"
            )
            _killed_while_held(made, "Set-SendConnector")
            made.apply()
            assert made.plan().plan.is_empty
            changed = [one["server"] for one in made.cmdlets() if one["cmdlet"] == "Set-SendConnector"]
            assert sorted(changed) == ["EDGE1", "MBX1"]

    def test_converges_for_a_deletion(self, tmp_path: Path) -> None:
        rules = tmp_path / "faults.json"
        rules.write_text(json.dumps([{"cmdlet": "Remove-SendConnector", "nth": 1, "action": "hold"}]))
        declared = tmp_path / "tls.yaml"
        text = (EXAMPLE / "tls.yaml").read_text(encoding="utf-8")
        declared.write_text(text, encoding="utf-8")
        with contoso(tmp_path, declared, faults=rules) as made:
            made.apply()
            declared.write_text(text.replace("      tls_never: {to: broken}\n", "", 1), encoding="utf-8")
            _killed_while_held(made, "Remove-SendConnector")
            made.apply()
            assert made.plan().plan.is_empty
            assert [one["server"] for one in made.cmdlets() if one["cmdlet"] == "Remove-SendConnector"] == [
                "EDGE1"
            ]


def _killed_while_held(made: Contoso, cmdlet: str) -> None:
    """Run apply in its own process until the lab holds back the answer to a cmdlet, and kill it."""
    arguments = ["apply", str(made.path), "--auto-approve", *made.options()]
    program = "import sys; from reconciler.cli import main; sys.exit(main())"
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + SECONDS
        while not any(one["cmdlet"] == cmdlet for one in made.lab.status()["held"]):
            assert process.poll() is None, "it ended before an answer was held"
            assert time.monotonic() < deadline, "no answer was held"
            time.sleep(0.02)  # another process: there is nothing to wait on
    finally:
        os.kill(process.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        process.wait(SECONDS)


def _nothing_was_made_twice(made: Contoso) -> None:
    """One request and one import for each certificate, one creation for each connector."""
    done = [one for one in made.cmdlets(mutating=True) if one["result"] == "completed"]
    requests = [one["server"] for one in done if one["cmdlet"] == "New-ExchangeCertificate"]
    imports = [one["server"] for one in done if one["cmdlet"] == "Import-ExchangeCertificate"]
    assert sorted(requests) == sorted(imports) == ["EDGE1", "MBX1", "MBX2"]
    names = [one["parameters"]["Name"] for one in done if one["cmdlet"] == "New-SendConnector"]
    assert len(names) == len(set(names)) == 8
