"""Many lists in one pipeline: with a statement that fails, and on servers that take one at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler.exchange.errors import CmdletFailed, CmdletMissing
from reconciler.exchange.port import Connection, Endpoint, Query, Result, Timeouts
from reconciler.exchange.refresh import read_edge_server, read_first
from reconciler.exchange.session import Sessions
from reconciler.lab.call import Role
from reconciler.lab.control import ThreadedLab, open_threaded
from state.snapshot import LiveServer
from state.values import Name

CONFIGURATION = "Microsoft.Exchange.Data.Directory.SystemConfiguration"
LISTS = (
    Query("Get-AcceptedDomain", frozenset({f"{CONFIGURATION}.AcceptedDomain"})),
    Query("Get-SendConnector", frozenset({f"{CONFIGURATION}.SmtpSendConnectorConfig"})),  # there is none
    Query("Get-ReceiveConnector", frozenset({f"{CONFIGURATION}.ReceiveConnector"})),
    Query("Get-ExchangeServer", frozenset({"Microsoft.Exchange.Data.Directory.Management.ExchangeServer"})),
)
SHORT = (LISTS[0], LISTS[1], LISTS[3])  # one Receive each, even in the envelopes of old servers
MISSING = Query("Get-Nonexistent", frozenset({"Nothing"}))
FAILING = Query("Get-TransportService", frozenset({"Nothing"}), {"Identity": "nobody"})


def connection(lab: ThreadedLab, server: str, role: Role = Role.ADMIN) -> Connection:
    account = lab.account(role)
    endpoint = Endpoint.WINRM if server.startswith("EDGE") else Endpoint.EXCHANGE
    patience = Timeouts(connect=5, read=20, operation=10, invocation=30)
    return Connection(server, lab.url(server), endpoint, account.name, account.password, lab.ca, patience)


def read(where: Connection, *queries: Query) -> tuple[Result, ...]:
    with Sessions().reader(where) as reader:
        return reader.read(queries)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreadedLab]:
    with open_threaded(tmp_path_factory.mktemp("lab"), servers=1, edges=1) as running:
        yield running


class TestAStatementThatFails:
    @pytest.mark.parametrize("role", list(Role))
    @pytest.mark.parametrize(("failing", "kind"), [(MISSING, CmdletMissing), (FAILING, CmdletFailed)])
    @pytest.mark.parametrize("position", range(len(LISTS) + 1))
    def test_takes_no_other_list_with_it(
        self, lab: ThreadedLab, position: int, failing: Query, kind: type, role: Role
    ) -> None:
        """Nor a part of one: a first statement that fails lets the second be heard, and no other."""
        where = connection(lab, "MBX1", role)
        queries = [*LISTS]
        queries.insert(position, failing)
        results = list(read(where, *queries))
        assert type(results.pop(position).failure) is kind
        assert [len(result.objects) for result in results] == [1, 0, 5, 1]
        assert [result.failure for result in results] == [None] * 4

    def test_may_be_several(self, lab: ThreadedLab) -> None:
        results = read(connection(lab, "EDGE1"), MISSING, LISTS[2], FAILING, LISTS[3])
        assert [type(result.failure) for result in results] == [
            CmdletMissing,
            type(None),
            CmdletFailed,
            type(None),
        ]
        assert [len(result.objects) for result in results] == [0, 1, 0, 1]


Refusing = Callable[[str], ThreadedLab]


@pytest.fixture
def refusing(tmp_path: Path) -> Refusing:
    def make(manner: str) -> ThreadedLab:
        rules = tmp_path / "faults.json"
        rules.write_text(json.dumps([{"batches": manner}]))
        return open_threaded(tmp_path / "lab", servers=1, edges=1, faults=rules)

    return make


class TestAServerThatRefusesBatches:
    @pytest.mark.parametrize("manner", ["fault", "error", "first"])
    @pytest.mark.parametrize("server", ["MBX1", "EDGE1"])
    def test_is_read_all_the_same(self, refusing: Refusing, tmp_path: Path, manner: str, server: str) -> None:
        """Nothing is lost, and nothing that was not heard is taken for empty."""
        read = read_edge_server if server.startswith("EDGE") else read_first
        with refusing(manner) as lab, Sessions().reader(connection(lab, server)) as reader:
            one_by_one = read(reader, Name(server))
        # The same organization, without rules.
        with open_threaded(tmp_path / "lab") as lab, Sessions().reader(connection(lab, server)) as reader:
            at_once = read(reader, Name(server))
        assert one_by_one == at_once
        live = one_by_one if isinstance(one_by_one, LiveServer) else one_by_one[1]
        assert live.receive_connectors.objects

    @pytest.mark.parametrize(("manner", "refusals"), [("fault", 1), ("error", 2), ("first", 0)])
    def test_is_asked_for_one_once_in_a_session(self, refusing: Refusing, manner: str, refusals: int) -> None:
        """A fault costs a request, an error two, a protocol that knows no batches nothing."""
        with refusing(manner) as lab, Sessions().reader(connection(lab, "MBX1")) as reader:
            reader.read(SHORT)
            first = lab.status()["requests"]["MBX1"]
            reader.read(SHORT)
            second = lab.status()["requests"]["MBX1"]
        assert first == 2 + refusals + 2 * len(SHORT)
        assert second - first == 2 * len(SHORT)

    @pytest.mark.parametrize("manner", ["fault", "error", "first"])
    def test_still_tells_one_list_that_cannot_be_read(self, refusing: Refusing, manner: str) -> None:
        with refusing(manner) as lab:
            results = read(connection(lab, "EDGE1"), LISTS[2], MISSING, LISTS[1])
        assert [type(result.failure) for result in results] == [type(None), CmdletMissing, type(None)]
        assert [len(result.objects) for result in results] == [1, 0, 0]

    @pytest.mark.parametrize("manner", ["fault", "error", "first"])
    def test_loads_the_snap_in_for_a_single_list(self, refusing: Refusing, manner: str) -> None:
        with refusing(manner) as lab:
            (result,) = read(connection(lab, "EDGE1"), LISTS[2])
        assert len(result.objects) == 1
