"""What becomes of a declared certificate, and of the connectors bound to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.cmdlets.invocation import Answer
from reconciler.diagnostics import Severity
from reconciler.plan.change import Action, Plan
from state.address import Address
from state.record import Recorded, Request
from state.resources import Certificate
from state.values import UNKNOWN, UNSET, Deferred, DomainPattern, Name, Thumbprint, TlsCertificateName
from tests.rules import rule
from tests.situations import (
    BOUND,
    EDGE1,
    EX1,
    NOW,
    TRUSTED,
    UNTOLD,
    certificate,
    cmdlets,
    connector,
    live_certificate,
    live_connector,
    live_server,
    parameters,
    plan_of,
    recorded,
    request_marked,
    summaries,
    the_change,
)

PUBLIC = Address.parse("certificate.EX1.public")
ON_EDGE = Address.parse("certificate.EDGE1.public")
NAME = Deferred(PUBLIC, "tls_certificate_name")
AS_MADE = {"public_key": "k1", "thumbprint": Thumbprint("A" * 40)}
UNREAD = {
    "services": UNKNOWN,
    "status": UNKNOWN,
    "friendly_name": UNKNOWN,
    "has_private_key": UNKNOWN,
    "exportable": UNKNOWN,
}
"""What an Edge server does not tell."""


def as_recorded(**values: object) -> dict[Address, Recorded]:
    """The certificate as an earlier apply left it."""
    return {PUBLIC: recorded(certificate(**{**AS_MADE, **values}))}


def pending(**values: object) -> Certificate:
    """The entry that a request leaves in the store [2.1-12]."""
    entry = {
        "thumbprint": Thumbprint("B" * 40),
        "public_key": "k2",
        "status": "PendingRequest",
        "self_signed": True,
        "services": frozenset(),
        "friendly_name": request_marked(PUBLIC),
    }
    return live_certificate(**{**entry, **values})


def under_way(**values: object) -> dict[Address, Request]:
    made = {
        "server": EX1,
        "asked": certificate(),
        "public_key": "k2",
        "csr": "PEM",
        "pending": Thumbprint("B" * 40),
        "since": NOW - timedelta(days=2),
    }
    return {PUBLIC: Request(**{**made, **values})}


def plan_public(*live: Certificate, **given: object) -> Plan:
    return plan_of({PUBLIC: certificate()}, live_server(certificates=live), **given)


class TestACertificateThatDoesNotExist:
    def test_is_requested_imported_and_enabled(self) -> None:
        change = the_change(plan_public())
        assert change.action is Action.CREATE
        assert cmdlets([change]) == [
            "New-ExchangeCertificate",
            "Import-ExchangeCertificate",
            "Enable-ExchangeCertificate",
        ]
        assert parameters(change, 0) == {
            "GenerateRequest": True,
            "SubjectName": "CN=mail.contoso.com",
            "DomainName": ("mail.contoso.com",),
            "KeySize": 2048,
            "FriendlyName": request_marked(PUBLIC),
            "Server": "EX1",
        }
        assert parameters(change, 1) == {
            "FileData": Deferred(PUBLIC, "certificate"),
            "FriendlyName": request_marked(PUBLIC),
            "Server": "EX1",
        }
        assert parameters(change, 2) == {
            "Thumbprint": Deferred(PUBLIC, "thumbprint"),
            "Services": "SMTP",
            "Server": "EX1",
        }

    @rule("2.3-3")
    def test_keeps_the_default_smtp_certificate_unless_told_otherwise(self) -> None:
        """Exchange asks; No is answered. -Force would mean Yes [2.3-3]."""
        enable = the_change(plan_public()).invocations[-1]
        assert enable.answers == (Answer("default_smtp", "no"),)
        assert "Force" not in enable.parameters

    def test_is_not_requested_when_the_list_could_not_be_read(self) -> None:
        """An expired auth certificate can empty the list: unknown is not absent."""
        made = plan_of({PUBLIC: certificate()}, live_server(certificates=UNTOLD))
        assert not made.changes
        assert summaries(made) == ["List not read"]

    def test_is_never_requested_when_it_is_only_watched(self) -> None:
        made = plan_of({PUBLIC: certificate(issuer=UNSET)})
        assert not made.changes
        assert summaries(made) == ["Certificate not found"]

    def test_is_requested_for_its_common_name_when_no_domains_are_declared(self) -> None:
        """Without -DomainName, Exchange would put the server's own names into the request [2.1-6]."""
        made = plan_of({PUBLIC: certificate(domains=UNSET)})
        assert parameters(the_change(made))["DomainName"] == ("mail.contoso.com",)

    def test_names_no_server_on_an_edge(self) -> None:
        made = plan_of({ON_EDGE: certificate(home=(EDGE1,))}, live_server(EDGE1))
        assert all("Server" not in invocation.parameters for invocation in the_change(made).invocations)


