"""WS-Man and PSRP beside messages that were written by hand, from Microsoft's documents alone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID
from xml.etree.ElementTree import canonicalize

import pytest

from reconciler.lab import records
from reconciler.lab.call import ErrorRecord
from reconciler.lab.psrp import PowerShellServer
from reconciler.lab.wsman import WSManServer
from tests.lab.expected_files import clixml, hex_bytes, soap
from tests.lab.plain_clixml import node

RESOURCE = "http://schemas.microsoft.com/powershell/Microsoft.Exchange"
POOL = UUID("04777930-1347-422B-AA4D-33BDC2570979")
PIPELINE = UUID("E888E1DF-C962-41D6-BEFD-F2C82D0ABCCA")
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
ENGINE = "System.Management.Automation."
SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"


def envelope(action: str, body: str, shell: str = str(POOL)) -> bytes:
    return (
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
        ' xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
        ' xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"'
        f' xmlns:rsp="{SHELL}"><s:Header><a:Action>{action}</a:Action>'
        "<a:MessageID>uuid:778BD9EF-3453-4870-950D-3305845271D5</a:MessageID>"
        "<a:To>https://mbx1.contoso.com/PowerShell</a:To>"
        f"<w:ResourceURI>{RESOURCE}</w:ResourceURI><w:OperationTimeout>PT20S</w:OperationTimeout>"
        f'<w:SelectorSet><w:Selector Name="ShellId">{shell}</w:Selector></w:SelectorSet></s:Header>'
        f"<s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


class Server:
    """The WS-Man machine; each request gives its answer, if it has one yet."""

    def __init__(self) -> None:
        self.machine = WSManServer(RESOURCE, "mbx1.contoso.com", lambda: UUID(int=7))

    def ask(self, action: str, body: str, shell: str = str(POOL)) -> None:
        self.machine.receive_data(1, envelope(action, body, shell), user="CONTOSO\\admin", full=True, now=NOW)

    def answer(self) -> bytes:
        reply = self.machine.data_to_send()
        assert reply is not None
        assert reply.body is not None
        return reply.body

    def create(self) -> bytes:
        self.ask(
            "http://schemas.xmlsoap.org/ws/2004/09/transfer/Create",
            f'<rsp:Shell ShellId="{POOL}"><rsp:IdleTimeOut>PT7200S</rsp:IdleTimeOut>'
            '<creationXml xmlns="http://schemas.microsoft.com/powershell">aGVsbG8=</creationXml></rsp:Shell>',
        )
        return self.answer()

    def command(self) -> bytes:
        self.ask(
            f"{SHELL}/Command",
            f'<rsp:CommandLine CommandId="{PIPELINE}"><rsp:Command/><rsp:Arguments>aGVsbG8=</rsp:Arguments>'
            "</rsp:CommandLine>",
        )
        return self.answer()

    def receive(self) -> None:
        desired = f'<rsp:DesiredStream CommandId="{PIPELINE}">stdout</rsp:DesiredStream>'
        self.ask(f"{SHELL}/Receive", f"<rsp:Receive>{desired}</rsp:Receive>")


@pytest.fixture
def server() -> Server:
    started = Server()
    started.create()
    return started


def assert_is(answer: bytes, name: str) -> None:
    """Compare as canonical XML, with prefixes of its own: ids, and texts of faults, are the lab's."""
    text = answer.decode()
    filled = {"message": re.search(r"<a:MessageID>(uuid:[0-9A-F-]{36})<", text)}
    filled["text"] = re.search(r'<s:Text xml:lang="en-US">([^<]*)<', text)
    wanted = soap(name, **{key: found[1] for key, found in filled.items() if found})
    assert canonicalize(text, rewrite_prefixes=True, strip_text=True) == canonicalize(
        wanted, rewrite_prefixes=True, strip_text=True
    )


