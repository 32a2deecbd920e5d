"""One Mailbox server as Export-Clixml would write it down, with as many bytes as a real one has.

A lab does not write the largest part of what real servers send: the serialization data of whole objects,
which nobody reads but everybody receives. Here each object gets as much of it as Exchange 2019 sends.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator, Mapping
from pathlib import Path

from reconciler.exchange.port import Command, Connection, Endpoint, Value, Writer
from reconciler.lab import call
from tests.direct import DirectLab, direct_lab

SERVER = "MBX1"
SERIALIZATION_DATA: Mapping[str, int] = {
    "Get-ExchangeServer": 68_487,
    "Get-ReceiveConnector": 23_002,
    "Get-AcceptedDomain": 14_520,
    "Get-ExchangeCertificate": 0,  # the lab writes it: it is read
}
"""Bytes in the first object of each export of CSS-Exchange's E19 fixtures."""
_NAMESPACE = "http://schemas.microsoft.com/powershell/2004/04"
_END = "</Obj>"


def export(folder: Path, *, relays: int, certificates: int) -> Path:
    """Write what a server has; one object a file.

    Args:
        relays, certificates: What administrators made, besides what setup did.

    Returns:
        The folder of the files.
    """
    lab = direct_lab(folder / "source", servers=1, edges=0)
    with lab.writer(Connection(SERVER, "https://mbx1/", Endpoint.EXCHANGE, "admin", "")) as session:
        use(session, relays=relays, certificates=certificates)
    files = folder / "exports"
    files.mkdir()
    noise = random.Random(0)  # noqa: S311 - nothing secret: bytes that do not repeat
    for cmdlet, size in SERIALIZATION_DATA.items():
        for number, xml in enumerate(_outputs(lab, cmdlet)):
            if size:
                data = base64.b64encode(noise.randbytes(size)).decode()
                xml = f'{xml.removesuffix(_END)}<MS><BA N="SerializationData">{data}</BA></MS>{_END}'
            text = f'<Objs Version="1.1.0.1" xmlns="{_NAMESPACE}">{xml}</Objs>'
            (files / f"{cmdlet}{number}.xml").write_text(text, encoding="utf-8")
    return files


def use(session: Writer, *, relays: int, certificates: int) -> None:
    """Make what administrators make: connectors for relays and devices, certificates by and by."""
    for number in range(relays):
        relay: dict[str, Value] = {
            "Name": f"Relay {number}",
            "Custom": True,
            "Bindings": ("0.0.0.0:25",),
            "RemoteIPRanges": tuple(f"192.0.2.{number * 8 + each}" for each in range(8)),
        }
        session.run(Command("New-ReceiveConnector", relay))
    for number in range(certificates):
        subject: dict[str, Value] = {
            "SubjectName": f"CN=mail{number}.contoso.com",
            "DomainName": (f"mail{number}.contoso.com", f"smtp{number}.contoso.com"),
            "Services": "None",
        }
        session.run(Command("New-ExchangeCertificate", subject))


def _outputs(lab: DirectLab, cmdlet: str) -> Iterator[str]:
    asked = call.Call(
        server=SERVER, account="admin", endpoint="exchange", full=True, cmdlet=cmdlet, arguments=()
    )
    for emission in lab.exchange.run(asked):
        if not isinstance(emission, call.Output):
            raise AssertionError(emission)
        yield emission.xml
