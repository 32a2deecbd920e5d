"""Connectors that only follow their certificate: one attribute is made as declared, the rest is not ours."""

from __future__ import annotations

from typing import Any

from reconciler.plan.change import Action, Change, Plan
from state.address import Address
from state.resources import Build, SendConnector, Server
from state.snapshot import LiveServer
from state.values import UNKNOWN, UNSET, Deferred, Fqdn, Name, TlsCertificateName
from tests.situations import (
    BOUND,
    EX1,
    certificate,
    live_certificate,
    live_connector,
    live_receive_connector,
    live_server,
    marked,
    parameters,
    plan_of,
    receive_connector,
    recorded,
    summaries,
)

OUTBOUND = Address.parse('send_connector."Outbound to Office 365"')
FRONTEND = Address.parse('receive_connector.EX1."Default Frontend EX1"')
PUBLIC = Address.parse("certificate.EX1.public")
OLD = TlsCertificateName("CN=Old CA", "CN=mail.contoso.com")
EX2 = Name("EX2")
NAME = Name("Outbound to Office 365")


def following(**values: Any) -> SendConnector:
    """As config makes it of ``follow: [certificate]``."""
    declared: dict[str, Any] = {
        "name": NAME,
        "home": (EX1,),
        "declared_in": str(NAME),
        "role": "other",
        "local": False,
        "mode": "certificates",
        "certificates": (PUBLIC,),
        "tls_certificate_name": Deferred(PUBLIC, "tls_certificate_name"),
    }
    return SendConnector(**{**declared, **values})


def outbound(**values: Any) -> SendConnector:
    """As the Hybrid Configuration wizard left it."""
    read: dict[str, Any] = {
        "name": NAME,
        "fqdn": Fqdn("mail.contoso.com"),
        "cloud_services_mail_enabled": True,
        "tls_certificate_name": OLD,
        "source_transport_servers": frozenset({EX1}),
    }
    return live_connector(**{**read, **values})


def planned(live: SendConnector, *others: LiveServer, **lists: Any) -> Plan:
    """A plan of a connector that follows a certificate of EX1."""
    here = live_server(certificates=lists.get("certificates", [live_certificate()]), send_connectors=[live])
    return plan_of({PUBLIC: certificate(), OUTBOUND: following()}, here, *others)


def change_of(made: Plan, address: Address = OUTBOUND) -> Change:
    return next(change for change in made.changes if change.address == address)


class TestASendConnectorThatFollows:
    def test_is_bound_and_nothing_else_of_it_is_looked_at(self) -> None:
        made = planned(outbound())
        change = change_of(made)
        assert parameters(change) == {"Identity": str(NAME), "TlsCertificateName": str(BOUND)}
        assert list(change.attributes) == ["tls_certificate_name"]
        assert not made.drift
        assert not made.diagnostics

    def test_is_recorded_in_that_attribute_alone_and_as_somebody_else_s(self) -> None:
        for live in (outbound(), outbound(tls_certificate_name=BOUND)):
            learned = change_of(planned(live)).learned
            assert learned is not None
            assert learned.recorded is not None
            resource = learned.recorded.resource
            assert not learned.recorded.created
            assert {one.name for one, _ in resource.declared()} <= {
                "name", "tls_certificate_name", "guid", "home", "local", "certificates", "mode",
            }  # fmt: skip

    def test_is_not_created(self) -> None:
        made = plan_of(
            {PUBLIC: certificate(), OUTBOUND: following()},
            live_server(certificates=[live_certificate()], send_connectors=[]),
        )
        assert not [change for change in made.changes if change.address == OUTBOUND]
        assert summaries(made) == ["Observed object not found"]

    def test_stays_when_it_is_no_longer_declared_though_this_tool_made_it_once(self) -> None:
        live = outbound(comment=marked(OUTBOUND))
        made = plan_of(
            {},
            live_server(send_connectors=[live]),
            record={OUTBOUND: recorded(following(guid=live.guid, tls_certificate_name=BOUND))},
        )
        assert change_of(made).action is Action.FORGET

    def test_waits_for_a_certificate_that_is_requested(self) -> None:
        change = change_of(planned(outbound(), certificates=[]))
        assert change.requires == {PUBLIC}


