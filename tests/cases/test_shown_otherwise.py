"""What Exchange shows in another form than it is declared in is no difference: the plan is empty.

Source: section 6.5 of the rules for what is printed, [4-6] for ``Custom``.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from reconciler.config import load
from reconciler.exchange import clixml
from reconciler.exchange.reading import read_resource
from state.address import Address
from state.resources import ReceiveConnector
from tests.rules import rule
from tests.situations import live_server, plan_of

ADDRESS = Address.parse('receive_connector.EX1."Relay"')
ALL_V6 = "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"


def declared(path: Path, attributes: str) -> ReceiveConnector:
    path.write_text(
        "version: 1\norganization: contoso\nservers:\n  EX1:\n    role: mailbox\n    receive_connectors:\n"
        f"      Relay: {{{attributes}}}\n",
        encoding="utf-8",
    )
    loaded = load(path, today=date(2026, 11, 24))
    assert loaded.desired is not None, loaded.diagnostics
    resource = loaded.desired.snapshot.resources[ADDRESS]
    assert isinstance(resource, ReceiveConnector)
    return resource


def shown(member: str) -> ReceiveConnector:
    """A connector that shows one property in this form."""
    props = f'<S N="Name">RELAY</S><S N="Server">ex1</S>{member}'
    (found,) = clixml.read(f"<Obj><ToString>EX1\\Relay</ToString><Props>{props}</Props></Obj>").values
    assert isinstance(found, clixml.Object)
    return read_resource(ReceiveConnector, found)[0]


def several(name: str, *texts: str) -> str:
    items = "".join(f"<Obj><ToString>{text}</ToString></Obj>" for text in texts)
    return f'<Obj N="{name}"><LST>{items}</LST></Obj>'


def flags(name: str, number: int, text: str) -> str:
    return f'<Obj N="{name}"><ToString>{text}</ToString><I32>{number}</I32></Obj>'


CASES = {
    "rights beside the groups": (
        "permission_groups: [AnonymousUsers]",
        flags("PermissionGroups", 33, "AnonymousUsers, Custom"),
    ),
    "rights and no group": ("permission_groups: [None]", flags("PermissionGroups", 32, "Custom")),
    "the order of groups": (
        "permission_groups: [Partners, anonymoususers]",
        flags("PermissionGroups", 17, "AnonymousUsers, Partners"),
    ),
    "mechanisms as a string": (
        "auth_mechanism: ['basicauthrequiretls, BasicAuth', Tls]",
        '<S N="AuthMechanism">Tls, BasicAuth, BasicAuthRequireTLS</S>',
    ),
    "bindings in another order": (
        "bindings: ['0.0.0.0:25', '[::]:25']",
        several("Bindings", "[::]:25", "0.0.0.0:25"),
    ),
    "a long IPv6 binding": ("bindings: ['[0:0:0:0:0:0:0:1]:25']", several("Bindings", "[::1]:25")),
    "a network": (
        "remote_ip_ranges: [192.0.2.0/24, 10.0.0.1]",
        several("RemoteIPRanges", "10.0.0.1", "192.0.2.0-192.0.2.255"),
    ),
    "a single address as a range": (
        "remote_ip_ranges: [10.0.0.1]",
        several("RemoteIPRanges", "10.0.0.1-10.0.0.1"),
    ),
    "every IPv6 client": (f"remote_ip_ranges: ['{ALL_V6}']", several("RemoteIPRanges", "::/0")),
    "a size with a fraction": (
        "max_message_size: 1536 KB",
        '<S N="MaxMessageSize">1.5 MB (1,572,864 bytes)</S>',
    ),
    "a size of another culture": (
        "max_message_size: 1536 KB",
        '<S N="MaxMessageSize">1,5 MB (1.572.864 Bytes)</S>',
    ),
    "a size in bytes": ("max_header_size: 262144", '<S N="MaxHeaderSize">256 KB (262,144 bytes)</S>'),
    "a limit": ("max_inbound_connection: unlimited", '<S N="MaxInboundConnection">Unlimited</S>'),
    "a name in capitals": ("fqdn: Mail.Contoso.com", '<S N="Fqdn">MAIL.contoso.COM</S>'),
    "no name": ("fqdn: null", '<Nil N="Fqdn" />'),
    "a mark": ("comment: scanners", '<S N="Comment">scanners [reconciler:0123456789ab]</S>'),
    "a time": ("connection_timeout: '00:10'", '<S N="ConnectionTimeout">00:10:00</S>'),
}


@rule("4-6")
@pytest.mark.parametrize("case", CASES)
def test_is_no_difference(case: str, tmp_path: Path) -> None:
    attributes, member = CASES[case]
    live = shown(member)
    made = plan_of(
        {ADDRESS: declared(tmp_path / "tls.yaml", attributes)}, live_server(receive_connectors=[live])
    )
    assert made.is_empty, made.changes
    assert not made.diagnostics


def test_and_what_differs_is_one(tmp_path: Path) -> None:
    """Or nothing above would mean anything."""
    live = shown(flags("PermissionGroups", 35, "AnonymousUsers, ExchangeUsers, Custom"))
    desired = declared(tmp_path / "tls.yaml", "permission_groups: [AnonymousUsers]")
    assert not plan_of({ADDRESS: desired}, live_server(receive_connectors=[live])).is_empty
