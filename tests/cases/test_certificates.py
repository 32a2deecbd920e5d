"""How certificates stand, from nothing to the second one; requests out, answers in."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.diagnostics import Severity
from reconciler.issuers.port import CertificateRequest, Issued
from reconciler.lab.exchange import values
from reconciler.operations.certificates import pending_request, run_certificates, take_answer
from reconciler.operations.failed import OperationFailed
from reconciler.pki.request import parse_request
from reconciler.plan.standing import Standing
from reconciler.views.certificates_feeds import render_calendar, render_prometheus
from state.address import Address
from state.values import DomainPattern
from tests.cases.test_retirement import applied, renewed, unbound
from tests.cases.test_windows import DUE, OPEN, SATURDAYS
from tests.life import Desk, Fleet, fleet
from tests.organizations import Organization
from tests.stored import receive_connector

NINE_DAYS = timedelta(days=9)
MBX1, MBX2 = (Address.of("certificate", server, "internet") for server in ("MBX1", "MBX2"))


@pytest.fixture
def slow(tmp_path: Path) -> Fleet:
    """Its authority needs nine days for each request."""

    def patient(desk: Desk) -> Desk:
        desk.turnaround = lambda: NINE_DAYS
        return desk

    return fleet(tmp_path, desk=patient)


def standing(world: Fleet, address: Address = MBX1) -> list[Standing]:
    told = run_certificates(world.inputs(), world.surroundings()).standings
    return [one for one in told if one.address == address]


def states(world: Fleet) -> list[str]:
    return [one.state.value for one in standing(world)]


def answered(world: Fleet, address: Address) -> bytes:
    """What the authority sends for the request of an address."""
    csr = pending_request(world.inputs(), address, world.surroundings())
    said = world.desk.authority().issue(
        CertificateRequest(address, csr, frozenset({DomainPattern("mail.contoso.com")}))
    )
    assert isinstance(said, Issued)
    return said.chain.encode()


class TestACertificate:
    def test_is_wanted_before_anything_is_done(self, slow: Fleet) -> None:
        (one,) = standing(slow)
        assert (one.state.value, one.since) == ("wanted", None)
        assert one.next_step == "apply, with New-ExchangeCertificate"

    def test_waits_with_the_reason_of_its_issuer(self, slow: Fleet) -> None:
        asked = slow.now
        slow.apply()
        slow.pass_time(timedelta(days=1))
        (one,) = standing(slow)
        assert (one.state.value, one.since) == ("waiting", asked)
        assert one.reason == "the authority checks the organization"

    def test_is_bound_and_then_to_be_renewed(self, slow: Fleet) -> None:
        slow.apply()
        slow.pass_time(NINE_DAYS)
        slow.apply()
        (one,) = standing(slow)
        assert (one.state.value, one.since) == ("bound", slow.now)
        assert "internet TLS required" in one.used_by
        assert one.renewal is not None
        slow.pass_time(one.renewal - slow.now)
        assert states(slow) == ["renewal due"]

    def test_that_replaces_another_waits_until_that_ends(self, slow: Fleet) -> None:
        slow.apply()
        slow.pass_time(NINE_DAYS)
        slow.apply()
        slow.pass_time(timedelta(days=33))
        slow.apply()
        under_way, current = standing(slow)
        assert (under_way.state.value, current.state.value) == ("waiting", "renewal due")
        assert under_way.deadline == current.expires
        slow.pass_time(NINE_DAYS)
        slow.apply()
        assert states(slow) == ["bound", "held"], "both have one issuer and subject"

    def test_of_a_server_that_cannot_be_read_is_unknown(self, slow: Fleet) -> None:
        slow.lab.disturb({"server": "MBX1", "hides": "Get-ExchangeCertificate"})
        assert states(slow) == ["unknown"]


class TestAServerThatCannotBeRead:
    """What the record knows is shown as last known: a feed that lost it would warn nobody."""

    @pytest.fixture
    def settled(self, slow: Fleet) -> Fleet:
        slow.apply()
        slow.pass_time(NINE_DAYS)
        slow.apply()
        return slow

    def test_has_its_end_and_renewal_by_the_record(self, settled: Fleet) -> None:
        (before,) = standing(settled)
        settled.lab.disturb({"server": "MBX1", "hides": "Get-ExchangeCertificate"})
        (after,) = standing(settled)
        assert after.state.value == "unknown"
        assert after.reason.endswith("what is shown is the record's")
        for known in ("thumbprint", "expires", "not_before", "renewal", "deadline"):
            assert getattr(after, known) == getattr(before, known) is not None

    def test_has_what_is_under_way(self, slow: Fleet) -> None:
        slow.apply()
        slow.lab.disturb({"server": "MBX1", "hides": "Get-ExchangeCertificate"})
        assert states(slow) == ["waiting", "unknown"]

    def test_is_in_the_feeds_as_before(self, settled: Fleet) -> None:
        def feeds() -> tuple[str, str]:
            told = run_certificates(settled.inputs(), settled.surroundings()).standings
            dates = [
                line
                for line in render_calendar(told, settled.now, "contoso").splitlines()
                if line.startswith(("UID", "DTSTART"))
            ]
            expiries = [line for line in render_prometheus(told).splitlines() if "_expiry_" in line]
            return "\n".join(dates), "\n".join(expiries)

        before = feeds()
        settled.lab.disturb({"server": "MBX1", "hides": "Get-ExchangeCertificate"})
        assert feeds() == before

    def test_is_told_without_what_plan_alone_can_do(self, settled: Fleet) -> None:
        settled.lab.disturb({"server": "MBX1", "hides": "Get-ExchangeCertificate"})
        found = run_certificates(settled.inputs(), settled.surroundings())
        assert not found.is_all_read
        assert [one.hint for one in found.diagnostics if one.severity is Severity.ERROR]
        assert not [one.hint for one in found.diagnostics if "--target" in one.hint]


class TestASuccessorThatWaitsForItsWindow:
    """It is in the store, and what is presented is what it is to replace."""

    @pytest.fixture
    def waits(self, tmp_path: Path) -> Fleet:
        world = fleet(tmp_path)
        world.declared["maintenance"] = SATURDAYS
        world.apply()
        world.lab.now = DUE
        world.apply()
        return world

    def test_is_not_bound_though_connectors_name_what_it_is_called(self, waits: Fleet) -> None:
        successor, in_use = standing(waits)
        assert (successor.state.value, in_use.state.value) == ("imported", "bound")
        assert successor.reason.startswith("waits for the window")
        assert successor.used_by == ()
        assert "internet TLS required" in in_use.used_by

    def test_must_be_put_to_use_before_the_other_ends(self, waits: Fleet) -> None:
        successor, in_use = standing(waits)
        assert in_use.expires is not None
        assert successor.deadline == in_use.deadline == in_use.expires
        assert successor.expires is not None
        assert successor.expires > in_use.expires

    def test_leaves_the_calendar_the_end_of_the_one_in_use(self, waits: Fleet) -> None:
        told = standing(waits)
        calendar = render_calendar(told, waits.now, "contoso")
        assert calendar.count("SUMMARY:Expires") == 1
        assert f"DTSTART:{told[1].expires:%Y%m%dT%H%M%SZ}" in calendar
        assert f'thumbprint="{told[1].thumbprint}"' in "".join(
            line for line in render_prometheus(told).splitlines() if "_expiry_" in line
        )

    def test_leaves_it_known_where_the_server_cannot_be_read(self, waits: Fleet) -> None:
        before = [(one.thumbprint, one.expires, one.deadline) for one in standing(waits)]
        waits.lab.disturb({"server": "MBX1", "hides": "Get-ExchangeCertificate"})
        assert [(one.thumbprint, one.expires, one.deadline) for one in standing(waits)] == before

    def test_makes_the_other_a_replaced_one_once_it_is_used(self, waits: Fleet) -> None:
        waits.lab.now = OPEN
        waits.apply()
        assert states(waits) == ["bound", "held"]


class TestAReplacedCertificate:
    """Held is what a plan would not remove, and for the same reasons."""

    @pytest.fixture
    def free(self, tmp_path: Path) -> Fleet:
        """One is due to go, and nothing refers to it: no connector names it, none would choose it."""
        world = unbound(tmp_path)
        renewed(world)
        renewed(world)
        assert [one.action.value for one in world.plan().plan.changes if len(one.address.parts) > 2] == [
            "delete"
        ]
        return world

    def test_that_nothing_refers_to_is_superseded(self, free: Fleet) -> None:
        assert states(free) == ["renewal due", "superseded"]

    def test_that_a_service_uses_is_held(self, free: Fleet) -> None:
        old = standing(free)[-1].thumbprint
        Organization(free.lab).run(
            "MBX1", "Enable-ExchangeCertificate", Thumbprint=old, Services="IIS", DoNotRequireSsl=True
        )
        assert (states(free)[-1], standing(free)[-1].reason) == ("held", "referred to by IIS")
        assert "Replaced certificates held" in [one.summary for one in free.plan().plan.diagnostics]

    def test_that_a_setting_which_is_not_read_may_name_is_held(self, free: Fleet) -> None:
        free.lab.disturb({"server": "MBX1", "hides": "Get-FederationTrust"})
        told = standing(free)[-1]
        assert told.state.value == "held"
        assert told.reason.startswith("what may refer to it is not known: Get-FederationTrust")
        assert "Replaced certificates held" in [one.summary for one in free.plan().plan.diagnostics]


def test_a_connector_that_chooses_a_certificate_by_its_fqdn_uses_it(tmp_path: Path) -> None:
    """It is bound to nothing: that is no state."""
    world = unbound(tmp_path)
    applied(world)
    assert [(one.state.value, one.used_by) for one in standing(world)] == [("enabled", ())]
    clients = receive_connector(world.lab, "MBX1", "Client Frontend MBX1")
    with clients.changed(Fqdn=values.fqdn("mail.contoso.com")):
        assert [(one.state.value, one.used_by) for one in standing(world)] == [
            ("enabled", ("Client Frontend MBX1",))
        ]


class TestAnAnswer:
    def test_is_taken_and_imported_by_the_next_apply(self, slow: Fleet, tmp_path: Path) -> None:
        slow.apply()
        file = tmp_path / "answer.cer"
        file.write_bytes(answered(slow, MBX1))
        take_answer(slow.inputs(), MBX1, file, slow.surroundings())
        assert states(slow) == ["issued"]
        slow.apply()
        told = [*standing(slow), *standing(slow, MBX2)]
        assert [(one.thumbprint != "", one.state.value) for one in told] == [
            (True, told[0].state.value),
            (False, "waiting"),
        ]

    @pytest.mark.parametrize(
        "wrong", [b"<html><title>Sign in</title>", b"", b"-----BEGIN CERTIFICATE-----\nMIIB", None]
    )
    def test_that_is_wrong_changes_nothing(self, slow: Fleet, tmp_path: Path, wrong: bytes | None) -> None:
        """None stands for the certificate of the other server."""
        slow.apply()
        file = tmp_path / "answer.cer"
        file.write_bytes(answered(slow, MBX2) if wrong is None else wrong)
        before = slow.store.read()
        with pytest.raises(OperationFailed):
            take_answer(slow.inputs(), MBX1, file, slow.surroundings())
        assert slow.store.read() == before

    def test_to_what_is_no_longer_declared_is_not_taken(self, slow: Fleet, tmp_path: Path) -> None:
        """Apply makes another request: a paid answer would be thrown away without a word."""
        slow.apply()
        file = tmp_path / "answer.cer"
        file.write_bytes(answered(slow, MBX1))
        slow.declared["certificates"]["internet"]["domains"].append("smtp.contoso.com")
        with pytest.raises(OperationFailed, match="Request given up"):
            take_answer(slow.inputs(), MBX1, file, slow.surroundings())
        slow.declared["certificates"]["internet"]["domains"].remove("smtp.contoso.com")
        take_answer(slow.inputs(), MBX1, file, slow.surroundings())

    def test_to_nothing_is_told(self, slow: Fleet, tmp_path: Path) -> None:
        with pytest.raises(OperationFailed) as told:
            take_answer(slow.inputs(), MBX1, tmp_path / "answer.cer", slow.surroundings())
        assert told.value.diagnostics[0].summary == "No request under way"

    def test_is_nothing_for_what_is_no_certificate(self, slow: Fleet) -> None:
        connector = Address.of("send_connector", "internet", "tls_required")
        with pytest.raises(OperationFailed) as told:
            pending_request(slow.inputs(), connector, slow.surroundings())
        assert "is no certificate" in told.value.diagnostics[0].detail


def test_the_request_that_is_printed_is_the_one_that_was_made(slow: Fleet) -> None:
    slow.apply()
    csr = pending_request(slow.inputs(), MBX1, slow.surroundings())
    assert parse_request(csr).public_key == slow.record.requests[MBX1].public_key