class TestACertificateThatCannotBeJudged:
    """On a Mailbox server, where a plain session or an expired auth certificate hides all but the names."""

    def test_is_not_taken_for_absent(self) -> None:
        made = plan_public(live_certificate(**UNREAD))
        assert not made.changes
        assert summaries(made) == ["Certificate not judged", "Certificates not described"]
        assert [one.severity for one in made.diagnostics] == [Severity.ERROR, Severity.WARNING]

    def test_is_not_called_missing_when_it_is_watched(self) -> None:
        server = live_server(certificates=[live_certificate(**UNREAD)])
        told = summaries(plan_of({PUBLIC: certificate(issuer=UNSET)}, server))
        assert told == ["Certificate not judged", "Certificates not described"]

    def test_is_what_the_record_says(self) -> None:
        assert plan_public(live_certificate(**UNREAD), record=as_recorded()).is_empty


class TestACertificateThatIsThere:
    def test_is_adopted_when_it_covers_the_names(self) -> None:
        change = the_change(plan_public(live_certificate()))
        assert change.action is Action.ADOPT

    def test_needs_nothing_once_it_is_recorded(self) -> None:
        first = the_change(plan_public(live_certificate()))
        assert first.learned is not None
        assert first.learned.recorded is not None
        assert plan_public(live_certificate(), record={PUBLIC: first.learned.recorded}).is_empty

    def test_gets_only_the_services_that_it_lacks(self) -> None:
        asked = certificate(services=frozenset({"SMTP", "IMAP"}))
        made = plan_of({PUBLIC: asked}, live_server(certificates=[live_certificate()]))
        change = the_change(made)
        assert change.action is Action.UPDATE
        assert parameters(change)["Services"] == "IMAP"

    @rule("2.3-2")
    def test_may_have_more_services_than_are_declared(self) -> None:
        """Services are only ever added [2.3-2]."""
        live = live_certificate(services=frozenset({"SMTP", "IIS", "POP"}))
        assert plan_public(live, record=as_recorded()).is_empty

    def test_is_not_taken_for_the_declared_one_by_its_subject(self) -> None:
        other = live_certificate(domains=frozenset({DomainPattern("other.contoso.com")}))
        assert the_change(plan_public(other)).action is Action.CREATE

    def test_made_by_exchange_itself_is_not_what_an_issuer_was_asked_for(self) -> None:
        assert the_change(plan_public(live_certificate(self_signed=True))).action is Action.CREATE


class TestACertificateThatWillNotDo:
    @pytest.mark.parametrize(
        ("live", "reason"),
        [
            ({"not_after": NOW - timedelta(days=1)}, "expired 2026-11-23"),
            ({"not_after": NOW + timedelta(days=3)}, "expires 2026-11-27, inside renew_before 1/3"),
            ({"key_size": 1024}, "has a key of 1024 bits"),
            ({"domains": frozenset({DomainPattern("x.contoso.com")})}, "does not cover mail.contoso.com"),
        ],
    )
    def test_is_replaced_and_the_plan_says_why(self, live: dict[str, object], reason: str) -> None:
        change = the_change(plan_public(live_certificate(**live), record=as_recorded()))
        assert change.action is Action.REPLACE
        assert change.reason == reason
        assert cmdlets([change])[0] == "New-ExchangeCertificate"

    def test_is_not_removed(self) -> None:
        change = the_change(plan_public(live_certificate(key_size=1024), record=as_recorded()))
        assert "Remove-ExchangeCertificate" not in cmdlets([change])

    @pytest.mark.parametrize("attribute", ["subject", "exportable", "issuer"])
    def test_is_replaced_when_it_is_declared_differently_than_it_was_made(self, attribute: str) -> None:
        was = {"subject": "CN=old", "exportable": True, "issuer": "other"}
        now = {"subject": "CN=mail.contoso.com", "exportable": False, "issuer": "house"}
        made = plan_of(
            {PUBLIC: certificate(**{attribute: now[attribute]})},
            live_server(certificates=[live_certificate()]),
            record=as_recorded(**{attribute: was[attribute]}),
        )
        assert the_change(made).reason == f"was made with another {attribute}"

    def test_is_only_told_of_when_it_is_watched(self) -> None:
        live = live_certificate(not_after=NOW + timedelta(days=3))
        made = plan_of({PUBLIC: certificate(issuer=UNSET)}, live_server(certificates=[live]))
        assert the_change(made).action is Action.ADOPT
        assert summaries(made) == ["Certificate needs renewal"]


