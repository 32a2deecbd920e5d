"""A person answers a request nine days later, on another machine: the command line, on the wire.

tests/cases/test_manual_issuer.py has everything else about such requests, without a wire.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from reconciler.cli import main
from reconciler.issuers.port import CertificateRequest
from reconciler.lab.control import ThreadedLab, open_threaded
from state.address import Address
from tests.life import declaration, signing
from tests.wire.clocked import Clock, served

INTERNET = Address.of("certificate", "MBX1", "internet")
LIFETIME = timedelta(days=47)
WAITS = 7
NOTHING = 0


@dataclass
class Machine:
    """A folder of its own with YAML, record and requests; Exchange is the same for all."""

    lab: ThreadedLab
    folder: Path

    @property
    def requests(self) -> Path:
        return self.folder / "requests"

    def set_up(self) -> None:
        self.requests.mkdir(parents=True, exist_ok=True)
        connections = json.loads(self.lab.connections().read_text(encoding="utf-8"))
        for server in connections["servers"].values():
            _, _, credential = server["credential"].partition(":")
            server["credential"] = f"file:{self.lab.directory / credential}"
            server["ca"] = str(self.lab.directory / server["ca"])
        connections["issuers"] = {"desk": {"type": "manual", "folder": "requests"}}
        (self.folder / "connections.yaml").write_text(json.dumps(connections), encoding="utf-8")
        (self.folder / "tls.yaml").write_text(json.dumps(declaration(1)), encoding="utf-8")

    def run(self, command: str, *options: str) -> int:
        named = ["--connections", str(self.folder / "connections.yaml")]
        return main([command, str(self.folder / "tls.yaml"), *named, *options])


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The lab's, and that of the command line, which has no other than this machine's."""
    moved = Clock()

    class Moved(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return moved()

    monkeypatch.setattr("reconciler.operations.inputs.datetime", Moved)
    return moved


@pytest.fixture
def lab(tmp_path: Path, clock: Clock) -> Iterator[ThreadedLab]:
    with open_threaded(tmp_path / "lab", servers=1, edges=0, now=clock) as running:
        yield running


@pytest.fixture
def first(lab: ThreadedLab, tmp_path: Path) -> Machine:
    machine = Machine(lab, tmp_path / "first")
    machine.set_up()
    return machine


def bought(machine: Machine, clock: Clock) -> bytes:
    """What the authority makes of the file in the folder: PKCS#7 in DER, with the chain."""
    [request] = machine.requests.glob("*.csr")
    brought = CertificateRequest(INTERNET, request.read_text(encoding="ascii"), frozenset())
    chain = signing(machine.lab.directory, clock, LIFETIME)().issue(brought).chain
    return pkcs7.serialize_certificates(x509.load_pem_x509_certificates(chain.encode()), Encoding.DER)


def requests_made(lab: ThreadedLab) -> int:
    return sum(one["cmdlet"] == "New-ExchangeCertificate" for one in lab.status()["cmdlets"])


@pytest.mark.parametrize("way", ["folder", "--answer"])
@pytest.mark.parametrize("keeps_record", [True, False], ids=["same record", "record deleted"])
def test_an_answer_is_taken_by_another_machine(
    keeps_record: bool, way: str, first: Machine, clock: Clock, tmp_path: Path
) -> None:
    """It lies in that machine's folder, or is given to `certificates --answer`; the key was made once."""
    assert first.run("apply", "--auto-approve") == WAITS
    answer = bought(first, clock)
    clock.sleep(timedelta(days=9).total_seconds())
    second = Machine(first.lab, tmp_path / "second")
    if keeps_record:
        shutil.copytree(first.folder / ".reconciler", second.folder / ".reconciler")
    shutil.rmtree(first.folder)
    second.set_up()
    file = (second.requests if way == "folder" else tmp_path) / "mail_contoso_com.p7b"
    file.write_bytes(answer)
    if way == "--answer":
        if not keeps_record:  # that machine learns of the request by asking its issuer again
            assert second.run("apply", "--auto-approve") == WAITS
        assert second.run("certificates", "--answer", str(INTERNET), str(file)) == 0
    assert second.run("apply", "--auto-approve") == 0
    assert second.run("plan", "--detailed-exitcode") == NOTHING
    assert requests_made(first.lab) == 1
    assert served(*first.lab.smtp("MBX1")) in pkcs7.load_der_pkcs7_certificates(answer)
