"""Every invocation that the planner can make, held against the cmdlet pages, for every build and role.

What a build has not is told and not planned; what is planned, the build takes: names, roles, parameter sets.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.cmdlets.certificate import remove
from reconciler.cmdlets.domain_controller import at_domain_controller
from reconciler.cmdlets.edge_synchronization import synchronize
from reconciler.cmdlets.invocation import Invocation
from reconciler.exchange.port import Query, Result
from reconciler.exchange.refresh import (
    read_as_shown_by,
    read_edge_server,
    read_first,
    read_mailbox_server,
)
from reconciler.lab.exchange.builds import build_of_token
from reconciler.plan.change import Plan
from reconciler.plan.default_smtp import SUBSCRIPTION_RULE
from reconciler.plan.planner import plan
from state.address import Address
from state.record import Recorded, Request
from state.resources import Build, Certificate, ReceiveConnector, Resource, SendConnector, Server
from state.snapshot import LiveOrganization, LiveServer
from state.values import UNKNOWN, Deferred, Fqdn, Name, Thumbprint
from tests.cases.test_every_attribute import CERTIFICATE, RECEIVE, SEND, Values
from tests.published import BUILDS, pages
from tests.rules import rule
from tests.situations import (
    EDGE1,
    EX1,
    NOW,
    certificate,
    connector,
    live_certificate,
    live_connector,
    live_receive_connector,
    live_server,
    plan_of,
    receive_connector,
    recorded,
    situation,
)

PAGES = pages()
SENDER = Address.parse("send_connector.X.tls_required")
LISTENER = Address.parse("receive_connector.X.default")
PUBLIC = Address.parse("certificate.X.public")
NEW_LISTENER: Mapping[str, Any] = {
    "name": Name("Partners"),
    "bindings": RECEIVE["bindings"].second,
    "remote_ip_ranges": RECEIVE["remote_ip_ranges"].first,
    "permission_groups": frozenset({"AnonymousUsers"}),
}
PLACES = [(token, edge) for token in BUILDS for edge in (False, True)]
PLACE_IDS = [f"{token}-{'edge' if edge else 'mailbox'}" for token, edge in PLACES]
each_place = pytest.mark.parametrize(("token", "edge"), PLACES, ids=PLACE_IDS)


@dataclass
class Place:
    """One server of one build."""

    token: str
    edge: bool
    name: Name = field(init=False)

    def __post_init__(self) -> None:
        self.name = EDGE1 if self.edge else EX1

    def server(self, **lists: Any) -> LiveServer:
        build = Build(*build_of_token(self.token).version)
        itself = Server(name=self.name, fqdn=Fqdn("x.contoso.local"), build=build, is_edge=self.edge)
        return live_server(self.name, itself=itself, **lists)

    def objections(self, invocations: list[Invocation]) -> list[str]:
        """Why the server would not take them, sent to one domain controller as a run does it."""
        return [
            objection
            for one in (each if self.edge else at_domain_controller(each, "contoso") for each in invocations)
            for objection in PAGES[one.cmdlet].objections(
                one.cmdlet, one.parameters, self.token, edge=self.edge
            )
        ]


def invocations(made: Plan) -> list[Invocation]:
    return [one for change in made.changes for one in change.invocations]


def walked(kind: type[Resource], values: Mapping[str, Values]) -> Iterator[tuple[str, str, Values]]:
    """Name, Exchange's name and values of every attribute."""
    for name, of_attribute in values.items():
        yield name, kind.attributes()[name].exchange, of_attribute


def judge(place: Place, made: Plan, setter: str, exchange: str) -> None:
    """Either all of it is taken, or what is asked for is told to be missing, and is."""
    if "Not on this build" in [one.summary for one in made.diagnostics]:
        assert not made.changes
        is_value = (exchange, place.token) == ("TlsDomainCapabilities", "2010-sp3")  # [4-9]
        assert is_value or not PAGES[setter].has(setter, exchange, place.token, edge=place.edge), exchange
        assert exchange in made.diagnostics[0].detail
    else:
        assert made.changes, exchange
        assert not place.objections(invocations(made)), exchange


