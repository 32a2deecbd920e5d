"""What becomes of a declared receive connector."""

from __future__ import annotations

from reconciler.plan.change import Action, Difference
from state.address import Address
from state.values import UNKNOWN, Fqdn, Name
from tests.rules import rule
from tests.situations import (
    UNTOLD,
    live_receive_connector,
    live_server,
    parameters,
    plan_of,
    receive_connector,
    recorded,
    summaries,
    the_change,
)

FRONTEND = Address.parse('receive_connector.EX1."Default Frontend EX1"')


class TestAReceiveConnector:
    def test_is_updated_although_nobody_recorded_it(self) -> None:
        """The record owns the declared attributes, never the object."""
        change = the_change(
            plan_of(
                {FRONTEND: receive_connector()}, live_server(receive_connectors=[live_receive_connector()])
            )
        )
        assert change.action is Action.UPDATE
        assert change.attributes == {"banner": Difference("", "220 contoso")}
        assert parameters(change) == {"Identity": "EX1\\Default Frontend EX1", "Banner": "220 contoso"}

    def test_is_not_created_where_nothing_says_where_it_listens(self) -> None:
        made = plan_of({FRONTEND: receive_connector()}, live_server(receive_connectors=[]))
        assert not made.changes
        assert summaries(made) == ["Receive connector not found"]

    def test_of_another_server_is_another_one(self) -> None:
        """Get-ReceiveConnector can answer for the whole organization."""
        other = live_receive_connector(server=Name("EX2"))
        made = plan_of({FRONTEND: receive_connector()}, live_server(receive_connectors=[other]))
        assert summaries(made) == ["Receive connector not found"]

    def test_whose_server_is_unknown_is_the_server_that_answered(self) -> None:
        live = live_receive_connector(server=UNKNOWN)
        made = plan_of({FRONTEND: receive_connector()}, live_server(receive_connectors=[live]))
        assert the_change(made).action is Action.UPDATE

    def test_is_not_planned_when_the_list_could_not_be_read(self) -> None:
        made = plan_of({FRONTEND: receive_connector()}, live_server(receive_connectors=UNTOLD))
        assert not made.changes
        assert summaries(made) == ["List not read"]

    def test_that_was_there_before_is_forgotten_when_it_is_no_longer_declared(self) -> None:
        made = plan_of(
            {},
            live_server(receive_connectors=[live_receive_connector()]),
            record={FRONTEND: recorded(receive_connector(), created=False)},
        )
        assert the_change(made).action is Action.FORGET


class TestItsFqdn:
    @rule("4-4")
    def test_must_be_the_servers_own_name_where_exchange_servers_sign_on(self) -> None:
        """Exchange refuses any other [4-4]."""
        made = plan_of(
            {FRONTEND: receive_connector(fqdn=Fqdn("mail.contoso.com"))},
            live_server(receive_connectors=[live_receive_connector()]),
        )
        assert summaries(made) == ["Fqdn not the server's own"]

    def test_is_free_elsewhere(self) -> None:
        live = live_receive_connector(auth_mechanism=frozenset({"Tls"}))
        made = plan_of(
            {FRONTEND: receive_connector(fqdn=Fqdn("mail.contoso.com"))},
            live_server(receive_connectors=[live]),
        )
        assert the_change(made).action is Action.UPDATE
