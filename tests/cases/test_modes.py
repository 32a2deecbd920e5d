"""An organization is adopted piece by piece: looked at, its certificates cared for, managed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from reconciler.operations.applying import run_apply
from reconciler.operations.failed import OperationFailed
from reconciler.operations.importing import run_import
from reconciler.operations.inputs import Inputs, Surroundings
from reconciler.operations.planning import run_plan
from state.address import Address
from tests.contoso import unheard
from tests.direct import DirectLab, direct_lab

DECLARED = """
version: 1
organization: contoso
issuers: {{house: {{type: local, certificate: ca.pem, key: ca.key}}}}
servers:
  MBX1:
    role: mailbox
    mode: {mode}
    certificates:
      public: {{subject: CN=mail.contoso.com, domains: [mail.contoso.com], issuer: house}}
    receive_connectors:
      "Default Frontend MBX1": {{certificate: public, banner: 220 contoso}}
    send_connectors:
      opportunistic: {{to: ["*"], certificate: public}}
"""


class Organization:
    def __init__(self, folder: Path) -> None:
        self.lab: DirectLab = direct_lab(folder / "lab", servers=1, edges=0)
        self.path = folder / "tls.yaml"
        self.inputs = Inputs(self.path, self.lab.connections(), folder / "state")
        self.surroundings = Surroundings(unheard, now=lambda: self.lab.now, sessions=self.lab)

    def declare(self, mode: str) -> None:
        self.path.write_text(DECLARED.format(mode=mode), encoding="utf-8")

    def apply(self) -> Counter[str]:
        """What was sent."""
        before = len(self.lab.sent)
        run_apply(self.inputs, self.surroundings, lambda planned: True)
        assert run_plan(self.inputs, self.surroundings).plan.is_empty
        return Counter(cmdlet for _, cmdlet, _ in self.lab.sent[before:])


@pytest.fixture
def organization(tmp_path: Path) -> Organization:
    return Organization(tmp_path)


def test_each_step_sends_what_its_mode_allows(organization: Organization) -> None:
    organization.declare("observe")
    assert not organization.apply()
    organization.declare("certificates")
    # The opportunistic connector is not there to be bound, and is not made.
    assert organization.apply() == {
        "New-ExchangeCertificate": 1,
        "Import-ExchangeCertificate": 1,
        "Enable-ExchangeCertificate": 1,
        "Set-ReceiveConnector": 1,
    }
    assert "Banner" not in organization.lab.sent[-1][2]
    organization.declare("manage")
    assert organization.apply() == {"New-SendConnector": 1, "Set-ReceiveConnector": 1}
    organization.declare("observe")
    assert not organization.apply()


def test_what_is_observed_cannot_be_imported(organization: Organization) -> None:
    organization.declare("observe")
    with pytest.raises(OperationFailed) as caught:
        run_import(organization.inputs, Address.parse("certificate.MBX1.public"), organization.surroundings)
    assert [one.summary for one in caught.value.diagnostics] == ["Only observed"]
