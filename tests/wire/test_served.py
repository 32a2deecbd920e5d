"""A rotation on the wire: the world is looked after while it runs, and sees STARTTLS all the time."""

from __future__ import annotations

import json
import smtplib
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.events import Event, Listener, ServingAwaited, SteppingBack
from reconciler.exchange.patience import Patience
from reconciler.operations.applying import ApplyOutcome, run_apply
from reconciler.operations.inputs import Surroundings
from tests.contoso import Contoso, contoso, unheard
from tests.gated import YAML as GATED

YAML = GATED.replace("servers: [MBX1]}]", "servers: [MBX1], serve_within: 20s}]")
TENTH = 0.1


@dataclass
class Outside:
    """Somebody who delivers mail ten times a second, with another SMTP client than ours.

    Attributes:
        seen: The certificate of each handshake, DER; None where there was no STARTTLS.
        longest: Seconds between two handshakes at most; more than a tenth where one took longer.
    """

    address: tuple[str, int]
    seen: list[bytes | None] = field(default_factory=list)
    longest: float = 0.0
    _stopped: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        last = due = time.monotonic()
        while not self._stopped.is_set():
            now = time.monotonic()
            self.longest, last = max(self.longest, now - last), now
            self.seen.append(self._certificate())
            due = max(due + TENTH, time.monotonic())
            self._stopped.wait(due - time.monotonic())

    def stop(self) -> None:
        self._stopped.set()

    def _certificate(self) -> bytes | None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with smtplib.SMTP(*self.address, timeout=10) as smtp:
            smtp.ehlo()
            if not smtp.has_extn("starttls"):
                return None
            smtp.starttls(context=context)
            smtp.ehlo()
            assert isinstance(smtp.sock, ssl.SSLSocket)
            return smtp.sock.getpeercert(binary_form=True)


@contextmanager
def outside(organization: Contoso) -> Iterator[Outside]:
    """A prober thread that has seen something before and sees something after."""
    world = Outside(organization.lab.smtp("MBX1"))
    thread = threading.Thread(target=world.watch)
    thread.start()
    try:
        time.sleep(3 * TENTH)  # real time is what is measured here
        yield world
        time.sleep(3 * TENTH)
    finally:
        world.stop()
        thread.join(10)


@contextmanager
def set_up(folder: Path, *rules: dict[str, object]) -> Iterator[Contoso]:
    """All is applied; the lab then starts again, slower and with these rules."""
    path = folder / "tls.yaml"
    path.write_text(YAML)
    with contoso(folder, path, servers=1, edges=0) as running:
        assert running.apply().gated.verification == "passed"
    faults = folder / "faults.json"
    faults.write_text(json.dumps(rules))
    slow = timedelta(milliseconds=60)
    with contoso(folder, path, servers=1, edges=0, faults=faults, latency=slow) as running:
        yield running


def rotate(
    organization: Contoso, listener: Listener = unheard, patience: Patience | None = None
) -> ApplyOutcome:
    """Apply when another name is declared: key and certificate are new, issuer and subject the same."""
    declared = organization.path.read_text()
    organization.path.write_text(declared.replace("[mail.contoso.com]", "[mail.contoso.com, mx.contoso.com]"))
    surroundings = Surroundings(listener, patience=patience or Patience())
    return run_apply(organization.inputs(), surroundings, lambda planned: True)


class TestARotation:
    def test_is_seen_from_outside_without_a_sample_lost(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Issuer and subject stay, so that nothing but the certificate changes."""
        with set_up(tmp_path) as organization, outside(organization) as world:
            outcome = rotate(organization)
        assert outcome.gated.verification == "passed"
        presented = list(dict.fromkeys(world.seen))
        assert None not in world.seen
        assert len(presented) == 2
        changed = world.seen.index(presented[1])
        assert set(world.seen[:changed]) == {presented[0]}
        assert set(world.seen[changed:]) == {presented[1]}
        assert len(world.seen) >= 20
        with capsys.disabled():
            print(
                f"\nSTARTTLS during a rotation, 10 Hz: {len(world.seen)} samples, 0 lost, "
                f"at most {world.longest:.2f} s apart; the certificate changed at sample {changed + 1}"
            )


class TestAServer:
    def test_that_serves_late_is_waited_for(self, tmp_path: Path) -> None:
        """The transport service looks for another certificate now and then, not at once."""
        events: list[Event] = []
        with set_up(tmp_path, {"smtp": "late", "seconds": 2}) as organization:
            outcome = rotate(organization, events.append)
        assert (outcome.gated.verification, outcome.gated.diagnostics) == ("passed", [])
        (awaited,) = (one for one in events if isinstance(one, ServingAwaited))
        assert awaited.reason.startswith("presents another certificate than the declared one")

    def test_that_loses_starttls_is_told_and_the_plan_is_all_that_was_sent(self, tmp_path: Path) -> None:
        """The same issuer and subject: there is no way back, and none is tried."""
        spent: list[float] = []
        hurried = Patience(lambda: sum(spent), spent.append)
        events: list[Event] = []
        with set_up(tmp_path, {"smtp": "lost"}) as organization:
            before = len(organization.cmdlets(mutating=True))
            outcome = rotate(organization, events.append, hurried)
            sent = [one["cmdlet"] for one in organization.cmdlets(mutating=True)[before:]]
        assert [one.summary for one in outcome.gated.diagnostics] == ["STARTTLS got worse"]
        assert "does not offer STARTTLS" in outcome.gated.diagnostics[0].detail
        assert not [one for one in events if isinstance(one, SteppingBack)]
        planned = [one for change in outcome.planned.plan.changes for one in change.invocations]
        assert set(sent) <= {one.cmdlet for one in planned}
        assert len(sent) <= len(planned)  # a name that stays need not be sent
