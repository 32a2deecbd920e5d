"""Where the world knows a key by a TLSA record, a new key is presented when its record is known as well."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.cmdlets.invocation import Invocation
from reconciler.diagnostics import Diagnostic
from reconciler.operations.inputs import Inputs, Surroundings
from reconciler.plan.change import Action
from reconciler.plan.tlsa import Published, TlsaRecord
from state.address import Address
from state.resources import Certificate
from tests.life import Fleet, fleet

MBX1 = Address.of("certificate", "MBX1", "internet")
NAME = "_25._tcp.mail.contoso.com"
TTL = timedelta(hours=1)
DUE = datetime(2026, 12, 26, 12, tzinfo=UTC)


@dataclass
class Zone:
    """What DNS says; and who was asked for what."""

    keys: list[str] = field(default_factory=list)
    others: list[TlsaRecord] = field(default_factory=list)
    unknown: str = ""
    asked: list[str] = field(default_factory=list)

    def look_up(self, names: Iterable[str], resolver: tuple[str, int] | None) -> Mapping[str, Published]:
        asked = list(names)
        self.asked += asked
        records = [*(TlsaRecord(3, 1, 1, key) for key in self.keys), *self.others]
        return {name: Published(name, tuple(records), TTL, self.unknown) for name in asked}


class Known(Fleet):
    """A fleet whose DNS is a zone of the test's."""

    zone: Zone
    resolver: bool = True

    def surroundings(self) -> Surroundings:
        return replace(super().surroundings(), look_up=self.zone.look_up)

    def inputs(self) -> Inputs:
        found = super().inputs()
        assert found.connections is not None
        named = {"dns": {"resolver": "127.0.0.1:53"}} if self.resolver else {}
        written = json.loads(found.connections.read_text(encoding="utf-8"))
        written.pop("dns", None)
        found.connections.write_text(json.dumps(written | named), encoding="utf-8")
        return found


def key_of(world: Fleet) -> str:
    resource = world.record.resources[MBX1].resource
    assert isinstance(resource, Certificate)
    assert isinstance(resource.public_key, str)
    return resource.public_key


def told(world: Fleet, summary: str) -> list[Diagnostic]:
    return [one for one in world.plan().diagnostics if one.summary == summary]


def reason(world: Fleet) -> str:
    return next(one.reason for one in world.plan().plan.changes if one.address == MBX1)


def enabled(world: Fleet, since: int) -> int:
    return sum(cmdlet == "Enable-ExchangeCertificate" for _, cmdlet, _ in world.lab.sent[since:])


@pytest.fixture
def world(tmp_path: Path) -> Known:
    """Set up, and due."""
    made = fleet(tmp_path, servers=1)
    made.declared["endpoints"] = [{"name": "mail.contoso.com", "servers": ["MBX1"], "serve_within": "0s"}]
    known = Known(made.lab, made.folder, made.declared, made.desk, made.store, made.heard)
    known.zone = Zone()
    made.apply()
    known.lab.now = DUE
    return known


@pytest.fixture
def published(world: Known) -> Known:
    """The key that is in use has its record."""
    world.zone.keys = [key_of(world)]
    return world


