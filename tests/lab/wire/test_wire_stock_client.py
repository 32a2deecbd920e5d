"""Stock pypsrp over HTTPS against the lab: what any client of real Exchange relies on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from pypsrp.complex_objects import ObjectMeta, PSCredential
from pypsrp.exceptions import AuthenticationError, WSManFaultError
from pypsrp.host import PSHost, PSHostUserInterface
from pypsrp.powershell import PowerShell, RunspacePool

from reconciler.lab.call import ErrorRecord, Role
from reconciler.lab.emulator import ThreadedLab
from tests.rules import rule

Connect = Callable[..., Any]


@contextmanager
def opened(wsman: Any, configuration: str = "Microsoft.Exchange", **options: Any) -> Iterator[RunspacePool]:
    with wsman, RunspacePool(wsman, configuration_name=configuration, **options) as pool:
        yield pool


def command(pool: RunspacePool, cmdlet: str, **parameters: Any) -> PowerShell:
    shell = PowerShell(pool)
    shell.add_cmdlet(cmdlet).add_parameters(parameters)
    return shell


class Chooser(PSHostUserInterface):
    def __init__(self, choice: int) -> None:
        super().__init__()
        self.choice = choice
        self.asked: list[tuple[str, str, int, int]] = []

    def PromptForChoice(
        self, runspace: Any, pipeline: Any, caption: str, message: str, choices: Any, default_choice: int
    ) -> int:
        self.asked.append((caption, message, len(choices), default_choice))
        return self.choice


class TestASession:
    def test_costs_five_requests_for_any_number_of_statements(
        self, lab: ThreadedLab, connect: Connect
    ) -> None:
        """Create, Receive, Command, Receive, Delete: the floor that clients are measured against."""
        with opened(connect(lab)) as pool:
            batch = PowerShell(pool)
            for _ in range(10):
                batch.add_cmdlet("Get-Thing").add_statement()
            assert len(batch.invoke()) == 10
        assert lab.status()["requests"] == {"MBX1": 5, "EDGE1": 0}

    def test_is_counted_while_it_is_open(self, lab: ThreadedLab, connect: Connect) -> None:
        with opened(connect(lab)), opened(connect(lab)):
            assert lab.status()["shells_open"]["MBX1"] == 2
        status = lab.status()
        assert status["shells_open"]["MBX1"] == 0
        assert status["shells_max"]["MBX1"] == 2

    def test_is_alive_until_it_is_deleted(self, lab: ThreadedLab, connect: Connect) -> None:
        with opened(connect(lab)) as pool:
            assert pool.is_alive()
            pool.shell.wsman.delete(pool.shell.resource_uri, selector_set=pool.shell._selector_set)
            assert not pool.is_alive()

    @rule("6.1-3", "5-5")
    def test_tells_the_exchange_full_from_plain(
        self, lab: ThreadedLab, exchange: Any, connect: Connect
    ) -> None:
        """The spelling of the query key varies in the wild [6.1-3]."""
        for path in ("PowerShell/", "powershell?SERIALIZATIONLEVEL=full"):
            with opened(connect(lab, path=path)) as pool:
                command(pool, "Get-Thing").invoke()
        assert [call.full for call in exchange.calls] == [False, True]


class TestOutput:
    def test_keeps_properties_and_enums(self, lab: ThreadedLab, connect: Connect) -> None:
        with opened(connect(lab)) as pool:
            (thing,) = command(pool, "Get-Thing").invoke()
        assert thing.types == ["Microsoft.Exchange.Lab.Thing", "System.Object"]
        assert thing.adapted_properties["Name"] == "one"
        assert "Big" in str(thing.adapted_properties["Kind"])

    def test_of_megabytes_arrives_whole(self, lab: ThreadedLab, connect: Connect) -> None:
        """Objects larger than a fragment, and more of them than fit one envelope."""
        with opened(connect(lab)) as pool:
            output = command(pool, "Get-Large", Count=40).invoke()
        assert [len(item) for item in output] == [40_000, 24_576] * 20

    def test_of_a_warning_comes_beside_it(self, lab: ThreadedLab, connect: Connect) -> None:
        with opened(connect(lab)) as pool:
            shell = command(pool, "Set-Thing", Name="two", Count=2)
            assert shell.invoke() == []
        assert [warning.message for warning in shell.streams.warning] == ["changed"]


class TestAnArgument:
    @pytest.mark.parametrize(
        ("value", "seen"),
        [
            ("text", "'text'"),
            (True, "True"),
            (7, "7"),
            (None, "None"),
            (b"\x00\xff", "bytes 2"),
            (["a", 1], "['a', 1]"),
            ({"Add": ["a"]}, "{'Add': ['a']}"),
            ("x" * 900_000, "str 900000"),
        ],
        ids=["text", "bool", "int", "null", "bytes", "list", "hashtable", "900 KB"],
    )
    def test_arrives_as_a_plain_value(
        self, lab: ThreadedLab, connect: Connect, value: object, seen: str
    ) -> None:
        with opened(connect(lab)) as pool:
            assert command(pool, "Get-Echo", Value=value).invoke() == [seen]

    def test_may_be_a_secure_string_or_a_credential(
        self, lab: ThreadedLab, exchange: Any, connect: Connect
    ) -> None:
        """They need the session key; the ledger never shows them."""
        with opened(connect(lab)) as pool:
            pool.exchange_keys()
            secret = pool.serialize("pässword", ObjectMeta("SS"))
            assert command(pool, "Get-Echo", Password=secret).invoke() == ["Secret pässword"]
            credential = PSCredential(username="user", password="pw")
            assert command(pool, "Get-Echo", Credential=credential).invoke() == ["Credential user pw"]
        first, second = lab.status()["cmdlets"]
        assert first["parameters"] == {"Password": {"secret": True}}
        assert second["parameters"] == {"Credential": {"user": "user", "password": {"secret": True}}}

    def test_without_value_may_be_a_switch(self, lab: ThreadedLab, exchange: Any, connect: Connect) -> None:
        with opened(connect(lab)) as pool:
            command(pool, "Get-Thing", Force=None).invoke()
        (argument,) = exchange.calls[0].arguments
        assert (argument.name, argument.value, argument.is_switch) == ("Force", None, True)


class TestAnError:
    def test_carries_its_facts(self, lab: ThreadedLab, connect: Connect, refused: ErrorRecord) -> None:
        with opened(connect(lab)) as pool:
            shell = command(pool, "Set-Failing")
            assert shell.invoke() == ["went on"]
        (error,) = shell.streams.error
        assert not shell.had_errors
        assert error.fq_error == refused.fully_qualified_id
        assert error.category == 5
        assert error.target_name == "x"
        assert error.activity == "Set-Failing"
        assert error.reason == "ManagementObjectNotFoundException"
        assert str(error) == refused.message

    def test_that_terminates_fails_the_pipeline(self, lab: ThreadedLab, connect: Connect) -> None:
        with opened(connect(lab)) as pool:
            shell = command(pool, "Get-Broken")
            assert shell.invoke() == []
        assert shell.had_errors
        assert len(shell.streams.error) == 1

    def test_of_the_lab_itself_reaches_the_client(self, lab: ThreadedLab, connect: Connect) -> None:
        with opened(connect(lab)) as pool:
            shell = command(pool, "Set-Defect")
            shell.invoke()
            assert shell.streams.error[0].fq_error == "LabDefect"
            assert command(pool, "Get-Thing").invoke()


class TestABatch:
    def test_ends_as_failed_at_a_later_statement_that_terminates(
        self, lab: ThreadedLab, exchange: Any, connect: Connect
    ) -> None:
        """As Windows PowerShell's remoting server does; what comes after still runs, unheard."""
        with opened(connect(lab)) as pool:
            batch = PowerShell(pool)
            batch.add_cmdlet("Get-Thing").add_statement().add_cmdlet("Get-Broken").add_statement()
            batch.add_cmdlet("Get-Thing").add_statement()
            assert len(batch.invoke()) == 1
            assert batch.had_errors
            assert command(pool, "Get-Thing").invoke()
        assert [call.cmdlet for call in exchange.calls] == [
            "Get-Thing",
            "Get-Broken",
            "Get-Thing",
            "Get-Thing",
        ]

    def test_ends_with_its_second_statement_when_the_first_terminates(
        self, lab: ThreadedLab, connect: Connect
    ) -> None:
        """The trap for clients: Completed, one error, and lists that were never delivered."""
        with opened(connect(lab)) as pool:
            batch = PowerShell(pool)
            batch.add_cmdlet("Get-Broken").add_statement()
            batch.add_cmdlet("Get-Thing").add_statement().add_cmdlet("Get-Thing").add_statement()
            assert len(batch.invoke()) == 1
        assert not batch.had_errors
        assert len(batch.streams.error) == 1


