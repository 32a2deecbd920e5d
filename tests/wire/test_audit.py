"""``audit`` and ``explain`` as they are typed, over the wire, by an account that can only read.

Runs on a made-up organization, on the project's own exports, and on those in the folder that EXCHANGE_CORPUS
names.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from reconciler.cli import main
from reconciler.exchange.port import Command, Connection, Endpoint
from reconciler.exchange.session import Sessions
from reconciler.lab.call import Role
from reconciler.views.schemas import audit_schema
from tests.contoso import Contoso, contoso

SAMPLES = Path(__file__).parent.parent / "lab" / "samples"
FOLDERS = [SAMPLES, *([Path(os.environ["EXCHANGE_CORPUS"])] if "EXCHANGE_CORPUS" in os.environ else [])]


@pytest.fixture
def organization(tmp_path: Path) -> Iterator[Contoso]:
    with contoso(tmp_path, servers=2, edges=0) as running:
        yield running


def reader(running: Contoso) -> list[str]:
    return ["--connections", str(running.lab.connections(Role.READER))]


def administrator(running: Contoso) -> Connection:
    """The way to MBX1 that the lab wrote down."""
    file = running.lab.connections()
    reached = json.loads(file.read_bytes())["servers"]["MBX1"]
    credential = (file.parent / reached["credential"].removeprefix("file:")).read_text().strip()
    user, _, password = credential.partition(":")
    ca = file.parent / reached["ca"]
    return Connection("MBX1", reached["url"], Endpoint.EXCHANGE, user, password, ca)


class TestAudit:
    def test_of_a_new_organization_exits_with_0(
        self, organization: Contoso, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["audit", *reader(organization)]) == 0
        printed = capsys.readouterr().out
        assert printed.endswith("4 certificates looked at.\nNo findings\n")
        assert organization.cmdlets(mutating=True) == []

    def test_with_findings_exits_with_2_and_prints_one_document(
        self, organization: Contoso, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """An exception that somebody opened by hand; the YAML is not asked about it."""
        by_hand = {"Name": "broken", "AddressSpaces": ("oldmail.example",), "IgnoreSTARTTLS": True}
        with Sessions().writer(administrator(organization)) as session:
            session.run(Command("New-SendConnector", by_hand))
        assert main(["audit", "--json", *reader(organization)]) == 2
        printed = capsys.readouterr()
        document = json.loads(printed.out)
        jsonschema.validate(document, audit_schema())
        assert [(one["rule"], one["object"]) for one in document["findings"]] == [("tls-never", "broken")]
        assert "tls-never" in printed.err

    def test_that_could_not_read_everything_exits_with_1(
        self, organization: Contoso, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        connections = json.loads(organization.lab.connections(Role.READER).read_bytes())
        connections["servers"]["MBX2"]["credential"] = "env:NOT_SET_ANYWHERE"
        path = organization.lab.directory / "half.yaml"
        path.write_text(json.dumps(connections))
        assert main(["audit", "--connections", str(path)]) == 1
        assert "not everything could be read" in capsys.readouterr().out

    def test_of_nothing_is_an_error(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["audit"]) == 1
        assert "No servers named" in capsys.readouterr().err

    def test_takes_the_servers_of_a_yaml(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        with contoso(tmp_path, servers=2, edges=1) as running:
            assert main(["audit", str(running.path), *reader(running)]) == 0
        assert "MBX1, MBX2, EDGE1" in capsys.readouterr().out


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_copy_of_a_real_organization_is_looked_at_whole(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever is found there: everything is read, and nothing is changed."""
    with contoso(tmp_path, from_clixml=folder) as running:
        assert main(["audit", "--json", *reader(running)]) in (0, 2)
        document = json.loads(capsys.readouterr().out)
        jsonschema.validate(document, audit_schema())
        assert document["complete"]
        assert document["servers"] == [one["name"] for one in running.lab.status()["servers"]]
        assert running.cmdlets(mutating=True) == []


def test_our_own_exports_hold_what_is_known_of_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A connector that names a certificate which was not exported with it."""
    with contoso(tmp_path, from_clixml=SAMPLES) as running:
        assert main(["audit", "--json", *reader(running)]) == 2
    document = json.loads(capsys.readouterr().out)
    assert "dangling-binding" in {one["rule"] for one in document["findings"]}
    assert all(document["looked_at"].values())


def test_explain_shows_what_is_presented(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the example, once it was applied."""
    with contoso(tmp_path) as running:
        running.apply()
        assert (
            main(["explain", str(running.path), "certificate.MBX1.internet", *running.options(Role.READER)])
            == 0
        )
        assert "is the declared one" in capsys.readouterr().out
        assert main(["explain", str(running.path), "fabrikam.com", *running.options(Role.READER)]) == 0
        assert "encrypted or not sent" in capsys.readouterr().out
        assert main(["explain", str(running.path), "no domain", *running.options(Role.READER)]) == 1
