"""A client on psrpcore's client half: it keeps to MS-PSRP and MS-WSMV, and shares nothing with pypsrp."""

from __future__ import annotations

import base64
import http.client
import ssl
import uuid
from typing import Any
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

import psrpcore
from defusedxml.ElementTree import fromstring
from psrpcore.types import HostInfo, RunspacePoolState

from reconciler.lab.emulator import ThreadedLab

SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
ENVELOPE = """<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"
 xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"
 xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" xmlns:rsp="{shell}"><s:Header>
<a:To>{url}</a:To><a:Action s:mustUnderstand="true">{action}</a:Action><a:MessageID>uuid:{id}</a:MessageID>
<w:ResourceURI>http://schemas.microsoft.com/powershell/Microsoft.Exchange</w:ResourceURI>
<w:MaxEnvelopeSize>153600</w:MaxEnvelopeSize><w:OperationTimeout>PT{timeout}S</w:OperationTimeout>
<w:SelectorSet><w:Selector Name="ShellId">{selector}</w:Selector></w:SelectorSet></s:Header>
<s:Body>{body}</s:Body></s:Envelope>"""


HOST = HostInfo(IsHostNull=False, IsHostUINull=False, IsHostRawUINull=True, UseRunspaceHost=False)


class Answer:
    """One answer: HTTP status, fault code if any, the streams, and whether the command is done."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        root: Element = fromstring(body)
        fault = root.find(".//{http://schemas.microsoft.com/wbem/wsman/1/wsmanfault}WSManFault")
        self.fault = None if fault is None else int(fault.get("Code", ""))
        self.streams = [base64.b64decode(item.text or "") for item in root.iter(f"{{{SHELL}}}Stream")]
        self.done = any(
            (item.get("State") or "").endswith("Done") for item in root.iter(f"{{{SHELL}}}CommandState")
        )


class Client:
    """A client that keeps to MS-PSRP and MS-WSMV, one HTTP connection a request."""

    def __init__(self, lab: ThreadedLab, host: HostInfo | None = None) -> None:
        self._lab = lab
        self.pool = psrpcore.ClientRunspacePool(host=host) if host else psrpcore.ClientRunspacePool()
        self.id = str(self.pool.runspace_pool_id).upper()
        self.events: list[Any] = []

    def post(self, action: str, body: str = "", timeout: int = 20) -> Answer:
        connection = self.request(action, body, timeout)
        try:
            response = connection.getresponse()
            return Answer(response.status, response.read())
        finally:
            connection.close()

    def request(self, action: str, body: str, timeout: int = 20) -> http.client.HTTPSConnection:
        """Send a request, and leave its answer on the connection."""
        url = urlsplit(self._lab.url("MBX1"))
        account = self._lab.account()
        token = base64.b64encode(f"{account.name}:{account.password}".encode()).decode()
        connection = http.client.HTTPSConnection(
            "127.0.0.1", url.port, timeout=60, context=ssl.create_default_context(cafile=self._lab.ca)
        )
        envelope = ENVELOPE.format(
            shell=SHELL,
            url=url.geturl(),
            action=action,
            id=uuid.uuid4(),
            timeout=timeout,
            selector=self.id,
            body=body,
        )
        connection.request(
            "POST",
            url.path,
            envelope.encode(),
            {"Authorization": f"Basic {token}", "Content-Type": "application/soap+xml;charset=UTF-8"},
        )
        return connection

    def open(self) -> None:
        self.pool.open()
        first = self.pool.data_to_send()
        assert first is not None
        content = base64.b64encode(first.data).decode()
        created = self.post(
            f"{TRANSFER}/Create",
            f'<rsp:Shell ShellId="{self.id}"><rsp:InputStreams>stdin pr</rsp:InputStreams>'
            "<rsp:OutputStreams>stdout</rsp:OutputStreams>"
            f'<creationXml xmlns="http://schemas.microsoft.com/powershell">{content}</creationXml></rsp:Shell>',
        )
        assert created.status == 200
        while self.pool.state != RunspacePoolState.Opened:
            self.receive()

    def start(self, *statements: str, **parameters: Any) -> psrpcore.ClientPowerShell:
        shell = psrpcore.ClientPowerShell(self.pool)
        for statement in statements:
            shell.add_command(statement)
            for name, value in parameters.items():
                shell.add_parameter(name, value)
            shell.add_statement()
        shell.start()
        first = self.pool.data_to_send(100_000)
        assert first is not None
        content = base64.b64encode(first.data).decode()
        self.post(
            f"{SHELL}/Command",
            f'<rsp:CommandLine CommandId="{self.name(shell)}"><rsp:Command/>'
            f"<rsp:Arguments>{content}</rsp:Arguments></rsp:CommandLine>",
        )
        self.send()
        return shell

    def send(self) -> None:
        while (payload := self.pool.data_to_send(100_000)) is not None:
            content = base64.b64encode(payload.data).decode()
            command = f' CommandId="{str(payload.pipeline_id).upper()}"' if payload.pipeline_id else ""
            self.post(
                f"{SHELL}/Send", f'<rsp:Send><rsp:Stream Name="pr"{command}>{content}</rsp:Stream></rsp:Send>'
            )

    def receive(self, shell: Any = None, timeout: int = 20) -> Answer:
        answer = self.post(f"{SHELL}/Receive", self.wanted(shell), timeout)
        for stream in answer.streams:
            self.pool.receive_data(psrpcore.PSRPPayload(stream, psrpcore.StreamType.default, None))
        while (event := self.pool.next_event()) is not None:
            self.events.append(event)
        return answer

    def finish(self, shell: psrpcore.ClientPowerShell) -> list[Any]:
        """Receive until the command is done; returns its output."""
        while not self.receive(shell).done:
            pass
        return [event.data for event in self.events if isinstance(event, psrpcore.PipelineOutputEvent)]

    def signal(self, shell: Any, code: str) -> Answer:
        return self.post(
            f"{SHELL}/Signal",
            f'<rsp:Signal CommandId="{self.name(shell)}"><rsp:Code>{code}</rsp:Code></rsp:Signal>',
        )

    def wanted(self, shell: Any) -> str:
        """The body of a Receive for a pipeline, or for the pool."""
        command = f' CommandId="{self.name(shell)}"' if shell else ""
        return f"<rsp:Receive><rsp:DesiredStream{command}>stdout</rsp:DesiredStream></rsp:Receive>"

    def name(self, shell: Any) -> str:
        return str(shell.pipeline_id).upper()
