"""What all servers share is read once; a server that does not answer is reached through another."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.cmdlets.domain_controller import domain_controller_of
from reconciler.exchange.errors import AuthenticationFailed
from reconciler.operations.failed import Cause, OperationFailed
from reconciler.operations.importing import run_import
from reconciler.operations.planning import run_plan
from reconciler.plan.plan_file import SavedPlan
from state.address import Address
from state.values import Name
from tests.rules import rule
from tests.two_servers import TRUSTED, Organization, organization, told

DC1, DC2 = "DC1.contoso.com", "DC2.contoso.com"
MBX1, MBX2 = Name("MBX1"), Name("MBX2")
CERTIFICATE = {
    "subject": "CN=mail.contoso.com",
    "domains": ["mail.contoso.com"],
    "issuer": "house",
    "services": ["SMTP"],
}


@pytest.fixture
def two(tmp_path: Path) -> Organization:
    return organization(tmp_path)


class TestReading:
    @rule("1-3")
    def test_asks_one_server_for_what_all_share(self, two: Organization) -> None:
        live = two.plan().live
        assert live.organization.read_from == MBX1
        assert live.servers[MBX2].send_connectors is live.organization.send_connectors
        assert two.opened == ["MBX1", "MBX2"]

    def test_knows_the_domain_controller_that_answered_and_those_that_servers_ask(
        self, two: Organization
    ) -> None:
        live = two.plan().live
        assert live.organization.domain_controller == DC1
        assert [live.servers[name].domain_controller for name in (MBX1, MBX2)] == [DC1, DC2]

    def test_sees_what_the_first_domain_controller_shows(self, two: Organization) -> None:
        """Were the second server's list read at its own, a connector would seem to be missing there."""
        two.lab.disturb({"domain_controller": "DC2", "replication": "held"})
        two.apply()
        assert two.plan().plan.is_empty

    def test_survives_a_first_server_that_is_down(self, two: Organization) -> None:
        two.take_down("MBX1")
        planned = two.plan()
        assert planned.live.organization.read_from == MBX2
        assert planned.live.organization.domain_controller == DC2
        assert told(planned.diagnostics) == ["Read through another server"]
        assert planned.live.servers[MBX1].through == MBX2
        assert planned.live.servers[MBX1].receive_connectors.objects
        assert not planned.plan.is_empty

    def test_survives_any_other_that_is_down(self, two: Organization) -> None:
        two.take_down("MBX2")
        planned = two.plan()
        assert told(planned.diagnostics) == ["Read through another server"]
        assert {str(one.server) for one in planned.live.servers[MBX2].receive_connectors.objects} == {"MBX2"}

    def test_goes_around_nothing_that_is_to_be_mended(self, two: Organization) -> None:
        """A wrong password is a mistake of the file, and no reason to sign on elsewhere."""
        two.down = {"MBX2": AuthenticationFailed("MBX2", "admin", ())}
        assert told(two.plan().diagnostics) == ["Server not read"]

    def test_tells_every_server_when_none_answers(self, two: Organization) -> None:
        two.take_down("MBX1", "MBX2")
        assert told(two.plan().diagnostics) == ["Server not read", "Server not read"]

    def test_of_one_target_may_ask_a_server_that_is_no_target(self, two: Organization) -> None:
        two.take_down("MBX2")
        two.declare(send_connectors={}, servers=_with_certificate())
        targets = (Address.parse("certificate.MBX2.public"),)
        planned = run_plan(two.inputs, two.surroundings, targets=targets)
        assert told(planned.diagnostics)[0] == "Read through another server"
        assert list(planned.live.servers) == [MBX2]


def _with_certificate() -> dict[str, object]:
    return {
        "MBX1": {"role": "mailbox", "host": "mbx1.contoso.com"},
        "MBX2": {
            "role": "mailbox",
            "host": "mbx2.contoso.com",
            "certificates": {"public": {key: value for key, value in CERTIFICATE.items() if key != "issuer"}},
        },
    }


