"""``default_smtp: replace`` on the lab: refused, acknowledged, done once, and again at the renewal."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.cmdlets.invocation import Answer
from reconciler.exchange.errors import CmdletMissing, ErrorRecord
from reconciler.exchange.port import Command, Connection, Endpoint, Outcome, Query, Result, Writer
from reconciler.operations.applying import run_apply
from reconciler.operations.failed import Cause, OperationFailed
from reconciler.operations.importing import run_import
from reconciler.operations.inputs import Inputs, Surroundings
from reconciler.operations.planning import run_plan
from state.address import Address
from tests.contoso import unheard
from tests.direct import direct_lab
from tests.rules import rule

DECLARED = """
version: 1
organization: contoso
issuers: {{house: {{type: local, certificate: ca.pem, key: ca.key}}}}
servers:
  MBX1:
    role: mailbox
    certificates:
      public:
        subject: CN=mail.contoso.com
        domains: [mail.contoso.com]
        issuer: house
        default_smtp: {default}
        acknowledge: {accepted}
"""
ACCEPTED = '[{rule: edge-subscription, reason: "subscribed anew on Sunday"}]'
PUBLIC = Address.parse("certificate.MBX1.public")


class Organization:
    def __init__(self, folder: Path, *, subscribed: int) -> None:
        self.lab = direct_lab(folder / "lab", servers=1, edges=1, subscribed=subscribed)
        self.path = folder / "tls.yaml"
        self.state = folder / "state"
        self.inputs = Inputs(self.path, self.lab.connections(), self.state)
        self.surroundings = Surroundings(unheard, now=lambda: self.lab.now, sessions=self.lab)
        self._first_default = self.lab.exchange.snapshot()["servers"]["MBX1"]["default_smtp"]

    def declare(self, default: str = "replace", accepted: str = "[]") -> None:
        self.path.write_text(DECLARED.format(default=default, accepted=accepted), encoding="utf-8")

    def apply(self) -> list[tuple[str, bool]]:
        """Each cmdlet, and whether it was forced; afterwards nothing is left to do."""
        before = len(self.lab.sent)
        run_apply(self.inputs, self.surroundings, lambda planned: True)
        after = run_plan(self.inputs, self.surroundings)
        assert after.plan.is_empty
        assert not [change for change in after.plan.changes if change.learned]
        assert not after.diagnostics
        server = self.lab.exchange.snapshot()["servers"]["MBX1"]
        replaces = "default_smtp: replace" in self.path.read_text(encoding="utf-8")
        assert (self._first_default != server["default_smtp"]) is replaces
        return [
            (cmdlet.partition("-")[0], parameters.get("Force") is True)
            for _, cmdlet, parameters in self.lab.sent[before:]
        ]


REQUESTED = [("New", False), ("Import", False), ("Enable", True)]


@rule("1-5")
def test_a_subscription_is_not_broken_unless_somebody_accepts_it(tmp_path: Path) -> None:
    organization = Organization(tmp_path, subscribed=1)
    organization.declare()
    with pytest.raises(OperationFailed) as caught:
        organization.apply()
    assert caught.value.cause is Cause.REFUSED
    assert not organization.lab.sent
    organization.declare(accepted=ACCEPTED)
    assert organization.apply() == REQUESTED


@rule("2.3-4")
def test_it_is_done_once_and_again_at_the_renewal(tmp_path: Path) -> None:
    organization = Organization(tmp_path, subscribed=0)
    organization.declare("keep")
    assert organization.apply() == [("New", False), ("Import", False), ("Enable", False)]
    organization.declare()
    assert organization.apply() == [("Enable", True)]
    assert organization.apply() == []
    organization.lab.now += timedelta(days=61)
    assert organization.apply() == REQUESTED


def test_it_is_done_once_more_after_the_record_was_lost(tmp_path: Path) -> None:
    """What is the default cannot be read, and to make it so again changes nothing."""
    organization = Organization(tmp_path, subscribed=0)
    organization.declare()
    organization.apply()
    shutil.rmtree(organization.state)
    assert organization.apply() == [("Enable", True)]


def test_import_says_nothing_of_it(tmp_path: Path) -> None:
    """It records what is read, and this is not."""
    organization = Organization(tmp_path, subscribed=0)
    organization.declare()
    organization.apply()
    run_import(organization.inputs, PUBLIC, organization.surroundings)
    assert organization.apply() == [("Enable", True)]


def test_it_is_still_to_be_done_after_an_apply_that_stopped_before(tmp_path: Path) -> None:
    """Imported, and meanwhile enabled by hand: that SMTP shows says nothing of the default."""
    organization = Organization(tmp_path, subscribed=0)
    organization.declare()

    class Stopping:
        reader = staticmethod(organization.lab.reader)

        @contextmanager
        def writer(self, connection: Connection) -> Iterator[Writer]:
            with organization.lab.writer(connection) as session:
                yield _Unable(session)

    surroundings = replace(organization.surroundings, sessions=Stopping())
    outcome = run_apply(organization.inputs, surroundings, lambda planned: True)
    assert outcome.applied is not None
    assert [one.summary for one in outcome.applied.diagnostics] == ["Cmdlet failed"]
    certificates = organization.lab.exchange.snapshot()["servers"]["MBX1"]["certificates"]
    [thumbprint] = [key for key, one in certificates.items() if one["subject"] == "CN=mail.contoso.com"]
    connection = Connection("MBX1", "https://unused/", Endpoint.EXCHANGE, "admin", "secret")
    with organization.lab.writer(connection) as session:
        given = {"Thumbprint": thumbprint, "Services": "SMTP"}
        session.run(Command("Enable-ExchangeCertificate", given, (Answer("default_smtp", "no"),)))
    assert organization.apply() == [("Enable", True)]


@dataclass
class _Unable:
    """Enables nothing."""

    session: Writer

    @property
    def server(self) -> str:
        return self.session.server

    def read(self, queries: Sequence[Query]) -> tuple[Result, ...]:
        return self.session.read(queries)

    def run(self, command: Command) -> Outcome:
        if command.cmdlet == "Enable-ExchangeCertificate":
            hidden = ErrorRecord("CommandNotFoundException", 13, "", command.cmdlet, "", "no such command")
            raise CmdletMissing(self.server, command.cmdlet, hidden)
        return self.session.run(command)
