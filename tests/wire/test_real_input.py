"""A rehearsal on a copy of a real organization: take over one connector, change one attribute of it.

Runs on the project's own exports, and on those in the folder that EXCHANGE_CORPUS names.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.cli import main
from reconciler.operations.planning import Planned
from state.resources import SendConnector
from state.values import Name
from tests.contoso import Contoso, contoso
from tests.rules import rule

SAMPLES = Path(__file__).parent.parent / "lab" / "samples"
FOLDERS = [SAMPLES, *([Path(os.environ["EXCHANGE_CORPUS"])] if "EXCHANGE_CORPUS" in os.environ else [])]


@pytest.fixture(params=FOLDERS, ids=lambda folder: folder.name)
def copy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Contoso]:
    """A lab that began with the exports, and a YAML that declares its first send connector."""
    with contoso(tmp_path, tmp_path / "tls.yaml", from_clixml=request.param) as made:
        yield made


def first_connector(copy: Contoso) -> tuple[SendConnector, list[str]]:
    """The first send connector of the organization, and its source servers."""
    servers = [one["name"] for one in copy.lab.status()["servers"] if one["role"] == "mailbox"]
    declare(copy, servers)
    live = copy.plan().live
    connector = live.servers[Name(servers[0])].send_connectors.objects[0]
    assert isinstance(connector.source_transport_servers, frozenset)
    return connector, [name for name in servers if Name(name) in connector.source_transport_servers]


def declare(copy: Contoso, servers: list[str], name: str = "", **attributes: object) -> None:
    """Write the YAML; JSON is YAML."""
    declared: dict[str, object] = {
        "version": 1,
        "organization": "rehearsal",
        "connection": {"auth": "basic"},
        "servers": {server: {"role": "mailbox", "host": "unused.example"} for server in servers},
    }
    if name:
        declared["send_connectors"] = {name: {"kind": "other", "source_servers": servers, **attributes}}
    copy.path.write_text(json.dumps(declared), encoding="utf-8")


class TestAConnectorOfARealOrganization:
    def test_is_not_taken_over_silently(self, copy: Contoso) -> None:
        connector, servers = first_connector(copy)
        declare(copy, servers, str(connector.name), comment="ours now")
        planned = copy.plan()
        assert [diagnostic.summary for diagnostic in planned.diagnostics] == ["Object not ours"]
        assert main(["apply", str(copy.path), "--auto-approve", *copy.options()]) == 1
        assert not copy.cmdlets(mutating=True)

    def test_is_imported_and_changed_in_one_attribute(self, copy: Contoso) -> None:
        connector, servers = first_connector(copy)
        address = f'send_connector."{connector.name}"'
        as_it_is = {"protocol_logging": connector.protocol_logging_level, "port": connector.port}
        declare(copy, servers, str(connector.name), **as_it_is)
        assert main(["import", str(copy.path), address, *copy.options()]) == 0
        assert copy.plan().plan.is_empty

        declare(copy, servers, str(connector.name), **{**as_it_is, "protocol_logging": "Verbose"})
        assert sent(copy.plan()) == [
            ("Set-SendConnector", {"Identity": str(connector.name), "ProtocolLoggingLevel": "Verbose"})
        ]
        assert main(["apply", str(copy.path), "--auto-approve", *copy.options()]) == 0
        assert [(one["cmdlet"], one["result"]) for one in copy.cmdlets(mutating=True)] == [
            ("Set-SendConnector", "completed")
        ]
        assert main(["plan", str(copy.path), "--detailed-exitcode", *copy.options()]) == 0

    @rule("3-8")
    def test_changes_its_routing_with_the_companions_that_exchange_demands(self, copy: Contoso) -> None:
        """From smart hosts to DNS in one command line [3-8]."""
        connector, servers = first_connector(copy)
        assert connector.dns_routing_enabled is False
        declare(copy, servers, str(connector.name), enabled=True)
        assert main(["import", str(copy.path), f'send_connector."{connector.name}"', *copy.options()]) == 0
        declare(copy, servers, str(connector.name), enabled=True, via="dns")
        [(cmdlet, parameters)] = sent(copy.plan())
        assert (cmdlet, parameters) == (
            "Set-SendConnector",
            {"Identity": str(connector.name), "DNSRoutingEnabled": True, "SmartHosts": None},
        )
        assert main(["apply", str(copy.path), "--auto-approve", *copy.options()]) == 0
        assert copy.plan().plan.is_empty

    def test_is_never_deleted(self, copy: Contoso) -> None:
        """It was imported, not made: dropped from the YAML it is forgotten."""
        connector, servers = first_connector(copy)
        declare(copy, servers, str(connector.name), enabled=True)
        assert main(["import", str(copy.path), f'send_connector."{connector.name}"', *copy.options()]) == 0
        declare(copy, servers)
        assert main(["apply", str(copy.path), "--auto-approve", *copy.options()]) == 0
        assert not copy.cmdlets(mutating=True)


def sent(planned: Planned) -> list[tuple[str, dict[str, object]]]:
    """The cmdlets of a plan with their parameters, but for the domain controller, which all name."""
    return [
        (
            invocation.cmdlet,
            {name: value for name, value in invocation.parameters.items() if name != "DomainController"},
        )
        for change in planned.plan.changes
        for invocation in change.invocations
    ]
