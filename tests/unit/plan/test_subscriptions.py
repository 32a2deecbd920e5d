"""A subscribed Edge server's send connectors are planned in the organization [1-5]."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, time
from typing import Any

from reconciler.plan.change import Action, Plan
from reconciler.plan.maintenance import Maintenance, Window
from reconciler.plan.planner import plan
from state.address import Address
from state.record import Recorded
from state.resources import EdgeSubscription, SendConnector
from state.snapshot import Listing, LiveOrganization, LiveServer
from state.values import Deferred, IpAddress, Name, TlsCertificateName
from tests.rules import rule
from tests.situations import (
    EDGE1,
    EX1,
    UNTOLD,
    certificate,
    connector,
    live_certificate,
    live_connector,
    live_server,
    marked,
    recorded,
    situation,
    summaries,
)

DECLARED = Address.parse("send_connector.EDGE1.tls_required")
SUBSCRIBED = LiveOrganization(
    read_from=EX1, edge_subscriptions=Listing((EdgeSubscription(name=Name("edge1"), site="HQ"),))
)
SYNCED = SendConnector(name=Name("EdgeSync - Inbound to HQ"))


def on_edge(**values: Any) -> SendConnector:
    """As it is declared under EDGE1."""
    return connector(home=(EDGE1,), local=True, declared_in="EDGE1", **values)


def planned(
    desired: SendConnector | None,
    *,
    organization: LiveOrganization = SUBSCRIBED,
    live: tuple[SendConnector, ...] = (),
    edge: LiveServer | None = None,
    record: dict[Address, Recorded] | None = None,
) -> Plan:
    asked = situation(
        {DECLARED: desired} if desired else {},
        live_server(send_connectors=list(live)),
        edge or live_server(EDGE1, send_connectors=[]),
        record=record,
    )
    return plan(replace(asked, live=replace(asked.live, organization=organization)))


class TestASendConnectorOfASubscribedEdgeServer:
    @rule("1-5")
    def test_is_made_in_the_organization_and_synchronized(self) -> None:
        create, synchronize = planned(on_edge()).changes
        [invocation] = create.invocations
        assert (invocation.server, invocation.cmdlet) == ("EX1", "New-SendConnector")
        assert invocation.parameters["SourceTransportServers"] == ("EDGE1",)
        assert str(synchronize.address) == "server.EDGE1"
        assert synchronize.requires == {DECLARED}
        [invocation] = synchronize.invocations
        assert (invocation.server, invocation.cmdlet) == ("EX1", "Start-EdgeSynchronization")
        assert invocation.parameters == {"TargetServer": "EDGE1"}

    def test_that_is_right_needs_no_synchronization(self) -> None:
        live = live_connector(source_transport_servers=frozenset({EDGE1}))
        [change] = planned(on_edge(), live=(live,)).changes
        assert change.action is Action.ADOPT

    def test_that_is_no_longer_declared_is_removed_there_and_synchronized(self) -> None:
        live = live_connector(source_transport_servers=frozenset({EDGE1}), comment=marked(DECLARED))
        other = Address.parse("send_connector.EDGE1.opportunistic")
        was = recorded(connector(home=(EX1,), local=False, guid=live.guid))
        asked = situation(
            {other: on_edge(name=Name("Other"))},
            live_server(send_connectors=[live]),
            live_server(EDGE1, send_connectors=[]),
            record={DECLARED: was},
        )
        made = plan(replace(asked, live=replace(asked.live, organization=SUBSCRIBED)))
        sent = [invocation.cmdlet for change in made.changes for invocation in change.invocations]
        assert sent == ["New-SendConnector", "Remove-SendConnector", "Start-EdgeSynchronization"]
        assert made.changes[-1].requires == {DECLARED, other}

    def test_that_only_follows_its_certificate_is_bound_there_whoever_else_sends_through_it(self) -> None:
        """Its certificate is the Edge server's, and what is still to come is bound in the same plan."""
        public = Address.parse("certificate.EDGE1.public")
        other = Name("EDGE2")
        follows = SendConnector(
            name=Name("Outbound"),
            home=(EDGE1,),
            local=True,
            declared_in="Outbound",
            role="other",
            mode="certificates",
            certificates=(public,),
            tls_certificate_name=Deferred(public, "tls_certificate_name"),
        )
        outbound = Address.parse("send_connector.Outbound")
        for sources, is_bound in ((frozenset({EDGE1}), True), (frozenset({EDGE1, other}), False)):
            live = live_connector(name=Name("Outbound"), source_transport_servers=sources)
            asked = situation(
                {public: certificate(home=(EDGE1,)), outbound: follows},
                live_server(send_connectors=[live]),
                live_server(EDGE1, send_connectors=[]),
            )
            made = plan(replace(asked, live=replace(asked.live, organization=SUBSCRIBED)))
            (change,) = (one for one in made.changes if one.address == outbound)
            assert [set(one.parameters) for one in change.invocations] == (
                [{"Identity", "TlsCertificateName"}] if is_bound else []
            )
            assert not made.drift

    def test_is_bound_anew_in_a_window_of_the_edge_server(self) -> None:
        """Its commands are run elsewhere; what is presented there is of no interest."""
        public, old = Address.parse("certificate.EDGE1.public"), TlsCertificateName("CN=Old CA", "CN=a")
        desired = on_edge(
            certificates=(public,), tls_certificate_name=Deferred(public, "tls_certificate_name")
        )
        live = live_connector(
            source_transport_servers=frozenset({EDGE1}), tls_certificate_name=old, comment=marked(DECLARED)
        )
        there = [live_certificate(), live_certificate(tls_certificate_name=old, public_key="k2")]
        asked = situation(
            {public: certificate(home=(EDGE1,)), DECLARED: desired},
            live_server(send_connectors=[live]),
            live_server(EDGE1, send_connectors=[], certificates=there),
        )
        asked = replace(
            asked,
            live=replace(asked.live, organization=SUBSCRIBED),
            maintenance={EDGE1: Maintenance(UTC, "UTC", (Window(frozenset({6}), time(1), time(2)),))},
        )
        (change,) = (one for one in plan(asked).changes if one.address == DECLARED)
        assert change.action is Action.WAIT
        assert change.reason.startswith("waits for the window")

    def test_cannot_have_a_source_address(self) -> None:
        made = planned(on_edge(source_ip_address=IpAddress.parse("192.0.2.1")))
        assert summaries(made) == ["Only on an Edge server"]