class TestAWatchedCertificate:
    """Somebody else renews it; connectors have to follow [3-15]."""

    OLD = live_certificate(not_after=NOW + timedelta(days=3))
    NEW = live_certificate(
        public_key="k9",
        thumbprint=Thumbprint("9" * 40),
        tls_certificate_name=TlsCertificateName("CN=New CA", "CN=mail.contoso.com"),
    )

    def plan(self, *live: Certificate) -> Plan:
        asked = certificate(issuer=UNSET)
        desired = {PUBLIC: asked, TRUSTED: connector(certificates=(PUBLIC,), tls_certificate_name=NAME)}
        record = {
            PUBLIC: recorded(certificate(issuer=UNSET, **AS_MADE), created=False),
            TRUSTED: recorded(connector(guid=live_connector().guid, tls_certificate_name=BOUND)),
        }
        server = live_server(certificates=live, send_connectors=[live_connector(tls_certificate_name=BOUND)])
        return plan_of(desired, server, record=record)

    def test_is_followed_to_its_successor_when_it_is_due(self) -> None:
        made = self.plan(self.OLD, self.NEW)
        assert not made.diagnostics
        assert [change.action for change in made.changes] == [Action.ADOPT, Action.UPDATE]
        assert parameters(made.changes[1])["TlsCertificateName"] == "<I>CN=New CA<S>CN=mail.contoso.com"

    def test_stays_while_it_is_not_due(self) -> None:
        assert self.plan(live_certificate(), self.NEW).is_empty

    def test_is_told_of_when_it_is_due_and_has_no_successor(self) -> None:
        assert summaries(self.plan(self.OLD)) == ["Certificate needs renewal"]

    def test_is_not_followed_to_one_that_is_due_itself(self) -> None:
        due = self.NEW.with_(not_after=NOW + timedelta(days=4))
        assert summaries(self.plan(self.OLD, due)) == ["Certificate needs renewal"]


class TestARequestUnderWay:
    def test_goes_on_with_its_answer(self) -> None:
        change = the_change(plan_public(pending(), requests=under_way()))
        assert cmdlets([change]) == ["Import-ExchangeCertificate", "Enable-ExchangeCertificate"]
        assert change.reason == "requested 2026-11-22"

    def test_is_exported_again_when_its_text_was_lost(self) -> None:
        change = the_change(plan_public(pending(), requests=under_way(csr="")))
        assert cmdlets([change])[0] == "Export-ExchangeCertificate"
        assert parameters(change)["Thumbprint"] == "B" * 40

    def test_that_nobody_recorded_is_found_by_its_mark(self) -> None:
        change = the_change(plan_public(pending()))
        assert cmdlets([change])[0] == "Export-ExchangeCertificate"

    def test_is_not_made_again_for_somebody_elses_pending_entry(self) -> None:
        change = the_change(plan_public(pending(friendly_name="by hand")))
        assert cmdlets([change])[0] == "New-ExchangeCertificate"

    def test_is_done_when_the_answer_is_in_the_store(self) -> None:
        """Imported, then killed: only the service is missing."""
        imported = live_certificate(public_key="k2", thumbprint=Thumbprint("C" * 40), services=frozenset())
        change = the_change(plan_public(imported, requests=under_way()))
        assert cmdlets([change]) == ["Enable-ExchangeCertificate"]
        assert parameters(change)["Thumbprint"] == "C" * 40
        assert change.learned is not None
        assert change.learned.request is None

    OTHER = certificate(domains=frozenset({DomainPattern("old.contoso.com")}))

    def test_is_replaced_when_something_else_is_declared_by_now(self) -> None:
        left = pending(friendly_name=request_marked(PUBLIC, self.OTHER))
        made = plan_public(left, requests=under_way(asked=self.OTHER))
        assert cmdlets([the_change(made)])[0] == "New-ExchangeCertificate"
        assert summaries(made) == ["Request replaced"]

    def test_that_was_replaced_does_not_come_back(self) -> None:
        """Its entry stays in Exchange; its mark is that of what was asked then."""
        left = pending(friendly_name=request_marked(PUBLIC, self.OTHER))
        assert cmdlets([the_change(plan_public(left))])[0] == "New-ExchangeCertificate"
        done = plan_public(left, live_certificate(), record=as_recorded())
        assert done.is_empty

    def test_that_nobody_recorded_does_not_replace_what_is_right(self) -> None:
        assert plan_public(pending(), live_certificate(), record=as_recorded()).is_empty

    def test_is_made_anew_when_its_entry_is_gone(self) -> None:
        """Somebody removed the pending entry, and the key with it."""
        change = the_change(plan_public(requests=under_way()))
        assert cmdlets([change])[0] == "New-ExchangeCertificate"


