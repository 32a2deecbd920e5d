"""Every issuer passes the same contract."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from reconciler.issuers.command import CommandIssuer
from reconciler.issuers.local import LocalIssuer
from reconciler.issuers.manual.issuer import ManualIssuer
from reconciler.issuers.port import CertificateRequest, Issuer
from reconciler.issuers.testing import IssuerContract
from tests.authority import NOW, Authority


def local(authority: Authority) -> LocalIssuer:
    return LocalIssuer("house", (authority.certificate,), authority.key, clock=lambda: NOW)


class AtTheTestsClock(IssuerContract):
    def now(self) -> datetime:
        return NOW


class TestTheLocalIssuer(AtTheTestsClock):
    @pytest.fixture
    def issuer(self) -> Issuer:
        return local(Authority.make())


class TestTheManualIssuer(AtTheTestsClock):
    @pytest.fixture
    def issuer(self, tmp_path: Path) -> Issuer:
        self.folder = tmp_path / "requests"
        return ManualIssuer("desk", self.folder, clock=lambda: NOW)

    def answer(self, request: CertificateRequest) -> None:
        """Somebody orders by the file, and saves what comes."""
        issued = local(Authority.make()).issue(request)
        (self.folder / f"order {len(list(self.folder.iterdir()))}.crt").write_text(issued.chain)


PROGRAM = """
import hashlib, os, sys
from datetime import datetime
from pathlib import Path
from reconciler.issuers.local import LocalIssuer
from reconciler.issuers.port import CertificateRequest
from state.address import Address
from state.values import DomainPattern

csr = sys.stdin.read()
order = Path(os.environ["RECONCILER_REFERENCE"] or f"order {hashlib.sha256(csr.encode()).hexdigest()}")
if sys.argv[1] == "slow" and not Path("ready").exists():
    print(order)
    print("the desk has it", file=sys.stderr)
    sys.exit(75)
if sys.argv[1] == "slow" and order.exists():
    print(order.read_text())
    sys.exit()
clock = lambda: datetime.fromisoformat(sys.argv[2])
request = CertificateRequest(
    Address.parse(os.environ["RECONCILER_ADDRESS"]),
    csr,
    frozenset(map(DomainPattern, os.environ["RECONCILER_NAMES"].split(","))),
)
chain = LocalIssuer.open("x", Path("ca.pem"), Path("ca.key"), clock=clock).issue(request).chain
if os.environ["RECONCILER_REFERENCE"]:
    order.write_text(chain)
print(chain)
"""


class TestTheIssuerThatIsAProgram(AtTheTestsClock):
    speed = "quick"

    @pytest.fixture
    def issuer(self, tmp_path: Path) -> Issuer:
        authority = Authority.make()
        (tmp_path / "ca.pem").write_text(authority.pem)
        (tmp_path / "ca.key").write_bytes(authority.key_pem)
        (tmp_path / "ca.key").chmod(0o600)
        self.folder = tmp_path
        command = [sys.executable, "-c", PROGRAM, self.speed, NOW.isoformat()]
        return CommandIssuer.open("program", command, tmp_path, timedelta(seconds=60))


class TestTheIssuerThatIsASlowProgram(TestTheIssuerThatIsAProgram):
    speed = "slow"

    def answer(self, request: CertificateRequest) -> None:
        (self.folder / "ready").touch()


def test_the_contract_is_met_by_what_it_says(tmp_path: Path) -> None:
    """An author who forgets what a person has to do is told so, and not by a test that passes."""
    issuer = ManualIssuer("desk", tmp_path, clock=lambda: NOW)
    with pytest.raises(AssertionError, match="does not say what for"):
        AtTheTestsClock().issued(issuer)
