"""Questions that nobody foresaw: each stops its command, nothing is answered, and nothing is done."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reconciler.exchange.clixml import Object, Primitive
from reconciler.exchange.errors import UnexpectedPrompt
from reconciler.exchange.port import Command, Connection, Endpoint, Timeouts, Writer
from reconciler.exchange.session import Sessions
from reconciler.lab.control import ThreadedLab, open_threaded
from tests.rules import rule

CHOICES = ("yes", "yes to all", "no", "no to all")
MAKE = Command("New-SendConnector", {"Name": "Kept", "AddressSpaces": ("a.example",), "Custom": True})


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreadedLab]:
    with open_threaded(tmp_path_factory.mktemp("lab"), servers=1, edges=1) as running:
        yield running


@pytest.fixture(params=["MBX1", "EDGE1"])
def writer(lab: ThreadedLab, request: pytest.FixtureRequest) -> Iterator[Writer]:
    """A session on a server that has one send connector, "Kept"."""
    account = lab.account()
    endpoint = Endpoint.EXCHANGE if request.param == "MBX1" else Endpoint.WINRM
    connection = Connection(
        request.param,
        lab.url(request.param),
        endpoint,
        account.name,
        account.password,
        lab.ca,
        Timeouts(connect=5, read=20, operation=10, invocation=30),
    )
    with Sessions().writer(connection) as opened:
        opened.run(MAKE)
        yield opened
        opened.run(Command("Remove-SendConnector", {"Identity": "Kept", "Confirm": False}))


def stopped(lab: ThreadedLab, writer: Writer, command: Command) -> UnexpectedPrompt:
    """Run a command that asks; afterwards the session goes on, and the one connector is as it was."""
    with pytest.raises(UnexpectedPrompt) as caught:
        writer.run(command)
    (connector,) = writer.run(Command("Get-SendConnector")).outputs
    assert isinstance(connector, Object)
    name, port = connector.get("Name"), connector.get("Port")
    assert isinstance(name, Primitive)
    assert isinstance(port, Primitive)
    assert (name.text, port.text) == ("Kept", "25")
    received = lab.status()["cmdlets"][-2]
    assert (received["cmdlet"], received["result"], received["answers"]) == (command.cmdlet, "stopped", [])
    return caught.value


class TestAQuestion:
    @rule("1-9")
    def test_whether_to_remove_is_not_answered(self, lab: ThreadedLab, writer: Writer) -> None:
        """Remove-* asks unless -Confirm:$false [1-9]."""
        asked = stopped(lab, writer, Command("Remove-SendConnector", {"Identity": "Kept"}))
        assert (asked.method, asked.choices) == ("PromptForChoice", CHOICES)
        assert "Are you sure you want to perform this action?" in asked.text

    def test_that_confirm_asks_for_is_not_answered(self, lab: ThreadedLab, writer: Writer) -> None:
        change = Command("Set-SendConnector", {"Identity": "Kept", "Port": 26, "Confirm": True})
        assert stopped(lab, writer, change).choices == CHOICES

    def test_for_a_mandatory_parameter_is_not_answered(self, lab: ThreadedLab, writer: Writer) -> None:
        """It names what is missing, for the person who reads of it."""
        asked = stopped(lab, writer, Command("New-SendConnector", {"Name": "Other"}))
        assert (asked.method, asked.choices) == ("Prompt", ())
        assert asked.text.splitlines()[-1] == "AddressSpaces"

    def test_is_told_with_the_command_that_asked(self, lab: ThreadedLab, writer: Writer) -> None:
        asked = stopped(lab, writer, Command("Remove-SendConnector", {"Identity": "Kept"}))
        assert asked.cmdlet == "Remove-SendConnector"
        assert "Remove-SendConnector asked an unexpected question: Confirm" in str(asked)