@rule("1-2", "1-4", "3-15", "3-21")
@each_place
class TestOfASendConnector:
    def test_creates_with_each_attribute(self, token: str, edge: bool) -> None:
        place = Place(token, edge)
        for name, exchange, values in walked(SendConnector, SEND):
            desired = connector(
                home=(place.name,), local=edge, **{**values.beside, "name": Name("n"), name: values.first}
            )
            judge(place, plan_of({SENDER: desired}, place.server()), "New-SendConnector", exchange)

    def test_changes_each_attribute(self, token: str, edge: bool) -> None:
        place = Place(token, edge)
        for name, exchange, values in walked(SendConnector, SEND):
            for before, after in ((values.first, values.second), (values.second, values.first)):
                is_read = not SendConnector.attributes()[name].write_only
                live = live_connector(**{**values.beside, name: before if is_read else UNKNOWN})
                desired = connector(home=(place.name,), local=edge, **{**values.beside, name: after})
                record = {SENDER: recorded(connector(home=(place.name,), guid=live.guid))}
                made = plan_of({SENDER: desired}, place.server(send_connectors=[live]), record=record)
                judge(place, made, "Set-SendConnector", exchange)

    def test_deletes(self, token: str, edge: bool) -> None:
        place = Place(token, edge)
        live = live_connector()
        made = plan_of(
            {LISTENER: receive_connector(home=(place.name,))},
            place.server(send_connectors=[live], receive_connectors=[live_receive_connector()]),
            record={Address.parse(f"send_connector.{place.name}.gone"): ours(place, live)},
        )
        assert "Remove-SendConnector" in [one.cmdlet for one in invocations(made)]
        assert not place.objections(invocations(made))


def ours(place: Place, live: SendConnector) -> Recorded:
    return recorded(connector(home=(place.name,), guid=live.guid))


@rule("4-9", "4-10")
@each_place
class TestOfAReceiveConnector:
    def test_changes_each_attribute(self, token: str, edge: bool) -> None:
        place = Place(token, edge)
        for name, exchange, values in walked(ReceiveConnector, RECEIVE):
            if values.first == values.second:
                continue
            read = {**values.beside, "server": place.name, name: values.first}
            live = live_receive_connector(**read)
            desired = receive_connector(
                name=live.name, home=(place.name,), **{**values.beside, name: values.second}
            )
            made = plan_of({LISTENER: desired}, place.server(receive_connectors=[live]))
            judge(place, made, "Set-ReceiveConnector", exchange)

    def test_creates_with_each_attribute(self, token: str, edge: bool) -> None:
        place = Place(token, edge)
        for name, exchange, values in walked(ReceiveConnector, RECEIVE):
            asked = {**NEW_LISTENER, **values.beside, name: values.first}
            made = plan_of({LISTENER: ReceiveConnector(home=(place.name,), **asked)}, place.server())
            judge(place, made, "Set-ReceiveConnector", exchange)

    def test_deletes(self, token: str, edge: bool) -> None:
        place = Place(token, edge)
        live = live_receive_connector(server=place.name)
        gone = recorded(receive_connector(home=(place.name,), guid=live.guid))
        address = Address.parse(f"receive_connector.{place.name}.gone")
        made = plan_of({}, place.server(receive_connectors=[live]), record={address: gone})
        assert [one.cmdlet for one in invocations(made)] == ["Remove-ReceiveConnector"]
        assert not place.objections(invocations(made))


