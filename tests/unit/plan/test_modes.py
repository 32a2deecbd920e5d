"""What is only observed is told and left alone; what is managed for its certificates follows them."""

from __future__ import annotations

from datetime import timedelta

from reconciler.plan.change import Action, Difference, Plan
from state.address import Address
from state.values import UNKNOWN, UNSET, AddressSpace, Deferred, Name, TlsCertificateName
from tests.situations import (
    BOUND,
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
    situation,
    summaries,
    the_change,
)

FRONTEND = Address.parse('receive_connector.EX1."Default Frontend EX1"')
PUBLIC = Address.parse("certificate.EX1.public")
OTHER = TlsCertificateName("CN=Old CA", "CN=mail.contoso.com")
DEFERRED = Deferred(PUBLIC, "tls_certificate_name")


def observed(made: Plan) -> dict[Address, dict[str, Difference]]:
    assert all(drift.is_observed for drift in made.drift)
    return {drift.address: dict(drift.attributes) for drift in made.drift}


class TestAnObservedConnector:
    def test_that_differs_is_told_and_left(self) -> None:
        """Declared first, as it is second; nobody owns it, and that is no error here."""
        made = plan_of(
            {TRUSTED: connector(mode="observe")},
            live_server(send_connectors=[live_connector(require_tls=False, port=25)]),
        )
        assert observed(made) == {TRUSTED: {"require_tls": Difference(True, False)}}
        assert the_change(made).action is Action.NONE
        assert made.is_empty
        assert not made.diagnostics

    def test_that_is_as_declared_is_not_even_recorded(self) -> None:
        made = plan_of({TRUSTED: connector(mode="observe")}, live_server(send_connectors=[live_connector()]))
        assert the_change(made).action is Action.NONE
        assert not made.drift

    def test_is_never_created(self) -> None:
        made = plan_of({TRUSTED: connector(mode="observe")}, live_server(send_connectors=[]))
        assert not made.changes
        assert summaries(made) == ["Observed object not found"]

    def test_that_cannot_be_read_stops_nobody(self) -> None:
        """Nothing will be changed, so nothing can be planned wrongly."""
        made = plan_of({TRUSTED: connector(mode="observe")}, live_server(send_connectors=UNTOLD))
        assert summaries(made) == ["Not observed"]

    def test_says_nothing_of_an_attribute_that_could_not_be_read(self) -> None:
        live = live_connector(require_tls=UNKNOWN)
        made = plan_of({TRUSTED: connector(mode="observe")}, live_server(send_connectors=[live]))
        assert not made.drift

    def test_is_compared_with_the_certificate_that_is_there(self) -> None:
        desired = {
            PUBLIC: certificate(mode="observe"),
            FRONTEND: receive_connector(
                mode="observe", banner="", certificates=(PUBLIC,), tls_certificate_name=DEFERRED
            ),
        }
        server = live_server(
            certificates=[live_certificate()],
            receive_connectors=[live_receive_connector(tls_certificate_name=OTHER)],
        )
        assert observed(plan_of(desired, server)) == {
            FRONTEND: {"tls_certificate_name": Difference(BOUND, OTHER)}
        }

    def test_that_we_made_stays_when_it_is_no_longer_declared(self) -> None:
        """Its server is observed: whatever it holds is left alone."""
        made_by_us = live_connector(comment=marked(TRUSTED))
        before = situation(
            {},
            live_server(send_connectors=[made_by_us]),
            record={TRUSTED: recorded(connector(guid=made_by_us.guid))},
        )
        server = Address.of("server", "EX1")
        declared = {server: before.desired.resources[server].with_(mode="observe")}
        made = plan_of(declared, live_server(send_connectors=[made_by_us]), record=before.record.resources)
        assert made.is_empty
        assert summaries(made) == ["Not deleted"]


