"""Objects whose identity, and attributes whose values, could not be read: the record knows, or nobody."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.plan.change import Action, Plan
from reconciler.plan.recording import to_record
from state.address import Address
from state.resources import AcceptedDomain, Certificate, SendConnector
from state.snapshot import Unread, Unreadable
from state.values import UNKNOWN, UNSET, DomainPattern, Name, Thumbprint
from tests.situations import (
    NOW,
    TRUSTED,
    UNTOLD,
    certificate,
    connector,
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
    the_change,
)

LISTENER = Address.parse('receive_connector.EX1."Default Frontend EX1"')
PUBLIC = Address.parse("certificate.EX1.public")
GUID = live_connector().guid
OURS = {TRUSTED: recorded(to_record(connector(), guid=GUID))}
UNDESCRIBED = dict.fromkeys(("friendly_name", "exportable", "services", "has_private_key", "status"), UNKNOWN)


def planned(live: SendConnector, **desired: object) -> Plan:
    return plan_of({TRUSTED: connector(**desired)}, live_server(send_connectors=[live]), record=OURS)


class TestAConnectorWhoseNameCouldNotBeRead:
    def test_is_found_and_named_by_its_guid(self) -> None:
        change = the_change(planned(live_connector(name=UNKNOWN, enabled=False), enabled=True))
        assert parameters(change)["Identity"] == GUID

    def test_keeps_others_from_being_created(self) -> None:
        """It may be the declared one."""
        stranger = live_connector(name=UNKNOWN, guid="33333333-3333-3333-3333-333333333333")
        made = plan_of({TRUSTED: connector()}, live_server(send_connectors=[stranger]))
        assert not made.changes
        assert summaries(made) == ["Object not identified"]

    def test_is_not_touched_where_nothing_names_it(self) -> None:
        made = planned(live_connector(name=UNKNOWN, guid=UNKNOWN, comment=marked(TRUSTED), enabled=False))
        assert not made.changes
        assert summaries(made) == ["Object not identified"]

    def test_keeps_receive_connectors_from_being_missed(self) -> None:
        server = live_server(receive_connectors=[live_receive_connector(name=UNKNOWN)])
        assert summaries(plan_of({LISTENER: receive_connector()}, server)) == ["Object not identified"]


class TestAConnectorWhoseGuidCouldNotBeRead:
    @pytest.mark.parametrize("comment", ["", UNKNOWN])
    def test_stays_in_the_record_as_it_was(self, comment: object) -> None:
        assert the_change(planned(live_connector(guid=UNKNOWN, comment=comment))).action is Action.NONE

    def test_is_not_deleted_when_another_address_means_it(self) -> None:
        """The one that left the YAML has its mark, the other its name: it is one object all the same."""
        other = Address.parse("send_connector.EX1.opportunistic")
        was = {other: recorded(connector(name=Name("old"), guid=GUID))}
        live = live_connector(guid=UNKNOWN, comment=marked(other))
        made = plan_of({TRUSTED: connector()}, live_server(send_connectors=[live]), record=was)
        assert Action.DELETE not in [change.action for change in made.changes]

    def test_is_neither_deleted_nor_forgotten_without_its_mark(self) -> None:
        """Nobody knows whether it is the one that was made."""
        gone = Address.parse("send_connector.EX1.opportunistic")
        was = {gone: recorded(connector(guid=GUID))}
        live = live_connector(guid=UNKNOWN, comment=UNKNOWN)
        also = live_connector(name=Name("other"), guid="44444444-4444-4444-4444-444444444444")
        desired = {TRUSTED: connector(name=Name("other"))}
        made = plan_of(desired, live_server(send_connectors=[live, also]), record=was)
        assert gone not in {change.address for change in made.changes}
        assert "List not read" in summaries(made)


class TestAnAttributeThatCouldNotBeRead:
    def test_is_believed_to_be_as_it_was_set_and_told(self) -> None:
        server = live_server(send_connectors=[live_connector(require_tls=UNKNOWN)])
        told = replace(server, unread=(Unread("EX1 TLS required", "require_tls", "a number, 7"),))
        made = plan_of({TRUSTED: connector()}, told, record=OURS)
        assert the_change(made).action is Action.NONE
        assert summaries(made) == ["Attribute not compared"]
        assert "a number, 7" in made.diagnostics[0].detail

    def test_is_not_told_where_exchange_never_returns_it(self) -> None:
        """An Edge server's services, a credential: that is how it is."""
        made = planned(live_connector(require_tls=UNKNOWN))
        assert made.is_empty
        assert not made.diagnostics