class TestWriting:
    def test_goes_the_way_that_reading_found(self, tmp_path: Path) -> None:
        """Everything of a server whose endpoint is down: its certificate, its connectors."""
        two = organization(
            tmp_path,
            issuers={"house": {"type": "local", "certificate": "ca.pem", "key": "ca.key"}},
            send_connectors={},
            servers={
                "MBX1": {"role": "mailbox", "host": "mbx1.contoso.com"},
                "MBX2": {
                    "role": "mailbox",
                    "host": "mbx2.contoso.com",
                    "certificates": {"public": CERTIFICATE},
                    "receive_connectors": {"Default Frontend MBX2": {"certificate": "public"}},
                },
            },
        )
        two.take_down("MBX2")
        outcome = two.apply()
        assert outcome.applied is not None
        assert outcome.applied.is_complete, outcome.applied.diagnostics
        assert {server for server, _, _ in two.lab.sent} == {"MBX1"}
        two.take_down()
        planned = two.plan()
        assert planned.plan.is_empty
        assert not planned.diagnostics

    def test_names_the_domain_controller_that_was_read(self, two: Organization) -> None:
        two.take_down("MBX1")
        two.apply()
        assert {parameters["DomainController"] for _, _, parameters in two.lab.sent} == {DC2}

    @rule("1-4")
    def test_names_none_on_an_edge_server(self, tmp_path: Path) -> None:
        made = organization(
            tmp_path,
            mailbox=1,
            edges=1,
            send_connectors={},
            servers={
                "EDGE1": {
                    "role": "edge",
                    "host": "edge1.contoso.com",
                    "send_connectors": {"opportunistic": {"to": ["*"]}},
                }
            },
        )
        assert made.apply().applied
        assert [server for server, _, _ in made.lab.sent] == ["EDGE1"]
        assert all("DomainController" not in parameters for _, _, parameters in made.lab.sent)


class TestASavedPlan:
    def test_is_right_when_another_domain_controller_answers(self, two: Organization) -> None:
        """It names the domain controller as what apply will know."""
        planned = two.plan()
        (first, *_) = planned.plan.changes
        controller = first.invocations[0].parameters["DomainController"]
        assert controller == domain_controller_of("contoso")
        two.take_down("MBX1")
        outcome = two.apply_saved(
            SavedPlan(
                replace(planned.plan, diagnostics=()),
                planned.snapshot,
                str(two.path),
                str(two.lab.connections()),
                "",
                (),
                datetime.now(UTC),
                "1",
            )
        )
        assert outcome.applied is not None
        assert {parameters["DomainController"] for _, _, parameters in two.lab.sent} == {DC2}


class TestOrganizationId:
    def _id(self, two: Organization) -> str:
        found = two.plan().live.organization.id
        assert isinstance(found, str)
        return found

    def test_may_be_the_one_that_answers(self, two: Organization) -> None:
        two.declare(organization_id=self._id(two).upper())
        assert not two.plan().plan.is_empty

    def test_of_another_organization_is_refused_by_everything(self, two: Organization) -> None:
        found, other = self._id(two), "00000000-1111-2222-3333-444444444444"
        two.declare(organization_id=other)
        for attempt in (
            two.plan,
            two.apply,
            lambda: run_import(two.inputs, Address.parse(TRUSTED), two.surroundings),
        ):
            with pytest.raises(OperationFailed) as refused:
                attempt()
            assert refused.value.cause is Cause.REFUSED
            (told,) = refused.value.diagnostics
            assert found in told.detail
            assert other in told.detail
            assert told.where is not None
        assert not two.lab.sent

    def test_that_cannot_be_compared_is_refused(self, two: Organization) -> None:
        """What cannot be told from another organization may be one."""
        two.declare(organization_id=self._id(two))
        two.lab.disturb({"hides": "Get-OrganizationConfig"})
        with pytest.raises(OperationFailed) as refused:
            two.plan()
        assert refused.value.cause is Cause.REFUSED
        assert told(refused.value.diagnostics) == ["Organization not known"]

    def test_matters_to_nobody_who_gave_none(self, two: Organization) -> None:
        two.lab.disturb({"hides": "Get-OrganizationConfig"})
        assert not two.plan().diagnostics


class TestARoleWithoutDomainController:
    def test_plans_the_same_and_is_told_once(self, two: Organization) -> None:
        wanted = [change.invocations for change in two.plan().plan.changes]
        two.lab.disturb(
            *(
                {"hides": f"{cmdlet} -DomainController"}
                for cmdlet in ("Get-ExchangeCertificate", "Get-ReceiveConnector", "Get-SendConnector")
            )
        )
        planned = two.plan()
        assert told(planned.diagnostics) == ["Domain controller not named"]
        assert [change.invocations for change in planned.plan.changes] == wanted
