"""A certificate that was bought with its key: imported and in use at once; or told, and nothing sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from reconciler.events import IssueStarted
from reconciler.exchange.errors import Unreachable
from reconciler.operations.applying import ApplyOutcome
from reconciler.operations.bought import Purchase, run_bought
from reconciler.operations.failed import OperationFailed
from reconciler.operations.planning import Planned
from reconciler.pki.certificate import CertificateFacts, certificate_facts
from reconciler.views.plan_json import render_plan_json
from state.address import Address
from state.resources import Certificate
from tests.authority import (
    NOW,
    Authority,
    common_name,
    der,
    ec_key,
    make_certificate,
    pem,
    private_pem,
    rsa_key,
)
from tests.cases.test_every_crash_instant import Fate, Killed, World, first_day, once_more
from tests.cases.test_shared_key import SHARED, sent, store_of, thumbprints
from tests.life import Fleet, Remembering, fleet

EDGE = Address.of("certificate", "EDGE1", "public")
MBX1, MBX2, MBX3 = (Address.of("certificate", f"MBX{number}", "internet") for number in (1, 2, 3))
KEY = rsa_key(20)
PASSWORD = "bought, and not told"
SELLER = Authority.make("Contoso Bought CA", key=rsa_key(21))
IMPORTED = ["Import-ExchangeCertificate", "Enable-ExchangeCertificate"]


def leaf(**other: object) -> x509.Certificate:
    given = {
        "subject": common_name("mail.contoso.com"),
        "domains": ("mail.contoso.com",),
        "key": KEY,
        "issuer": SELLER,
        "not_before": NOW,
        "not_after": NOW + timedelta(days=200),
    }
    return make_certificate(**{**given, **other})


LEAF = leaf()
FACTS: CertificateFacts = certificate_facts(der(LEAF))


def packed(certificate: x509.Certificate = LEAF, password: str = PASSWORD) -> bytes:
    return pkcs12.serialize_key_and_certificates(
        b"mail", KEY, certificate, [SELLER.certificate], BestAvailableEncryption(password.encode())
    )


@dataclass
class Shop:
    """What is bought, and the fleet that it is for."""

    world: Fleet
    monkeypatch: pytest.MonkeyPatch
    file: Path

    def take(self, address: Address = MBX1, data: bytes | None = None) -> ApplyOutcome:
        self.file.write_bytes(packed() if data is None else data)
        purchase = Purchase(self.file, "env:PFX", self.file.parent)
        world = self.world
        return run_bought(address, purchase, world.inputs(), world.surroundings(), lambda planned: True)


@pytest.fixture
def buy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Fleet], Shop]:
    monkeypatch.setenv("PFX", PASSWORD)
    return lambda world: Shop(world, monkeypatch, tmp_path / "bought.p12")


@pytest.fixture
def settled(tmp_path: Path) -> Fleet:
    """Everything is set up, and nothing is due."""
    world = fleet(tmp_path, servers=1)
    carried_out(world.apply())
    world.pass_time(timedelta(hours=1))
    assert world.plan().plan.is_idle
    world.lab.sent.clear()
    world.heard.clear()
    return world


def carried_out(outcome: ApplyOutcome) -> None:
    assert outcome.applied is not None
    assert outcome.applied.is_complete, outcome.applied.diagnostics


def recorded(world: Fleet, address: Address) -> Certificate:
    resource = world.record.resources[address].resource
    assert isinstance(resource, Certificate)
    return resource


def cmdlets(world: Fleet) -> list[str]:
    return [cmdlet for _, cmdlet, _ in world.lab.sent]


class TestWhatWasBought:
    def test_is_imported_enabled_and_bound_and_the_next_plan_is_empty(
        self, settled: Fleet, buy: Callable[[Fleet], Shop]
    ) -> None:
        old = recorded(settled, MBX1)
        outcome = buy(settled).take()
        carried_out(outcome)
        assert cmdlets(settled)[:2] == IMPORTED
        assert set(cmdlets(settled)[2:]) == {"Set-SendConnector", "Set-ReceiveConnector"}
        assert not [event for event in settled.heard if isinstance(event, IssueStarted)]
        entry = settled.record.resources[MBX1]
        assert recorded(settled, MBX1).thumbprint == FACTS.thumbprint
        assert [one.thumbprint for one in entry.predecessors] == [old.thumbprint]
        assert list(entry.milestones) == ["imported", "enabled", "bound"]
        again = settled.plan()
        assert again.plan.is_empty
        assert not [change for change in again.plan.changes if change.learned]
        assert not again.plan.drift

    def test_brings_its_chain(self, settled: Fleet, buy: Callable[[Fleet], Shop]) -> None:
        buy(settled).take()
        assert der(SELLER.certificate) in store_of(settled, "MBX1").intermediates

    def test_leaves_its_key_where_it_was_declared_to_stay(
        self, settled: Fleet, buy: Callable[[Fleet], Shop]
    ) -> None:
        settled.declared["certificates"]["internet"]["exportable"] = False
        buy(settled).take()
        imported = store_of(settled, "MBX1").certificate(str(FACTS.thumbprint))
        assert imported is not None
        assert not imported.exportable

    def test_is_planned_without_its_key_or_password(
        self, settled: Fleet, buy: Callable[[Fleet], Shop]
    ) -> None:
        shown: list[str] = []
        shop = buy(settled)
        shop.file.write_bytes(packed())

        def ask(planned: Planned) -> bool:
            shown.append(render_plan_json(planned.plan, tool_version="1"))
            return False

        purchase = Purchase(shop.file, "env:PFX", shop.file.parent)
        outcome = run_bought(MBX1, purchase, settled.inputs(), settled.surroundings(), ask)
        assert not outcome.approved
        assert not settled.lab.sent
        assert '"deferred": "certificate.MBX1.internet#bought"' in shown[0]
        assert "was bought with its key" in shown[0]
        assert PASSWORD not in shown[0]

    def test_is_nothing_to_do_the_second_time(self, settled: Fleet, buy: Callable[[Fleet], Shop]) -> None:
        shop = buy(settled)
        shop.take()
        settled.lab.sent.clear()
        assert shop.take().applied is None
        assert not settled.lab.sent

    def test_is_kept_after_the_record_was_lost(self, settled: Fleet, buy: Callable[[Fleet], Shop]) -> None:
        """Its mark says whose it is."""
        buy(settled).take()
        settled.store = type(settled.store)()
        again = settled.plan().plan
        assert again.is_empty
        carried_out(settled.apply())
        assert recorded(settled, MBX1).thumbprint == FACTS.thumbprint
        assert settled.record.resources[MBX1].created

    def test_is_renewed_by_the_issuer_when_it_is_due(
        self, settled: Fleet, buy: Callable[[Fleet], Shop]
    ) -> None:
        buy(settled).take()
        settled.pass_time(timedelta(days=190))
        settled.lab.sent.clear()
        carried_out(settled.apply())
        assert "New-ExchangeCertificate" in cmdlets(settled)
        assert recorded(settled, MBX1).thumbprint != FACTS.thumbprint

    def test_may_be_the_first(self, tmp_path: Path, buy: Callable[[Fleet], Shop]) -> None:
        world = fleet(tmp_path, servers=1)
        carried_out(buy(world).take())
        assert cmdlets(world)[:2] == IMPORTED
        carried_out(world.apply())
        assert "New-ExchangeCertificate" not in cmdlets(world)

    def test_may_have_no_issuer(self, tmp_path: Path, buy: Callable[[Fleet], Shop]) -> None:
        """What is watched is replaced by whoever buys the next one."""
        world = fleet(tmp_path, servers=1)
        del world.declared["certificates"]["internet"]["issuer"]
        carried_out(buy(world).take())
        carried_out(world.apply())
        assert world.plan().plan.is_empty
        second = leaf(not_before=NOW + timedelta(days=150), not_after=NOW + timedelta(days=400))
        world.pass_time(timedelta(days=160))
        carried_out(buy(world).take(data=packed(second)))
        again = world.plan()
        assert again.plan.is_empty
        assert recorded(world, MBX1).thumbprint == certificate_facts(der(second)).thumbprint

    def test_waits_for_its_window_in_the_store(self, tmp_path: Path, buy: Callable[[Fleet], Shop]) -> None:
        """It is not in use until then; apply enables it."""
        world = fleet(tmp_path, servers=1)
        carried_out(world.apply())
        world.declared["maintenance"] = {
            "time_zone": "Europe/Berlin",
            "windows": [{"days": ["sun"], "from": "02:00", "to": "03:00"}],
        }
        world.lab.sent.clear()
        carried_out(buy(world).take())
        assert cmdlets(world) == ["Import-ExchangeCertificate"]
        world.pass_time(timedelta(days=1))
        world.apply()
        assert cmdlets(world) == ["Import-ExchangeCertificate"]
        world.pass_time(timedelta(days=3, hours=13, minutes=30))
        carried_out(world.apply())
        assert cmdlets(world)[1] == "Enable-ExchangeCertificate"
        assert world.plan().plan.is_empty


class TestARequestThatIsUnderWay:
    def test_is_not_waited_for_any_more_and_told(self, tmp_path: Path, buy: Callable[[Fleet], Shop]) -> None:
        world = fleet(tmp_path, servers=1)
        world.desk.turnaround = lambda: timedelta(days=3)
        world.apply()
        assert MBX1 in world.record.requests
        outcome = buy(world).take()
        carried_out(outcome)
        told = [one for one in outcome.planned.diagnostics if one.summary == "Request replaced"]
        assert "nobody waits for its answer any more" in told[0].detail
        assert not world.record.requests
        world.pass_time(timedelta(days=4))
        assert world.plan().plan.is_empty

    def test_is_gone_on_with_at_the_next_renewal(self, tmp_path: Path, buy: Callable[[Fleet], Shop]) -> None:
        """So there are never two."""
        world = fleet(tmp_path, servers=1)
        world.desk.turnaround = lambda: timedelta(days=3)
        world.apply()
        buy(world).take()
        world.pass_time(timedelta(days=190))
        world.lab.sent.clear()
        carried_out(world.apply())
        assert "New-ExchangeCertificate" not in cmdlets(world)
        assert recorded(world, MBX1).thumbprint != FACTS.thumbprint
        assert not any(one.is_pending for one in store_of(world, "MBX1").certificates)


def exported(outcome: ApplyOutcome) -> list[str]:
    """The servers that a key leaves."""
    return [
        one.server
        for change in outcome.planned.plan.changes
        for one in change.invocations
        if one.cmdlet == "Export-ExchangeCertificate"
    ]


class TestAKeyThatIsShared:
    def test_is_imported_on_the_first_and_fetched_by_the_others(
        self, tmp_path: Path, buy: Callable[[Fleet], Shop]
    ) -> None:
        world = fleet(tmp_path, servers=3, **SHARED)
        carried_out(world.apply())
        world.lab.sent.clear()
        outcome = buy(world).take(MBX2)
        carried_out(outcome)
        first, *others = sent(world, "Import-ExchangeCertificate")
        assert first == "MBX1"
        assert sorted(others) == ["MBX2", "MBX3"]
        assert exported(outcome) == ["MBX1", "MBX1"]
        assert all(str(FACTS.thumbprint) in thumbprints(world, f"MBX{number}") for number in (1, 2, 3))
        assert {recorded(world, one).public_key for one in (MBX1, MBX2, MBX3)} == {FACTS.public_key}
        again = world.plan()
        assert again.plan.is_empty
        assert not [change for change in again.plan.changes if change.learned]

    def test_is_fetched_from_whoever_has_it(self, tmp_path: Path, buy: Callable[[Fleet], Shop]) -> None:
        """An apply that was cut short goes on."""
        world = fleet(tmp_path, servers=2, **SHARED)
        carried_out(world.apply())
        shop = buy(world)
        shop.take()
        store = store_of(world, "MBX1")
        kept = tuple(one for one in store.certificates if one.thumbprint != str(FACTS.thumbprint))
        world.lab.exchange._organization.put_certificates(store, kept, default=store.default_thumbprint)
        world.lab.sent.clear()
        outcome = shop.take()
        carried_out(outcome)
        assert exported(outcome) == ["MBX2"]
        assert sent(world, "Import-ExchangeCertificate") == ["MBX1"]


WRONG: dict[str, tuple[bytes, str, str]] = {
    "another password": (packed(password="another"), "PKCS#12 not opened", "has another password"),
    "cut off": (packed()[:700], "PKCS#12 not opened", "it is no PKCS#12 file"),
    "a web page": (b"<html><title>Sign in</title>", "PKCS#12 not opened", "it is no PKCS#12 file"),
    "a certificate alone": (pem(LEAF).encode(), "PKCS#12 not opened", "it is no PKCS#12 file"),
    "a key alone": (private_pem(KEY), "PKCS#12 not opened", "it is no PKCS#12 file"),
    "no key in it": (
        pkcs12.serialize_key_and_certificates(
            None, None, LEAF, None, BestAvailableEncryption(PASSWORD.encode())
        ),
        "PKCS#12 without a usable key",
        "it does not hold a private key and its certificate",
    ),
    "other names": (
        packed(leaf(domains=("other.contoso.com",))),
        "Certificate lacks names",
        "it does not cover mail.contoso.com",
    ),
    "expired": (
        packed(leaf(not_before=NOW - timedelta(days=9), not_after=NOW - timedelta(days=1))),
        "Certificate expired",
        "it was valid until",
    ),
    "not yet valid": (
        packed(leaf(not_before=NOW + timedelta(days=9))),
        "Certificate not valid yet",
        "it is not valid before",
    ),
    "for clients": (packed(leaf(server_auth=False)), "Certificate not as requested", "TLS servers"),
    "another chain": (
        pkcs12.serialize_key_and_certificates(
            None,
            KEY,
            LEAF,
            [Authority.make("Somebody else", key=rsa_key(22)).certificate],
            BestAvailableEncryption(PASSWORD.encode()),
        ),
        "Chain not in order",
        "does not belong to its chain",
    ),
    "over all bounds": (b"\x30" * 600_000, "Certificate not as requested", "over 262144 bytes"),
}


class TestAFileThatIsWrong:
    @pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
    def test_is_told_and_nothing_is_imported(
        self, wrong: tuple[bytes, str, str], settled: Fleet, buy: Callable[[Fleet], Shop]
    ) -> None:
        data, summary, reason = wrong
        before = settled.record
        with pytest.raises(OperationFailed) as failed:
            buy(settled).take(data=data)
        (told,) = failed.value.diagnostics
        assert told.summary == summary
        assert reason in told.detail
        assert told.hint
        assert not settled.lab.sent
        assert settled.record == before

    def test_has_a_key_of_the_declared_size(self, settled: Fleet, buy: Callable[[Fleet], Shop]) -> None:
        settled.declared["certificates"]["internet"]["key_size"] = 4096
        with pytest.raises(OperationFailed) as failed:
            buy(settled).take()
        assert "its key has 2048 bits, not 4096" in failed.value.diagnostics[0].detail
        assert not settled.lab.sent

    def test_is_told_without_a_password(self, settled: Fleet, buy: Callable[[Fleet], Shop]) -> None:
        shop = buy(settled)
        shop.monkeypatch.delenv("PFX")
        with pytest.raises(OperationFailed) as failed:
            shop.take()
        assert [one.summary for one in failed.value.diagnostics] == ["Password not available"]

    def test_is_told_where_there_is_none(self, settled: Fleet, buy: Callable[[Fleet], Shop]) -> None:
        purchase = Purchase(settled.folder / "none.p12", "env:PFX", settled.folder)
        buy(settled)
        with pytest.raises(OperationFailed) as failed:
            run_bought(MBX1, purchase, settled.inputs(), settled.surroundings(), lambda planned: True)
        assert [one.summary for one in failed.value.diagnostics] == ["Answer not read"]

    @pytest.mark.parametrize(
        ("address", "mode"), [("send_connector.internet.opportunistic", ""), (str(MBX1), "observe")]
    )
    def test_has_a_certificate_that_it_is_for(
        self, address: str, mode: str, settled: Fleet, buy: Callable[[Fleet], Shop]
    ) -> None:
        if mode:
            settled.declared["servers"]["MBX1"]["mode"] = mode
        with pytest.raises(OperationFailed) as failed:
            buy(settled).take(Address.parse(address))
        assert [one.summary for one in failed.value.diagnostics] == ["Nothing to import it for"]
        assert not settled.lab.sent


def test_a_key_of_an_elliptic_curve_is_imported_and_told(
    settled: Fleet, buy: Callable[[Fleet], Shop]
) -> None:
    """Whether Exchange will take it depends on its updates."""
    encryption = BestAvailableEncryption(PASSWORD.encode())
    data = pkcs12.serialize_key_and_certificates(None, ec_key(), leaf(key=ec_key()), None, encryption)
    outcome = buy(settled).take(data=data)
    carried_out(outcome)
    assert "Key not RSA" in [one.summary for one in outcome.planned.diagnostics]
    assert settled.plan().plan.is_empty


class TestAnApplyThatDies:
    @pytest.mark.slow  # about 15 s: every instant is an apply, another one and a plan
    def test_converges_when_the_file_is_given_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """On an Edge server, where no mark is read; every other time something else was applied meanwhile."""
        monkeypatch.setenv("PFX", PASSWORD)
        file = tmp_path / "bought.p12"
        file.write_bytes(packed(leaf(domains=("mail1.contoso.com", "mail.contoso.com"))))
        before = first_day(tmp_path / "before")
        assert before.apply(Fate())

        def take(world: World, fate: Fate) -> bool:
            purchase = Purchase(file, "env:PFX", tmp_path)
            try:
                run_bought(EDGE, purchase, world.inputs(), world.surroundings(fate), lambda planned: True)
            except Killed:
                return False
            return True

        whole = Fate()
        assert take(once_more(before, tmp_path / "whole"), whole)
        instants = list(dict.fromkeys(whole.lived))
        assert len(instants) >= 12
        for number, instant in enumerate(instants):
            world = once_more(before, tmp_path / str(number))
            assert not take(world, Fate(instant)), instant
            assert number % 2 or world.apply(Fate()), instant
            assert take(world, Fate()), instant
            after = world.plan()
            assert after.plan.is_empty, instant
            assert not [change for change in after.plan.changes if change.learned], instant
            imports = [cmdlet for _, cmdlet, _ in world.lab.sent if cmdlet == "Import-ExchangeCertificate"]
            assert len(imports) == 1, instant
            bought = world.store.read().record
            assert bought is not None
            assert getattr(bought.resources[EDGE].resource, "public_key", "") == FACTS.public_key, instant


class TestAnAnswerThatIsLost:
    @pytest.mark.parametrize("is_done", [True, False])
    def test_is_found_in_exchange(self, is_done: bool, settled: Fleet, buy: Callable[[Fleet], Shop]) -> None:
        """The same apply reads the store, and goes on from there."""
        lost = iter([(Unreachable("EX", "connection reset by peer"), is_done)])
        settled.sessions = Remembering(settled.lab, lambda: next(lost, (None, True)))
        carried_out(buy(settled).take())
        assert cmdlets(settled).count("Import-ExchangeCertificate") == 1
        settled.sessions = None
        assert settled.plan().plan.is_empty
