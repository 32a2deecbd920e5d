"""``verify`` against a lab: what is compared with what is declared, and what is not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reconciler.exchange.patience import Patience
from reconciler.exchange.port import Command, Connection, Outcome, Writer
from reconciler.exchange.session import Sessions
from reconciler.operations.applying import run_apply
from reconciler.operations.failed import OperationFailed
from reconciler.operations.inputs import Inputs, Surroundings
from reconciler.operations.verifying import Verified, run_verify
from reconciler.verify.starttls import Fault
from tests.contoso import Contoso, contoso, unheard

YAML = """\
version: 1
organization: contoso
issuers:
  house: {type: local, certificate: ca.pem, key: ca.key}
endpoints: [{name: mail.contoso.com, servers: [MBX1]}]
servers:
  MBX1:
    role: mailbox
    host: mbx1.contoso.com
    certificates:
      public:
        subject: "CN=mail.contoso.com"
        domains: [mail.contoso.com]
        services: [SMTP]
        issuer: house
      spare:
        subject: "O=Spare, CN=mail.contoso.com"
        domains: [mail.contoso.com]
        services: [SMTP]
        issuer: house
"""
BOUND = """\
    receive_connectors:
      "Default Frontend MBX1": {certificate: public}
"""


@pytest.fixture
def organization(tmp_path: Path) -> Iterator[Contoso]:
    """One server, two certificates that cover the name of the endpoint, one of them bound."""
    path = tmp_path / "tls.yaml"
    path.write_text(YAML + BOUND)
    with contoso(tmp_path, path, servers=1, edges=0) as running:
        yield running


def verify(organization: Contoso, state: Path | None = None) -> Verified:
    inputs = Inputs(organization.path, organization.lab.connections(), state or organization.state)
    return run_verify(inputs, Surroundings(unheard))


def told(verified: Verified) -> list[str]:
    return [diagnostic.summary for diagnostic in verified.diagnostics]


class Forgetful:
    """A writer that skips Enable-ExchangeCertificate, and believes that it ran."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self.server, self.read = writer.server, writer.read

    def run(self, command: Command) -> Outcome:
        return Outcome() if command.cmdlet == "Enable-ExchangeCertificate" else self._writer.run(command)


class ForgetfulSessions(Sessions):
    @contextmanager
    def writer(self, connection: Connection) -> Iterator[Writer]:
        with super().writer(connection) as writer:
            yield Forgetful(writer)


class TestAnEndpoint:
    def test_is_compared_with_the_certificate_that_is_bound_where_it_is_answered(
        self, organization: Contoso
    ) -> None:
        """Two cover the name; the binding says which one."""
        organization.apply()
        verified = verify(organization)
        assert (verified.is_good, told(verified)) == (True, [])
        organization.path.write_text(YAML + BOUND.replace("public", "spare"))
        assert not verify(organization).is_good

    def test_is_not_compared_with_what_answers_elsewhere(self, organization: Contoso) -> None:
        """Setup makes the client's connector listen on port 587."""
        organization.path.write_text(YAML + BOUND + '      "Client Frontend MBX1": {certificate: spare}\n')
        organization.apply()
        verified = verify(organization)
        assert (verified.is_good, told(verified)) == (True, [])

    def test_that_is_not_compared_says_so(self, organization: Contoso, tmp_path: Path) -> None:
        """The record is lost; or nothing says which of two it is."""
        organization.apply()
        lost = verify(organization, tmp_path / "nothing")
        assert (lost.is_good, told(lost)) == (True, ["Certificate not compared"])
        assert "record does not know the key of certificate.MBX1.public" in lost.diagnostics[0].detail
        organization.path.write_text(YAML)
        either = verify(organization)
        assert (either.is_good, told(either)) == (True, ["Certificate not compared"])
        assert "certificate.MBX1.public, certificate.MBX1.spare" in either.diagnostics[0].detail

    def test_is_compared_with_the_only_one_that_is_for_smtp(self, organization: Contoso) -> None:
        """Both cover the name and neither is bound; one is for the web site, and never presented here."""
        organization.apply()
        spare = YAML.index("spare:")
        organization.path.write_text(YAML[:spare] + YAML[spare:].replace("[SMTP]", "[IIS]"))
        verified = verify(organization)
        assert (verified.is_good, told(verified)) == (True, [])

    def test_whose_starttls_an_apply_takes_away_gets_it_back(self, organization: Contoso) -> None:
        """Enabling was skipped: the binding is there and the certificate too, but nobody may have its key."""
        spent: list[float] = []
        hurried = Patience(lambda: sum(spent), spent.append)
        surroundings = Surroundings(unheard, sessions=ForgetfulSessions(), patience=hurried)
        outcome = run_apply(organization.inputs(), surroundings, lambda _: True)
        assert (outcome.gated.failed, outcome.gated.stopped) == (True, False)
        assert [one.summary for one in outcome.gated.diagnostics] == ["Stepped back"]
        assert "does not offer STARTTLS" in outcome.gated.diagnostics[0].detail
        faults = [problem.fault for one in verify(organization).checked for problem in one.handshake.problems]
        assert Fault.NO_STARTTLS not in faults
        assert Fault.OTHER_CERTIFICATE in faults


