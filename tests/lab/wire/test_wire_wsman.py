"""The WS-Man machine, without sockets and with a clock of the test's own."""

from __future__ import annotations

import base64
import itertools
import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.lab import soap
from reconciler.lab.shell_events import (
    CommandSignalled,
    CommandStarted,
    InputArrived,
    ReceiveArrived,
    Reply,
    ShellClosed,
    ShellOpened,
)
from reconciler.lab.soap import SHELL, TRANSFER, WSManFault, parse_duration
from reconciler.lab.wsman import SHELLS_PER_USER, WSManServer
from tests.rules import rule

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
RESOURCE = "http://schemas.microsoft.com/powershell/Microsoft.Exchange"
ONE = UUID(int=1)
COMMAND = UUID(int=2)


def envelope(
    action: str,
    body: str = "",
    *,
    shell_id: object = ONE,
    resource: str = RESOURCE,
    timeout: str = "PT20S",
    max_envelope: int = 153600,
) -> bytes:
    return (
        f'<s:Envelope xmlns:s="{soap.SOAP}" xmlns:a="{soap.ADDRESSING}" xmlns:w="{soap.WSMAN}"'
        f' xmlns:r="{SHELL}"><s:Header>'
        f"<a:Action>{action}</a:Action><a:MessageID>uuid:9</a:MessageID><a:To>here</a:To>"
        f"<w:ResourceURI>{resource}</w:ResourceURI><w:MaxEnvelopeSize>{max_envelope}</w:MaxEnvelopeSize>"
        f"<w:OperationTimeout>{timeout}</w:OperationTimeout><w:SelectorSet>"
        f'<w:Selector Name="ShellId">{shell_id}</w:Selector></w:SelectorSet></s:Header>'
        f"<s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def create(idle: str = "", shell: UUID = ONE) -> bytes:
    idle_timeout = f"<r:IdleTimeOut>{idle}</r:IdleTimeOut>" if idle else ""
    content = base64.b64encode(b"hello").decode()
    return envelope(
        f"{TRANSFER}/Create",
        f'<r:Shell ShellId="{shell}">{idle_timeout}<creationXml xmlns="{soap.POWERSHELL}">'
        f"{content}</creationXml></r:Shell>",
    )


def receive(command: UUID | None = COMMAND, timeout: str = "PT20S", max_envelope: int = 153600) -> bytes:
    attribute = f' CommandId="{command}"' if command else ""
    body = f"<r:Receive><r:DesiredStream{attribute}>stdout</r:DesiredStream></r:Receive>"
    return envelope(f"{SHELL}/Receive", body, timeout=timeout, max_envelope=max_envelope)


def signal(code: str) -> bytes:
    return envelope(f"{SHELL}/Signal", f'<r:Signal CommandId="{COMMAND}"><r:Code>{code}</r:Code></r:Signal>')


class Machine:
    """The machine under test, with tickets counted."""

    def __init__(self) -> None:
        ids = itertools.count(100)
        self.server = WSManServer(RESOURCE, "mbx1.contoso.com", lambda: UUID(int=next(ids)))
        self.tickets = itertools.count(1)

    def take(self, data: bytes, *, user: str = "admin", now: datetime = NOW) -> int:
        ticket = next(self.tickets)
        self.server.receive_data(ticket, data, user=user, full=True, now=now)
        return ticket

    def replies(self) -> list[Reply]:
        return list(iter(self.server.data_to_send, None))

    def events(self) -> list[object]:
        return list(iter(self.server.next_event, None))

    def fault(self, data: bytes, **options: object) -> int | None:
        self.take(data, **options)  # the options of take, by name
        (reply,) = self.replies()
        return code(reply)


def code(reply: Reply) -> int | None:
    assert reply.body is not None
    found = re.search(rb'WSManFault [^>]*Code="(\d+)"', reply.body)
    assert (reply.status == 500) == (found is not None)
    return int(found[1]) if found else None


def streams(reply: Reply) -> list[bytes]:
    assert reply.body is not None
    return [base64.b64decode(found) for found in re.findall(rb"<rsp:Stream [^>]*>([^<]*)<", reply.body)]


@pytest.fixture
def machine() -> Machine:
    """A machine with one shell and one command."""
    opened = Machine()
    opened.take(create())
    opened.take(
        envelope(
            f"{SHELL}/Command",
            f'<r:CommandLine CommandId="{COMMAND}"><r:Arguments>AAAA</r:Arguments></r:CommandLine>',
        )
    )
    opened.events()
    opened.replies()
    return opened


class TestTheQuota:
    @rule("5-2")
    def test_is_of_shells_by_user(self, machine: Machine) -> None:
        """WinRM's MaxShellsPerUser: whoever leaves sessions open is refused the next one."""
        for number in range(SHELLS_PER_USER - 1):
            assert machine.fault(create(shell=UUID(int=50 + number))) is None
        assert machine.fault(create(shell=UUID(int=99))) == 2150859173
        assert machine.fault(create(shell=UUID(int=99)), user="viewer") is None
        assert machine.fault(envelope(f"{TRANSFER}/Delete")) is None
        assert machine.fault(create()) is None


class TestCreate:
    def test_tells_who_opened_what(self) -> None:
        machine = Machine()
        machine.take(create())
        assert machine.events() == [ShellOpened(ONE, "admin", True, b"hello")]
        (reply,) = machine.replies()
        assert reply.status == 200
        assert f'<w:Selector Name="ShellId">{str(ONE).upper()}</w:Selector>'.encode() in (reply.body or b"")

    def test_of_another_configuration_names_the_resource_uri(self) -> None:
        data = envelope(f"{TRANSFER}/Create", resource="http://schemas.microsoft.com/powershell/Other")
        assert Machine().fault(data) == 2150858811

    def test_of_what_is_not_powershell_is_refused(self) -> None:
        assert Machine().fault(envelope(f"{TRANSFER}/Create", "<r:Shell/>")) == 0x8033803A

    def test_twice_is_refused(self, machine: Machine) -> None:
        assert machine.fault(create()) == 0x8033803A


class TestAShell:
    def test_is_not_found_by_its_wrong_name(self, machine: Machine) -> None:
        assert machine.fault(envelope(f"{TRANSFER}/Delete", shell_id=UUID(int=77))) == 2150858843
        assert machine.fault(envelope(f"{TRANSFER}/Delete", shell_id="nonsense")) == 2150858843

    def test_answers_only_to_its_owner(self, machine: Machine) -> None:
        assert machine.fault(envelope(f"{TRANSFER}/Delete"), user="viewer") == 2150858843
        assert machine.server.open_shells == 1

    def test_expires_when_idle(self, machine: Machine) -> None:
        deadline = machine.server.next_deadline()
        assert deadline == NOW + timedelta(minutes=15)
        machine.server.advance(deadline - timedelta(seconds=1))
        assert machine.events() == []
        machine.server.advance(deadline)
        assert machine.events() == [ShellClosed(ONE, expired=True)]
        assert machine.server.open_shells == 0

    def test_may_be_told_when_to_expire(self) -> None:
        machine = Machine()
        machine.take(create("PT60S"))
        assert machine.server.next_deadline() == NOW + timedelta(seconds=60)

    def test_with_a_receive_pending_is_not_idle(self, machine: Machine) -> None:
        machine.take(receive(timeout="PT7200S"))
        machine.server.advance(NOW + timedelta(minutes=20))
        assert machine.server.open_shells == 1


class TestInput:
    def test_of_a_command_starts_it(self) -> None:
        machine = Machine()
        machine.take(create())
        body = f'<r:CommandLine CommandId="{COMMAND}"><r:Arguments>AAEC</r:Arguments></r:CommandLine>'
        machine.take(envelope(f"{SHELL}/Command", body))
        assert machine.events()[1:] == [CommandStarted(ONE, COMMAND, b"\x00\x01\x02")]

    def test_by_send_reaches_shell_or_command(self, machine: Machine) -> None:
        body = (
            f'<r:Send><r:Stream Name="pr" CommandId="{COMMAND}">AA==</r:Stream>'
            '<r:Stream Name="stdin">AQ==</r:Stream></r:Send>'
        )
        machine.take(envelope(f"{SHELL}/Send", body))
        assert machine.events() == [InputArrived(ONE, COMMAND, b"\x00"), InputArrived(ONE, None, b"\x01")]

    def test_that_is_not_base64_is_refused(self, machine: Machine) -> None:
        body = '<r:Send><r:Stream Name="stdin">?</r:Stream></r:Send>'
        assert machine.fault(envelope(f"{SHELL}/Send", body)) == 0x8033803A


class TestReceive:
    def test_waits_for_output(self, machine: Machine) -> None:
        ticket = machine.take(receive())
        assert machine.events() == [ReceiveArrived(ONE, COMMAND)]
        assert machine.replies() == []
        machine.server.send_output(ONE, COMMAND, b"abc")
        machine.server.flush()
        (reply,) = machine.replies()
        assert (reply.ticket, streams(reply)) == (ticket, [b"abc"])

    def test_ends_with_a_fault_exactly_when_its_client_waits_no_longer(self, machine: Machine) -> None:
        machine.take(receive(timeout="PT2S"))
        assert machine.server.next_deadline() == NOW + timedelta(seconds=2)
        machine.server.advance(NOW + timedelta(seconds=1.9))
        assert machine.replies() == []
        machine.server.advance(NOW + timedelta(seconds=2))
        (reply,) = machine.replies()
        assert code(reply) == 2150858793

    def test_packs_chunks_into_one_envelope_up_to_its_limit(self, machine: Machine) -> None:
        for _ in range(10):
            machine.server.send_output(ONE, COMMAND, b"x" * 30_000)
        machine.server.finish_command(ONE, COMMAND)
        sizes = []
        for _ in range(4):
            machine.take(receive(max_envelope=153_600))
            (reply,) = machine.replies()
            assert len(reply.body or b"") <= 153_600
            sizes.append((len(streams(reply)), b"CommandState/Done" in (reply.body or b"")))
        assert sizes == [(3, False), (3, False), (3, False), (1, True)]

    def test_of_one_chunk_larger_than_the_envelope_gets_it_all_the_same(self, machine: Machine) -> None:
        machine.server.send_output(ONE, COMMAND, b"x" * 30_000)
        machine.take(receive(max_envelope=8192))
        assert [len(streams(reply)) for reply in machine.replies()] == [1]

    def test_says_done_with_the_last_output(self, machine: Machine) -> None:
        machine.take(receive())
        machine.server.send_output(ONE, COMMAND, b"abc")
        machine.server.finish_command(ONE, COMMAND)
        machine.server.flush()
        (reply,) = machine.replies()
        assert b"CommandState/Done" in (reply.body or b"")

    def test_whose_connection_is_gone_leaves_the_output_to_the_next(self, machine: Machine) -> None:
        lost = machine.take(receive())
        machine.server.forget(lost)
        machine.server.send_output(ONE, COMMAND, b"abc")
        machine.server.flush()
        assert machine.replies() == []
        machine.take(receive())
        assert [streams(reply) for reply in machine.replies()] == [[b"abc"]]

    def test_keeps_the_pool_and_the_command_apart(self, machine: Machine) -> None:
        pool = machine.take(receive(command=None))
        machine.server.send_output(ONE, None, b"pool")
        machine.server.send_output(ONE, COMMAND, b"command")
        machine.server.flush()
        (reply,) = machine.replies()
        assert (reply.ticket, streams(reply)) == (pool, [b"pool"])

    def test_can_be_spoiled(self, machine: Machine) -> None:
        """What a fault rule asks for: nonsense, or no answer at all; the output is not lost by it."""
        machine.server.spoil(ONE, COMMAND, b"<html>")
        machine.server.spoil(ONE, COMMAND, None)
        machine.server.send_output(ONE, COMMAND, b"abc")
        for _ in range(3):
            machine.take(receive())
        garbage, dropped, good = machine.replies()
        assert (garbage.body, dropped.body, streams(good)) == (b"<html>", None, [b"abc"])


class TestTheEnd:
    @pytest.mark.parametrize("how", [f"{SHELL}/signal/terminate", f"{SHELL}/signal/Terminate"])
    def test_of_a_command_aborts_every_receive_for_it(self, machine: Machine, how: str) -> None:
        waiting = [machine.take(receive()), machine.take(receive())]
        machine.take(signal(how))
        replies = machine.replies()
        assert [(reply.ticket, code(reply)) for reply in replies[:2]] == [(ticket, 995) for ticket in waiting]
        assert machine.events()[2:] == [CommandSignalled(ONE, COMMAND)]
        assert machine.fault(receive()) == 2150858843

    def test_of_a_shell_aborts_every_receive_in_it(self, machine: Machine) -> None:
        machine.take(receive())
        machine.take(receive(command=None))
        machine.take(envelope(f"{TRANSFER}/Delete"))
        assert sorted(code(reply) or 0 for reply in machine.replies()) == [0, 995, 995]
        assert machine.events()[2:] == [ShellClosed(ONE, expired=False)]

    def test_by_ctrl_c_leaves_the_output_to_come(self, machine: Machine) -> None:
        machine.take(receive())
        machine.take(signal("powershell/signal/ctrl_c"))
        assert [reply.status for reply in machine.replies()] == [200]
        assert machine.events()[1:] == [CommandSignalled(ONE, COMMAND)]

    def test_by_another_signal_is_refused(self, machine: Machine) -> None:
        assert machine.fault(signal("powershell/signal/hup")) == 0x8033803A

    def test_makes_output_for_it_harmless(self, machine: Machine) -> None:
        machine.take(envelope(f"{TRANSFER}/Delete"))
        machine.server.send_output(ONE, COMMAND, b"late")
        machine.server.finish_command(ONE, COMMAND)
        machine.server.flush()


class TestAnEnvelope:
    def test_with_a_dtd_is_refused(self) -> None:
        data = b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + create()
        assert Machine().fault(data) == 0x80338043

    @pytest.mark.parametrize("encoding", ["no-such", "hex", "utf-32"])
    def test_in_an_encoding_that_is_none_is_refused(self, encoding: str) -> None:
        """Found by fuzzing: the parser looks the name up, and fails in its own way."""
        data = f'<?xml version="1.0" encoding="{encoding}"?>'.encode() + create()
        assert Machine().fault(data) == 0x80338043

    def test_beyond_the_limit_is_refused(self) -> None:
        assert Machine().fault(b" " * (soap.MAX_ENVELOPE + 1)) == 0x80338049

    @pytest.mark.parametrize("action", ["Disconnect", "Reconnect", "Connect"])
    def test_of_an_action_we_do_not_have_is_refused(self, machine: Machine, action: str) -> None:
        assert machine.fault(envelope(f"{SHELL}/{action}")) == 0x80338013

    def test_with_a_bad_header_is_refused(self, machine: Machine) -> None:
        assert machine.fault(receive(timeout="soon")) == 0x8033803A

    def test_whose_content_turns_out_bad_is_faulted_instead(self, machine: Machine) -> None:
        body = '<r:Send><r:Stream Name="stdin">AQ==</r:Stream></r:Send>'
        ticket = machine.take(envelope(f"{SHELL}/Send", body))
        machine.server.fail(ticket, "not PSRP")
        (reply,) = machine.replies()
        assert code(reply) == 0x80338003
        assert b"<a:RelatesTo>uuid:9</a:RelatesTo>" in (reply.body or b"")

    @given(st.binary(max_size=300))
    def test_of_any_bytes_gets_exactly_one_answer(self, data: bytes) -> None:
        machine = Machine()
        machine.take(data)
        assert len(machine.replies()) == 1

    @given(st.integers(0, len(create()) - 1), st.binary(max_size=3))
    def test_cut_anywhere_gets_exactly_one_answer(self, position: int, put: bytes) -> None:
        machine = Machine()
        machine.take(create()[:position] + put + create()[position + 1 :])
        assert len(machine.replies()) == 1


class TestADuration:
    @given(st.integers(0, 99), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59999))
    def test_is_read_as_written(self, days: int, hours: int, minutes: int, milliseconds: int) -> None:
        text = f"P{days}DT{hours}H{minutes}M{milliseconds / 1000:.3f}S"
        span = timedelta(days=days, hours=hours, minutes=minutes, milliseconds=milliseconds)
        assert parse_duration(text) == span

    @pytest.mark.parametrize("text", ["", "P", "PT", "P1Y", "-PT1S", "20", "PT1S " * 100])
    def test_of_any_other_form_is_none(self, text: str) -> None:
        with pytest.raises(ValueError):
            parse_duration(text)


@given(st.text(), st.text(st.characters(codec="ascii", exclude_categories=["Cc"])))
def test_a_fault_is_well_formed_whatever_it_says(reason: str, message_id: str) -> None:
    """Reasons quote what clients sent."""
    data = soap.fault(WSManFault(soap.Code.ABORTED, reason), message_id, ONE, 'm"<')
    assert soap.parse_request(data).action.endswith("/fault")