class TestAnEdgeServerThatIsNotListed:
    @rule("1-4")
    def test_has_its_own_connectors(self) -> None:
        made = planned(on_edge(), organization=LiveOrganization(read_from=EX1, edge_subscriptions=Listing()))
        [change] = made.changes
        assert change.invocations[0].server == "EDGE1"

    def test_and_that_edge_sync_has_been_at_is_not_touched(self) -> None:
        """Where its connectors are changed is not known; elsewhere the change would be lost."""
        edge = live_server(EDGE1, send_connectors=[SYNCED])
        hidden = LiveOrganization(read_from=EX1, edge_subscriptions=Listing(unreadable=UNTOLD))
        made = planned(on_edge(), organization=hidden, edge=edge)
        assert summaries(made) == ["Edge subscription not known"]
        assert "access denied" in made.diagnostics[0].detail
        unlisted = planned(on_edge(), organization=LiveOrganization(read_from=EX1), edge=edge)
        assert summaries(unlisted) == ["Edge subscription not known"]

    def test_is_observed_whoever_its_connectors_are(self) -> None:
        edge = live_server(EDGE1, send_connectors=[SYNCED, live_connector()])
        assert not planned(
            on_edge(mode="observe"), organization=LiveOrganization(read_from=EX1), edge=edge
        ).diagnostics
