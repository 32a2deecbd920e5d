"""What an Exchange server answers: CLIXML, serialization data, PowerShell messages, whole envelopes."""

from __future__ import annotations

import base64
import io
import re
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import requests
import urllib3
from requests.adapters import BaseAdapter

from reconciler.cmdlets import invocation
from reconciler.exchange import clixml
from reconciler.exchange.clixml import BadValue, ClixmlError, Object, Primitive
from reconciler.exchange.errors import ExchangeError
from reconciler.exchange.port import Command, Connection, Endpoint, Timeouts
from reconciler.exchange.reading import read_certificate, read_resource
from reconciler.exchange.refresh import read_first, read_mailbox_server
from reconciler.exchange.serialization_data import CERTIFICATE_CLASS, BlobError, ExchangeCertificate
from reconciler.exchange.session import sessions
from reconciler.exchange.session.pool import Pool
from reconciler.exchange.session.prompts import Respondent
from state.resources import AcceptedDomain, ReceiveConnector, SendConnector, Server
from state.values import Name
from tests.fuzz.target import CUT, Target, refused

_TESTS = Path(__file__).parents[2]
_SAMPLES = sorted(
    [*(_TESTS / "unit" / "exchange" / "samples").glob("*.xml"), *(_TESTS / "lab" / "samples").glob("*.xml")]
)


def exported() -> Sequence[bytes]:
    """Export-Clixml files of real shape."""
    return [path.read_bytes() for path in _SAMPLES]


def blobs() -> Sequence[bytes]:
    """The serialization data of certificates in them, signed and not."""
    found = (re.findall(rb'<BA N="SerializationData">([^<]+)<', data) for data in exported())
    decoded = [base64.b64decode(text) for texts in found for text in texts]
    return [data for data in decoded if CERTIFICATE_CLASS.encode() in data]


def _objects(data: bytes, folder: Path) -> bool:
    try:
        document = clixml.read(data)
    except ClixmlError as error:
        return refused(error)
    for value in document.values:
        _look_at(value)
        if isinstance(value, Object):
            for kind in (Server, SendConnector, ReceiveConnector, AcceptedDomain):
                read_resource(kind, value)
            read_certificate(value)
    return True


def _look_at(value: Primitive | Object) -> None:
    """Ask for everything a reader may ask for, once for each node: a tree may hold circles."""
    seen: set[int] = set()
    waiting = [value]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, Primitive):
            assert isinstance(node.text, str)
            try:
                assert isinstance(repr(node.value), str)
            except BadValue as error:
                refused(error)
            continue
        assert all(isinstance(name, str) for name in node.types)
        assert node.to_string is None or isinstance(node.to_string, str)
        members = [node.get(name) for name in node.names()]
        waiting += [child for child in (*members, node.wrapped, *(node.items or [])) if child is not None]


def _blob(data: bytes, folder: Path) -> bool:
    try:
        certificate = ExchangeCertificate.from_blob(data)
        assert isinstance(certificate.cert_data.friendly_name, str | None)
        assert isinstance(certificate.cert_data.der, bytes | None)
    except BlobError as error:
        return refused(error)
    return True


_ASKED = b"uuid:ASKED"
"""Stands for the MessageID of the request, which an answer must name."""


Answer = Callable[[bytes], bytes | None]


