"""A pipeline that is cancelled during an apply: what was sent is waited for, the rest is not begun."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reconciler.lab.faults import RELEASE
from tests.contoso import contoso

SECONDS = 60


@pytest.mark.skipif(
    sys.platform == "win32", reason="Windows sends no signals: there a cancelled job is killed"
)
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_ends_in_order_and_says_how_to_go_on(tmp_path: Path, sent: signal.Signals) -> None:
    """The answer that was under way is taken and recorded, and the next apply converges."""
    rules = tmp_path / "faults.json"
    cmdlet = "Import-ExchangeCertificate"
    rules.write_text(json.dumps([{"server": "EDGE1", "cmdlet": cmdlet, "nth": 1, "action": "hold"}]))
    program = "import sys; from reconciler.cli import main; sys.exit(main())"
    with contoso(tmp_path, faults=rules) as made:
        arguments = ["apply", str(made.path), "--auto-approve", *made.options()]
        running = subprocess.Popen(
            [sys.executable, "-c", program, *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        try:
            deadline = time.monotonic() + SECONDS
            while not made.lab.status()["held"]:
                assert running.poll() is None, "it ended before an answer was held"
                assert time.monotonic() < deadline, "no answer was held"
                time.sleep(0.02)  # another process: there is nothing to wait on
            running.send_signal(sent)
            (made.lab.directory / RELEASE).touch()
            _, told = running.communicate(timeout=SECONDS)
        finally:
            running.kill()
            running.wait(SECONDS)
        assert running.returncode == 3
        assert told.splitlines()[-1] == (
            "Interrupted part-way: apply again, it reads Exchange and goes on from there."
        )
        assert f"EDGE1  {cmdlet}  certificate.EDGE1.public  done" in told
        outcome = made.apply()
        assert outcome.applied is not None
        assert outcome.applied.is_complete
        assert made.plan().plan.is_empty