@rule("6.1-1")
class TestAnEdgeServer:
    """Where only the certificates themselves can be read [6.1-1]."""

    def plan(self, *live: Certificate, **given: object) -> Plan:
        asked = {ON_EDGE: certificate(home=(EDGE1,))}
        return plan_of(asked, live_server(EDGE1, certificates=live), **given)

    def test_never_has_a_certificate_adopted_by_its_names(self) -> None:
        made = self.plan(live_certificate(**UNREAD))
        assert the_change(made).action is Action.CREATE
        assert summaries(made) == ["Certificate not judged"]
        assert made.diagnostics[0].severity is Severity.WARNING

    def test_is_not_enabled_again_for_what_we_enabled(self) -> None:
        was = {
            ON_EDGE: recorded(certificate(home=(EDGE1,), public_key="k1", thumbprint=Thumbprint("A" * 40)))
        }
        assert self.plan(live_certificate(**UNREAD), record=was).is_empty

    def test_is_enabled_once_for_what_we_did_not_enable(self) -> None:
        was = {ON_EDGE: recorded(certificate(home=(EDGE1,), public_key="k1", services=UNSET))}
        made = self.plan(live_certificate(**UNREAD), record=was)
        assert cmdlets([the_change(made)]) == ["Enable-ExchangeCertificate"]
        assert summaries(made) == ["Attribute not readable"]

    def test_tells_a_pending_entry_from_its_answer_by_who_signed_it(self) -> None:
        requests = {
            ON_EDGE: Request(EDGE1, certificate(home=(EDGE1,)), "k2", "PEM", None, NOW - timedelta(days=1))
        }
        entry = pending(**UNREAD)
        change = the_change(self.plan(entry, requests=requests))
        assert cmdlets([change])[0] == "Import-ExchangeCertificate"
        answer = live_certificate(public_key="k2", thumbprint=Thumbprint("C" * 40), **UNREAD)
        change = the_change(self.plan(entry, answer, requests=requests))
        assert cmdlets([change]) == ["Enable-ExchangeCertificate"]


class TestAConnectorBoundToACertificate:
    BINDING = connector(certificates=(PUBLIC,), tls_certificate_name=NAME)

    def test_is_bound_to_what_is_there(self) -> None:
        server = live_server(certificates=[live_certificate()])
        made = plan_of({PUBLIC: certificate(), TRUSTED: self.BINDING}, server)
        create = made.changes[1]
        assert parameters(create)["TlsCertificateName"] == str(BOUND)
        assert not create.requires

    def test_waits_for_one_that_has_to_be_requested(self) -> None:
        made = plan_of({PUBLIC: certificate(), TRUSTED: self.BINDING})
        create = made.changes[1]
        assert parameters(create)["TlsCertificateName"] == NAME
        assert create.requires == {PUBLIC}

    @rule("3-15")
    def test_is_bound_anew_when_its_certificate_is_replaced(self) -> None:
        """The name may stay the same; the certificate that it means does not [3-15]."""
        server = live_server(
            certificates=[live_certificate(not_after=NOW + timedelta(days=1))],
            send_connectors=[live_connector(tls_certificate_name=BOUND)],
        )
        record = {
            **as_recorded(),
            TRUSTED: recorded(connector(guid=live_connector().guid, tls_certificate_name=BOUND)),
        }
        made = plan_of({PUBLIC: certificate(), TRUSTED: self.BINDING}, server, record=record)
        assert [change.action for change in made.changes] == [Action.REPLACE, Action.UPDATE]
        assert parameters(made.changes[1]) == {"Identity": "EX1 TLS required", "TlsCertificateName": NAME}

    def test_cannot_be_planned_without_its_certificate(self) -> None:
        made = plan_of({PUBLIC: certificate(issuer=UNSET), TRUSTED: self.BINDING})
        assert not made.changes
        assert summaries(made) == ["Certificate not found", "Certificate not usable"]

    @rule("3-15")
    def test_needs_one_name_on_all_its_source_servers(self) -> None:
        """TlsCertificateName is one value for all of them [3-15]."""
        other = TlsCertificateName("CN=Other CA", "CN=mail.contoso.com")
        desired = {
            PUBLIC: certificate(),
            ON_EDGE: certificate(home=(EDGE1,), issuer=UNSET),
            TRUSTED: connector(certificates=(PUBLIC, ON_EDGE), tls_certificate_name=NAME),
        }
        servers = (
            live_server(certificates=[live_certificate()]),
            live_server(EDGE1, certificates=[live_certificate(tls_certificate_name=other)]),
        )
        made = plan_of(desired, *servers)
        assert "Certificates of one set differ" in summaries(made)
        assert TRUSTED not in {change.address for change in made.changes}