class TestSoap:
    def test_of_a_shell_that_was_created(self) -> None:
        assert_is(Server().create(), "create_response.xml")

    def test_of_a_command_that_was_started(self, server: Server) -> None:
        assert_is(server.command(), "command_response.xml")

    def test_of_output_and_the_end(self, server: Server) -> None:
        server.command()
        server.machine.send_output(POOL, PIPELINE, b"hello")
        server.machine.finish_command(POOL, PIPELINE)
        server.receive()
        assert_is(server.answer(), "receive_response.xml")

    def test_of_a_receive_that_waited_in_vain(self, server: Server) -> None:
        server.command()
        server.receive()
        server.machine.advance(NOW + timedelta(seconds=20))
        assert_is(server.answer(), "timeout_fault.xml")

    def test_of_a_shell_that_is_gone(self, server: Server) -> None:
        server.ask(f"{SHELL}/Receive", "<rsp:Receive/>", shell=str(PIPELINE))
        assert_is(server.answer(), "no_shell_fault.xml")


class TestMessages:
    """A client's ids come back byte for byte, whatever it takes a GUID's bytes to be."""

    @pytest.fixture
    def messages(self) -> list[bytes]:
        server = PowerShellServer()
        server.receive_data(hex_bytes("client_creation.hex", pool=POOL.bytes_le))
        server.start_pipeline(PIPELINE, b"")
        server.write_output(PIPELINE, "<S>before</S>")
        server.complete(PIPELINE)
        chunks = iter(server.data_to_send, None)
        return [message for chunk in chunks for message in fragments(chunk.data)]

    @pytest.mark.parametrize(
        ("name", "place"),
        [
            ("session_capability.hex", 0),
            ("pool_opened.hex", 2),
            ("pipeline_output.hex", 3),
            ("pipeline_completed.hex", 4),
        ],
    )
    def test_are_what_windows_sends(self, messages: list[bytes], name: str, place: int) -> None:
        ids = {"pool": POOL.bytes_le, "pipeline": PIPELINE.bytes_le}
        assert messages[place] == hex_bytes(name, **ids)


class TestAnErrorRecord:
    def test_is_what_windows_sends(self) -> None:
        record = ErrorRecord(
            message="Cannot process argument transformation on parameter 'Port'.",
            exception_type="System.Management.Automation.ParameterBindingArgumentTransformationException",
            fully_qualified_id="ParameterArgumentTransformationError,Set-SendConnector",
            category=6,
            activity="Set-SendConnector",
        )
        assert records.error_record(record, "Set-SendConnector") == clixml("error_record.clixml")

    @pytest.mark.parametrize(
        ("name", "bases"),
        [
            (f"{ENGINE}CommandNotFoundException", [f"{ENGINE}RuntimeException", "System.SystemException"]),
            (f"{ENGINE}ParameterBindingException", [f"{ENGINE}RuntimeException", "System.SystemException"]),
            (f"{ENGINE}PSNotSupportedException", ["System.NotSupportedException", "System.SystemException"]),
            (f"{ENGINE}PSArgumentException", ["System.ArgumentException", "System.SystemException"]),
            ("System.InvalidOperationException", ["System.SystemException"]),
            (
                "Microsoft.Exchange.Data.DataValidationException",
                ["Microsoft.Exchange.Data.Common.LocalizedException"],
            ),
        ],
    )
    def test_tells_the_bases_of_its_exception(self, name: str, bases: list[str]) -> None:
        """As .NET's reference lists them; a recorded answer of Windows shows the first."""
        record = node(records.error_record(ErrorRecord("m", name, "Id", 5), "Get-X"))
        assert list(record.notes["Exception"].types) == [name, *bases, "System.Exception", "System.Object"]


def fragments(data: bytes) -> list[bytes]:
    """Take fragments apart; each of these messages has one."""
    found: list[bytes] = []
    while data:
        end = 21 + int.from_bytes(data[17:21], "big")
        found.append(data[:end])
        data = data[end:]
    return found
