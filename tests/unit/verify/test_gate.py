"""Waiting for what was applied to be presented: no socket, and a clock that nobody waits for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconciler.events import Event, ServingAwaited
from reconciler.exchange.patience import Patience
from reconciler.operations.gating_problems import not_served
from reconciler.pki.certificate import CertificateFacts, certificate_facts
from reconciler.verify.chain import UNKNOWN_ISSUER, Authorities
from reconciler.verify.comparison import Level, is_worse, level
from reconciler.verify.endpoints import Target
from reconciler.verify.gate import SETTLES, Gate, Seen, Verdict, Watched
from reconciler.verify.starttls import Fault, Handshake, HandshakeProblem
from state.values import Fqdn, Name
from tests.authority import der, make_certificate, rsa_key

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
OLD, NEW = (certificate_facts(der(make_certificate(key=rsa_key(number)))) for number in (1, 2))
TARGET = Target(
    Fqdn("mail.contoso.com"), Name("EX1"), "192.0.2.1", 25, public_keys=frozenset({NEW.public_key})
)


def shaken(facts: CertificateFacts | None, *faults: Fault) -> Handshake:
    return Handshake(facts, tuple(map(HandshakeProblem, faults)))


SERVED = shaken(NEW)
STILL_OLD = shaken(OLD, Fault.OTHER_CERTIFICATE)
SHORT = shaken(NEW, Fault.SHORT_CHAIN)
NO_TLS = shaken(None, Fault.NO_STARTTLS)
SILENT = shaken(None, Fault.UNREACHABLE)
NOT_JUDGED = shaken(NEW, Fault.NOT_JUDGED)
OLD_NOT_JUDGED = shaken(OLD, Fault.NOT_JUDGED, Fault.OTHER_CERTIFICATE)
"""The file of an authority is missing."""


@dataclass
class World:
    """A server that presents what it is told to from an instant on, in seconds.

    Attributes:
        shows: The handshake from each instant on, the first from 0.
        interrupted_at: When somebody presses Ctrl-C.
    """

    shows: dict[float, Handshake]
    interrupted_at: float = float("inf")
    spent: float = 0.0
    looks: int = 0
    heard: list[Event] = field(default_factory=list)

    def shake(self, *_: Any, **__: Any) -> Handshake:
        self.looks += 1
        return self.shows[max(since for since in self.shows if since <= self.spent)]

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.spent += seconds
        if self.spent >= self.interrupted_at:
            raise KeyboardInterrupt

    def gate(self) -> Gate:
        return Gate(
            Authorities(),
            lambda: NOW + timedelta(seconds=self.spent),
            Patience(lambda: self.spent, self.sleep),
            self.heard.append,
            self.shake,
        )

    def wait(self, before: Handshake | None, target: Target = TARGET, seconds: float = 900) -> Verdict:
        (seen,) = self.gate().wait([Watched(target, before, seconds)])
        return seen.verdict


class TestATarget:
    @pytest.mark.parametrize(
        ("before", "shows", "verdict", "seconds"),
        [
            (STILL_OLD, {0: SERVED}, Verdict.SERVED, 0),
            (STILL_OLD, {0: STILL_OLD, 100: SERVED}, Verdict.SERVED, 105),
            (STILL_OLD, {0: STILL_OLD}, Verdict.NOT_SERVED, 900),
            (None, {0: STILL_OLD}, Verdict.NOT_SERVED, 900),
            (NO_TLS, {0: NO_TLS, 10: SERVED}, Verdict.SERVED, 15),
            (NO_TLS, {0: NO_TLS}, Verdict.NOT_SERVED, 900),
            (SHORT, {0: SHORT}, Verdict.FAULTY, 0),
            (SILENT, {0: SILENT}, Verdict.UNSEEN, 0),
            (None, {0: SILENT}, Verdict.UNSEEN, 0),
            (SILENT, {0: NO_TLS}, Verdict.NOT_SERVED, 900),
            (STILL_OLD, {0: SILENT}, Verdict.LOST, 900),
            (STILL_OLD, {0: SILENT, 60: SERVED}, Verdict.SERVED, 60),
            (STILL_OLD, {0: NO_TLS}, Verdict.WORSE, 120),
            (STILL_OLD, {0: SHORT}, Verdict.WORSE, 120),
            (STILL_OLD, {0: NO_TLS, 100: SERVED}, Verdict.SERVED, 105),
            (shaken(OLD, Fault.UNTRUSTED), {0: SHORT}, Verdict.FAULTY, 0),
            (shaken(OLD, Fault.UNTRUSTED), {0: NO_TLS}, Verdict.WORSE, 120),
            (STILL_OLD, {0: NOT_JUDGED}, Verdict.UNSEEN, 0),
            (STILL_OLD, {0: STILL_OLD, 10: NOT_JUDGED}, Verdict.UNSEEN, 15),
            (OLD_NOT_JUDGED, {0: OLD_NOT_JUDGED}, Verdict.NOT_SERVED, 900),
            (OLD_NOT_JUDGED, {0: NO_TLS}, Verdict.WORSE, 120),
            (OLD_NOT_JUDGED, {0: SILENT}, Verdict.LOST, 900),
            (STILL_OLD, {0: shaken(NEW, Fault.NOT_JUDGED, Fault.EXPIRED)}, Verdict.WORSE, 120),
        ],
    )
    def test_is_decided(
        self, before: Handshake, shows: dict[float, Handshake], verdict: Verdict, seconds: float
    ) -> None:
        """What is worse has to stay so for two minutes; what was not seen before is not waited for."""
        world = World(shows)
        assert (world.wait(before), world.spent) == (verdict, seconds)

    def test_that_is_worse_now_and_then_is_not_worse(self) -> None:
        """The transport service restarts: each time it is worse the two minutes begin anew."""
        shows = {float(at): NO_TLS if at % 180 < 90 else STILL_OLD for at in range(0, 900, 30)}
        assert World(shows).wait(STILL_OLD) is Verdict.NOT_SERVED

    @pytest.mark.parametrize("began", [0, 800, 890, 900])
    def test_that_is_worse_as_time_runs_out_has_its_two_minutes_all_the_same(self, began: float) -> None:
        """The step back follows: one look that goes wrong at the last second must not lead to it."""
        world = World({0: STILL_OLD, began: NO_TLS})
        assert world.wait(STILL_OLD, seconds=900) is Verdict.WORSE
        assert began + SETTLES <= world.spent <= 900 + SETTLES
        assert all(one.seconds > 0 for one in world.heard if isinstance(one, ServingAwaited))

    def test_that_has_less_time_than_that_has_them_too(self) -> None:
        world = World({0: NO_TLS})
        assert world.wait(STILL_OLD, seconds=30) is Verdict.WORSE
        assert world.spent == SETTLES

    @pytest.mark.parametrize(
        ("then", "verdict"),
        [(STILL_OLD, Verdict.NOT_SERVED), (SERVED, Verdict.SERVED), (SILENT, Verdict.LOST)],
    )
    def test_that_was_worse_at_the_last_second_only_is_what_it_is_then(
        self, then: Handshake, verdict: Verdict
    ) -> None:
        world = World({0: STILL_OLD, 890: NO_TLS, 905: then})
        assert world.wait(STILL_OLD, seconds=900) is verdict
        assert world.spent < 900 + SETTLES

    def test_behind_a_gateway_is_only_told(self) -> None:
        gateway = Target(TARGET.name, None, TARGET.host, 25, is_gateways=True)
        assert World({0: NO_TLS}).wait(STILL_OLD, gateway) is Verdict.TOLD

    def test_tells_why_it_is_waited_for_each_reason_once(self) -> None:
        world = World({0: STILL_OLD, 60: NO_TLS, 120: SERVED})
        world.wait(STILL_OLD)
        told = [one for one in world.heard if isinstance(one, ServingAwaited)]
        assert [one.reason for one in told] == [
            str(Fault.OTHER_CERTIFICATE.value),
            str(Fault.NO_STARTTLS.value),
        ]
        assert (told[0].server, told[0].address, told[0].seconds) == ("EX1", "192.0.2.1:25", 900)

    def test_is_looked_at_seldom_and_soon(self) -> None:
        world = World({0: STILL_OLD})
        world.wait(STILL_OLD)
        assert world.looks == 64


class TestSeveral:
    def test_are_waited_for_together_each_as_long_as_it_needs(self) -> None:
        slow = Target(Fqdn("mail.contoso.com"), Name("EX2"), "192.0.2.2", 25, TARGET.public_keys)
        world = World({0: STILL_OLD, 20: SERVED})
        fast = world.shake

        def shake(host: str, *_: Any, **__: Any) -> Handshake:
            return fast() if host == TARGET.host else (SERVED if world.spent >= 200 else STILL_OLD)

        gate = world.gate()
        gate._shake = shake
        seen = gate.wait([Watched(TARGET, STILL_OLD, 900), Watched(slow, STILL_OLD, 900)])
        assert [(str(one.watched.target.server), one.verdict) for one in seen] == [
            ("EX1", Verdict.SERVED),
            ("EX2", Verdict.SERVED),
        ]
        assert world.spent == 210

    def test_that_were_decided_before_an_interrupt_stay_so(self) -> None:
        world = World({0: STILL_OLD}, interrupted_at=10)
        gateway = Target(TARGET.name, None, TARGET.host, 26, is_gateways=True)
        gate = world.gate()
        with pytest.raises(KeyboardInterrupt):
            gate.wait([Watched(TARGET, STILL_OLD, 900), Watched(gateway, None, 900)])
        assert [one.verdict for one in gate.seen] == [Verdict.TOLD]


class TestAfterAStepBack:
    @pytest.mark.parametrize(
        ("shows", "last"), [({0: NO_TLS, 30: STILL_OLD}, STILL_OLD), ({0: NO_TLS}, NO_TLS)]
    )
    def test_is_waited_until_it_is_as_before(self, shows: dict[float, Handshake], last: Handshake) -> None:
        world = World(shows)
        assert world.gate().until_as_before(Watched(TARGET, STILL_OLD, 900)) == last
        assert world.spent < 2 * SETTLES


class TestALevel:
    @pytest.mark.parametrize(
        ("handshake", "expected"),
        [
            (SERVED, Level.GOOD),
            (STILL_OLD, Level.GOOD),
            (SHORT, Level.FAULTY),
            (shaken(OLD, Fault.EXPIRED, Fault.OTHER_CERTIFICATE), Level.FAULTY),
            (NO_TLS, Level.NO_TLS),
            (shaken(None, Fault.TLS_FAILED), Level.NO_TLS),
            (SILENT, None),
            (shaken(None, Fault.REFUSED), None),
        ],
    )
    def test_is_what_a_sender_has_of_it(self, handshake: Handshake, expected: Level | None) -> None:
        assert level(handshake) is expected

    def test_every_fault_has_one(self) -> None:
        """One that is added has to be thought about."""
        levels = {fault: level(shaken(NEW, fault)) for fault in Fault}
        assert [fault.name for fault, found in levels.items() if found is None] == [
            "UNREACHABLE",
            "TIMED_OUT",
            "GARBAGE",
            "REFUSED",
        ]

    def test_is_compared_only_where_both_were_seen(self) -> None:
        compare: Callable[[Handshake, Handshake | None], bool] = is_worse
        assert compare(NO_TLS, STILL_OLD)
        assert not any(
            compare(now, before) for now, before in [(SILENT, SERVED), (NO_TLS, SILENT), (NO_TLS, None)]
        )


@pytest.mark.parametrize(
    ("handshake", "is_short"),
    [
        (SHORT, True),
        (Handshake(NEW, (HandshakeProblem(Fault.UNTRUSTED, f"{UNKNOWN_ISSUER}: CN=Issuing"),)), True),
        (Handshake(NEW, (HandshakeProblem(Fault.UNTRUSTED, "self-signed certificate"),)), False),
        (STILL_OLD, False),
    ],
)
def test_a_short_chain_is_told_with_the_store_where_what_is_missing_belongs(
    handshake: Handshake, is_short: bool
) -> None:
    soon = not_served(Seen(Watched(TARGET, None, 10), handshake, Verdict.FAULTY))
    assert "waited for were at most 10 s." in soon.detail
    told = not_served(Seen(Watched(TARGET, None, 900), handshake, Verdict.FAULTY))
    assert "waited for were at most 15 min." in told.detail
    assert ("Intermediate Certification Authorities of the computer" in told.hint) is is_short