class TestItsOtherSourceServers:
    """Exchange says who sends through it: each of them has to have the certificate."""

    BOTH = frozenset({EX1, EX2})

    def test_without_the_certificate_keep_it_from_being_bound(self) -> None:
        made = planned(outbound(source_transport_servers=self.BOTH), live_server(EX2))
        assert change_of(made).action is Action.WAIT
        assert not change_of(made).invocations
        (told,) = made.diagnostics
        assert told.summary == "Certificate not on all source servers"
        assert "EX2 has none of that name for SMTP" in told.detail

    def test_that_are_not_declared_are_not_known_to_have_it(self) -> None:
        made = planned(outbound(source_transport_servers=self.BOTH))
        assert change_of(made).action is Action.WAIT
        assert "EX2 is not declared" in made.diagnostics[0].detail

    def test_that_have_it_too_are_in_nobody_s_way(self) -> None:
        other = live_server(EX2, certificates=[live_certificate()])
        made = planned(outbound(source_transport_servers=self.BOTH), other)
        assert parameters(change_of(made))["TlsCertificateName"] == str(BOUND)
        assert not made.diagnostics

    def test_cannot_have_what_is_yet_to_be_issued(self) -> None:
        other = live_server(EX2, certificates=[live_certificate()])
        made = planned(outbound(source_transport_servers=self.BOTH), other, certificates=[])
        assert change_of(made).action is Action.WAIT

    def test_that_know_no_names_present_what_they_choose_anyway(self) -> None:
        old = Server(name=EX2, fqdn=Fqdn("ex2.contoso.local"), build=Build(14, 3, 123, 4))
        made = planned(outbound(source_transport_servers=self.BOTH), live_server(EX2, itself=old))
        assert change_of(made).action is Action.UPDATE

    def test_that_could_not_be_read_may_be_anybody(self) -> None:
        made = planned(outbound(source_transport_servers=UNKNOWN))
        assert change_of(made).action is Action.WAIT

    def test_are_not_asked_about_where_the_name_stays(self) -> None:
        made = planned(outbound(source_transport_servers=self.BOTH, tls_certificate_name=BOUND))
        assert made.is_empty
        assert not made.diagnostics

    def test_keep_a_managed_connector_that_does_not_declare_them_as_it_is_too(self) -> None:
        live = outbound(source_transport_servers=self.BOTH, comment=marked(OUTBOUND), port=25)
        made = plan_of(
            {PUBLIC: certificate(), OUTBOUND: following(mode=UNSET, port=26)},
            live_server(certificates=[live_certificate()], send_connectors=[live]),
        )
        change = change_of(made)
        assert parameters(change).keys() >= {"Port"}
        assert "TlsCertificateName" not in parameters(change)
        assert "waits for its other source servers" in change.reason


class TestAReceiveConnectorThatFollows:
    def test_is_bound_and_nothing_else_of_it_is_looked_at(self) -> None:
        follows = receive_connector(
            banner=UNSET,
            mode="certificates",
            certificates=(PUBLIC,),
            tls_certificate_name=Deferred(PUBLIC, "tls_certificate_name"),
        )
        made = plan_of(
            {PUBLIC: certificate(), FRONTEND: follows},
            live_server(
                certificates=[live_certificate()],
                receive_connectors=[live_receive_connector(tls_certificate_name=OLD, banner="220 theirs")],
            ),
        )
        assert parameters(change_of(made, FRONTEND)) == {
            "Identity": "EX1\\Default Frontend EX1",
            "TlsCertificateName": str(BOUND),
        }
        assert not made.drift
        assert not made.diagnostics

    def test_stays_when_it_is_no_longer_declared_though_this_tool_made_it_once(self) -> None:
        live = live_receive_connector(comment=marked(FRONTEND))
        was = receive_connector(mode="certificates", guid=live.guid)
        made = plan_of({}, live_server(receive_connectors=[live]), record={FRONTEND: recorded(was)})
        assert change_of(made, FRONTEND).action is Action.FORGET