class TestAScript:
    @rule("5-3")
    def test_is_refused(self, lab: ThreadedLab, exchange: Any, connect: Connect) -> None:
        with opened(connect(lab)) as pool:
            shell = PowerShell(pool)
            shell.add_script("Get-Thing")
            shell.invoke()
        assert shell.streams.error[0].fq_error == "ScriptsNotAllowed"
        assert "The syntax is not supported by this runspace" in str(shell.streams.error[0])
        assert exchange.calls == []

    def test_is_refused_for_a_chain_of_commands_too(self, lab: ThreadedLab, connect: Connect) -> None:
        with opened(connect(lab)) as pool:
            shell = PowerShell(pool)
            shell.add_cmdlet("Get-Thing").add_cmdlet("Select-Object")
            shell.invoke()
        assert shell.streams.error[0].fq_error == "LabUnsupported"


class TestAPrompt:
    @rule("5-7")
    @pytest.mark.parametrize("choice", [0, 1])
    def test_is_answered_by_the_host_of_the_client(
        self, lab: ThreadedLab, connect: Connect, choice: int
    ) -> None:
        ui = Chooser(choice)
        host = PSHost(None, None, False, "test", None, ui, "1.0")
        with opened(connect(lab), host=host) as pool:
            assert command(pool, "Enable-Asking").invoke() == [choice]
        assert ui.asked == [("Confirm", "Overwrite?", 2, 0)]
        (record,) = lab.status()["cmdlets"]
        assert record["answers"] == [
            {
                "caption": "Confirm",
                "prompt": "Overwrite?",
                "choice": choice,
                "answer": ["Yes", "No"][choice],
            }
        ]

    @rule("5-7")
    def test_fails_without_a_host(self, lab: ThreadedLab, connect: Connect) -> None:
        with opened(connect(lab)) as pool:
            shell = command(pool, "Enable-Asking")
            shell.invoke()
        assert shell.streams.error[0].fq_error == "HostFunctionNotImplemented"