class TestARenewalWindow:
    def test_longer_than_the_lifetime_is_told(self) -> None:
        """It would renew at every run; the default holds, and whoever wrote it must know."""
        asked = certificate(renew_before="400d")
        made = plan_of({PUBLIC: asked}, live_server(certificates=[live_certificate()]), record=as_recorded())
        assert summaries(made) == ["Renewal window not usable"]
        assert "400d" in made.diagnostics[0].detail
        assert "90 days" in made.diagnostics[0].detail
        assert made.is_empty

    @pytest.mark.parametrize("window", ["30d", "1/2", UNSET])
    def test_that_leaves_time_is_not(self, window: object) -> None:
        asked = certificate(renew_before=window)
        made = plan_of({PUBLIC: asked}, live_server(certificates=[live_certificate()]), record=as_recorded())
        assert not summaries(made)


class TestARenewalThatIsStillToCome:
    def test_is_told_while_it_is_near(self) -> None:
        (one,) = plan_of({PUBLIC: certificate()}, live_server(certificates=[live_certificate()])).upcoming
        assert (one.address, one.issuer) == (PUBLIC, "house")
        assert (one.renewal, one.expires) == (NOW + timedelta(days=50), NOW + timedelta(days=80))

    def test_is_told_by_date_and_only_those_of_the_next_days(self) -> None:
        """Where none is near, there is still a next one."""

        def upcoming(*days_left: float) -> list[str]:
            names = [f"mail{number}.contoso.com" for number in range(len(days_left))]
            declared = {
                Address.of("certificate", "EX1", name): certificate(
                    subject=f"CN={name}", domains=frozenset({DomainPattern(name)})
                )
                for name in names
            }
            live = [
                live_certificate(
                    domains=frozenset({DomainPattern(name)}),
                    thumbprint=Thumbprint(f"{number:040d}"),
                    public_key=f"key {number}",
                    not_before=NOW - timedelta(days=90 - days),
                    not_after=NOW + timedelta(days=days),
                )
                for number, (name, days) in enumerate(zip(names, days_left, strict=True))
            ]
            made = plan_of(declared, live_server(certificates=live))
            return [one.address.parts[1] for one in made.upcoming]

        assert upcoming(59, 31, 61) == ["mail1.contoso.com", "mail0.contoso.com"]
        assert upcoming(89, 88) == ["mail1.contoso.com"]
        assert upcoming(88, 88 + 1 / 24) == ["mail0.contoso.com", "mail1.contoso.com"]

    def test_is_none_for_what_somebody_else_renews(self) -> None:
        watched = certificate(issuer=UNSET)
        assert not plan_of({PUBLIC: watched}, live_server(certificates=[live_certificate()])).upcoming

    def test_is_earlier_by_what_its_issuer_takes(self) -> None:
        """And says so, once it is due by that alone."""
        came = {"submitted": NOW - timedelta(days=60), "issued": NOW - timedelta(days=51)}
        record = {PUBLIC: replace(as_recorded()[PUBLIC], milestones=came)}
        live = live_server(certificates=[live_certificate()])
        (one,) = plan_of({PUBLIC: certificate()}, live, record=record).upcoming
        assert one.renewal == NOW + timedelta(days=41)
        due = plan_of({PUBLIC: certificate()}, live, record=record, now=one.renewal)
        assert not due.upcoming
        assert the_change(due).reason == "expires 2027-02-12, and house may take 9 days"


class TestACertificateWhoseServerLeftTheYaml:
    def test_is_forgotten_and_never_promised_to_be_deleted(self) -> None:
        """No certificate is ever removed, so no hint may say how to have it done."""
        address = Address.parse("certificate.EX9.public")
        made = plan_of({}, record={address: recorded(certificate(home=(Name("EX9"),)))})
        assert summaries(made) == ["No longer declared"]
        assert "delete" not in made.diagnostics[0].hint
        assert "mail" not in made.diagnostics[0].detail
