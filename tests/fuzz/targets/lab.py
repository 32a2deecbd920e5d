"""What comes to the lab: exports of a real organization, and clients of its wire."""

from __future__ import annotations

import asyncio
import base64
import itertools
import re
import struct
import xml.etree.ElementTree as ET
from collections.abc import Generator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psrpcore

from reconciler.lab import soap
from reconciler.lab.accounts import Account, authenticate
from reconciler.lab.call import (
    Call,
    Emission,
    Identity,
    Output,
    Prompt,
    Role,
    ServerFacts,
)
from reconciler.lab.endpoint import RemoteShells
from reconciler.lab.engine import Engine
from reconciler.lab.errors import FileUnreadable
from reconciler.lab.exchange.builds import builds_of_texts
from reconciler.lab.exchange.certificate_blob import read_facts
from reconciler.lab.exchange.clixml import write
from reconciler.lab.exchange.imports import UnusableExport, found_from_exports
from reconciler.lab.exchange.lab_exchange import LabExchange
from reconciler.lab.exchange.nrbf_reader import BadBlob
from reconciler.lab.faults import Faults, read_faults
from reconciler.lab.ledger import Ledger
from reconciler.lab.shell_events import Reply
from reconciler.lab.soap import SHELL, TRANSFER
from tests.authority import NOW, rsa_key
from tests.fuzz.target import CUT, Target, refused
from tests.fuzz.targets.exchange import blobs, exported

_ADMIN = Account("admin", Role.ADMIN, "secret")
_RESOURCE = "http://schemas.microsoft.com/powershell/Microsoft.Exchange"
_POOL, _PIPELINE = UUID(int=1), UUID(int=2)


def _export(data: bytes, folder: Path) -> bool:
    """An organization is made of one file, kept, and looked at as a status report does."""
    exports = folder / "exports"
    exports.mkdir()
    (exports / "some.xml").write_bytes(data)
    root = folder / "organization"
    try:
        organization = found_from_exports(
            root, exports, edges=0, builds=builds_of_texts([]), now=NOW, new_key=lambda bits: rsa_key(0, bits)
        )
    except UnusableExport as error:
        return refused(error)
    for partition in organization.partitions.values():
        for stored in partition.send_connectors.values():
            assert write(stored.tree)
    assert LabExchange(organization, folder, lambda: NOW).snapshot()
    return True


def _blob(data: bytes, folder: Path) -> bool:
    try:
        read_facts(data)
    except BadBlob as error:
        return refused(error)
    return True


def _faults(data: bytes, folder: Path) -> bool:
    path = folder / "faults.json"
    path.write_bytes(data)
    try:
        read_faults(path)
    except FileUnreadable as error:
        return refused(error)
    return True


def _sign_in(data: bytes, folder: Path) -> bool:
    return authenticate(data.decode("latin-1"), (_ADMIN,)) is not None


class _Echo:
    """An Exchange of three cmdlets: one answers, one asks, every other has a defect."""

    def servers(self) -> Sequence[ServerFacts]:
        return (ServerFacts("MBX1", "mbx1.contoso.com", False, "2019-cu15"),)

    def smtp_identity(self, server: str) -> Identity | None:
        return None

    def replicate(self, delays: Mapping[str, float | None]) -> None:
        """There is one copy of everything."""

    def smtp_revision(self, server: str) -> int:
        return 0

    def remarks(self) -> Sequence[str]:
        return ()

    def snapshot(self) -> Mapping[str, Any]:
        return {}

    def run(self, call: Call) -> Generator[Emission, int | None, None]:
        if call.cmdlet == "Enable-Asking":
            choice = yield Prompt("Confirm", "Sure?", (("&Yes", ""), ("&No", "")), 0)
            yield Output(f"<I32>{choice}</I32>")
        elif call.cmdlet == "Get-Thing":
            yield Output("<S>thing</S>")
        else:
            raise RuntimeError(call.cmdlet)


def _requests_of_a_session() -> Sequence[bytes]:
    """What a client sends from Create to Delete; ``{type xml|type xml}`` stands for messages in base64."""
    client = psrpcore.ClientRunspacePool()
    client.open()
    opening = _told_by(client)
    shell = psrpcore.ClientPowerShell(client)
    for cmdlet in ("Get-Thing", "Enable-Asking"):
        shell.add_command(cmdlet)
        shell.add_parameter("Name", [cmdlet, 1, True, None])
        shell.add_statement()
    shell.start()
    running = _told_by(client)
    answer = b'00041101 <Obj RefId="0"><MS><I64 N="ci">1</I64><I32 N="mr">0</I32></MS></Obj>'
    return [
        CUT.join(
            [
                _create(opening),
                _envelope(
                    f"{SHELL}/Command",
                    b'<r:CommandLine CommandId="%s"><r:Command/>'
                    b"<r:Arguments>{%s}</r:Arguments></r:CommandLine>" % (str(_PIPELINE).encode(), running),
                ),
                _receive(str(_PIPELINE)),
                _receive(""),
                _envelope(
                    f"{SHELL}/Send",
                    b'<r:Send><r:Stream Name="stdin" CommandId="%s">{%s}</r:Stream></r:Send>'
                    % (str(_PIPELINE).encode(), answer),
                ),
                _envelope(
                    f"{SHELL}/Signal",
                    b'<r:Signal CommandId="%s"><r:Code>powershell/signal/ctrl_c</r:Code></r:Signal>'
                    % str(_PIPELINE).encode(),
                ),
                _envelope(f"{TRANSFER}/Delete", b""),
            ]
        ),
        CUT.join([_create(opening), _receive("")]),
    ]


