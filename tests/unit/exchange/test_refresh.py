"""Reading one server: every list is read, or says why it is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from reconciler.exchange import clixml
from reconciler.exchange.errors import CmdletMissing, ErrorRecord
from reconciler.exchange.port import Query, Result
from reconciler.exchange.refresh import read_edge_server, read_first
from state.values import UNKNOWN, Name
from tests.rules import rule

MISSING = ErrorRecord("CommandNotFoundException", 13, "", "Get-SendConnector", "", "not recognized")


@dataclass
class Recorded:
    """A reader of answers that were given before."""

    answers: dict[str, Result]
    asked: list[Query] = field(default_factory=list)
    server: str = "EX1"

    def read(self, queries: Sequence[Query]) -> tuple[Result, ...]:
        self.asked = list(queries)
        return tuple(self.answers.get(query.cmdlet, Result()) for query in queries)


def objects(*xml: str) -> Result:
    return Result(tuple(value for one in xml for value in clixml.read(one).values))


def receive(name: str, server: str) -> str:
    return f'<Obj><Props><S N="Name">{name}</S><S N="Server">{server}</S></Props></Obj>'


class TestAServer:
    def test_has_every_list(self) -> None:
        reader = Recorded(
            {"Get-AcceptedDomain": objects('<Obj><Props><S N="DomainName">A.example</S></Props></Obj>')}
        )
        live = read_first(reader, Name("EX1"))[1]
        assert [domain.domain for domain in live.accepted_domains.objects] == ["a.example"]
        assert live.send_connectors.objects == ()
        assert live.send_connectors.unreadable is None
        assert live.unreachable is None

    def test_tells_why_a_list_is_not_there(self) -> None:
        failed = Result(failure=CmdletMissing("EX1", "Get-SendConnector", MISSING))
        live = read_first(Recorded({"Get-SendConnector": failed}), Name("EX1"))[1]
        assert live.send_connectors.unreadable is not None
        assert live.send_connectors.unreadable.error_id == "CommandNotFoundException"
        assert live.receive_connectors.unreadable is None

    def test_does_not_believe_a_list_of_something_else(self) -> None:
        live = read_first(Recorded({"Get-SendConnector": objects("<S>hello</S>")}), Name("EX1"))[1]
        assert live.send_connectors.unreadable is not None

    def test_keeps_the_receive_connectors_of_its_own(self) -> None:
        """Without -Server an organization returns those of all servers; names ignore case."""
        found = objects(
            receive("a", "ex1"), receive("b", "EX2"), '<Obj><Props><S N="Name">c</S></Props></Obj>'
        )
        live = read_first(Recorded({"Get-ReceiveConnector": found}), Name("EX1"))[1]
        assert [connector.name for connector in live.receive_connectors.objects] == [Name("a"), Name("c")]
        assert live.receive_connectors.objects[1].server is UNKNOWN

    def test_collects_what_could_not_be_understood(self) -> None:
        organization, _ = read_first(
            Recorded({"Get-SendConnector": objects('<Obj><Props><S N="Port">x</S></Props></Obj>')}),
            Name("EX1"),
        )
        assert "port" in {each.attribute for each in organization.unread}


class TestTheQuestions:
    def test_name_the_server_that_is_meant(self) -> None:
        """An endpoint may hand a session on to another Mailbox server."""
        reader = Recorded({})
        read_first(reader, Name("EX1"))[1]
        asked = {query.cmdlet: dict(query.parameters) for query in reader.asked}
        assert asked["Get-ExchangeServer"] == {"Identity": "EX1"}
        assert asked["Get-ExchangeCertificate"] == {"Server": "EX1"}
        assert asked["Get-ReceiveConnector"] == {"Server": "EX1"}
        assert asked["Get-SendConnector"] == {}

    def test_name_no_server_on_edge(self) -> None:
        reader = Recorded({})
        read_edge_server(reader, Name("EDGE1"))
        assert all(not query.parameters for query in reader.asked)

    @rule("1-8")
    def test_hold_no_identity_but_the_server_s_own(self) -> None:
        """An empty one returns everything, and a miss pollutes the event log [1-8]."""
        reader = Recorded({})
        read_first(reader, Name("EX1"))[1]
        named = [query.cmdlet for query in reader.asked if "Identity" in query.parameters]
        assert named == ["Get-ExchangeServer"]

    def test_cannot_be_confused_by_type(self) -> None:
        reader = Recorded({})
        read_first(reader, Name("EX1"))[1]
        types = [name for query in reader.asked for name in query.types]
        assert len(types) == len(set(types))
