"""Every finding of an audit: an organization that shows it, and a near miss that does not."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.audit.finding import Finding, Weight
from reconciler.audit.judge import Audit
from reconciler.audit.rules import RULES
from reconciler.cmdlets.mark import mark_of
from reconciler.operations.auditing import run_audit
from reconciler.operations.failed import OperationFailed
from reconciler.operations.inputs import Surroundings
from state.address import Address
from tests.contoso import unheard
from tests.direct import direct_lab
from tests.organizations import DAY, Organization
from tests.rules import rule

MAIL = "mail.contoso.com"
FRONTEND = r"MBX1\Default Frontend MBX1"


@pytest.fixture
def contoso(tmp_path: Path) -> Organization:
    """Two Mailbox servers as setup leaves them."""
    return Organization(direct_lab(tmp_path / "lab", servers=2, edges=0))


def audit(organization: Organization) -> Audit:
    lab = organization.lab
    sent = len(lab.sent)
    outcome = run_audit(None, lab.connections(), Surroundings(unheard, lambda: lab.now, lab))
    assert len(lab.sent) == sent, "an audit changes nothing"
    assert {one.rule for one in outcome.audit.findings} <= set(RULES)
    return outcome.audit


def told(organization: Organization) -> list[str]:
    """``finding dangling-binding EX1 Partner``: what is told, without its words."""
    return [_short(one) for one in audit(organization).findings]


def _short(one: Finding) -> str:
    return " ".join(part for part in (one.weight.value, one.rule.id, one.server, one.object) if part)


def sends(organization: Organization, name: str, *spaces: str, **parameters: object) -> None:
    """Make a send connector of MBX1."""
    options: dict[str, object] = {"SourceTransportServers": ("MBX1",), **parameters}
    organization.run(
        "MBX1",
        "New-SendConnector",
        Name=name,
        AddressSpaces=spaces,
        **options,
    )


class TestAnOrganizationAsSetupLeavesIt:
    def test_has_no_findings(self, contoso: Organization) -> None:
        found = audit(contoso)
        assert (found.findings, found.has_findings, found.is_complete) == ((), False, True)
        assert (found.servers, found.certificates) == (("MBX1", "MBX2"), 4)

    def test_has_none_after_public_tls_was_set_up(self, contoso: Organization) -> None:
        """A certificate, bound where it is met, and connectors beside each other."""
        name = contoso.certificate("MBX1", MAIL).tls_certificate_name
        contoso.run("MBX1", "Set-ReceiveConnector", Identity=FRONTEND, TlsCertificateName=str(name))
        sends(contoso, "partners", "fabrikam.com", RequireTLS=True, TlsAuthLevel="CertificateValidation")
        sends(contoso, "everybody", "*", TlsCertificateName=str(name))
        assert told(contoso) == []


class TestABinding:
    @rule("3-15")
    def test_dangles_where_a_source_server_has_no_such_certificate(self, contoso: Organization) -> None:
        name = str(contoso.certificate("MBX1", MAIL).tls_certificate_name)
        sends(contoso, "all", "*", TlsCertificateName=name, SourceTransportServers=("MBX1", "MBX2"))
        assert told(contoso) == ["finding dangling-binding MBX2 all"]
        contoso.certificate("MBX2", MAIL)
        assert told(contoso) == []

    def test_dangles_on_a_receive_connector(self, contoso: Organization) -> None:
        contoso.run("MBX1", "Set-ReceiveConnector", Identity=FRONTEND, TlsCertificateName="<I>CN=a<S>CN=b")
        [found] = audit(contoso).findings
        assert _short(found) == "finding dangling-binding MBX1 Default Frontend MBX1"
        assert found.detail == "MBX1 has no certificate <I>CN=a<S>CN=b."

    def test_dangles_where_the_only_match_has_expired(self, contoso: Organization) -> None:
        facts = contoso.certificate("MBX1", MAIL, ends=40 * DAY)
        sends(contoso, "all", "*", TlsCertificateName=str(facts.tls_certificate_name))
        assert told(contoso) == []
        contoso.lab.now += 50 * DAY
        dangling, expired = audit(contoso).findings
        assert [_short(dangling), _short(expired)] == [
            "finding dangling-binding MBX1 all",
            f"finding certificate-expired MBX1 {facts.thumbprint}",
        ]
        assert dangling.detail.endswith(f"that is good: {facts.thumbprint} has expired 2027-01-03.")
        assert '"all"' in expired.detail

    def test_of_a_disabled_connector_is_only_worth_knowing(self, contoso: Organization) -> None:
        sends(contoso, "old", "old.example", TlsCertificateName="<I>CN=a<S>CN=b", Enabled=False)
        assert told(contoso) == ["info dangling-binding MBX1 old"]

    def test_to_a_certificate_that_is_not_enabled_may_not_be_presented(self, contoso: Organization) -> None:
        facts = contoso.certificate("MBX1", MAIL, services="IIS")
        sends(contoso, "all", "*", TlsCertificateName=str(facts.tls_certificate_name))
        [found] = audit(contoso).findings
        assert _short(found) == "finding binding-not-enabled MBX1 all"
        assert "may not be presented" in found.detail

    def test_on_a_server_that_nobody_reads_is_unknown(self, contoso: Organization) -> None:
        name = str(contoso.certificate("MBX1", MAIL).tls_certificate_name)
        sends(contoso, "all", "*", TlsCertificateName=name, SourceTransportServers=("MBX1", "MBX2"))
        only = without(contoso, "MBX2")
        assert [_short(one) for one in only.findings] == [
            "unknown dangling-binding MBX2 all",
            "unknown server-not-audited MBX2",
        ]
        assert only.is_complete, "it was left out on purpose"


class TestAReceiveConnectorsName:
    @rule("2.5-2", "3-16")
    def test_needs_a_certificate_that_has_it(self, contoso: Organization) -> None:
        contoso.run("MBX1", "Set-ReceiveConnector", Identity=r"MBX1\Client Frontend MBX1", Fqdn=MAIL)
        assert told(contoso) == ["finding name-not-covered MBX1 Client Frontend MBX1"]
        contoso.certificate("MBX1", MAIL)
        assert told(contoso) == []

    def test_of_a_send_connector_matters_less(self, contoso: Organization) -> None:
        sends(contoso, "all", "*", Fqdn=MAIL)
        assert told(contoso) == ["info name-not-covered MBX1 all"]


class TestACertificate:
    def test_that_ends_within_thirty_days_is_told(self, contoso: Organization) -> None:
        facts = contoso.certificate("MBX1", MAIL, ends=31 * DAY)
        sends(contoso, "all", "*", TlsCertificateName=str(facts.tls_certificate_name))
        assert told(contoso) == []
        contoso.lab.now += 2 * DAY
        assert told(contoso) == [f"finding certificate-expires MBX1 {facts.thumbprint}"]

    def test_that_expired_and_has_a_successor_is_left_behind(self, contoso: Organization) -> None:
        old = contoso.certificate("MBX1", MAIL, ends=10 * DAY)
        new = contoso.certificate("MBX1", MAIL, starts=timedelta(hours=-1))
        sends(contoso, "all", "*", TlsCertificateName=str(new.tls_certificate_name))
        contoso.lab.now += 11 * DAY
        assert told(contoso) == [f"info certificate-superseded MBX1 {old.thumbprint}"]

    def test_that_ends_soon_is_told_only_while_it_is_presented(self, contoso: Organization) -> None:
        """The newest is; so a successor that was there first does not help."""
        contoso.certificate("MBX1", MAIL, starts=-10 * DAY)
        new = contoso.certificate("MBX1", MAIL, ends=20 * DAY)
        sends(contoso, "all", "*", TlsCertificateName=str(new.tls_certificate_name))
        same = f"finding certificates-of-one-name MBX1 {new.thumbprint}"
        assert told(contoso) == [f"finding certificate-expires MBX1 {new.thumbprint}", same]
        newest = contoso.certificate("MBX1", MAIL, starts=timedelta(hours=-1))
        assert told(contoso) == [f"finding certificates-of-one-name MBX1 {newest.thumbprint}"]

    @rule("3-15")
    def test_that_has_the_name_of_another_cannot_be_told_from_it(self, contoso: Organization) -> None:
        contoso.certificate("MBX1", MAIL)
        new = contoso.certificate("MBX1", MAIL, starts=timedelta(hours=-1))
        sends(contoso, "all", "*", TlsCertificateName=str(new.tls_certificate_name))
        [found] = audit(contoso).findings
        assert _short(found) == f"finding certificates-of-one-name MBX1 {new.thumbprint}"
        assert f"the newest, {new.thumbprint}" in found.detail

    def test_that_no_connector_presents_is_without_use(self, contoso: Organization) -> None:
        """One for the web site alone is none of them."""
        spare = contoso.certificate("MBX1", "spare.contoso.com")
        contoso.certificate("MBX1", "owa.contoso.com", services="IIS")
        [found] = audit(contoso).findings
        assert _short(found) == f"finding certificate-unused MBX1 {spare.thumbprint}"
        assert "may present" in found.detail


class TestASendConnector:
    def test_names_servers_that_are_there(self, contoso: Organization) -> None:
        """MBX2 was uninstalled by force; nothing but its name is left."""
        sends(contoso, "all", "*", SourceTransportServers=("MBX1", "MBX2"))
        assert told(contoso) == []
        lab = contoso.lab.exchange._organization
        del lab.servers["mbx2"]
        assert told(contoso) == ["finding source-server-gone all"]

    def test_has_a_source_server(self, contoso: Organization) -> None:
        """Exchange refuses to take the last one off; a directory repaired by hand may lack it."""
        sends(contoso, "all", "*")
        partition = contoso.lab.exchange._organization.partitions["ad"]
        [(guid, stored)] = partition.send_connectors.items()
        none = {"SourceTransportServers": partition.forest.server_links([])}
        partition.send_connectors[guid] = replace(stored, tree=stored.tree.with_properties(none))
        assert told(contoso) == ["finding no-source-server all"]

    @rule("3-7")
    def test_is_shadowed_by_one_that_is_always_chosen(self, contoso: Organization) -> None:
        sends(contoso, "b", "fabrikam.com", RequireTLS=True, TlsAuthLevel="CertificateValidation")
        sends(contoso, "a", "fabrikam.com;2")
        assert told(contoso) == ["finding connector-shadowed a"]
        sends(contoso, "c", "woodgrove.com", "contoso.de;2")
        sends(contoso, "d", "*.woodgrove.com", "contoso.fr")
        assert told(contoso) == ["finding connector-shadowed a"]

    def test_is_told_with_the_protection_that_is_lost(self, contoso: Organization) -> None:
        sends(contoso, "partner", "fabrikam.com;2", RequireTLS=True, TlsAuthLevel="CertificateValidation")
        sends(contoso, "plain", "fabrikam.com;1")
        [found] = audit(contoso).findings
        assert _short(found) == "finding connector-shadowed partner"
        assert found.detail.endswith("chosen for fabrikam.com, which protects less.")

    def test_is_told_once_for_the_first_of_those_that_shadow_it(self, contoso: Organization) -> None:
        for name in ("a", "b", "c"):
            sends(contoso, name, "fabrikam.com")
        found = audit(contoso).findings
        assert [(one.object, one.detail.partition(" ")[0]) for one in found] == [("b", '"a"'), ("c", '"a"')]

    @rule("3-7")
    def test_of_other_servers_with_another_protection_may_be_chosen(self, contoso: Organization) -> None:
        sends(contoso, "a", "fabrikam.com", RequireTLS=True, TlsAuthLevel="CertificateValidation")
        sends(contoso, "b", "fabrikam.com", SourceTransportServers=("MBX2",))
        assert told(contoso) == ["finding two-protections b"]

    def test_of_other_servers_with_the_same_protection_is_as_good(self, contoso: Organization) -> None:
        sends(contoso, "a", "fabrikam.com")
        sends(contoso, "b", "fabrikam.com", SourceTransportServers=("MBX2",))
        assert told(contoso) == []

    @rule("3-3")
    @pytest.mark.parametrize(
        ("parameters", "said"),
        [
            ({"MaxMessageSize": "10MB"}, "takes at most 10 MB"),
            ({"IsScopedConnector": True}, "is scoped"),
            ({"Enabled": False}, "is disabled"),
        ],
        ids=["size", "scope", "disabled"],
    )
    def test_lets_mail_fall_through(
        self, contoso: Organization, parameters: dict[str, object], said: str
    ) -> None:
        tls = {"RequireTLS": True, "TlsAuthLevel": "CertificateValidation"}
        sends(contoso, "all", "*", MaxMessageSize="35MB")
        sends(contoso, "partner", "fabrikam.com", MaxMessageSize="35MB", **tls)
        assert told(contoso) == []
        contoso.run("MBX1", "Set-SendConnector", Identity="partner", **parameters)
        [found] = audit(contoso).findings
        assert _short(found) == "finding falls-through partner"
        assert said in found.detail

    def test_that_never_uses_tls_is_told(self, contoso: Organization) -> None:
        sends(contoso, "broken", "oldmail.example", IgnoreSTARTTLS=True)
        assert told(contoso) == ["finding tls-never broken"]

    def test_that_is_declared_never_to_use_tls_is_only_worth_knowing(self, contoso: Organization) -> None:
        mark = mark_of("contoso", Address.of("send_connector", "EX1", "tls_never"))
        sends(contoso, "broken", "oldmail.example", IgnoreSTARTTLS=True, Comment=mark)
        assert told(contoso) == ["info tls-never broken"]

    @rule("3-12")
    def test_that_validates_nobody_is_worth_knowing(self, contoso: Organization) -> None:
        sends(contoso, "partner", "fabrikam.com", RequireTLS=True)
        assert told(contoso) == ["info tls-not-validated partner"]

    @rule("3-21")
    def test_of_a_hybrid_configuration_is_worth_knowing(self, contoso: Organization) -> None:
        sends(contoso, "Outbound to Office 365", "contoso.mail.onmicrosoft.com")
        sends(contoso, "cloud", "fabrikam.com", CloudServicesMailEnabled=True)
        assert told(contoso) == [
            "info hybrid-object Outbound to Office 365",
            "info hybrid-object cloud",
        ]


class TestAReceiveConnector:
    def test_without_starttls_is_told_where_strangers_meet_it(self, contoso: Organization) -> None:
        made = {"Server": "MBX1", "TransportRole": "FrontendTransport", "AuthMechanism": "None"}
        contoso.run(
            "MBX1",
            "New-ReceiveConnector",
            Name="open",
            Bindings=("0.0.0.0:2526",),
            RemoteIPRanges=("0.0.0.0-255.255.255.255",),
            **made,
        )
        contoso.run(
            "MBX1",
            "New-ReceiveConnector",
            Name="printers",
            Bindings=("0.0.0.0:2527",),
            RemoteIPRanges=("10.0.0.0/8",),
            **made,
        )
        assert told(contoso) == [
            "finding receive-without-tls MBX1 open",
            "info receive-without-tls MBX1 printers",
        ]

    def test_of_a_hybrid_configuration_is_worth_knowing(self, contoso: Organization) -> None:
        contoso.run(
            "MBX1",
            "Set-ReceiveConnector",
            Identity=FRONTEND,
            TlsDomainCapabilities=("mail.protection.outlook.com:AcceptCloudServicesMail",),
        )
        assert told(contoso) == ["info hybrid-object MBX1 Default Frontend MBX1"]


class TestASubscribedEdge:
    @rule("1-5", "3-5")
    def test_and_its_connectors_are_worth_knowing(self, tmp_path: Path) -> None:
        organization = Organization(direct_lab(tmp_path / "lab", servers=1, edges=1, subscribed=1))
        found = told(organization)
        assert {one for one in found if not one.startswith("unknown not-read EDGE1")} == {
            "info edgesync-object EDGE1",
            "info edgesync-object EdgeSync - Default-First-Site-Name to Internet",
            "info edgesync-object EdgeSync - Inbound to Default-First-Site-Name",
        }


class TestExchange2010:
    @rule("3-15")
    def test_has_no_names_to_bind_by_so_none_is_missing(self, tmp_path: Path) -> None:
        organization = Organization(direct_lab(tmp_path / "lab", servers=1, edges=0, build="2010"))
        sends(organization, "all", "*")
        assert told(organization) == []


class TestWhatCouldNotBeRead:
    def test_is_unknown_and_never_sound(self, tmp_path: Path) -> None:
        """An Edge server tells neither services nor keys; of a list that is hidden nothing is known."""
        organization = Organization(direct_lab(tmp_path / "lab", servers=0, edges=1))
        found = audit(organization)
        assert [_short(one) for one in found.findings] == ["unknown not-read EDGE1 EDGE1"]
        assert "services, has_private_key" in found.findings[0].detail
        assert found.is_complete

    def test_makes_an_audit_incomplete_where_it_is_a_server(self, contoso: Organization) -> None:
        connections = contoso.lab.connections()
        connections.write_text(connections.read_text().replace("admin.credential", "nowhere", 1))
        lab = contoso.lab
        found = run_audit(None, connections, Surroundings(unheard, lambda: lab.now, lab)).audit
        assert [_short(one) for one in found.findings] == ["unknown not-read MBX1 MBX1"]
        assert (found.is_complete, found.servers) == (False, ("MBX2",))


def without(organization: Organization, server: str) -> Audit:
    """An audit whose connections file leaves one server out."""
    connections = organization.lab.connections()
    document = json.loads(connections.read_text())
    del document["servers"][server]
    connections.write_text(json.dumps(document))
    lab = organization.lab
    return run_audit(None, connections, Surroundings(unheard, lambda: lab.now, lab)).audit


def test_servers_must_be_named_somewhere(contoso: Organization) -> None:
    with pytest.raises(OperationFailed) as failed:
        run_audit(None, None, Surroundings(unheard))
    assert [one.summary for one in failed.value.diagnostics] == ["No servers named"]


def test_the_heaviest_comes_first(contoso: Organization) -> None:
    sends(contoso, "partner", "fabrikam.com", RequireTLS=True)
    sends(contoso, "broken", "oldmail.example", IgnoreSTARTTLS=True)
    assert [one.weight for one in audit(contoso).findings] == [Weight.FINDING, Weight.INFO]
