"""The planner's table, for send connectors: one test a row."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.diagnostics import Severity
from reconciler.plan.change import Action, Difference
from state.address import Address
from state.record import Recorded
from state.resources import AcceptedDomain, Build, SendConnector, Server
from state.snapshot import Listing
from state.values import UNKNOWN, AddressSpace, CredentialReference, DomainPattern, Fqdn, Name, SmartHost
from tests.rules import rule
from tests.situations import (
    EX1,
    TRUSTED,
    UNTOLD,
    cmdlets,
    connector,
    live_connector,
    live_server,
    marked,
    parameters,
    plan_of,
    recorded,
    summaries,
    the_change,
)


def owned(**values: object) -> dict[Address, Recorded]:
    return {TRUSTED: recorded(connector(guid=live_connector().guid, **values))}


class TestADeclaredConnectorThatDoesNotExist:
    def test_is_created_with_what_is_declared_and_our_mark(self) -> None:
        change = the_change(plan_of({TRUSTED: connector()}))
        assert change.action is Action.CREATE
        assert parameters(change) == {
            "Name": "EX1 TLS required",
            "AddressSpaces": ("SMTP:fabrikam.com;1",),
            "RequireTLS": True,
            "IgnoreSTARTTLS": False,
            "Comment": marked(TRUSTED),
        }

    def test_does_not_send_null_which_is_what_new_assumes(self) -> None:
        change = the_change(plan_of({TRUSTED: connector(tls_auth_level=None, smart_hosts=frozenset())}))
        assert "TlsAuthLevel" not in parameters(change)
        assert "SmartHosts" not in parameters(change)

    def test_is_not_created_when_the_list_could_not_be_read(self) -> None:
        """Unknown is not absent."""
        made = plan_of({TRUSTED: connector()}, live_server(send_connectors=UNTOLD))
        assert not made.changes
        assert summaries(made) == ["List not read"]

    def test_is_created_even_if_it_is_recorded(self) -> None:
        """Somebody deleted it: live is the truth."""
        made = plan_of({TRUSTED: connector()}, record=owned())
        assert the_change(made).action is Action.CREATE


class TestADeclaredConnectorThatIsAsDeclared:
    def test_is_adopted_when_nobody_recorded_it(self) -> None:
        """Writes only the record, and does not claim to have made it."""
        change = the_change(plan_of({TRUSTED: connector()}, live_server(send_connectors=[live_connector()])))
        assert change.action is Action.ADOPT
        assert not change.invocations
        assert change.learned is not None
        assert change.learned.recorded is not None
        assert not change.learned.recorded.created

    def test_is_ours_again_after_a_lost_record_when_it_carries_our_mark(self) -> None:
        live = live_connector(comment=marked(TRUSTED))
        change = the_change(plan_of({TRUSTED: connector()}, live_server(send_connectors=[live])))
        assert change.action is Action.ADOPT
        assert change.learned is not None
        assert change.learned.recorded is not None
        assert change.learned.recorded.created

    def test_needs_nothing_once_it_is_recorded(self) -> None:
        first = the_change(plan_of({TRUSTED: connector()}, live_server(send_connectors=[live_connector()])))
        assert first.learned is not None
        assert first.learned.recorded is not None
        made = plan_of(
            {TRUSTED: connector()},
            live_server(send_connectors=[live_connector()]),
            record={TRUSTED: first.learned.recorded},
        )
        assert the_change(made).action is Action.NONE
        assert made.is_empty

    def test_is_compared_only_in_what_is_declared(self) -> None:
        live = live_connector(port=2525, max_message_size=None)
        made = plan_of({TRUSTED: connector()}, live_server(send_connectors=[live]), record=owned())
        assert made.is_empty

    def test_may_be_named_in_another_case(self) -> None:
        live = live_connector(name=Name("ex1 tls REQUIRED"))
        made = plan_of({TRUSTED: connector()}, live_server(send_connectors=[live]))
        assert the_change(made).action is Action.ADOPT

    def test_may_carry_a_mark_in_a_declared_comment(self) -> None:
        """A mark is never a change of its own."""
        live = live_connector(comment=marked(TRUSTED, "for partners"))
        made = plan_of({TRUSTED: connector(comment="for partners")}, live_server(send_connectors=[live]))
        assert made.is_empty


class TestADeclaredConnectorThatDiffers:
    def test_is_updated_in_what_differs_when_it_is_ours(self) -> None:
        live = live_connector(enabled=False)
        made = plan_of(
            {TRUSTED: connector(enabled=True)}, live_server(send_connectors=[live]), record=owned()
        )
        change = the_change(made)
        assert change.action is Action.UPDATE
        assert change.attributes == {"enabled": Difference(False, True)}
        assert parameters(change) == {"Identity": "EX1 TLS required", "Enabled": True}

    def test_is_never_taken_over_silently(self) -> None:
        made = plan_of(
            {TRUSTED: connector(enabled=True)}, live_server(send_connectors=[live_connector(enabled=False)])
        )
        assert summaries(made) == ["Object not ours"]
        assert str(TRUSTED) in made.diagnostics[0].hint

    def test_shows_what_would_change_and_not_how(self) -> None:
        """The person sees what differs before taking it over; there is no cmdlet, and nothing is recorded."""
        made = plan_of(
            {TRUSTED: connector(enabled=True)}, live_server(send_connectors=[live_connector(enabled=False)])
        )
        [change] = made.changes
        assert (change.action, change.attributes) == (Action.UPDATE, {"enabled": Difference(False, True)})
        assert (change.invocations, change.learned) == ((), None)

    def test_is_shown_with_the_mail_that_it_would_get(self) -> None:
        """What is only shown has no server that it is sent to, so nothing waits for it."""
        other = live_connector(address_spaces=frozenset({AddressSpace("adatum.com")}))
        made = plan_of({TRUSTED: connector()}, live_server(send_connectors=[other]))
        assert summaries(made) == ["Object not ours"]
        assert list(made.changes[0].attributes) == ["address_spaces"]

    def test_is_found_by_its_guid_after_somebody_renamed_it(self) -> None:
        live = live_connector(name=Name("renamed"))
        made = plan_of({TRUSTED: connector()}, live_server(send_connectors=[live]), record=owned())
        assert parameters(the_change(made)) == {"Identity": "renamed", "Name": "EX1 TLS required"}

    def test_shows_as_drift_what_somebody_else_changed(self) -> None:
        live = live_connector(require_tls=False)
        made = plan_of({TRUSTED: connector()}, live_server(send_connectors=[live]), record=owned())
        assert [dict(drift.attributes) for drift in made.drift] == [{"require_tls": Difference(True, False)}]

    def test_keeps_our_mark_in_a_changed_comment(self) -> None:
        live = live_connector(comment=marked(TRUSTED, "old"))
        made = plan_of({TRUSTED: connector(comment="new")}, live_server(send_connectors=[live]))
        assert parameters(the_change(made))["Comment"] == marked(TRUSTED, "new")

    def test_gets_no_mark_when_it_was_imported(self) -> None:
        """The mark says who made it; this one was made by somebody else."""
        imported = recorded(connector(guid=live_connector().guid), created=False)
        made = plan_of(
            {TRUSTED: connector(comment="new")},
            live_server(send_connectors=[live_connector(comment="old")]),
            record={TRUSTED: imported},
        )
        assert parameters(the_change(made))["Comment"] == "new"


class TestAnUnreadableAttribute:
    SECRET = CredentialReference("env:RELAY")

    def test_is_set_once_and_told(self) -> None:
        made = plan_of(
            {TRUSTED: connector(authentication_credential=self.SECRET)},
            live_server(send_connectors=[live_connector()]),
            record=owned(),
        )
        assert the_change(made).attributes == {"authentication_credential": Difference(UNKNOWN, self.SECRET)}
        assert summaries(made) == ["Attribute not readable"]
        assert made.diagnostics[0].severity is Severity.WARNING

    def test_is_not_set_again(self) -> None:
        made = plan_of(
            {TRUSTED: connector(authentication_credential=self.SECRET)},
            live_server(send_connectors=[live_connector()]),
            record=owned(authentication_credential=self.SECRET),
        )
        assert made.is_empty
        assert not made.diagnostics


class TestAConnectorThatIsNoLongerDeclared:
    def test_is_deleted_when_we_made_it(self) -> None:
        made = plan_of({}, live_server(send_connectors=[live_connector()]), record=owned())
        change = the_change(made)
        assert change.action is Action.DELETE
        assert cmdlets([change]) == ["Remove-SendConnector"]
        assert parameters(change) == {"Identity": "EX1 TLS required", "Confirm": False}

    def test_is_forgotten_when_it_was_imported(self) -> None:
        imported = {TRUSTED: recorded(connector(guid=live_connector().guid), created=False)}
        made = plan_of({}, live_server(send_connectors=[live_connector()]), record=imported)
        assert the_change(made).action is Action.FORGET

    def test_is_left_alone_when_nobody_recorded_it(self) -> None:
        """A live object that was never recorded is never deleted, marked or not."""
        live = live_connector(comment=marked(TRUSTED))
        assert not plan_of({}, live_server(send_connectors=[live])).changes

    def test_is_forgotten_when_it_is_gone(self) -> None:
        assert the_change(plan_of({}, record=owned())).action is Action.FORGET

    def test_is_forgotten_with_a_warning_when_its_server_left_too(self) -> None:
        address = Address.parse("send_connector.EX9.tls_required")
        made = plan_of({}, record={address: recorded(connector(home=(Name("EX9"),)))})
        assert the_change(made).action is Action.FORGET
        assert summaries(made) == ["No longer declared"]

    def test_is_forgotten_with_a_warning_when_its_whole_set_left(self) -> None:
        address = Address.parse("send_connector.internet.tls_required")
        record = {address: recorded(connector(guid=live_connector().guid))}
        made = plan_of({}, live_server(send_connectors=[live_connector()]), record=record)
        assert the_change(made).action is Action.FORGET
        assert summaries(made) == ["No longer declared"]
        assert "goes on carrying mail" in made.diagnostics[0].detail

    def test_is_kept_when_its_list_could_not_be_read(self) -> None:
        made = plan_of({}, live_server(send_connectors=UNTOLD), record=owned())
        assert not made.changes
        assert summaries(made) == ["List not read"]
        assert made.diagnostics[0].severity is Severity.WARNING

    def test_is_not_deleted_when_another_address_means_the_same_object(self) -> None:
        """Moved in the YAML: deleting the old address would delete what the new one declares."""
        moved = Address.parse('send_connector."EX1 TLS required"')
        made = plan_of({moved: connector()}, live_server(send_connectors=[live_connector()]), record=owned())
        assert {change.address: change.action for change in made.changes} == {
            moved: Action.ADOPT,
            TRUSTED: Action.FORGET,
        }


class TestCompanions:
    """What Exchange demands on one command line although nobody asked for it."""

    @rule("3-12", "3-13", "3-11", "3-8")
    @pytest.mark.parametrize(
        ("wanted", "live", "sent"),
        [
            pytest.param(
                {"require_tls": False},
                {"tls_auth_level": "CertificateValidation"},
                {"RequireTLS": False, "TlsAuthLevel": None},
                id="lowering RequireTLS clears TlsAuthLevel [3-12]",
            ),
            pytest.param(
                {"ignore_starttls": True, "require_tls": False},
                {"tls_auth_level": "DomainValidation", "tls_domain": DomainPattern("x.example")},
                {"RequireTLS": False, "IgnoreSTARTTLS": True, "TlsAuthLevel": None, "TlsDomain": None},
                id="and TlsDomain with it [3-13]",
            ),
            pytest.param(
                {"require_tls": True},
                {"require_tls": False, "ignore_starttls": True},
                {"RequireTLS": True, "IgnoreSTARTTLS": False},
                id="requiring TLS stops ignoring STARTTLS [3-11]",
            ),
            pytest.param(
                {"dns_routing_enabled": False},
                {"smart_hosts": frozenset({SmartHost("relay.example")})},
                {"DNSRoutingEnabled": False, "SmartHosts": ("relay.example",)},
                id="leaving DNS routing names the smart hosts [3-8]",
            ),
            pytest.param(
                {"smart_hosts": frozenset({SmartHost("relay.example")})},
                {},
                {"DNSRoutingEnabled": False, "SmartHosts": ("relay.example",)},
                id="smart hosts leave DNS routing [3-8]",
            ),
            pytest.param(
                {"dns_routing_enabled": True},
                {"dns_routing_enabled": False, "smart_hosts": frozenset({SmartHost("relay.example")})},
                {"DNSRoutingEnabled": True, "SmartHosts": None},
                id="DNS routing drops the smart hosts [3-8]",
            ),
        ],
    )
    def test_are_sent(
        self, wanted: dict[str, object], live: dict[str, object], sent: dict[str, object]
    ) -> None:
        desired = SendConnector(name=connector().name, home=connector().home, **wanted)
        made = plan_of(
            {TRUSTED: desired}, live_server(send_connectors=[live_connector(**live)]), record=owned()
        )
        assert parameters(the_change(made)) == {"Identity": "EX1 TLS required", **sent}

    def test_are_not_sent_when_they_would_change_nothing(self) -> None:
        made = plan_of(
            {TRUSTED: connector(require_tls=False)},
            live_server(send_connectors=[live_connector()]),
            record=owned(),
        )
        assert parameters(the_change(made)) == {"Identity": "EX1 TLS required", "RequireTLS": False}

    def test_count_an_unreadable_level_as_set(self) -> None:
        live = live_connector(tls_auth_level=UNKNOWN)
        made = plan_of(
            {TRUSTED: connector(require_tls=False)}, live_server(send_connectors=[live]), record=owned()
        )
        assert parameters(the_change(made))["TlsAuthLevel"] is None


class TestWarnings:
    def test_tell_of_a_partner_that_is_an_accepted_domain(self) -> None:
        domains = [AcceptedDomain(domain="fabrikam.com")]
        made = plan_of({TRUSTED: connector()}, live_server(accepted_domains=domains))
        assert summaries(made) == ["Partner is an accepted domain"]

    def test_tell_what_a_build_lacks(self) -> None:
        old = Server(name=EX1, fqdn=Fqdn("ex1.contoso.local"), build=Build(14, 3, 123, 4))
        made = plan_of({TRUSTED: connector(frontend_proxy_enabled=True)}, live_server(itself=old))
        assert not made.changes
        assert summaries(made) == ["Not on this build"]


class TestAServerThatIsNotTheDeclaredOne:
    """Before anything is sent to it."""

    def test_is_told_by_its_name(self) -> None:
        other = Server(name=Name("EX9"), fqdn=Fqdn("ex9.contoso.local"))
        assert summaries(plan_of({TRUSTED: connector()}, live_server(itself=other))) == ["Another server"]

    def test_is_told_when_nothing_of_it_can_be_read(self) -> None:
        """A warning: an account may plan without the right to run Get-ExchangeServer."""
        server = replace(live_server(), server=Listing(unreadable=UNTOLD))
        made = plan_of({TRUSTED: connector()}, server)
        assert summaries(made) == ["Server not known"]
        assert made.diagnostics[0].severity is Severity.WARNING
        assert the_change(made).action is Action.CREATE

    def test_is_told_by_its_role(self) -> None:
        edge = Server(name=EX1, fqdn=Fqdn("ex1.contoso.local"), is_edge=True)
        assert summaries(plan_of({TRUSTED: connector()}, live_server(itself=edge))) == ["Another role"]


class TestOrder:
    def test_puts_protection_first(self) -> None:
        """After every step, mail to a trusted partner is protected as well as before or better."""
        opportunistic = Address.parse("send_connector.EX1.opportunistic")
        never = Address.parse("send_connector.EX1.tls_never")
        made = plan_of(
            {
                never: connector(name=Name("n"), role="tls_never", address_spaces=frozenset()),
                opportunistic: connector(
                    name=Name("o"), role="opportunistic", address_spaces=frozenset({AddressSpace("*")})
                ),
                TRUSTED: connector(),
            }
        )
        assert [change.address for change in made.changes] == [TRUSTED, opportunistic, never]

    def test_adds_a_partner_before_it_is_taken_away_elsewhere(self) -> None:
        """Between the two steps its mail is protected by one of them, never by none."""
        other = Address.parse("send_connector.EX1.tls_required.strict")
        moved = frozenset({AddressSpace("adatum.com")})
        made = plan_of(
            {
                TRUSTED: connector(),
                other: connector(name=Name("strict"), address_spaces=moved),
            },
            live_server(
                send_connectors=[
                    live_connector(address_spaces=moved | {AddressSpace("fabrikam.com")}),
                    live_connector(
                        name=Name("strict"), guid="g2", address_spaces=frozenset({AddressSpace("x.example")})
                    ),
                ]
            ),
            record={**owned(), other: recorded(connector(name=Name("strict"), guid="g2"))},
        )
        assert [change.address for change in made.changes] == [other, TRUSTED]

    def test_adds_a_partner_to_a_lower_role_before_it_leaves_the_higher(self) -> None:
        """Else its mail would go where everybody's goes, meanwhile."""
        never = Address.parse("send_connector.EX1.tls_never")
        both = frozenset({AddressSpace("fabrikam.com"), AddressSpace("adatum.com")})
        made = plan_of(
            {
                TRUSTED: connector(),
                never: connector(
                    name=Name("never"),
                    role="tls_never",
                    address_spaces=frozenset({AddressSpace("adatum.com")}),
                ),
            },
            live_server(send_connectors=[live_connector(address_spaces=both)]),
            record=owned(),
        )
        assert [change.address for change in made.changes] == [never, TRUSTED]