class TestAPublishedAddress:
    """What stands before the servers: here it is one of them, under another port than it is known by."""

    def declare(self, organization: Contoso, more: str) -> None:
        declared = organization.path.read_text()
        endpoint = "{name: mail.contoso.com, servers: [MBX1]}"
        changed = f'{{name: mail.contoso.com, servers: [MBX1], published: "203.0.113.25:25"{more}}}'
        organization.path.write_text(declared.replace(endpoint, changed))

    def reached(self, organization: Contoso) -> Path:
        """A connections file that says where the world finds it in the lab."""
        known = json.loads(organization.lab.connections().read_bytes())
        known["published"] = {"Mail.contoso.com": known["servers"]["MBX1"]["smtp"]}
        path = organization.lab.directory / "published.yaml"
        path.write_text(json.dumps(known))
        return path

    def test_may_present_the_certificate_of_any_member(self, organization: Contoso) -> None:
        organization.apply()
        self.declare(organization, "")
        inputs = Inputs(organization.path, self.reached(organization), organization.state)
        verified = run_verify(inputs, Surroundings(unheard))
        assert [one.is_good for one in verified.checked] == [True, True]
        assert [one.target.server is None for one in verified.checked] == [False, True]
        declared = organization.path.read_text()
        organization.path.write_text(declared.replace("certificate: public", "certificate: spare"))
        assert [one.is_good for one in run_verify(inputs, Surroundings(unheard)).checked] == [False, False]

    def test_is_not_reached_where_the_connections_file_does_not_say_so(self, organization: Contoso) -> None:
        """A rehearsal never reaches the production that the YAML tells of."""
        organization.apply()
        self.declare(organization, "")
        verified = verify(organization)
        assert [str(one.target.server) for one in verified.checked] == ["MBX1"]
        assert told(verified) == ["Published address not checked"]

    def test_behind_a_gateway_is_told_and_never_wrong(self, organization: Contoso) -> None:
        """The lab as setup leaves it presents what nobody trusts."""
        self.declare(organization, ", terminates_at: gateway")
        inputs = Inputs(organization.path, self.reached(organization), organization.state)
        verified = run_verify(inputs, Surroundings(unheard))
        assert (verified.is_good, told(verified)) == (True, [])
        assert all(one.handshake.problems for one in verified.checked)


class TestTrust:
    def test_is_in_the_issuers_that_certificates_of_those_servers_name(self, organization: Contoso) -> None:
        """Another one's certificate is not even looked for."""
        organization.apply()
        declared = organization.path.read_text()
        other = "issuers:\n  other: {type: local, certificate: gone.pem, key: gone.key}"
        organization.path.write_text(declared.replace("issuers:", other))
        connections = organization.lab.directory / "two-issuers.yaml"
        reached = json.loads(organization.lab.connections().read_bytes())
        gone = {"type": "local", "certificate": "gone.pem", "key": "gone.key"}
        reached["issuers"] = {"house": reached["issuers"]["*"], "other": gone}
        connections.write_text(json.dumps(reached))
        inputs = Inputs(organization.path, connections, organization.state)
        assert run_verify(inputs, Surroundings(unheard)).is_good
        organization.path.write_text(
            declared.replace("issuers:", other).replace("issuer: house", "issuer: other")
        )
        with pytest.raises(OperationFailed) as caught:
            run_verify(inputs, Surroundings(unheard))
        assert [one.summary for one in caught.value.diagnostics] == ["Authority not readable"]
