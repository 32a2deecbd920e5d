"""Two foreign clients administer the whole Exchange, with nothing of ours between them and the lab."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psrpcore
import pytest
from psrpcore.types import PSInvocationState
from pypsrp.host import PSHost, PSHostUserInterface
from pypsrp.powershell import PowerShell, RunspacePool

from reconciler.lab.emulator import ThreadedLab, utc_now
from reconciler.lab.exchange import open_exchange
from tests.lab.second_client import HOST, TRANSFER, Client
from tests.rules import rule

YES, NO = 0, 2
MISSING = "[FailureCategory=Cmdlet-ManagementObjectNotFoundException]"
TASKS = "Microsoft.Exchange.Management.SystemConfigurationTasks."


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreadedLab]:
    """One Mailbox server; tests keep to connectors of their own."""
    folder = tmp_path_factory.mktemp("whole")
    exchange = open_exchange(folder, servers=1, edges=0, build="2019", from_clixml=None, now=utc_now)
    with ThreadedLab(exchange, folder / "lab") as running:
        yield running


class Answering(PSHostUserInterface):
    def __init__(self, *answers: int) -> None:
        super().__init__()
        self.answers = list(answers)

    def PromptForChoice(
        self, runspace: Any, pipeline: Any, caption: str, message: str, choices: Any, default_choice: int
    ) -> int:
        return self.answers.pop(0)


def error_id(shell: PowerShell) -> str:
    return str(shell.streams.error[0].fq_error)


class TestStockPypsrp:
    def run(self, pool: RunspacePool, cmdlet: str, **parameters: Any) -> PowerShell:
        shell = PowerShell(pool)
        shell.add_cmdlet(cmdlet).add_parameters(parameters)
        shell.invoke()
        return shell

    def test_creates_changes_and_removes(self, whole: ThreadedLab, connect: Callable[..., Any]) -> None:
        host = PSHost(None, None, False, "test", None, Answering(NO, YES), "1.0")
        with (
            connect(whole) as wsman,
            RunspacePool(wsman, configuration_name="Microsoft.Exchange", host=host) as pool,
        ):
            (made,) = self.run(pool, "New-SendConnector", Name="stock", AddressSpaces=["a.com"]).output
            assert made.adapted_properties["Name"] == "stock"
            assert not self.run(pool, "Set-SendConnector", Identity="stock", RequireTLS=True).had_errors
            (now,) = self.run(pool, "Get-SendConnector", Identity="stock").output
            assert now.adapted_properties["RequireTLS"] is True
            refused = self.run(pool, "Set-SendConnector", Identity="stock", TlsDomain="a.com")
            assert error_id(refused).endswith(f",{TASKS}SetSendConnector")
            unbound = self.run(pool, "Set-SendConnector", Identity="stock", Port="many")
            assert error_id(unbound) == "ParameterArgumentTransformationError,Set-SendConnector"
            self.run(pool, "Remove-SendConnector", Identity="stock")
            assert self.run(pool, "Get-SendConnector", Identity="stock").output
            self.run(pool, "Remove-SendConnector", Identity="stock")
            assert MISSING in error_id(self.run(pool, "Get-SendConnector", Identity="stock"))
        assert whole.status()["shells_open"]["MBX1"] == 0

    @rule("5-6")
    def test_loses_connectors_whose_parts_refer_to_each_other(
        self, whole: ThreadedLab, connect: Callable[..., Any]
    ) -> None:
        """Its own reader meets a reference to what it never registered: why the client has one itself."""
        parameters = {"AddressSpaces": ["b.com"], "SmartHosts": ["mx.b.com"], "DNSRoutingEnabled": False}
        with connect(whole) as wsman, RunspacePool(wsman, configuration_name="Microsoft.Exchange") as pool:
            with pytest.raises(KeyError):
                self.run(pool, "New-SendConnector", Name="refers", **parameters)
            self.run(pool, "Remove-SendConnector", Identity="refers", Confirm=False)


class TestPsrpcore:
    @pytest.fixture
    def client(self, whole: ThreadedLab) -> Iterator[Client]:
        opened = Client(whole, HOST)
        opened.open()
        yield opened
        assert opened.post(f"{TRANSFER}/Delete").status == 200
        assert whole.status()["shells_open"]["MBX1"] == 0

    def finish(self, client: Client, cmdlet: str, *answers: int, **parameters: Any) -> list[Any]:
        """Run a command to its end, answering what it asks; returns the events it gave."""
        client.events.clear()
        shell = client.start(cmdlet, **parameters)
        replies = list(answers)
        while not client.receive(shell).done:
            asked = client.events[-1]
            if isinstance(asked, psrpcore.PipelineHostCallEvent):
                shell.host_response(asked.ci, replies.pop(0))
                client.send()
        assert replies == []
        return list(client.events)

    def outputs(self, events: list[Any]) -> list[Any]:
        return [event.data for event in events if isinstance(event, psrpcore.PipelineOutputEvent)]

    def test_creates_changes_and_removes(self, client: Client) -> None:
        (made,) = self.outputs(
            self.finish(client, "New-SendConnector", Name="second", AddressSpaces=["c.com"])
        )
        assert made.Name == "second"
        self.finish(client, "Set-SendConnector", Identity="second", RequireTLS=True)
        (now,) = self.outputs(self.finish(client, "Get-SendConnector", Identity="second"))
        assert now.RequireTLS is True
        failed = self.finish(client, "Set-SendConnector", Identity="second", Port="many")[-1]
        assert failed.state == PSInvocationState.Failed
        assert failed.reason.FullyQualifiedErrorId == "ParameterArgumentTransformationError,Set-SendConnector"
        self.finish(client, "Remove-SendConnector", NO, Identity="second")
        assert self.outputs(self.finish(client, "Get-SendConnector", Identity="second"))
        self.finish(client, "Remove-SendConnector", YES, Identity="second")
        events = self.finish(client, "Get-SendConnector", Identity="second")
        (error,) = [event for event in events if isinstance(event, psrpcore.ErrorRecordEvent)]
        assert MISSING in error.record.FullyQualifiedErrorId
        assert events[-1].state == PSInvocationState.Completed