def _told_by(client: Any) -> bytes:
    """The client's messages as type and CLIXML, joined by bars."""
    parts = []
    while (payload := client.data_to_send()) is not None:
        rest = payload.data
        while rest:
            (length,) = struct.unpack_from(">I", rest, 17)
            message, rest = bytes(rest[21 : 21 + length]), rest[21 + length :]
            kind, xml = int.from_bytes(message[4:8], "little"), message[40:].removeprefix(b"\xef\xbb\xbf")
            parts.append(b"%08x %s" % (kind, xml))
    return b"|".join(parts)


def _create(messages: bytes) -> bytes:
    body = b'<r:Shell ShellId="%s"><creationXml xmlns="%s">{%s}</creationXml></r:Shell>'
    return _envelope(f"{TRANSFER}/Create", body % (str(_POOL).encode(), soap.POWERSHELL.encode(), messages))


def _receive(command: str) -> bytes:
    of = f' CommandId="{command}"' if command else ""
    return _envelope(
        f"{SHELL}/Receive", f"<r:Receive><r:DesiredStream{of}>stdout</r:DesiredStream></r:Receive>".encode()
    )


def _envelope(action: str, body: bytes) -> bytes:
    head = (
        f'<s:Envelope xmlns:s="{soap.SOAP}" xmlns:a="{soap.ADDRESSING}" xmlns:w="{soap.WSMAN}" '
        f'xmlns:r="{SHELL}"><s:Header><a:Action>{action}</a:Action><a:MessageID>uuid:9</a:MessageID>'
        f"<a:To>here</a:To><w:ResourceURI>{_RESOURCE}</w:ResourceURI>"
        "<w:MaxEnvelopeSize>153600</w:MaxEnvelopeSize><w:OperationTimeout>PT20S</w:OperationTimeout>"
        f'<w:SelectorSet><w:Selector Name="ShellId">{_POOL}</w:Selector></w:SelectorSet></s:Header><s:Body>'
    )
    return head.encode() + body + b"</s:Body></s:Envelope>"


def _written_out(request: bytes, numbers: itertools.count[int]) -> bytes:
    def fragments(braces: re.Match[bytes]) -> bytes:
        written = []
        for message in braces[1].split(b"|"):
            kind, _, xml = message.partition(b" ")
            try:
                number = int(kind[:8], 16) & 0xFFFFFFFF
            except ValueError:
                number = 0
            pipeline = _PIPELINE if number >= 0x41000 or number == 0x21006 else UUID(int=0)
            data = struct.pack("<II", 2, number) + _POOL.bytes_le + pipeline.bytes_le + xml
            written.append(struct.pack(">QQBI", next(numbers), 0, 3, len(data)) + data)
        return base64.b64encode(b"".join(written))

    return re.sub(rb"\{([^{}]*)\}", fragments, request)


def _requests(data: bytes, folder: Path) -> bool:
    return asyncio.run(_served(data.split(CUT), folder))


async def _served(requests: Sequence[bytes], folder: Path) -> bool:
    """Every request is answered with one envelope, at the latest when the lab is closed."""
    facts = ServerFacts("MBX1", "mbx1.contoso.com", False, "2019-cu15")
    clock = itertools.count()
    engine, ledger = Engine(_Echo()), Ledger(folder, lambda: NOW)
    shells = RemoteShells(
        facts, folder, engine, ledger, Faults(()), lambda: NOW + timedelta(milliseconds=next(clock)), None
    )
    numbers = itertools.count(1)
    try:
        asked = []
        for request in requests[:20]:
            body = _written_out(request, numbers)
            asked.append(asyncio.ensure_future(shells.answer(body, _ADMIN, full=True, transport=None)))
            await asyncio.wait(asked, timeout=0.01)
        await shells.close()
        replies: list[Reply] = await asyncio.wait_for(asyncio.gather(*asked), 10)
    finally:
        engine.close()
        ledger.close()
    for reply in replies:
        assert reply.body is not None
        assert ET.fromstring(reply.body).tag == f"{{{soap.SOAP}}}Envelope"  # noqa: S314 - our own words
    return all(reply.status == 200 for reply in replies)


_FAULTS_FILE = (
    b'[{"cmdlet": "Set-SendConnector", "nth": 1, "when": "after", "action": "late", "seconds": 0.5}]'
)
_SOAP_WORDS = (
    *(
        CUT,
        b"{",
        b"}",
        b"|",
        b"<!DOCTYPE a>",
        b'<?xml version="1.0" encoding="foo"?>',
        b"PT999999999S",
        b"P99999D",
    ),
    *(
        b"00010002 ",
        b"00010004 ",
        b"00021006 ",
        b"00041101 ",
        b"00041002 ",
        b"00041003 ",
        b"0002100a ",
        b"00021002 ",
    ),
    *(b"00010005 ", b"00010006 ", b'<Ref RefId="0"/>', b"<Obj><LST>", b"</Obj>", b"<I32>", b"<SS>AA==</SS>"),
)

TARGETS = (
    Target(
        "lab-exports", exported, _export, (b"<LST>", b'<Ref RefId="0"/>', b"<Nil/>", b"<DCT>", b"_x000A_")
    ),
    Target(
        "lab-serialization-data",
        blobs,
        _blob,
        (b"#sig#", b"\x0d\xff", b"\x09\x01\x00\x00\x00", b"\x01\x00\x00\x00"),
    ),
    Target("lab-faults", lambda: [_FAULTS_FILE], _faults, (b"NaN", b"1e999", b"null", b'"hold"')),
    Target("lab-sign-in", lambda: [b"Basic " + base64.b64encode(b"admin:secret")], _sign_in),
    Target("lab-requests", _requests_of_a_session, _requests, _SOAP_WORDS),
)
