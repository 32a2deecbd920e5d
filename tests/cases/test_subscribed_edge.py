"""A subscribed Edge server, from the YAML to the connectors that it has in the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reconciler.operations.applying import run_apply
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
issuers: {house: {type: local, certificate: ca.pem, key: ca.key}}
servers:
  MBX1: {role: mailbox}
  EDGE1:
    role: edge
    certificates:
      public: {subject: CN=mail.contoso.com, domains: [mail.contoso.com], issuer: house}
    send_connectors:
      tls_required: {to: [fabrikam.com], certificate: public}
      opportunistic: {to: ["*"], certificate: public}
"""


def edge_connectors(lab: Any) -> dict[str, Any]:
    found: dict[str, Any] = lab.exchange.snapshot()["send_connectors"]["EDGE1"]
    return {name: each for name, each in found.items() if not name.startswith("EdgeSync - ")}


@rule("1-5")
def test_has_what_is_declared_for_it_after_one_apply(tmp_path: Path) -> None:
    """Its certificate is its own; its connectors come from the organization."""
    lab = direct_lab(tmp_path / "lab", servers=1, edges=1, subscribed=1)
    path = tmp_path / "tls.yaml"
    path.write_text(DECLARED, encoding="utf-8")
    inputs = Inputs(path, lab.connections(), tmp_path / "state")
    surroundings = Surroundings(unheard, now=lambda: lab.now, sessions=lab)
    run_apply(inputs, surroundings, lambda planned: True)
    sent = [(server, cmdlet) for server, cmdlet, _ in lab.sent]
    assert sent[:3] == [("EDGE1", f"{verb}-ExchangeCertificate") for verb in ("New", "Import", "Enable")]
    assert sent[3:] == [
        ("MBX1", "New-SendConnector"),
        ("MBX1", "New-SendConnector"),
        ("MBX1", "Start-EdgeSynchronization"),
    ]
    there = edge_connectors(lab)
    assert sorted(there) == ["EDGE1 TLS required", "EDGE1 opportunistic"]
    assert "CN=mail.contoso.com" in there["EDGE1 TLS required"]["TlsCertificateName"]
    again = run_plan(inputs, surroundings)
    assert again.plan.is_empty
    assert not again.diagnostics

    # One target is enough to see where it belongs, and import finds it there, too.
    address = Address.parse("send_connector.EDGE1.tls_required")
    assert run_plan(inputs, surroundings, targets=(address,)).plan.is_empty
    assert run_import(inputs, address, surroundings).differing == ()

    path.write_text(DECLARED.replace("      opportunistic: {to", "      tls_never: {to"), encoding="utf-8")
    run_apply(inputs, surroundings, lambda planned: True)
    assert sorted(edge_connectors(lab)) == ["EDGE1 TLS never", "EDGE1 TLS required"]