class TestAKeyThatDnsNames:
    def test_is_not_replaced_before_its_successor_is_named(self, published: Known) -> None:
        since, old = len(published.lab.sent), key_of(published)
        assert reason(published).endswith(f"its TLSA record at {NAME}, to be published once its key is made")
        published.apply()
        assert enabled(published, since) == 0
        new = key_of(published)
        assert new != old
        (warning, *_) = told(published, "TLSA record to publish")
        assert f"{NAME}. IN TLSA 3 1 1 {new}" in warning.detail
        for _ in range(3):
            published.pass_time(timedelta(days=1))
            published.apply()
        assert enabled(published, since) == 0
        assert published.plan().plan.is_empty

    def test_is_replaced_twice_the_ttl_after_its_successor_is_named(self, published: Known) -> None:
        since = len(published.lab.sent)
        published.apply()
        published.zone.keys.append(key_of(published))
        published.pass_time(timedelta(days=1))
        published.apply()
        assert "waits until 2026-12-27 14:00 UTC" in reason(published)
        published.pass_time(2 * TTL - timedelta(seconds=1))
        published.apply()
        assert enabled(published, since) == 0
        published.pass_time(timedelta(seconds=1))
        published.plan()
        assert any(one.cmdlet == "Enable-ExchangeCertificate" for one in _steps(published))

    def test_starts_anew_when_its_successor_is_taken_out(self, published: Known) -> None:
        published.apply()
        published.zone.keys.append(key_of(published))
        published.apply()
        assert "published" in published.record.resources[MBX1].milestones
        published.zone.keys.pop()
        published.apply()
        assert "published" not in published.record.resources[MBX1].milestones

    def test_is_not_waited_for_anew_when_dns_fails_to_tell_once(self, published: Known) -> None:
        """Nobody remembers an older answer because of it; days would be lost where the TTL is one."""
        published.apply()
        published.zone.keys.append(key_of(published))
        published.apply()
        published.pass_time(2 * TTL - timedelta(minutes=1))
        published.zone.unknown = "SERVFAIL"
        published.apply()
        assert "waits until DNS tells" in reason(published)
        published.zone.unknown = ""
        published.pass_time(timedelta(minutes=1))
        assert any(one.cmdlet == "Enable-ExchangeCertificate" for one in _steps(published))

    def test_is_to_stay_named_until_then(self, published: Known) -> None:
        published.apply()
        published.zone.keys = [key_of(published)]
        assert told(published, "TLSA record missing")


def _steps(world: Fleet) -> list[Invocation]:
    return [step for change in world.plan().plan.changes for step in change.invocations]


class TestWhatDnsDoesNotTell:
    def test_is_not_taken_for_nothing(self, world: Known) -> None:
        world.zone.unknown = "the server answered SERVFAIL"
        since = len(world.lab.sent)
        world.apply()
        assert enabled(world, since) == 0
        assert told(world, "TLSA records not known")
        assert next(one.action for one in world.plan().plan.changes if one.address == MBX1) is Action.WAIT

    def test_is_not_waited_for_until_the_certificate_in_use_ends(self, world: Known) -> None:
        world.zone.unknown = "the server answered SERVFAIL"
        world.lab.now = datetime(2027, 1, 9, 18, tzinfo=UTC)
        assert any(one.cmdlet == "Enable-ExchangeCertificate" for one in _steps(world))
        assert "presented all the same" in told(world, "TLSA records not known")[0].detail


class TestNothingIsWaitedFor:
    def test_where_there_is_no_record(self, world: Known) -> None:
        assert any(one.cmdlet == "Enable-ExchangeCertificate" for one in _steps(world))
        assert world.zone.asked == [NAME]

    def test_where_a_record_is_of_no_use_for_mail(self, world: Known) -> None:
        """PKIX-TA and PKIX-EE: who sends mail ignores them (RFC 7672 3.1.3)."""
        world.zone.others = [TlsaRecord(1, 1, 1, "00")]
        assert any(one.cmdlet == "Enable-ExchangeCertificate" for one in _steps(world))

    def test_where_the_record_is_the_authority_s(self, world: Known) -> None:
        """Once it is seen that the new certificate is of the same one."""
        world.zone.others = [TlsaRecord(2, 1, 1, "00")]
        world.apply()
        assert "twice the TTL" in reason(world)
        world.apply()
        world.pass_time(2 * TTL)
        assert any(one.cmdlet == "Enable-ExchangeCertificate" for one in _steps(world))

    def test_where_a_connections_file_names_no_resolver(self, world: Known) -> None:
        """A rehearsal is not to wait for what production publishes; that nobody was asked is told."""
        world.resolver = False
        assert any(one.cmdlet == "Enable-ExchangeCertificate" for one in _steps(world))
        assert not world.zone.asked
        assert told(world, "TLSA records not looked up")


def test_nobody_is_asked_while_nothing_is_about_to_change(world: Known) -> None:
    world.lab.now = DUE - timedelta(days=10)
    assert world.plan().plan.is_idle
    assert not world.zone.asked
