"""With a real ACME server, and a door before it that says when it wants certificates renewed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.cli import main
from reconciler.lab.control import open_threaded
from tests.advising import door
from tests.pebble import NEEDS, is_missing, pebble
from tests.scripted_acme import window

# Only a real authority says whether an order that names what it replaces is one.
pytestmark = pytest.mark.skipif(is_missing, reason=NEEDS)

DECLARED = """
version: 1
organization: contoso
issuers: {public: {type: acme, directory: "https://acme.example/directory", agree_to_terms: true,
                   http01: {webroot: /var/www}}}
servers:
  MBX1:
    role: mailbox
    host: mbx1.contoso.com
    certificates:
      public: {subject: "CN=mail.contoso.com", domains: [mail.contoso.com], services: [SMTP], issuer: public}
"""
PAGE = "https://acme.example/why"


def test_a_certificate_is_renewed_when_its_authority_wants_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By a plan that says so and an apply that does it; the next plan asks about the new one."""
    (tmp_path / "pebble").mkdir()
    with (
        pebble(tmp_path / "pebble") as server,
        door(server) as authority,
        open_threaded(tmp_path / "lab", servers=1, edges=0) as lab,
    ):
        issuer = {
            "type": "acme",
            "directory": authority.directory,
            "agree_to_terms": True,
            "account": str(tmp_path / "account.pem"),
            "ca": str(server.ca),
            "http01": {"listen": f"127.0.0.1:{server.http}"},
        }
        connections = {**json.loads(lab.connections().read_text()), "issuers": {"*": issuer}}
        path = lab.connections().with_name("acme.yaml")
        path.write_text(json.dumps(connections))
        (tmp_path / "tls.yaml").write_text(DECLARED)

        def run(command: str, *options: str) -> int:
            where = [
                str(tmp_path / "tls.yaml"),
                "--connections",
                str(path),
                "--state",
                str(tmp_path / "state"),
            ]
            capsys.readouterr()
            return main([command, *where, *options])

        assert run("apply", "--auto-approve") == 0
        assert authority.asked == []
        assert run("plan", "--detailed-exitcode") == 0
        [first] = authority.asked

        now = datetime.now(UTC)
        authority.says = window(now - timedelta(hours=1), now + timedelta(hours=1), explanationURL=PAGE)
        assert run("plan", "--detailed-exitcode", "--json") == 2
        [change] = json.loads(capsys.readouterr().out)["changes"]
        assert (change["address"], change["action"]) == ("certificate.MBX1.public", "replace")
        assert change["reason"].endswith(PAGE)
        assert run("apply", "--auto-approve") == 0
        assert set(authority.asked) == {first}

        authority.says = {}
        assert run("plan", "--detailed-exitcode") == 0
        assert authority.asked[-1] != first