@rule("1-1", "1-2", "2.1-1", "2.1-3", "2.2-1", "2.3-3")
@each_place
class TestOfACertificate:
    def test_is_requested_imported_and_enabled(self, token: str, edge: bool) -> None:
        place = Place(token, edge)
        for name, _, values in walked(Certificate, CERTIFICATE):
            for value in (values.first, values.second):
                for default in ("keep", "replace"):
                    asked = certificate(home=(place.name,), default_smtp=default, **{name: value})
                    accepted = {PUBLIC: frozenset({SUBSCRIPTION_RULE})}
                    made = plan(replace(situation({PUBLIC: asked}, place.server()), acknowledged=accepted))
                    cmdlets = [one.cmdlet.partition("-")[0] for one in invocations(made)]
                    assert cmdlets == ["New", "Import", "Enable"]
                    assert not place.objections(invocations(made))

    def test_goes_on_where_it_stopped(self, token: str, edge: bool) -> None:
        place = Place(token, edge)
        asked = certificate(home=(place.name,))
        pending = live_certificate(
            public_key="k9", thumbprint=Thumbprint("B" * 40), self_signed=True, status="PendingRequest"
        )
        request = Request(
            server=place.name,
            asked=asked,
            public_key="k9",
            csr="",
            pending=Thumbprint("B" * 40),
            since=NOW - timedelta(days=1),
        )
        made = plan_of({PUBLIC: asked}, place.server(certificates=[pending]), requests={PUBLIC: request})
        cmdlets = [one.cmdlet.partition("-")[0] for one in invocations(made)]
        assert cmdlets == ["Export", "Import", "Enable"]
        assert not place.objections(invocations(made))

    @rule("1-9", "3-15")
    def test_is_removed_where_no_binding_can_be_taken_back(self, token: str, edge: bool) -> None:
        """Connectors of 2010 name no certificate: enabling it is what the world notices."""
        place = Place(token, edge)
        accepted = {PUBLIC: frozenset({SUBSCRIPTION_RULE})}
        made = situation({PUBLIC: certificate(home=(place.name,))}, place.server())
        (change,) = plan(replace(made, acknowledged=accepted, watched=frozenset({PUBLIC}))).changes
        removal = remove(Deferred(PUBLIC, "thumbprint"), server=str(place.name), edge=edge)
        assert change.on_failure == ((removal,) if token.startswith("2010") else ())
        assert bool(change.no_step_back) is not token.startswith("2010")
        assert not place.objections([removal])


@rule("1-5")
@pytest.mark.parametrize("token", BUILDS)
def test_synchronizes_subscribed_edge_servers(token: str) -> None:
    """A Mailbox server is told to; an Edge server never is."""
    place = Place(token, False)
    assert not place.objections([synchronize("EDGE1", server="EX1")])


@dataclass
class Asked:
    """A reader that answers nothing, and knows what it was asked."""

    server: str
    queries: list[Query] = field(default_factory=list)

    def read(self, queries: Sequence[Query]) -> tuple[Result, ...]:
        self.queries += queries
        return tuple(Result() for _ in queries)


@rule("1-1", "1-4", "1-7", "1-8")
@each_place
def test_every_question_is_one_that_a_server_understands(token: str, edge: bool) -> None:
    place = Place(token, edge)
    reader = Asked(str(place.name))
    if edge:
        read_edge_server(reader, place.name)
    else:
        read_first(reader, place.name)
        pinned = LiveOrganization(domain_controller="dc1.contoso.local")
        read_mailbox_server(reader, place.name, pinned)
        read_as_shown_by(reader, pinned)
    assert reader.queries
    for query in reader.queries:
        page = PAGES[query.cmdlet]
        if query.cmdlet == "Get-AuthConfig" and token.startswith("2010"):
            continue  # asked before the build is known: that it is not there is an answer
        assert not list(page.objections(query.cmdlet, query.parameters, token, edge=edge)), query


def test_every_cmdlet_that_plans_hold_is_walked() -> None:
    """A new one in ``reconciler/cmdlets`` needs a walk of its own here."""
    place = Place("SE-rtm", False)
    pending = [
        TestOfASendConnector().test_creates_with_each_attribute,
        TestOfASendConnector().test_changes_each_attribute,
        TestOfASendConnector().test_deletes,
        TestOfAReceiveConnector().test_changes_each_attribute,
        TestOfAReceiveConnector().test_creates_with_each_attribute,
        TestOfAReceiveConnector().test_deletes,
        TestOfACertificate().test_is_requested_imported_and_enabled,
        TestOfACertificate().test_goes_on_where_it_stopped,
        TestOfACertificate().test_is_removed_where_no_binding_can_be_taken_back,
    ]
    walked_over: set[str] = set()
    with pytest.MonkeyPatch.context() as patch:
        original = Place.objections

        def noting(self: Place, of: list[Invocation]) -> list[str]:
            walked_over.update(one.cmdlet for one in of)
            return original(self, of)

        patch.setattr(Place, "objections", noting)
        for walk in pending:
            walk(place.token, place.edge)
        test_synchronizes_subscribed_edge_servers(place.token)
    sources = (Path(__file__).parents[2] / "reconciler" / "cmdlets").glob("*.py")
    named = {
        argument.value
        for path in sources
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Invocation"
        for argument in node.args[1:2]
        if isinstance(argument, ast.Constant)
    }
    assert walked_over == named
