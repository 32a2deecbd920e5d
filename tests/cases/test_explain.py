"""What is explained of an organization, from its YAML and what Exchange says."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.audit.explanation import Explanation, Part
from reconciler.operations.applying import run_apply
from reconciler.operations.auditing import run_audit
from reconciler.operations.explaining import run_explain
from reconciler.operations.failed import Cause, OperationFailed
from reconciler.operations.inputs import Inputs, Surroundings
from tests.contoso import unheard
from tests.direct import direct_lab
from tests.organizations import DAY, Organization
from tests.rules import rule

YAML = """\
version: 1
organization: contoso
issuers:
  house: {type: local, certificate: ca.pem, key: ca.key}
certificates:
  internet:
    servers: [MBX1, MBX2]
    subject: "CN=mail.contoso.com"
    domains: [mail.contoso.com]
    issuer: house
    services: [SMTP]
servers:
  MBX1:
    role: mailbox
    host: mbx1
    receive_connectors:
      "Default Frontend MBX1": {certificate: internet}
  MBX2: {role: mailbox, host: mbx2}
  EDGE1: {role: edge, host: edge1}
send_connectors:
  internet:
    servers: [MBX1, MBX2]
    tls_required: {to: [fabrikam.com], certificate: internet, max_message_size: 10 MB, acknowledge: [
      {rule: falls-through, reason: small partner}]}
    tls_never: {to: [oldmail.example]}
    opportunistic: {to: ["*"], max_message_size: 35 MB}
