"""Connectors that only follow a certificate: they declare its name, and nothing else."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from reconciler.config import load
from state.address import Address
from state.resources import Kind, ReceiveConnector, SendConnector
from state.snapshot import Snapshot
from state.values import Deferred, Name

HEAD = """
version: 1
organization: contoso
issuers: {house: {type: local, certificate: ca.pem, key: ca.key}}
certificates:
  public: {servers: [EX1, EX2], subject: CN=mail.contoso.com, domains: [mail.contoso.com], issuer: house}
"""
OUTBOUND = Address.parse('send_connector."Outbound to Office 365"')
FRONTEND = Address.parse('receive_connector.EX1."Default Frontend EX1"')
PUBLIC = [Address.parse(f"certificate.EX{number}.public") for number in (1, 2)]


def loaded(folder: Path, mode: str = "") -> Snapshot:
    """A send connector and a receive connector that follow, and the mode of their servers."""
    path = folder / "tls.yaml"
    follows = "follow: [certificate], certificate: public"
    path.write_text(
        HEAD
        + f"servers:\n  EX2: {{role: mailbox{mode}}}\n  EX1:\n    role: mailbox\n    {mode.lstrip(', ')}\n"
        + f"    receive_connectors: {{Default Frontend EX1: {{{follows}}}}}\n"
        + "send_connectors:\n"
        + f"  Outbound to Office 365: {{kind: other, {follows}, source_servers: [EX1, EX2]}}\n",
        encoding="utf-8",
    )
    found = load(path, today=date(2026, 7, 1))
    assert found.desired is not None, found.diagnostics
    return found.desired.snapshot


def test_declare_their_certificate_and_nothing_else(tmp_path: Path) -> None:
    """Not even the source servers, which only say where the certificate has to be."""
    outbound, frontend = (loaded(tmp_path).resources[one] for one in (OUTBOUND, FRONTEND))
    assert isinstance(outbound, SendConnector)
    assert isinstance(frontend, ReceiveConnector)
    for connector, certificates in ((outbound, tuple(PUBLIC)), (frontend, (PUBLIC[0],))):
        assert {attribute.name: value for attribute, value in connector.declared(Kind.WRITABLE)} == {
            "name": connector.name,
            "tls_certificate_name": Deferred(PUBLIC[0], "tls_certificate_name"),
        }
        assert connector.certificates == certificates
        assert connector.mode == "certificates"
    assert outbound.home == (Name("EX1"), Name("EX2"))


def test_are_left_alone_on_a_server_that_is_only_observed(tmp_path: Path) -> None:
    """A send connector is the organization's, and what it says of itself counts, as its mode would."""
    found = loaded(tmp_path, ", mode: observe")
    modes = [getattr(found.resources[one], "mode", None) for one in (OUTBOUND, FRONTEND)]
    assert modes == ["certificates", "observe"]
