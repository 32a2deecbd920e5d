"""A certificate that a person orders: over days, on several machines, with and without the record."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from reconciler.apply.applier import Applied
from reconciler.diagnostics import Severity
from reconciler.events import Event
from reconciler.issuers.port import CertificateRequest
from reconciler.operations.applying import run_apply
from reconciler.operations.inputs import Inputs, Surroundings
from reconciler.operations.planning import Planned, run_plan
from reconciler.plan.change import Action, Change
from state.address import Address
from tests.life import Fleet, fleet

NINE_DAYS = timedelta(days=9)
MBX1 = Address.of("certificate", "MBX1", "internet")


@dataclass
class Machine:
    """A folder of its own with YAML, record and requests; Exchange is the same for all."""

    world: Fleet
    folder: Path
    heard: list[Event] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def requests(self) -> Path:
        return self.folder / "requests"

    def inputs(self) -> Inputs:
        self.folder.mkdir(exist_ok=True)
        connections = json.loads(self.world.lab.connections().read_text(encoding="utf-8"))
        for server in connections["servers"].values():
            server["credential"] = f"file:{self.world.lab.directory / 'admin.credential'}"
        desk = {"type": "manual", "folder": "requests", "note": "Ask Ann."}
        connections["issuers"] = {"desk": {**desk, **self.settings}}
        (self.folder / "connections.yaml").write_text(json.dumps(connections), encoding="utf-8")
        (self.folder / "tls.yaml").write_text(json.dumps(self.world.declared), encoding="utf-8")
        return Inputs(self.folder / "tls.yaml", connections=self.folder / "connections.yaml")

    def surroundings(self) -> Surroundings:
        lab = self.world.lab
        return Surroundings(self.heard.append, lambda: lab.now, lab, shake=lab.shake)

    def plan(self) -> Planned:
        return run_plan(self.inputs(), self.surroundings())

    def change(self) -> Change:
        return next(change for change in self.plan().plan.changes if change.address == MBX1)

    def apply(self) -> Applied:
        applied = run_apply(self.inputs(), self.surroundings(), lambda planned: True).applied
        assert applied is not None
        return applied

    def files(self, pattern: str) -> list[Path]:
        return sorted(self.requests.glob(pattern))


@pytest.fixture
def world(tmp_path: Path) -> Fleet:
    return fleet(tmp_path, servers=1)


@pytest.fixture
def first(world: Fleet, tmp_path: Path) -> Machine:
    return Machine(world, tmp_path / "first")


def signed(world: Fleet, request: Path) -> str:
    """What the authority makes of the file that somebody sent it: PEM, with its chain."""
    brought = CertificateRequest(MBX1, request.read_text(encoding="ascii"), frozenset())
    return world.desk.authority().issue(brought).chain


def requests_made(world: Fleet) -> int:
    return sum(cmdlet == "New-ExchangeCertificate" for _, cmdlet, _ in world.lab.sent)


class TestARequestForAPerson:
    def test_lies_in_the_folder_with_a_note_of_what_to_order(self, first: Machine) -> None:
        assert MBX1 in first.apply().waiting
        [request] = first.files("*.csr")
        assert request.name.startswith("certificate.MBX1.internet-")
        assert x509.load_pem_x509_csr(request.read_bytes()).is_signature_valid
        note = request.with_suffix(".txt").read_text(encoding="utf-8")
        for told in (request.name, "mail.contoso.com", "2048", "Contoso Ltd", "one name", "Ask Ann.", ".p7b"):
            assert told in note

    def test_is_written_once(self, first: Machine) -> None:
        """Whoever has it open in an editor keeps it."""
        first.apply()
        before = {path: path.stat().st_mtime_ns for path in first.files("*")}
        first.apply()
        assert {path: path.stat().st_mtime_ns for path in first.files("*")} == before

    def test_waits_in_every_plan_until_it_is_answered(self, first: Machine, world: Fleet) -> None:
        first.apply()
        assert first.change().action is Action.WAIT
        (first.requests / "from the authority.cer").write_text(signed(world, first.files("*.csr")[0]))
        change = first.change()
        assert change.action is Action.CREATE
        assert change.reason.endswith("answered")

    def test_stays_in_the_folder_when_it_is_answered(self, first: Machine, world: Fleet) -> None:
        first.apply()
        [request] = first.files("*.csr")
        (first.requests / "answer.crt").write_text(signed(world, request))
        assert first.apply().is_complete
        assert {path.name for path in first.files("*")} == {
            request.name, request.with_suffix(".txt").name, "answer.crt",
        }  # fmt: skip
        assert "Answered: answer.crt" in request.with_suffix(".txt").read_text(encoding="utf-8")
        assert first.plan().plan.is_idle

    @pytest.mark.parametrize("is_named", [False, True], ids=["not named", "named as ca"])
    def test_of_an_authority_that_is_not_public_is_doubted_until_that_is_named(
        self, first: Machine, world: Fleet, is_named: bool
    ) -> None:
        if is_named:
            first.settings["ca"] = str(world.lab.directory / "issuer.pem")
        first.apply()
        [request] = first.files("*.csr")
        (first.requests / "answer.crt").write_text(signed(world, request))
        applied = first.apply()
        assert applied.is_complete
        doubted = [one for one in applied.diagnostics if one.summary == "Authority not trusted here"]
        assert bool(doubted) is not is_named


class TestAnAnswerAfterNineDays:
    """The issue's own words: by a different machine with the same record, and with the record deleted."""

    def elsewhere(self, first: Machine, tmp_path: Path, keep_record: bool) -> Machine:
        second = Machine(first.world, tmp_path / "second")
        second.folder.mkdir()
        if keep_record:
            shutil.copytree(first.folder / ".reconciler", second.folder / ".reconciler")
        return second

    @pytest.mark.parametrize("keep_record", [True, False], ids=["same record", "record deleted"])
    def test_leads_to_the_certificate_on_another_machine(
        self, first: Machine, world: Fleet, tmp_path: Path, keep_record: bool
    ) -> None:
        assert MBX1 in first.apply().waiting
        [request] = first.files("*.csr")
        chain = signed(world, request)
        world.pass_time(NINE_DAYS)
        second = self.elsewhere(first, tmp_path, keep_record)
        shutil.rmtree(first.folder)
        second.requests.mkdir()
        (second.requests / "mail_contoso_com.p7b").write_bytes(
            pkcs7.serialize_certificates(x509.load_pem_x509_certificates(chain.encode()), Encoding.DER)
        )
        applied = second.apply()
        assert not applied.waiting
        assert applied.is_complete
        assert requests_made(world) == 1
        [again] = second.files("*.csr")
        assert again.name == request.name
        assert second.plan().plan.is_idle

    def test_is_awaited_again_where_the_record_was_deleted(
        self, first: Machine, world: Fleet, tmp_path: Path
    ) -> None:
        """Its text is exported again, and lies where it did: nobody orders twice."""
        first.apply()
        [request] = first.files("*.csr")
        before = request.read_bytes()
        shutil.rmtree(first.folder / ".reconciler")
        world.pass_time(NINE_DAYS)
        assert MBX1 in first.apply().waiting
        assert [path.read_bytes() for path in first.files("*.csr")] == [before]
        assert requests_made(world) == 1
        (first.requests / "answer.cer").write_text(signed(world, request))
        assert not first.apply().waiting


