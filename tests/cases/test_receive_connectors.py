"""Receive connectors on the lab without a wire: created, changed, deleted, and never in each other's way."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from reconciler.exchange.port import Command, Connection, Endpoint
from reconciler.operations.applying import run_apply
from reconciler.operations.failed import OperationFailed
from reconciler.operations.importing import run_import
from reconciler.operations.inputs import Inputs, Surroundings
from reconciler.operations.planning import Planned, run_plan
from reconciler.plan.change import Action
from state.address import Address
from tests.contoso import unheard
from tests.direct import DirectLab, direct_lab
from tests.rules import rule

HEAD = """
version: 1
organization: contoso
issuers: {house: {type: local, certificate: ca.pem, key: ca.key}}
servers:
"""
ANYWHERE = "0.0.0.0"  # noqa: S104
RELAY = "bindings: ['192.0.2.5:25'], remote_ip_ranges: [10.0.0.0/8], permission_groups: [AnonymousUsers]"


class Organization:
    """A lab, and what is declared of it."""

    def __init__(self, folder: Path, build: str = "2019") -> None:
        self.lab: DirectLab = direct_lab(folder / "lab", servers=1, edges=1, build=build)
        self.path = folder / "tls.yaml"
        self.state = folder / "state"
        self.inputs = Inputs(self.path, self.lab.connections(), self.state)
        self.surroundings = Surroundings(unheard, now=lambda: self.lab.now, sessions=self.lab)

    def declare(self, *connectors: str, server: str = "MBX1", more: str = "") -> None:
        """Lines of ``name: {attributes}``."""
        role = "edge" if server.startswith("EDGE") else "mailbox"
        listed = "\n".join(f"      {line}" for line in connectors)
        body = f"    receive_connectors:\n{listed}\n" if connectors else ""
        self.path.write_text(f"{HEAD}  {server}:\n    role: {role}\n{more}{body}", encoding="utf-8")

    def plan(self) -> Planned:
        return run_plan(self.inputs, self.surroundings)

    def apply(self) -> list[tuple[str, dict[str, Any]]]:
        """What was sent; afterwards nothing is left to do or to record."""
        before = len(self.lab.sent)
        outcome = run_apply(self.inputs, self.surroundings, lambda planned: True)
        assert outcome.applied is None or outcome.applied.is_complete, outcome.applied.diagnostics
        after = self.plan().plan
        assert after.is_empty
        assert not [change for change in after.changes if change.learned]
        return [
            (cmdlet, {name: value for name, value in parameters.items() if name != "DomainController"})
            for _, cmdlet, parameters in self.lab.sent[before:]
        ]

    def told(self) -> list[str]:
        return [one.summary for one in self.plan().diagnostics]

    def by_hand(self, cmdlet: str, server: str = "MBX1", **parameters: Any) -> None:
        endpoint = Endpoint.WINRM if server.startswith("EDGE") else Endpoint.EXCHANGE
        connection = Connection(server, "https://unused/", endpoint, "admin", "secret")
        with self.lab.writer(connection) as session:
            session.run(Command(cmdlet, parameters))
        self.lab.sent.pop()


@pytest.fixture
def organization(tmp_path: Path) -> Organization:
    return Organization(tmp_path)


class TestOneThatDoesNotExist:
    @rule("4-1", "4-2")
    def test_is_created_where_it_says_where_it_listens_and_for_whom(self, organization: Organization) -> None:
        organization.declare(f"Relay: {{{RELAY}, comment: for scanners}}")
        [(cmdlet, parameters)] = organization.apply()
        assert cmdlet == "New-ReceiveConnector"
        assert parameters.pop("Comment").startswith("for scanners [reconciler:")
        assert parameters == {
            "Server": "MBX1",
            "Name": "Relay",
            "Bindings": ("192.0.2.5:25",),
            "RemoteIPRanges": ("10.0.0.0-10.255.255.255",),
            "PermissionGroups": "AnonymousUsers",
            "TransportRole": "FrontendTransport",
        }

    @rule("4-10")
    def test_gets_what_only_set_takes_in_the_same_change(self, organization: Organization) -> None:
        organization.declare(f"Relay: {{{RELAY}, bare_linefeed_rejection_enabled: true}}")
        sent = organization.apply()
        assert [cmdlet for cmdlet, _ in sent] == ["New-ReceiveConnector", "Set-ReceiveConnector"]
        assert sent[1][1] == {"Identity": "MBX1\\Relay", "BareLinefeedRejectionEnabled": True}
        # Without its mark it is known by its guid, which the first of the two learned.
        organization.by_hand("Set-ReceiveConnector", Identity="MBX1\\Relay", Name="Renamed", Comment="")
        [(_, parameters)] = organization.apply()
        assert parameters == {"Identity": "MBX1\\Renamed", "Name": "Relay"}

    @rule("4-10")
    def test_has_no_transport_role_on_an_edge_server(self, organization: Organization) -> None:
        organization.declare(f"Partner: {{{RELAY}}}", server="EDGE1")
        [(_, parameters)] = organization.apply()
        assert "TransportRole" not in parameters
        assert "Server" not in parameters

    def test_has_no_transport_role_on_2010(self, tmp_path: Path) -> None:
        organization = Organization(tmp_path, build="2010")
        organization.declare(f"Relay: {{{RELAY}}}")
        [(_, parameters)] = organization.apply()
        assert "TransportRole" not in parameters

    def test_is_made_after_the_certificate_that_it_presents(self, organization: Organization) -> None:
        organization.declare(
            f"Relay: {{{RELAY}, certificate: public}}",
            more="    certificates: {public: {subject: CN=mail.contoso.com, issuer: house}}\n",
        )
        sent = organization.apply()
        assert [cmdlet for cmdlet, _ in sent][-2:] == ["Enable-ExchangeCertificate", "New-ReceiveConnector"]
        assert sent[-1][1]["TlsCertificateName"].endswith("<S>CN=mail.contoso.com")

    def test_says_that_nobody_may_submit_mail_yet(self, organization: Organization) -> None:
        organization.declare("Relay: {bindings: ['192.0.2.5:25'], remote_ip_ranges: [10.0.0.0/8]}")
        assert organization.told() == ["Nobody may submit mail"]

    def test_is_an_error_where_it_does_not_say_where_it_listens(self, organization: Organization) -> None:
        organization.declare("Default Frontent MBX1: {banner: 220 contoso}")
        [problem] = organization.plan().diagnostics
        assert problem.summary == "Receive connector not found"
        assert '"Default Frontend MBX1"' in problem.hint

    def test_sends_a_null_name_which_is_not_what_new_assumes(self, organization: Organization) -> None:
        organization.declare(f"Relay: {{{RELAY}, fqdn: null, auth_mechanism: [None]}}")
        [(_, parameters)] = organization.apply()
        assert parameters["Fqdn"] is None
        assert parameters["AuthMechanism"] == "None"


class TestOneThatThisToolMade:
    @pytest.fixture
    def made(self, organization: Organization) -> Organization:
        organization.declare(f"Relay: {{{RELAY}}}")
        organization.apply()
        return organization

    def test_is_deleted_when_it_is_no_longer_declared(self, made: Organization) -> None:
        made.declare("Default Frontend MBX1: {enabled: true}")
        assert made.apply() == [
            ("Remove-ReceiveConnector", {"Identity": "MBX1\\Relay", "Confirm": False}),
        ]

    def test_keeps_its_mark_when_its_comment_changes(self, made: Organization) -> None:
        made.declare(f"Relay: {{{RELAY}, comment: new}}")
        [(_, parameters)] = made.apply()
        assert parameters["Comment"].startswith("new [reconciler:")

    def test_is_known_again_after_the_record_is_lost(self, made: Organization) -> None:
        shutil.rmtree(made.state)
        assert made.apply() == []
        made.declare()
        assert [cmdlet for cmdlet, _ in made.apply()] == ["Remove-ReceiveConnector"]

    def test_is_forgotten_where_somebody_made_another_of_its_name(self, made: Organization) -> None:
        made.by_hand("Remove-ReceiveConnector", Identity="MBX1\\Relay", Confirm=False)
        made.by_hand(
            "New-ReceiveConnector",
            Name="Relay",
            Custom=True,
            Bindings=("192.0.2.9:25",),
            RemoteIPRanges=("10.0.0.1",),
        )
        made.declare()
        assert made.apply() == []

    def test_is_made_again_when_it_is_gone(self, made: Organization) -> None:
        made.by_hand("Remove-ReceiveConnector", Identity="MBX1\\Relay", Confirm=False)
        assert [cmdlet for cmdlet, _ in made.apply()] == ["New-ReceiveConnector"]

    def test_is_not_deleted_under_the_name_that_is_declared_now(self, made: Organization) -> None:
        """Renamed by hand, and in the YAML: it is one and the same."""
        made.by_hand("Set-ReceiveConnector", Identity="MBX1\\Relay", Name="Scanners")
        made.declare(f"Scanners: {{{RELAY}}}")
        assert made.apply() == []

    def test_is_not_ours_because_it_was_imported(self, made: Organization) -> None:
        name = "Default Frontend MBX1"
        made.declare(f"Relay: {{{RELAY}}}", f"{name}: {{banner: 220 contoso}}")
        run_import(made.inputs, Address.of("receive_connector", "MBX1", name), made.surroundings)
        made.apply()
        made.declare(f"Relay: {{{RELAY}}}")
        assert made.apply() == []


class TestPlaces:
    """[4-3]: one address and port is for one connector, or for clients that differ."""

    @rule("4-3")
    def test_that_are_taken_are_told_at_plan(self, organization: Organization) -> None:
        organization.declare(
            "Everybody: {bindings: ['0.0.0.0:25', '[::]:25'], permission_groups: [AnonymousUsers], "
            "remote_ip_ranges: ['0.0.0.0-255.255.255.255', '::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff']}"
        )
        [problem] = organization.plan().diagnostics
        assert problem.summary == "Binding taken"
        assert "Default Frontend MBX1" in problem.detail

    @rule("4-3")
    def test_can_be_shared_with_clients_inside_the_others(self, organization: Organization) -> None:
        organization.declare(f"Relay: {{{RELAY.replace('192.0.2.5', ANYWHERE)}}}")
        assert len(organization.apply()) == 1

    @rule("4-3")
    def test_are_free_once_their_holder_left(self, organization: Organization) -> None:
        """Deleted first, made then: Exchange would refuse the other order."""
        organization.declare(f"Relay: {{{RELAY}}}")
        organization.apply()
        organization.declare(f"Scanners: {{{RELAY}}}")
        assert [cmdlet for cmdlet, _ in organization.apply()] == [
            "Remove-ReceiveConnector",
            "New-ReceiveConnector",
        ]

    @rule("4-3")
    def test_are_free_once_their_holder_moved(self, organization: Organization) -> None:
        first, second = RELAY, RELAY.replace(":25", ":2525")
        organization.declare(f"A: {{{first}}}", f"B: {{{second}}}")
        organization.apply()
        organization.declare(f"A: {{{second}}}", f"B: {{{RELAY.replace(':25', ':2626')}}}")
        sent = organization.apply()
        assert [parameters["Identity"] for _, parameters in sent] == ["MBX1\\B", "MBX1\\A"]

    def test_cannot_be_swapped_at_once(self, organization: Organization) -> None:
        first, second = RELAY, RELAY.replace(":25", ":2525")
        organization.declare(f"A: {{{first}}}", f"B: {{{second}}}")
        organization.apply()
        organization.declare(f"A: {{{second}}}", f"B: {{{first}}}")
        assert organization.told() == ["Bindings swapped", "Bindings swapped"]

    def test_of_two_services_are_told(self, organization: Organization) -> None:
        organization.declare(
            f"Relay: {{{RELAY.replace('192.0.2.5', ANYWHERE)}, transport_role: HubTransport}}"
        )
        assert organization.told() == ["One binding for two services"]

    def test_declared_twice_are_an_error_before_any_connection(self, organization: Organization) -> None:
        organization.declare(f"A: {{{RELAY}}}", f"B: {{{RELAY}}}")
        with pytest.raises(OperationFailed) as caught:
            organization.plan()
        assert [one.summary for one in caught.value.diagnostics] == ["Binding taken"]


class TestOneThatExists:
    @rule("4-4")
    def test_gives_up_exchange_server_and_its_name_in_one_command(self, organization: Organization) -> None:
        organization.declare("Default Frontend MBX1: {auth_mechanism: [Tls], fqdn: mail.contoso.com}")
        [(cmdlet, parameters)] = organization.apply()
        assert cmdlet == "Set-ReceiveConnector"
        assert parameters == {
            "Identity": "MBX1\\Default Frontend MBX1",
            "Fqdn": "mail.contoso.com",
            "AuthMechanism": "Tls",
        }

    @rule("4-4")
    def test_cannot_take_exchange_server_under_a_foreign_name(self, organization: Organization) -> None:
        organization.declare("Default Frontend MBX1: {auth_mechanism: [Tls], fqdn: mail.contoso.com}")
        organization.apply()
        organization.declare("Default Frontend MBX1: {auth_mechanism: [Tls, ExchangeServer]}")
        assert organization.told() == ["Fqdn not the server's own"]
        organization.declare("Default Frontend MBX1: {auth_mechanism: [Tls, ExchangeServer], fqdn: null}")
        assert len(organization.apply()) == 1

    @rule("4-4")
    @pytest.mark.parametrize("name", ["mbx1.contoso.com", "mbx1", "null"])
    def test_may_have_its_servers_names_or_none(self, organization: Organization, name: str) -> None:
        organization.declare(f"Default MBX1: {{fqdn: {name}}}")
        organization.apply()

    @rule("4-4")
    def test_that_servers_pass_mail_on_through_never_gets_a_foreign_name(
        self, organization: Organization
    ) -> None:
        organization.declare("Default MBX1: {auth_mechanism: [Tls], fqdn: mail.contoso.com}")
        assert organization.told() == ["Fqdn of a default connector"]

    @rule("4-5", "4-7")
    @pytest.mark.parametrize(
        ("declared", "summary"),
        [
            ("auth_mechanism: [ExternalAuthoritative, Tls]", "AuthMechanism contradictory"),
            ("auth_mechanism: [Integrated]", "AuthMechanism incomplete"),
            ("connection_timeout: '00:04:00'", "Timeouts contradictory"),
            ("chunking_enabled: false", "BINARYMIME without CHUNKING"),
        ],
    )
    def test_is_held_against_what_is_live(
        self, organization: Organization, declared: str, summary: str
    ) -> None:
        """The setup connector has DomainSecureEnabled, a timeout of ten minutes, BINARYMIME."""
        organization.declare(f"Default Frontend MBX1: {{{declared}}}")
        assert organization.told() == [summary]

    def test_is_told_nothing_of_what_was_wrong_before(self, organization: Organization) -> None:
        """An interlock that this change does not touch is Exchange's affair."""
        organization.declare("Default Frontend MBX1: {max_hop_count: 20}")
        assert organization.told() == []
        assert [change.action for change in organization.plan().plan.changes] == [Action.UPDATE]