class _HostilePeer(BaseAdapter):
    """Answers each request with what a script says to its envelope; for None it closes the connection."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self._answer = answer

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        asked = request.body if isinstance(request.body, bytes) else b""
        body = self._answer(asked)
        if body is None:
            raise requests.exceptions.ConnectionError("closed")
        found = re.search(rb"MessageID>(uuid:[^<]+)<", asked)
        response = requests.Response()
        response.status_code = 500 if b"Fault>" in body else 200
        response.raw = urllib3.HTTPResponse(
            io.BytesIO(body.replace(_ASKED, found[1] if found else b"")), preload_content=False
        )
        response.request = request
        return response

    def close(self) -> None:
        """Nothing is open."""


_CHANGING = "Enable-ExchangeCertificate"
_MOST_ANSWERS = 40
"""A peer that never comes to an end is cut off, as a deadline would."""
_CONNECTION = Connection(
    "EX1", "https://ex1.example/PowerShell/", Endpoint.EXCHANGE, "u", "secret", None, Timeouts(1, 1, 1, 20)
)


def _converse(answer: Answer) -> bool:
    """Open a session on a peer that answers so, read a server, and change something."""
    respondent = Respondent("EX1")
    pool = Pool(_CONNECTION, respondent)
    transport = pool._wsman.transport
    transport.session = transport._build_session()
    transport.session.mount("https://", _HostilePeer(answer))
    try:
        pool.open()
        session = sessions._WriteSession(_CONNECTION, pool, respondent)
        organization, live = read_first(session, Name("EX1"))
        assert live.name == Name("EX1")
        read_mailbox_server(session, Name("EX2"), organization)
        session.run(Command(_CHANGING, {}, (invocation.Answer("default_smtp", "No"),)))
    except ExchangeError as error:
        return refused(error, "secret")
    finally:
        pool.close()
    return True


def _envelope(body: str) -> bytes:
    return (
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
        ' xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
        ' xmlns:rsp="http://schemas.microsoft.com/wbem/wsman/1/windows/shell">'
        f"<s:Header><a:RelatesTo>{_ASKED.decode()}</a:RelatesTo></s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def _stream(messages: bytes) -> str:
    """Lines of type (hexadecimal) and CLIXML, each as a message in one fragment ([MS-PSRP] 2.2.1, 2.2.4)."""
    fragments = []
    for number, message in enumerate(messages.split(b"\n"), 1):
        kind, _, xml = message.partition(b" ")
        try:
            head = struct.pack("<II32x", 1, int(kind[:8], 16))
        except (ValueError, struct.error):
            head = kind
        fragments.append(struct.pack(">QQBI", number, 0, 3, len(head) + len(xml)) + head + xml)
    return base64.b64encode(b"".join(fragments)).decode()


_SHELL = _envelope("<rsp:Shell><rsp:ShellId>1</rsp:ShellId></rsp:Shell>")
_COMMAND = _envelope("<rsp:CommandResponse><rsp:CommandId>2</rsp:CommandId></rsp:CommandResponse>")


def _received(messages: bytes) -> bytes:
    stream = f'<rsp:Stream Name="stdout">{_stream(messages)}</rsp:Stream>'
    return _envelope(f"<rsp:ReceiveResponse>{stream}</rsp:ReceiveResponse>")


class _Script:
    """A server that opens a shell, and then says the same to every reading, and another thing to a change.

    Attributes:
        said: Every answer, in order.
    """

    def __init__(self, opening: bytes, reading: bytes, changing: bytes) -> None:
        self._next, self._reading, self._changing = opening, reading, changing
        self.said: list[bytes] = []

    def __call__(self, asked: bytes) -> bytes | None:
        if len(self.said) == _MOST_ANSWERS:
            return None
        if b"shell/Receive<" in asked:
            self.said.append(_received(self._next))
        elif b"shell/Command<" in asked:
            (arguments,) = re.findall(rb"Arguments>([^<]+)<", asked)
            is_change = _CHANGING.encode() in base64.b64decode(arguments)
            self._next = self._changing if is_change else self._reading
            self.said.append(_COMMAND)
        else:
            self.said.append(_SHELL)
        return self.said[-1]


def _messages(data: bytes, folder: Path) -> bool:
    opening, reading, changing, *_ = [*data.split(CUT), b"", b"", b""]
    return _converse(_Script(opening, reading, changing))


def _envelopes(data: bytes, folder: Path) -> bool:
    bodies = iter(data.split(CUT))
    return _converse(lambda _: next(bodies, None))


_OPENING = (
    b'00010002 <Obj RefId="0"><MS><Version N="protocolversion">2.3</Version>'
    b'<Version N="PSVersion">2.0</Version><Version N="SerializationVersion">1.1.0.1</Version></MS></Obj>\n'
    b'00021009 <Obj RefId="0"><MS><Obj N="ApplicationPrivateData" RefId="1"><DCT/></Obj></MS></Obj>\n'
    b'00021005 <Obj RefId="0"><MS><I32 N="RunspaceState">2</I32></MS></Obj>'
)
_COMPLETED = b'00041006 <Obj RefId="0"><MS><I32 N="PipelineState">4</I32></MS></Obj>'
_ERROR = (
    b'00041005 <Obj RefId="0"><ToString>Shown</ToString><MS><Obj N="Exception" RefId="1"><Props>'
    b'<S N="Message">told</S></Props></Obj><S N="FullyQualifiedErrorId">A,Get-AcceptedDomain</S>'
    b'<I32 N="ErrorCategory_Category">13</I32><S N="ErrorCategory_Activity">Get-AcceptedDomain</S></MS></Obj>'
)
_WARNING = b'00041009 <Obj RefId="0"><MS><S N="InformationalRecord_Message">Careful</S></MS></Obj>'
_PROMPT = (
    b'00041100 <Obj RefId="0"><MS><I64 N="ci">1</I64><Obj N="mi" RefId="1">'
    b'<ToString>PromptForChoice</ToString><I32>26</I32></Obj><Obj N="mp" RefId="2"><LST><S>Confirm</S>'
    b"<S>default SMTP certificate?</S>"
    b'<Obj RefId="3"><LST><Obj RefId="4"><MS><S N="label">&amp;Yes</S></MS></Obj>'
    b'<Obj RefId="5"><MS><S N="label">&amp;No</S></MS></Obj></LST></Obj><I32>0</I32></LST></Obj></MS></Obj>'
)


_ASKED_FOR = {
    "Microsoft.Exchange.Data.Directory.Management.ExchangeServer",
    "Microsoft.Exchange.Data.Directory.SystemConfiguration.SmtpSendConnectorConfig",
    "Microsoft.Exchange.Data.Directory.SystemConfiguration.AcceptedDomain",
    "Microsoft.Exchange.Data.Directory.SystemConfiguration.ReceiveConnector",
}


def _outputs() -> bytes:
    """Exported objects that stand alone in their file, each on a line, as output."""
    lines = []
    for data in exported():
        text = data.decode("utf-16" if data[:2] == b"\xff\xfe" else "utf-8-sig")
        inside = re.search(r"<Objs[^>]*>(.*)</Objs>", re.sub(r">\s+<", "><", text), re.DOTALL)
        values = clixml.read(data).values
        if inside and len(values) == 1 and isinstance(values[0], Object) and _ASKED_FOR & {*values[0].types}:
            short = re.sub('<BA N="SerializationData">[^<]*</BA>', "", inside[1])
            lines.append(f"00041004 {short}".replace("\n", " ").encode())
    return b"\n".join(lines)


def _message_seeds() -> Sequence[bytes]:
    return [
        CUT.join([_OPENING, _outputs() + b"\n" + _COMPLETED, _WARNING + b"\n" + _COMPLETED]),
        CUT.join([_OPENING, _COMPLETED, _PROMPT + b"\n" + _COMPLETED]),
        CUT.join([_OPENING, _ERROR + b"\n" + _COMPLETED, _ERROR + b"\n" + _COMPLETED]),
    ]


def _envelope_seeds() -> Sequence[bytes]:
    script = _Script(*_message_seeds()[0].split(CUT))
    assert _converse(script)
    fault = _envelope(
        "<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text>no</s:Text></s:Reason><s:Detail>"
        '<f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="2150858793">'
        "<f:Message>told</f:Message></f:WSManFault></s:Detail></s:Fault>"
    )
    return [CUT.join(script.said), CUT.join([*script.said[:3], fault, *script.said[3:]])]


_XML_WORDS = tuple(
    word.encode()
    for word in (
        *(
            '<Obj RefId="0">',
            "</Obj>",
            "<Props>",
            "</Props>",
            "<MS>",
            "</MS>",
            "<LST>",
            "</LST>",
            "<DCT>",
            "<En>",
        ),
        *(
            '<Ref RefId="0"/>',
            '<TNRef RefId="0"/>',
            '<TN RefId="9"><T>',
            "<Nil/>",
            "<I32>",
            "</I32>",
            "<BA>",
            "<S>",
        ),
        *(
            "<DT>",
            "<G>",
            "<D>",
            "<Db>",
            "<C>",
            "_xD800_",
            "&#xD;",
            "<!DOCTYPE a>",
            "<![CDATA[",
            "<?xml ",
            "<!--",
        ),
        *(
            "<ToString>",
            ' N="',
            ' xmlns="x"',
            "NaN",
            "-2147483649",
            "1e999999999",
            "sNaN",
            "9999-12-31T23:59:59Z",
        ),
    )
)
_MESSAGE_WORDS = tuple(
    f"\n{kind:08x} ".encode()
    for kind in (
        *(0x10002, 0x10005, 0x10006, 0x21002, 0x21003, 0x21005, 0x21006, 0x21008, 0x21009, 0x2100B, 0x21100),
        *(0x41002, 0x41003, 0x41004, 0x41005, 0x41006, 0x41007, 0x41008, 0x41009, 0x41010, 0x41011, 0x41100),
    )
)

TARGETS = (
    Target("clixml", exported, _objects, _XML_WORDS),
    Target(
        "serialization-data",
        blobs,
        _blob,
        (b"#sig#", b"\x0d\xff", b"\x0e\xff\xff\xff\x7f", b"\x01\x00\x00\x00"),
    ),
    Target("session-messages", _message_seeds, _messages, (CUT, *_MESSAGE_WORDS, *_XML_WORDS)),
    Target(
        "session-envelopes",
        _envelope_seeds,
        _envelopes,
        (CUT, b"<rsp:Stream ", b"<s:Fault>", *_XML_WORDS[-12:]),
    ),
)
