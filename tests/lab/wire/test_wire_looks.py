"""What a lab shows and hides on the wire, as its file of faults says."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from pypsrp.exceptions import WinRMError
from pypsrp.powershell import PowerShell, RunspacePool

from reconciler.lab.call import Role
from reconciler.lab.control import ThreadedLab, open_threaded
from tests.rules import rule

Connect = Callable[..., Any]


def lab_that(folder: Path, *rules: dict[str, Any]) -> ThreadedLab:
    path = folder / "faults.json"
    path.write_text(json.dumps(rules), encoding="utf-8")
    return open_threaded(folder / "lab", servers=1, edges=0, faults=path)


def run(pool: RunspacePool, cmdlet: str, **parameters: Any) -> PowerShell:
    shell = PowerShell(pool)
    shell.add_cmdlet(cmdlet).add_parameters(parameters)
    with suppress(WinRMError):  # what ended the pipeline is among its errors
        shell.invoke()
    return shell


@rule("5-4")
def test_a_role_hides_cmdlets_and_parameters_of_one_account(tmp_path: Path, connect: Connect) -> None:
    rules = (
        {"hides": "Get-SendConnector", "account": "viewer"},
        {"hides": "Get-ExchangeCertificate -Server", "account": "viewer"},
        {"shows": "german"},
    )
    with lab_that(tmp_path, *rules) as lab:
        for role, wanted in ((Role.ADMIN, []), (Role.READER, ["CommandNotFoundException"])):
            with (
                connect(lab, role=role) as wsman,
                RunspacePool(wsman, configuration_name="Microsoft.Exchange") as pool,
            ):
                told = run(pool, "Get-SendConnector").streams.error
                assert [each.fq_error for each in told] == wanted
                assert all("Der Vorgang" in str(each) for each in told)
                hidden = run(pool, "Get-ExchangeCertificate", Server="MBX1").streams.error
                assert [each.fq_error.partition(",")[0] for each in hidden] == [
                    "NamedParameterNotFound" for _ in wanted
                ]


@rule("6.1-1")
def test_certificates_may_have_no_serialization_data(tmp_path: Path, connect: Connect) -> None:
    with (
        lab_that(tmp_path, {"server": "MBX1", "shows": "no-serialization-data"}) as lab,
        connect(lab) as wsman,
        RunspacePool(wsman, configuration_name="Microsoft.Exchange") as pool,
    ):
        (first, *_) = run(pool, "Get-ExchangeCertificate").output
        assert list(first.adapted_properties) == ["RawData"]
        assert "SerializationData" not in first.extended_properties