def cut(chain: str) -> bytes:
    return chain.encode()[:700]


def page(chain: str) -> bytes:
    return b"<html><head><title>Sign in</title></head><body>...</body></html>"


def key(chain: str) -> bytes:
    return b"-----BEGIN PRIVATE KEY-----\nMIIEvQ==\n-----END PRIVATE KEY-----\n" + chain.encode()


class TestAFileThatIsMeantAsTheAnswer:
    @pytest.mark.parametrize(
        ("spoilt", "reason"),
        [(cut, "cut off"), (page, 'a web page, with the title "Sign in"'), (key, "a private key")],
    )
    def test_and_is_none_is_told_and_changes_nothing(
        self, first: Machine, world: Fleet, spoilt: Callable[[str], bytes], reason: str
    ) -> None:
        first.apply()
        [request] = first.files("*.csr")
        sent = len(world.lab.sent)
        wrong = request.with_suffix(".cer")
        wrong.write_bytes(spoilt(signed(world, request)))
        [told] = [one for one in first.plan().diagnostics if one.summary == "Answer not usable"]
        assert told.severity is Severity.WARNING
        assert wrong.name in told.detail
        assert reason in told.detail
        assert first.change().action is Action.WAIT
        applied = first.apply()
        [failed] = [one for one in applied.diagnostics if one.summary == "No certificate issued"]
        assert reason in failed.detail
        assert len(world.lab.sent) == sent
        (first.requests / "right.pem").write_text(signed(world, request))
        assert first.apply().is_complete

    def test_and_has_ended_is_told(self, first: Machine, world: Fleet) -> None:
        """Somebody took last year's file; its key is right, as it is the same request."""
        first.apply()
        [request] = first.files("*.csr")
        (first.requests / "old.cer").write_text(signed(world, request))
        world.pass_time(timedelta(days=60))
        [told] = [one for one in first.plan().diagnostics if one.summary == "Answer not usable"]
        assert "it was valid until" in told.detail

    def test_of_another_request_is_left_alone(self, first: Machine, world: Fleet) -> None:
        first.apply()
        [request] = first.files("*.csr")
        (first.requests / "other.cer").write_text(world.lab.directory.joinpath("issuer.pem").read_text())
        assert not [one for one in first.plan().diagnostics if one.summary == "Answer not usable"]
        assert MBX1 in first.apply().waiting
        assert request.exists()

    def test_is_looked_for_among_the_newest(
        self, first: Machine, world: Fleet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A folder in which a year of answers lies still works, and says what it leaves out."""
        monkeypatch.setattr("reconciler.issuers.manual.folder.MOST_FILES", 2)
        first.apply()
        for number in range(3):
            other = world.lab.directory.joinpath("issuer.pem").read_text()
            (first.requests / f"old{number}.cer").write_text(other)
        [told] = [one for one in first.plan().diagnostics if one.summary == "Files not looked at"]
        assert told.severity is Severity.WARNING
        assert "its oldest files, 1, were not looked at" in told.detail

    def test_and_is_called_otherwise_is_told_and_refuses_nothing(self, first: Machine) -> None:
        """It may be meant for another request of the folder: what is no certificate answers none."""
        first.apply()
        (first.requests / "download.cer").write_bytes(page(""))
        [told] = [one for one in first.plan().diagnostics if one.summary == "Answer not usable"]
        assert "download.cer" in told.detail
        assert 'a web page, with the title "Sign in"' in told.detail
        applied = first.apply()
        assert MBX1 in applied.waiting
        assert not [one for one in applied.diagnostics if one.summary == "No certificate issued"]
        assert "download.cer answers none" in first.change().reason