class TestACertificateThatCouldNotBeRead:
    NOTHING = Certificate(
        **{name: UNKNOWN for name, one in Certificate.attributes().items() if one.kind.value != "setting"}
    )

    @pytest.mark.parametrize("issuer", ["house", UNSET])
    def test_at_all_keeps_a_new_one_from_being_requested(self, issuer: object) -> None:
        server = live_server(certificates=[self.NOTHING])
        made = plan_of({PUBLIC: certificate(issuer=issuer)}, server)
        assert not made.changes
        assert "Certificate not judged" in summaries(made)

    def test_may_be_a_request_of_ours(self) -> None:
        """Its own issuer, for the same names, without a mark that could be read: not asked for twice."""
        pending = live_certificate(**UNDESCRIBED, self_signed=True, thumbprint=Thumbprint("B" * 40))
        made = plan_of({PUBLIC: certificate()}, live_server(certificates=[pending]))
        assert not made.changes
        assert "may be a request" in made.diagnostics[0].detail

    def test_for_other_names_stands_in_nobodys_way(self) -> None:
        other = frozenset({DomainPattern("other.contoso.com")})
        own = live_certificate(**UNDESCRIBED, self_signed=True, domains=other, subject="CN=other.contoso.com")
        made = plan_of({PUBLIC: certificate()}, live_server(certificates=[own]))
        assert the_change(made).action is Action.CREATE
        assert summaries(made) == ["Certificates not described"]

    @pytest.mark.parametrize(
        ("named", "told"),
        [
            (Thumbprint("A" * 40), "the session carries no"),  # there and valid: it is something else
            (Thumbprint("B" * 40), "is not on this server"),
            (UNKNOWN, "the session carries no"),
            (None, "the session carries no"),
        ],
    )
    def test_is_told_once_with_its_cause(self, named: object, told: str) -> None:
        server = replace(live_server(certificates=[live_certificate(**UNDESCRIBED)]), auth_certificate=named)
        was = {PUBLIC: recorded(certificate(public_key="k1", thumbprint=Thumbprint("A" * 40)))}
        made = plan_of({PUBLIC: certificate()}, server, record=was)
        assert made.is_empty
        [diagnostic] = made.diagnostics
        assert diagnostic.summary == "Certificates not described"
        assert told in diagnostic.detail


class TestAcceptedDomainsThatCouldNotBeRead:
    def test_are_told_once_where_partners_are_declared(self) -> None:
        second = Address.parse("send_connector.EX1.tls_never")
        desired = {
            TRUSTED: connector(),
            second: connector(name=Name("never"), role="tls_never", address_spaces=UNSET),
        }
        assert summaries(plan_of(desired, live_server(accepted_domains=UNTOLD))) == ["List not read"]

    def test_are_not_missed_where_none_are(self) -> None:
        desired = {TRUSTED: connector(role="opportunistic")}
        assert not plan_of(desired, live_server(accepted_domains=Unreadable("no"))).diagnostics
        assert not plan_of(
            {TRUSTED: connector()}, live_server(accepted_domains=[AcceptedDomain()])
        ).diagnostics


def test_a_server_without_a_name_is_not_another_one() -> None:
    server = live_server(itself=replace(live_server().server.objects[0], name=UNKNOWN))
    assert summaries(plan_of({}, server, now=NOW)) == ["Server not known"]