class TestANameAlone:
    """Of an object that this tool is said to have made, without the guid or the mark that would show it."""

    RECORD = {TRUSTED: recorded(connector())}  # noqa: RUF012 - never changed

    def test_is_no_reason_to_delete(self) -> None:
        made = plan_of({}, live_server(send_connectors=[live_connector()]), record=self.RECORD)
        assert the_change(made).action is Action.FORGET

    def test_is_no_reason_to_change(self) -> None:
        made = plan_of(
            {TRUSTED: connector(enabled=True)},
            live_server(send_connectors=[live_connector(enabled=False)]),
            record=self.RECORD,
        )
        assert summaries(made) == ["Object not ours"]


class TestOurMarkOnTwoConnectors:
    COPIES = (
        live_connector(comment=marked(TRUSTED), name=Name("one"), guid="g1"),
        live_connector(comment=marked(TRUSTED), name=Name("two"), guid="g2"),
    )

    def test_is_told_and_neither_is_changed(self) -> None:
        made = plan_of({TRUSTED: connector()}, live_server(send_connectors=self.COPIES))
        assert not made.changes
        assert summaries(made) == ["Object not unique"]

    def test_deletes_neither(self) -> None:
        made = plan_of({}, live_server(send_connectors=self.COPIES), record={TRUSTED: recorded(connector())})
        assert not made.changes
        assert summaries(made) == ["Object not unique"]

    def test_does_not_matter_where_the_record_knows_the_guid(self) -> None:
        record = {TRUSTED: recorded(connector(guid="g1", name=Name("one")))}
        made = plan_of({}, live_server(send_connectors=self.COPIES), record=record)
        assert parameters(the_change(made))["Identity"] == "one"