class TestAnObservedCertificate:
    def test_that_is_due_is_told_and_not_requested(self) -> None:
        live = live_certificate(not_after=NOW - timedelta(days=1))
        made = plan_of({PUBLIC: certificate(mode="observe")}, live_server(certificates=[live]))
        assert made.is_empty
        assert summaries(made) == ["Observed object not found"]

    def test_that_lacks_a_service_is_told(self) -> None:
        live = live_certificate(services=frozenset({"IMAP"}))
        made = plan_of({PUBLIC: certificate(mode="observe")}, live_server(certificates=[live]))
        assert observed(made) == {PUBLIC: {"services": Difference(frozenset({"SMTP"}), frozenset({"IMAP"}))}}
        assert made.is_empty

    def test_that_ends_soon_is_a_warning(self) -> None:
        live = live_certificate(not_after=NOW + timedelta(days=2))
        made = plan_of({PUBLIC: certificate(mode="observe")}, live_server(certificates=[live]))
        assert summaries(made) == ["Observed certificate not as declared"]


class TestAConnectorWhoseCertificatesAreManaged:
    DESIRED = connector(
        mode="certificates", certificates=(PUBLIC,), tls_certificate_name=DEFERRED, comment="contract"
    )

    def test_is_bound_and_otherwise_observed(self) -> None:
        """Nobody imported it: its binding is what its mode asks for, and no more is taken over."""
        made = plan_of(
            {PUBLIC: certificate(), TRUSTED: self.DESIRED},
            live_server(
                certificates=[live_certificate()],
                send_connectors=[live_connector(tls_certificate_name=OTHER, require_tls=False)],
            ),
        )
        change = next(change for change in made.changes if change.address == TRUSTED)
        assert parameters(change) == {"Identity": "EX1 TLS required", "TlsCertificateName": str(BOUND)}
        assert observed(made)[TRUSTED] == {
            "require_tls": Difference(True, False),
            "comment": Difference("contract", ""),
        }
        assert not made.diagnostics

    def test_waits_for_a_certificate_that_is_requested(self) -> None:
        made = plan_of(
            {PUBLIC: certificate(), TRUSTED: self.DESIRED},
            live_server(certificates=[], send_connectors=[live_connector()]),
        )
        change = next(change for change in made.changes if change.address == TRUSTED)
        assert change.requires == {PUBLIC}
        assert change.attributes == {"tls_certificate_name": Difference(None, DEFERRED)}

    def test_is_not_taken_over_by_what_was_recorded_of_it(self) -> None:
        """Managed as a whole later, the rest is still somebody else's: import comes first."""
        live = live_connector(tls_certificate_name=BOUND, require_tls=False)
        was = connector(guid=live.guid, mode="certificates", certificates=(PUBLIC,))
        made = plan_of(
            {PUBLIC: certificate(), TRUSTED: self.DESIRED.with_(mode=UNSET)},
            live_server(certificates=[live_certificate()], send_connectors=[live]),
            record={TRUSTED: recorded(was, created=False)},
        )
        assert summaries(made) == ["Object not ours"]

    def test_without_a_certificate_of_its_own_is_only_observed(self) -> None:
        made = plan_of(
            {TRUSTED: connector(mode="certificates", address_spaces=frozenset({AddressSpace("a.example")}))},
            live_server(send_connectors=[live_connector()]),
        )
        assert the_change(made).action is Action.NONE
        assert list(observed(made)[TRUSTED]) == ["address_spaces"]

    def test_keeps_the_name_that_it_has(self) -> None:
        """Found again by what was recorded, under another name: that is observed, too."""
        live = live_connector(name=Name("Renamed"), tls_certificate_name=OTHER)
        was = connector(guid=live.guid, mode="certificates", certificates=(PUBLIC,))
        made = plan_of(
            {PUBLIC: certificate(), TRUSTED: self.DESIRED},
            live_server(certificates=[live_certificate()], send_connectors=[live]),
            record={TRUSTED: recorded(was, created=False)},
        )
        change = next(change for change in made.changes if change.address == TRUSTED)
        assert parameters(change) == {"Identity": "Renamed", "TlsCertificateName": str(BOUND)}
        assert made.drift[-1].attributes["name"] == Difference(Name("EX1 TLS required"), Name("Renamed"))