"""
REQUIRED = "send_connector.internet.tls_required"


@pytest.fixture
def contoso(tmp_path: Path) -> Organization:
    (tmp_path / "tls.yaml").write_text(YAML, encoding="utf-8")
    return Organization(direct_lab(tmp_path / "lab", servers=2, edges=1))


@pytest.fixture
def applied(contoso: Organization) -> Organization:
    run_apply(_inputs(contoso), _surroundings(contoso), lambda planned: True)
    return contoso


def _inputs(organization: Organization) -> Inputs:
    path = organization.lab.directory.parent / "tls.yaml"
    return Inputs(path, organization.lab.connections(), path.parent / "state")


def _surroundings(organization: Organization) -> Surroundings:
    return Surroundings(unheard, lambda: organization.lab.now, organization.lab)


def explain(organization: Organization, subject: str) -> Explanation:
    sent = len(organization.lab.sent)
    explained = run_explain(_inputs(organization), subject, _surroundings(organization))
    assert len(organization.lab.sent) == sent, "nothing is changed"
    return explained.explanation


def chosen(part: Part) -> list[str]:
    return [option.name for option in part.options if option.is_chosen]


class TestAConnector:
    def test_presents_the_named_certificate_on_each_source_server(self, applied: Organization) -> None:
        parts = explain(applied, REQUIRED).parts
        assert [part.where for part in parts] == ["MBX1", "MBX2"]
        for part in parts:
            [name] = chosen(part)
            assert "CN=mail.contoso.com" in name
            assert part.rule.startswith(
                "the newest valid certificate of TlsCertificateName <I>O=Exchange lab"
            )

    def test_of_the_listening_kind_presents_it_on_its_own(self, applied: Organization) -> None:
        [part] = explain(applied, 'receive_connector.MBX1."Default Frontend MBX1"').parts
        assert part.where == "MBX1"
        assert "CN=mail.contoso.com" in chosen(part)[0]
        assert {option.why for option in part.options[1:]} == {"has another issuer or subject"}

    @rule("3-16")
    def test_without_a_name_presents_what_covers_the_servers(self, applied: Organization) -> None:
        first, _ = explain(applied, "send_connector.internet.opportunistic").parts
        assert "mbx1.contoso.com" in first.rule
        assert "CN=MBX1" in chosen(first)[0]

    def test_is_explained_as_it_is_in_exchange(self, applied: Organization) -> None:
        """Somebody unbound it: that is what counts, not what is declared."""
        applied.run("MBX1", "Set-SendConnector", Identity="internet TLS required", TlsCertificateName=None)
        first, _ = explain(applied, REQUIRED).parts
        assert "CN=MBX1" in chosen(first)[0]

    def test_that_dangles_presents_nothing(self, applied: Organization) -> None:
        applied.run(
            "MBX1", "Set-SendConnector", Identity="internet TLS required", TlsCertificateName="<I>CN=a<S>CN=b"
        )
        first, _ = explain(applied, REQUIRED).parts
        assert (chosen(first), first.notes) == ([], ("nothing fits: TLS may not be offered or used at all",))

    def test_that_is_not_there_is_told(self, contoso: Organization) -> None:
        with pytest.raises(OperationFailed) as failed:
            explain(contoso, REQUIRED)
        assert [one.summary for one in failed.value.diagnostics] == ["Not in Exchange"]


class TestACertificate:
    def test_is_known_by_its_recorded_key(self, applied: Organization) -> None:
        [part] = explain(applied, "certificate.MBX1.internet").parts
        assert (part.where, part.rule) == ("MBX1", "the recorded public key")
        assert len(chosen(part)) == 1

    def test_is_known_by_its_mark_when_the_record_is_lost(self, applied: Organization) -> None:
        for file in sorted((_inputs(applied).state or Path()).rglob("*"), reverse=True):
            file.rmdir() if file.is_dir() else file.unlink()
        explanation = explain(applied, "certificate.MBX1.internet")
        [part] = explanation.parts
        assert part.rule.startswith("the mark of this tool")
        assert explanation.notes == ("The record knows no key of it.",)

    def test_that_nothing_is_yet_is_told_with_what_speaks_against_each(self, contoso: Organization) -> None:
        contoso.certificate("MBX1", "mail.contoso.com", ends=10 * DAY)
        contoso.lab.now += timedelta(days=11)
        [part] = explain(contoso, "certificate.MBX1.internet").parts
        assert (chosen(part), part.notes) == ([], ("none is: apply requests one",))
        whys = {option.name.split()[1].rstrip(","): option.why for option in part.options}
        assert whys["CN=mail.contoso.com"] == "has expired"
        assert whys["CN=MBX1"] == "does not cover mail.contoso.com, signed itself, and an issuer is declared"


class TestADomain:
    @rule("3-3", "3-7")
    def test_is_carried_by_its_partners_connector_and_beyond_its_size_by_another(
        self, applied: Organization
    ) -> None:
        mailbox, edge = explain(applied, "fabrikam.com").parts
        required, everybody = chosen(mailbox)
        assert required == f'"internet TLS required" ({REQUIRED}) SMTP:fabrikam.com;1'
        assert everybody.endswith("(send_connector.internet.opportunistic) SMTP:*;1")
        assert "larger messages are less protected" in mailbox.notes
        assert (edge.where, edge.notes) == ("EDGE1", ("no connector carries its mail",))

    def test_may_be_named_by_a_whole_address(self, applied: Organization) -> None:
        [carried] = chosen(explain(applied, "anna@oldmail.example").parts[0])[:1]
        assert "internet TLS never" in carried

    def test_of_the_organization_is_delivered_inside(self, applied: Organization) -> None:
        assert "accepted domain" in explain(applied, "contoso.com").notes[0]


class TestASubscribedEdge:
    @rule("1-5")
    def test_sends_through_the_organizations_connectors(self, tmp_path: Path) -> None:
        """Declared under the Edge, made in the organization, presented on the Edge."""
        declared = YAML.partition("send_connectors:\n  internet")[0].replace(
            "EDGE1: {role: edge, host: edge1}",
            "EDGE1: {role: edge, host: edge1, send_connectors: {opportunistic: {name: out}}}",
        )
        (tmp_path / "tls.yaml").write_text(declared, encoding="utf-8")
        organization = Organization(direct_lab(tmp_path / "lab", servers=2, edges=1, subscribed=1))
        run_apply(_inputs(organization), _surroundings(organization), lambda planned: True)
        [part] = explain(organization, "send_connector.EDGE1.opportunistic").parts
        assert part.where == "EDGE1"
        assert "edge1.contoso.com" in part.rule


def test_another_organization_is_refused(applied: Organization) -> None:
    """What is explained would be true of somebody else's connectors."""
    path = _inputs(applied).path
    path.write_text(f"organization_id: 00000000-0000-0000-0000-000000000001\n{YAML}", encoding="utf-8")
    for run in (
        lambda: explain(applied, REQUIRED),
        lambda: run_audit(path, applied.lab.connections(), _surroundings(applied)),
    ):
        with pytest.raises(OperationFailed) as failed:
            run()
        assert failed.value.cause is Cause.REFUSED


@pytest.mark.parametrize(
    ("subject", "summary"),
    [
        ("not a domain", "Neither address nor domain"),
        ("send_connector.", "Neither address nor domain"),
        ("send_connector.internet.tls_requird", "Address not declared"),
        ("server.MBX1", "Neither address nor domain"),
    ],
)
def test_what_is_neither_is_told(contoso: Organization, subject: str, summary: str) -> None:
    with pytest.raises(OperationFailed) as failed:
        explain(contoso, subject)
    assert [one.summary for one in failed.value.diagnostics] == [summary]
