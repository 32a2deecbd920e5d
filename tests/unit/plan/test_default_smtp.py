"""The default SMTP certificate: replaced where that is declared, once, and told with what it reaches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from reconciler.diagnostics import Severity, are_refusals
from reconciler.plan.change import Action, Difference, Plan
from reconciler.plan.planner import plan
from state.address import Address
from state.record import Recorded
from state.resources import Build, Certificate, EdgeSubscription, Server
from state.snapshot import Listing, LiveOrganization, LiveServer, Unread
from state.values import UNKNOWN, UNSET, Fqdn, Name
from tests.rules import rule
from tests.situations import (
    EDGE1,
    EX1,
    UNTOLD,
    certificate,
    live_certificate,
    live_receive_connector,
    live_server,
    plan_of,
    recorded,
    request_marked,
    situation,
    summaries,
)

PUBLIC = Address.parse("certificate.EX1.public")
ON_EDGE = Address.parse("certificate.EDGE1.public")
SITE = "contoso.com/Configuration/Sites/HQ"
ALONE = LiveOrganization(read_from=EX1, edge_subscriptions=Listing())
SUBSCRIBED = LiveOrganization(
    read_from=EX1, edge_subscriptions=Listing((EdgeSubscription(name=EDGE1, site="HQ"),))
)
UNREAD = LiveOrganization(edge_subscriptions=Listing(unreadable=UNTOLD))
MARKED = request_marked(PUBLIC)


def ex1(*certificates: Certificate, site: Any = SITE, **lists: Any) -> LiveServer:
    itself = Server(name=EX1, fqdn=Fqdn("ex1.contoso.local"), build=Build(15, 2, 1544, 4), site=site)
    return live_server(certificates=certificates, itself=itself, **lists)


def planned(
    asked: Certificate,
    server: LiveServer,
    *,
    address: Address = PUBLIC,
    organization: LiveOrganization = ALONE,
    record: Mapping[Address, Recorded] | None = None,
    accepted: str = "",
) -> Plan:
    made = situation({address: asked}, server, record=record)
    return plan(
        replace(
            made,
            live=replace(made.live, organization=organization),
            acknowledged={address: frozenset({accepted})} if accepted else {},
        )
    )


def replaced(**values: Any) -> Certificate:
    return certificate(default_smtp="replace", **values)


def learned(made: Plan) -> Recorded:
    [change] = made.changes
    assert change.learned is not None
    assert change.learned.recorded is not None
    return change.learned.recorded


class TestReplace:
    @rule("2.3-3")
    def test_is_a_force_that_the_plan_shows_and_explains(self) -> None:
        made = planned(replaced(), ex1())
        [change] = made.changes
        enable = change.invocations[-1]
        assert enable.parameters["Force"] is True
        assert not enable.answers
        assert change.attributes["default_smtp"] == Difference(UNKNOWN, "replace")
        [told] = made.diagnostics
        assert told.summary == "Default SMTP certificate replaced"
        assert told.severity is Severity.WARNING

    @rule("2.3-4")
    def test_is_done_once_to_a_certificate_that_serves_smtp_already(self) -> None:
        """Which one is the default cannot be read: that it was made so is recorded."""
        server = ex1(live_certificate(friendly_name=MARKED))
        made = planned(replaced(), server)
        [change] = made.changes
        assert change.action is Action.UPDATE
        assert change.invocations[0].parameters["Services"] == "SMTP"
        assert change.invocations[0].parameters["Force"] is True
        again = planned(replaced(), server, record={PUBLIC: learned(made)})
        assert again.is_empty
        assert not again.diagnostics

    def test_is_done_again_after_it_was_taken_back(self) -> None:
        server = ex1(live_certificate(friendly_name=MARKED))
        record = {PUBLIC: learned(planned(replaced(), server))}
        record = {PUBLIC: learned(planned(certificate(default_smtp="keep"), server, record=record))}
        assert not planned(replaced(), server, record=record).is_empty

    def test_is_done_again_for_another_certificate(self) -> None:
        was = learned(planned(replaced(), ex1(live_certificate(friendly_name=MARKED))))
        renewed = ex1(live_certificate(friendly_name=MARKED, public_key="k2"))
        record = {PUBLIC: replace(was, resource=was.resource.with_(public_key="k1"))}
        assert not planned(replaced(), renewed, record=record).is_empty

    def test_is_not_taken_for_done_where_it_was_only_imported(self) -> None:
        """Import records what is read, and this is not."""
        imported = recorded(certificate(public_key="k1"), created=False)
        assert not planned(replaced(), ex1(live_certificate()), record={PUBLIC: imported}).is_empty

    def test_is_not_what_keep_does(self) -> None:
        made = planned(certificate(default_smtp="keep"), ex1(live_certificate(friendly_name=MARKED)))
        assert made.is_empty
        assert not made.diagnostics


@rule("1-5")
class TestAnEdgeSubscription:
    @pytest.mark.parametrize("site", [SITE, "HQ", "contoso.com/Configuration/Sites/hq"])
    def test_is_not_broken_without_acknowledgement(self, site: str) -> None:
        made = planned(replaced(), ex1(site=site), organization=SUBSCRIBED)
        assert summaries(made) == ["Edge subscription would break"]
        assert are_refusals(made.diagnostics)
        assert not made.changes

    def test_is_broken_when_that_is_accepted_and_told(self) -> None:
        made = planned(replaced(), ex1(), organization=SUBSCRIBED, accepted="edge-subscription")
        assert len(made.changes) == 1
        [told] = made.diagnostics
        assert "EDGE1" in told.detail

    def test_of_another_site_is_not_concerned(self) -> None:
        made = planned(
            replaced(), ex1(site="contoso.com/Configuration/Sites/Branch"), organization=SUBSCRIBED
        )
        assert summaries(made) == ["Default SMTP certificate replaced"]

    @pytest.mark.parametrize("site", [UNKNOWN, ""])
    def test_of_an_unknown_site_may_be(self, site: Any) -> None:
        made = planned(replaced(), ex1(site=site), organization=SUBSCRIBED)
        assert summaries(made) == ["Edge subscription would break"]

    def test_that_cannot_be_read_is_not_absent(self) -> None:
        made = planned(replaced(), ex1(), organization=UNREAD)
        assert summaries(made) == ["Edge subscription would break"]
        made = planned(replaced(), ex1(), organization=UNREAD, accepted="edge-subscription")
        assert summaries(made) == ["Default SMTP certificate replaced"]

    def test_is_its_edge_servers_too(self) -> None:
        asked = replaced(home=(EDGE1,))
        made = planned(asked, live_server(EDGE1), address=ON_EDGE, organization=SUBSCRIBED)
        assert summaries(made) == ["Edge subscription would break"]
        made = planned(asked, live_server(EDGE1), address=ON_EDGE)
        assert summaries(made) == ["Default SMTP certificate replaced"]

    def test_does_not_mind_what_is_kept(self) -> None:
        assert not planned(certificate(default_smtp="keep"), ex1(), organization=SUBSCRIBED).diagnostics


class TestServices:
    @rule("2.3-2")
    def test_that_nobody_declared_are_no_difference(self) -> None:
        """Exchange shows services that nobody enabled; IIS is never enabled because it was seen."""
        seen = live_certificate(services=frozenset({"SMTP", "IIS", "POP"}), friendly_name=MARKED)
        assert planned(certificate(), ex1(seen)).is_empty

    @rule("2.3-5")
    def test_that_were_seen_are_not_carried_to_the_next_certificate(self) -> None:
        due = live_certificate(services=frozenset({"SMTP", "IIS"}), friendly_name=MARKED)
        due = due.with_(not_after=due.not_before)
        [change] = planned(certificate(), ex1(due)).changes
        assert change.invocations[-1].parameters["Services"] == "SMTP"

    @rule("2.3-5")
    def test_that_hold_iis_are_told_when_they_are_enabled(self) -> None:
        asked = certificate(services=frozenset({"IIS", "SMTP"}))
        assert summaries(planned(asked, ex1())) == ["IIS will require SSL"]
        assert not planned(asked, ex1(), accepted="require-ssl").diagnostics
        seen = live_certificate(services=frozenset({"SMTP", "IIS"}), friendly_name=MARKED)
        assert not planned(asked, ex1(seen)).diagnostics


@rule("5-1")
class TestAnEdgeServer:
    """Its services cannot be read: enabled once, recorded, not repeated."""

    UNREADABLE: Mapping[str, Any] = {
        "services": UNKNOWN,
        "status": UNKNOWN,
        "friendly_name": UNKNOWN,
        "has_private_key": UNKNOWN,
    }

    def edge(self, **values: Any) -> LiveServer:
        return live_server(EDGE1, certificates=[live_certificate(**{**self.UNREADABLE, **values})])

    def asked(self, **values: Any) -> Certificate:
        return certificate(home=(EDGE1,), **values)

    def test_is_asked_once_after_an_import(self) -> None:
        """The record knows the key, and not the services."""
        imported = recorded(self.asked(services=UNSET, public_key="k1"), created=False)
        made = plan_of({ON_EDGE: self.asked()}, self.edge(), record={ON_EDGE: imported})
        [change] = made.changes
        assert [step.cmdlet for step in change.invocations] == ["Enable-ExchangeCertificate"]
        assert summaries(made) == ["Attribute not readable"]
        again = plan_of({ON_EDGE: self.asked()}, self.edge(), record={ON_EDGE: learned(made)})
        assert again.is_empty
        assert not again.diagnostics

    def test_is_asked_once_more_for_a_service_that_is_declared_later(self) -> None:
        was = recorded(self.asked(public_key="k1"))
        asked = self.asked(services=frozenset({"SMTP", "IMAP"}))
        [change] = plan_of({ON_EDGE: asked}, self.edge(), record={ON_EDGE: was}).changes
        assert change.invocations[0].parameters["Services"] == "IMAP"

    def test_is_asked_for_the_next_certificate(self) -> None:
        due = self.edge(not_after=live_certificate().not_before)
        was = recorded(self.asked(public_key="k1"))
        [change] = plan_of({ON_EDGE: self.asked()}, due, record={ON_EDGE: was}).changes
        assert [step.cmdlet for step in change.invocations][-1] == "Enable-ExchangeCertificate"

    def test_gets_a_new_certificate_when_the_record_is_lost(self) -> None:
        """Nothing there tells which one is ours."""
        made = plan_of({ON_EDGE: self.asked()}, self.edge())
        [change] = made.changes
        assert change.action is Action.CREATE
        assert summaries(made) == ["Certificate not judged"]

    def test_replaces_its_default_once(self) -> None:
        was = recorded(self.asked(public_key="k1"))
        asked = self.asked(default_smtp="replace")
        made = planned(asked, self.edge(), address=ON_EDGE, record={ON_EDGE: was})
        [change] = made.changes
        assert change.invocations[0].parameters["Force"] is True
        again = planned(asked, self.edge(), address=ON_EDGE, record={ON_EDGE: learned(made)})
        assert again.is_empty


class TestANameThatDnsDoesNotKnow:
    """One receive connector can keep every certificate of the server from SMTP."""

    def test_is_told_before_a_certificate_is_enabled(self) -> None:
        listener = live_receive_connector(name=Name("Scan_Relay"), fqdn=Fqdn("scan_relay.contoso.local"))
        made = planned(certificate(), ex1(receive_connectors=[listener]))
        assert summaries(made) == ["Fqdn not fit for certificates"]
        kept = ex1(live_certificate(friendly_name=MARKED), receive_connectors=[listener])
        assert not planned(certificate(), kept).diagnostics

    def test_is_told_where_it_could_not_even_be_read(self) -> None:
        listener = live_receive_connector(fqdn=UNKNOWN)
        server = replace(
            ex1(receive_connectors=[listener]),
            unread=(Unread("EX1\\Default Frontend EX1", "fqdn", 'Fqdn: "mail/contoso" is no domain name'),),
        )
        [told] = planned(certificate(), server).diagnostics
        assert "mail/contoso" in told.detail
