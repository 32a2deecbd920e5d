"""The YAML that is generated of an organization, as an administrator reads it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from reconciler.exchange.port import Command, Connection, Endpoint, Value
from reconciler.operations.generating import run_generate
from reconciler.operations.inputs import Surroundings
from tests.contoso import unheard
from tests.direct import DirectLab, direct_lab
from tests.stored import organization_of

Golden = Callable[[str, str], None]
BOTH = ("MBX1", "MBX2")
PARTNERS = ("fabrikam.com", "woodgrovebank.com", "*.woodgrovebank.com")


def sent(lab: DirectLab, server: str, **parameters: Value) -> None:
    endpoint = Endpoint.WINRM if server.startswith("EDGE") else Endpoint.EXCHANGE
    connection = Connection(server, "https://unused/", endpoint, "admin", "secret")
    with lab.writer(connection) as session:
        session.run(Command("New-SendConnector", parameters))


def test_reads_like_this(golden: Golden, tmp_path: Path) -> None:
    """A set of two servers, an Edge server's own, a hybrid connector, one of no kind; ids left out."""
    lab = direct_lab(tmp_path / "lab", servers=2, edges=1)
    for server in organization_of(lab).servers.values():  # one listener each is enough to read
        for guid in [*server.receive_connectors][1:]:
            del server.receive_connectors[guid]
    own = {"SourceTransportServers": BOTH}
    sent(lab, "MBX1", Name="Trusted partners", AddressSpaces=PARTNERS, RequireTLS=True, **own)
    sent(lab, "MBX1", Name="To Internet", AddressSpaces=("*",), Fqdn="mail.contoso.com", **own)
    sent(lab, "MBX1", Name="No TLS: old ones", AddressSpaces=("oldmail.example",), IgnoreSTARTTLS=True, **own)
    sent(
        lab,
        "MBX1",
        Name="Outbound to Office 365",
        AddressSpaces=("contoso.mail.onmicrosoft.com",),
        CloudServicesMailEnabled=True,
        RequireTLS=True,
        TlsAuthLevel="DomainValidation",
        TlsDomain="mail.protection.outlook.com",
        SourceTransportServers=("MBX1",),
    )
    sent(
        lab,
        "MBX1",
        Name="Two costs",
        AddressSpaces=("a.example;5", "b.example;10"),
        SmartHosts=("192.0.2.9",),
        DNSRoutingEnabled=False,
        TlsCertificateName="<I>CN=Gone CA<S>CN=gone",
        SourceTransportServers=("MBX2",),
    )
    sent(lab, "EDGE1", Name="Edge to Internet", AddressSpaces=("*",))
    made = run_generate(lab.connections(), Surroundings(unheard, lambda: lab.now, lab))
    assert made.diagnostics == ()
    text = re.sub(r'"?\b[0-9A-F]{40}\b"?', "THUMBPRINT", made.text)
    golden("generated.yaml", re.sub(r'"?\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"?', "GUID", text))
