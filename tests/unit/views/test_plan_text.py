"""The rules of the plan's text; how it looks as a whole is in tests/golden."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from reconciler.cmdlets.invocation import Answer, Invocation, ParameterValue
from reconciler.diagnostics import Diagnostic, Severity
from reconciler.plan.change import Action, Change, Difference, Drift, Plan
from reconciler.views.plan_text import render_drift, render_plan
from state.address import Address
from state.record import Learned, Recorded
from state.resources import SendConnector
from state.values import UNKNOWN, UNSET, AddressSpace, Name, TlsCertificateName

CONNECTOR = Address.of("send_connector", "EX1", "tls_required")


def plan_of(*changes: Change, drift: tuple[Drift, ...] = (), problems: tuple[Diagnostic, ...] = ()) -> Plan:
    return Plan(organization="contoso", changes=changes, drift=drift, diagnostics=problems)


def change(
    action: Action, attributes: Mapping[str, Difference] | None = None, **parameters: ParameterValue
) -> Change:
    invocations = (Invocation("EX1", "Set-SendConnector", parameters),) if parameters else ()
    return Change(address=CONNECTOR, action=action, attributes=attributes or {}, invocations=invocations)


def last_line(plan: Plan) -> str:
    return render_plan(plan).splitlines()[-1]


class TestTheLastLine:
    def test_of_an_empty_plan_is_no_changes(self) -> None:
        """Pipelines look for exactly this."""
        assert render_plan(plan_of()) == "No changes\n"

    def test_counts_what_will_only_be_recorded(self) -> None:
        plan = plan_of(change(Action.ADOPT), change(Action.FORGET), change(Action.NONE))
        assert last_line(plan) == "No changes (2 will be recorded)"

    def test_is_no_changes_although_there_is_drift(self) -> None:
        """Drift that nobody declares otherwise is told and left."""
        drift = (Drift(address=CONNECTOR, attributes={"port": Difference(25, 26)}),)
        text = render_plan(plan_of(drift=drift))
        assert "25 -> 26" in text
        assert text.endswith("\nNo changes\n")

    def test_tells_apart_what_is_only_observed(self) -> None:
        drift = (
            Drift(address=CONNECTOR, attributes={"port": Difference(25, 26)}, is_observed=True),
            Drift(address=CONNECTOR, attributes={"port": Difference(25, 27)}),
        )
        changed, observed, last = render_plan(plan_of(drift=drift)).split("\n\n")
        assert changed.startswith("Changed outside since the last apply:")
        assert "25 -> 27" in changed
        assert observed.startswith("Not as declared, and only observed:")
        assert "25 -> 26" in observed
        assert last == "No changes\n"

    def test_counts_actions(self) -> None:
        plan = plan_of(
            change(Action.CREATE), change(Action.CREATE), change(Action.DELETE), change(Action.ADOPT)
        )
        assert last_line(plan) == "Plan: 2 to create, 1 to delete, 1 will be recorded"

    def test_never_says_no_changes_when_something_could_not_be_planned(self) -> None:
        problem = Diagnostic(summary="Server not read", detail="EX1: connection refused.")
        assert last_line(plan_of(problems=(problem,))) == "This plan cannot be applied: 1 error"

    def test_is_not_spoiled_by_a_warning(self) -> None:
        problem = Diagnostic(summary="Odd", detail="Odd.", severity=Severity.WARNING)
        assert last_line(plan_of(problems=(problem,))) == "No changes"


class TestTheDriftAlone:
    def test_is_told_to_be_none(self) -> None:
        """Whatever apply would change."""
        assert render_drift(plan_of(change(Action.CREATE))) == "No drift\n"

    def test_is_counted(self) -> None:
        drift = (Drift(address=CONNECTOR, attributes={"port": Difference(25, 26)}),)
        text = render_drift(plan_of(change(Action.UPDATE), drift=drift))
        assert "25 -> 26" in text
        assert text.endswith("\nDrift: 1 resource\n")

    def test_is_not_told_to_be_none_where_it_could_not_be_seen(self) -> None:
        problem = Diagnostic(summary="Server not read", detail="EX1: connection refused.")
        assert "No drift" not in render_drift(plan_of(problems=(problem,)))


class TestACommand:
    def shown(self, **parameters: ParameterValue) -> str:
        lines = render_plan(plan_of(change(Action.UPDATE, None, **parameters)), width=400).splitlines()
        return next(line.strip() for line in lines if "EX1>" in line).removeprefix("EX1> Set-SendConnector ")

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (True, "$true"),
            (None, "$null"),
            (25, "25"),
            ("DomainValidation", "DomainValidation"),
            ("35 MB", "'35 MB'"),
            ("it's", "'it''s'"),
            ("it\u2019s", "'it\u2019\u2019s'"),
            ("$env:PATH", "'$env:PATH'"),
            ("*", "'*'"),
            ("", "''"),
            ("-Force", "'-Force'"),
            ("a\x1b[0m", r"'a\x1b[0m'"),
            ((), "@()"),
            (("a", "b;c"), "a,'b;c'"),
        ],
    )
    def test_writes_values_as_powershell_does(self, value: ParameterValue, text: str) -> None:
        """Any curly quote ends a quoted string there, so each is doubled."""
        assert self.shown(Value=value) == f"-Value {text}"

    def test_writes_switches_without_a_value(self) -> None:
        assert self.shown(Force=True, Confirm=False) == "-Force -Confirm:$false"

    def test_is_continued_with_backticks(self) -> None:
        plan = plan_of(change(Action.UPDATE, Identity="a" * 30, Comment="b" * 30, Fqdn="c" * 30))
        lines = [line for line in render_plan(plan, width=60).splitlines() if line.startswith("    ")]
        assert [line.rstrip("`") != line for line in lines] == [True, True, True, False]
        assert all(len(line) <= 60 for line in lines)

    def test_says_how_many_of_a_long_list_it_left_out(self) -> None:
        domains = tuple(f"d{n}.example" for n in range(500))
        assert self.shown(AddressSpaces=domains).endswith("d19.example (and 480 more)")

    def test_tells_what_will_be_answered(self) -> None:
        """Whether the default SMTP certificate is replaced decides about internal transport."""
        command = Invocation("EX1", "Enable-ExchangeCertificate", {}, (Answer("default_smtp", "no"),))
        plan = plan_of(Change(address=CONNECTOR, action=Action.UPDATE, invocations=(command,)))
        assert "asks to replace the default SMTP certificate: No" in render_plan(plan)


class TestAnAttribute:
    def shown(self, name: str, before: object, after: object, width: int = 100) -> list[str]:
        text = render_plan(plan_of(change(Action.UPDATE, {name: Difference(before, after)})), width=width)
        return [line.strip() for line in text.splitlines()[1:-2]]

    def test_that_is_null_is_told_from_a_text(self) -> None:
        assert self.shown("comment", "(none)", "") == ['comment  "(none)" -> ""']
        assert self.shown("fqdn", None, None) == ["fqdn  (none) -> (none)"]

    def test_that_is_a_list_shows_what_comes_and_goes(self) -> None:
        before, after = (
            frozenset(map(AddressSpace.parse, names)) for names in (("a.b", "c.d"), ("c.d", "e.f"))
        )
        assert self.shown("address_spaces", before, after) == [
            "address_spaces",
            "+ SMTP:e.f;1",
            "- SMTP:a.b;1",
            "1 unchanged",
        ]

    def test_that_is_a_long_list_is_cut(self) -> None:
        after = frozenset(AddressSpace(f"d{n}.example") for n in range(50))
        assert self.shown("address_spaces", frozenset(), after)[-1] == "+ and 30 more"

    def test_whose_order_matters_shows_both_orders(self) -> None:
        names = (Name("EX1"), Name("EX2"))
        assert self.shown("home", names, names[::-1]) == ["home  EX1, EX2 -> EX2, EX1"]

    def test_keeps_a_long_value_in_one_piece(self) -> None:
        """It is there to be copied and compared."""
        value = TlsCertificateName(
            "CN=Issuing CA, O=Contoso Ltd, C=US", "CN=mail.contoso.com, O=Contoso Ltd, C=US"
        )
        assert self.shown("tls_certificate_name", None, value, width=60) == [
            "tls_certificate_name  (none)",
            f"-> {value}",
        ]


class TestWhatItMeansToMail:
    @pytest.mark.parametrize(
        ("require_tls", "ignore_starttls", "words"),
        [
            (True, False, "encrypted or not sent: mail from EX1 to contoso.com"),
            (False, True, "sent without TLS: mail from EX1 to contoso.com"),
            (False, False, "encrypted where offered: mail from EX1 to contoso.com"),
            (UNSET, UNSET, "mail from EX1 to contoso.com"),
        ],
    )
    def test_is_said_first(self, require_tls: bool, ignore_starttls: bool, words: str) -> None:
        connector = SendConnector(
            address_spaces=frozenset({AddressSpace("contoso.com")}),
            require_tls=require_tls,
            ignore_starttls=ignore_starttls,
            source_transport_servers=frozenset({Name("EX1")}),
        )
        assert render_plan(plan_of(self._learning(connector))).splitlines()[1].strip() == words

    def test_names_the_star_by_its_meaning(self) -> None:
        connector = SendConnector(address_spaces=frozenset({AddressSpace("*")}))
        assert "mail to every other domain" in render_plan(plan_of(self._learning(connector)))

    @pytest.mark.parametrize(
        ("require_tls", "ignore_starttls", "words"),
        [
            (True, False, "no longer carries mail to contoso.com; until now encrypted or not sent"),
            (False, True, "no longer carries mail to contoso.com; until now sent without TLS"),
            (False, False, "no longer carries mail to contoso.com; until now encrypted where offered"),
            (UNKNOWN, UNKNOWN, "no longer carries mail to contoso.com"),
        ],
    )
    def test_is_said_of_what_will_be_gone(
        self, require_tls: object, ignore_starttls: object, words: str
    ) -> None:
        """Which mail is left to other connectors, and what it was promised here."""
        spaces = frozenset({AddressSpace("contoso.com")})
        gone = {"address_spaces": spaces, "require_tls": require_tls, "ignore_starttls": ignore_starttls}
        assert self._deleting(gone) == words

    @pytest.mark.parametrize(
        ("spaces", "words"),
        [
            (UNKNOWN, "no longer carries the mail it was for: to which domains could not be read"),
            (frozenset(), "carried mail to no domain"),
        ],
    )
    def test_is_said_where_no_domain_can_be(self, spaces: object, words: str) -> None:
        """Unknown is not none."""
        assert self._deleting({"address_spaces": spaces, "require_tls": True}) == words

    def _deleting(self, gone: Mapping[str, object]) -> str:
        differences = {name: Difference(value, UNSET) for name, value in gone.items()}
        return render_plan(plan_of(change(Action.DELETE, differences))).splitlines()[1].strip()

    def _learning(self, connector: SendConnector) -> Change:
        recorded = Recorded(connector, True, datetime(2026, 1, 1, tzinfo=UTC))
        return Change(address=CONNECTOR, action=Action.UPDATE, learned=Learned(CONNECTOR, recorded))


class TestColour:
    def test_is_off_unless_asked_for(self) -> None:
        assert "\x1b" not in render_plan(plan_of(change(Action.CREATE, Name="x")))

    def test_changes_nothing_but_colour(self) -> None:
        plan = plan_of(change(Action.CREATE, {"port": Difference(UNSET, 25)}, Name="x"))
        coloured = render_plan(plan, colour=True)
        assert re.sub(r"\x1b\[\d+m", "", coloured) == render_plan(plan) != coloured