class TestAViewer:
    @rule("5-4")
    def test_sees_only_get_on_a_mailbox_server(
        self, lab: ThreadedLab, exchange: Any, connect: Connect
    ) -> None:
        with opened(connect(lab, role=Role.READER)) as pool:
            assert command(pool, "Get-Thing").invoke()
            shell = command(pool, "Set-Thing", Name="x", Count=1)
            shell.invoke()
        assert shell.streams.error[0].fq_error == "CommandNotFoundException"
        assert exchange.snapshot() == {"one": 1}

    @rule("5-4")
    def test_lacks_a_parameter_on_a_mailbox_server(
        self, lab: ThreadedLab, exchange: Any, connect: Connect
    ) -> None:
        for role in (Role.READER, Role.ADMIN):
            with opened(connect(lab, role=role)) as pool:
                command(pool, "Get-Thing").invoke()
        assert [sorted(call.hidden) for call in exchange.calls] == [["DomainController"], []]

    @rule("5-1")
    def test_is_not_limited_on_an_edge_server(
        self, lab: ThreadedLab, exchange: Any, connect: Connect
    ) -> None:
        """RBAC is not there [5-1]."""
        with opened(connect(lab, "EDGE1", Role.READER), "Microsoft.PowerShell") as pool:
            command(pool, "Add-PSSnapin", Name="Microsoft.Exchange.Management.PowerShell.E2010").invoke()
            command(pool, "Set-Thing", Name="x", Count=1).invoke()
        assert exchange.snapshot() == {"one": 1, "x": 1}
        assert exchange.calls[-1].hidden == frozenset()


class TestAnEdgeServer:
    @rule("5-1")
    def test_has_exchange_only_once_its_snapin_is_loaded(self, lab: ThreadedLab, connect: Connect) -> None:
        with opened(connect(lab, "EDGE1"), "Microsoft.PowerShell") as pool:
            before = command(pool, "Get-Thing")
            before.invoke()
            assert before.streams.error[0].fq_error == "CommandNotFoundException"
            batch = PowerShell(pool)
            batch.add_cmdlet("Add-PSSnapin")
            batch.add_argument("Microsoft.Exchange.Management.PowerShell.E2010").add_statement()
            batch.add_cmdlet("Get-Thing").add_statement()
            assert len(batch.invoke()) == 1
            again = command(pool, "Add-PSSnapin", Name="Microsoft.Exchange.Management.PowerShell.E2010")
            again.invoke()
            assert again.streams.error[0].fq_error.startswith("AddPSSnapInRead")

    def test_has_no_other_snapins(self, lab: ThreadedLab, connect: Connect) -> None:
        with opened(connect(lab, "EDGE1"), "Microsoft.PowerShell") as pool:
            shell = command(pool, "Add-PSSnapin", Name="Nothing.Known")
            shell.invoke()
        assert shell.streams.error[0].category == 5

    @rule("5-2")
    def test_has_no_exchange_configuration(self, lab: ThreadedLab, connect: Connect) -> None:
        """Fault 2150858811, as real servers answer at the wrong door [5-2]."""
        with pytest.raises(WSManFaultError) as caught, opened(connect(lab, "EDGE1")):
            pass
        assert caught.value.code == 2150858811


class TestAtTheDoor:
    def test_a_wrong_password_is_turned_away(self, lab: ThreadedLab, connect: Connect) -> None:
        with pytest.raises(AuthenticationError), opened(connect(lab, password="wrong")):
            pass

    def test_the_scheme_is_named(self, lab: ThreadedLab) -> None:
        answer = requests.post(lab.url("MBX1"), data=b"", verify=str(lab.ca), timeout=60)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Negotiate, NTLM, Basic realm=")

    @rule("5-2")
    @pytest.mark.parametrize("path", ["wsman", "PowerShell/other", "owa"])
    def test_a_wrong_path_is_not_found(self, lab: ThreadedLab, path: str) -> None:
        address = f"https://127.0.0.1:{lab.port('MBX1')}/{path}"
        answer = requests.post(address, data=b"", auth=("x", "y"), verify=str(lab.ca), timeout=60)
        assert answer.status_code == 404

    def test_another_ca_is_not_trusted(self, lab: ThreadedLab, connect: Connect) -> None:
        with pytest.raises(requests.exceptions.SSLError), opened(connect(lab, cert_validation=True)):
            pass

    def test_a_request_that_is_not_soap_gets_a_fault(self, lab: ThreadedLab) -> None:
        account = lab.account()
        answer = requests.post(
            lab.url("MBX1"),
            data=b"nonsense",
            auth=(account.name, account.password),
            verify=str(lab.ca),
            timeout=60,
        )
        assert answer.status_code == 500
        assert b"2150858819" in answer.content


class TestASlowCmdlet:
    def test_outlasts_the_operation_timeout(self, lab: ThreadedLab, exchange: Any, connect: Connect) -> None:
        """Each wait ends in fault 2150858793, which clients take as "ask again"."""
        with opened(connect(lab, operation_timeout=1)) as pool:
            shell = command(pool, "Set-Slow")
            shell.begin_invoke()
            started = time.monotonic()
            shell.poll_invoke()
            assert time.monotonic() - started >= 0.9
            exchange.proceed.set()
            assert shell.end_invoke() == ["done"]

    def test_can_be_stopped(self, lab: ThreadedLab, exchange: Any, connect: Connect) -> None:
        """Ctrl-C is answered at once; what runs in Exchange by then runs on to its end."""
        with opened(connect(lab)) as pool:
            slow = command(pool, "Set-Slow")
            slow.begin_invoke()
            assert exchange.entered.wait(60)
            slow.stop()
            exchange.proceed.set()
            assert len(command(pool, "Get-Thing").invoke()) == 1
        assert lab.status()["cmdlets"][0]["result"] == "completed"


class TestSeveralPipelines:
    def test_run_side_by_side_up_to_the_size_of_the_pool(
        self, lab: ThreadedLab, exchange: Any, connect: Connect
    ) -> None:
        with opened(connect(lab), max_runspaces=2) as pool:
            first, second = command(pool, "Get-Thing"), command(pool, "Get-Thing")
            first.begin_invoke()
            second.begin_invoke()
            assert len(second.end_invoke()) == len(first.end_invoke()) == 1

    def test_of_many_sessions_do_not_disturb_each_other(self, lab: ThreadedLab, connect: Connect) -> None:
        counts: list[int] = []

        def work() -> None:
            with opened(connect(lab)) as pool:
                counts.extend(len(command(pool, "Get-Thing").invoke()) for _ in range(3))

        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert counts == [1] * 18
