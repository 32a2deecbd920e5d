"""Domain controllers hear late of what one of them was told: mail is never less protected on any of them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from reconciler.apply.applier import Applied
from reconciler.cli.commands.apply import _code
from reconciler.cli.exit_code import ExitCode
from reconciler.events import Retrying
from reconciler.operations.gating import Gated
from tests.two_servers import Killed, Organization, copied, organization, told

SET = {
    "servers": ["MBX1", "MBX2"],
    "tls_required": {"to": "trusted"},
    "tls_never": {"to": "broken"},
    "opportunistic": {"to": ["*"]},
}
STRICTER = {"domain": "adatum.com", "tls_auth_level": "CertificateValidation"}
"""Moves adatum.com to a connector of its own: created first, then taken off the other."""


MORE = {"trusted": ["fabrikam.com", "adatum.com", "new.example"], "broken": ["oldmail.example"]}


def moved() -> dict[str, Any]:
    return {"partners": {"trusted": ["fabrikam.com", STRICTER], "broken": ["oldmail.example"]}}


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Organization:
    """Everything applied, and seen everywhere."""
    made = organization(tmp_path_factory.mktemp("replication"))
    done(made.apply().applied)
    return made


@pytest.fixture
def two(before: Organization, tmp_path: Path) -> Organization:
    return copied(before, tmp_path)


def done(applied: Applied | None) -> Applied:
    assert applied is not None
    assert applied.is_complete, applied.diagnostics
    return applied


def required(shown: dict[str, Any], domain: str) -> bool:
    """Whether the connector that a domain's mail goes by requires TLS, as this list has it."""
    carrying = [
        one
        for one in shown.values()
        if any(space.lower().startswith(f"smtp:{domain};") for space in one["AddressSpaces"])
    ]
    return any(one["RequireTLS"] == "true" for one in carrying)


class TestBeforeALoss:
    def test_waits_until_the_replacement_is_seen_everywhere(self, two: Organization) -> None:
        two.lab.disturb({"domain_controller": "DC2", "replication": 20})
        two.declare(**moved())
        done(two.apply().applied)
        assert sum(two.pauses) >= 20
        assert all(required(two.shown(dc), "adatum.com") for dc in ("DC1", "DC2"))
        waits = [event for event in two.events if isinstance(event, Retrying)]
        assert {event.doing for event in waits} == {"waiting for replication"}

    def test_stops_where_it_is_not_seen_in_time_and_goes_on_later(self, two: Organization) -> None:
        two.lab.disturb({"domain_controller": "DC2", "replication": "held"})
        two.declare(**moved())
        applied = two.apply().applied
        assert applied is not None
        assert told(applied.diagnostics) == ["Not replicated yet"]
        assert _code(applied, Gated()) is ExitCode.STOPPED
        assert [cmdlet for _, cmdlet, _ in two.lab.sent] == ["New-SendConnector"]
        assert sum(two.pauses) <= 120
        # The next run wrote nothing itself, and waits all the same.
        again = two.apply().applied
        assert again is not None
        assert told(again.diagnostics) == ["Not replicated yet"]
        two.lab.disturb()
        done(two.apply().applied)
        assert two.plan().plan.is_empty

    def test_waits_before_a_connector_is_removed(self, two: Organization) -> None:
        two.lab.disturb({"domain_controller": "DC2", "replication": 10})
        two.declare(send_connectors={"internet": {key: SET[key] for key in SET if key != "tls_never"}})
        done(two.apply().applied)
        assert [cmdlet for _, cmdlet, _ in two.lab.sent] == ["Remove-SendConnector"]

    def test_waits_for_nobody_where_all_ask_the_domain_controller_that_was_written_to(
        self, tmp_path: Path
    ) -> None:
        made = organization(tmp_path, mailbox=1)
        one = {"MBX1": {"role": "mailbox", "host": "mbx1.contoso.com"}}
        sets = {"internet": {**SET, "servers": ["MBX1"]}}
        made.declare(servers=one, send_connectors=sets)
        done(made.apply().applied)
        made.lab.disturb({"domain_controller": "DC2", "replication": "held"})
        made.declare(servers=one, send_connectors=sets, **moved())
        done(made.apply().applied)
        assert not made.pauses

    def test_stops_where_nobody_knows_what_a_server_sees(self, two: Organization) -> None:
        two.take_down("MBX2")
        two.declare(**moved())
        applied = two.apply().applied
        assert applied is not None
        (problem,) = applied.diagnostics
        assert problem.summary == "Not replicated yet"
        assert "MBX2" in problem.detail


class TestWhatIsInDoubt:
    def test_is_looked_for_where_it_was_sent(self, two: Organization) -> None:
        """The other domain controller has not heard of it: asked there, it would be made twice."""
        two.lab.disturb({"domain_controller": "DC2", "replication": "held"})
        two.declare(**moved())
        two.fatal = "New-SendConnector"
        with pytest.raises(Killed):
            two.apply()
        two.take_down("MBX1")
        assert two.plan().live.organization.domain_controller == "DC1.contoso.com"
        two.lab.now += timedelta(days=2)
        assert two.plan().live.organization.domain_controller == "DC2.contoso.com"


class TestAtTheEnd:
    def test_waits_until_everything_is_seen(self, two: Organization) -> None:
        two.lab.disturb({"domain_controller": "DC2", "replication": 5})
        two.declare(partners=MORE)
        done(two.apply().applied)
        assert required(two.shown("DC2"), "new.example")

    def test_warns_where_that_takes_long(self, two: Organization) -> None:
        two.lab.disturb({"domain_controller": "DC2", "replication": "held"})
        two.declare(partners=MORE)
        applied = done(two.apply().applied)
        assert told(applied.diagnostics) == ["Not seen everywhere yet"]
        assert _code(applied, Gated()) is ExitCode.DONE
        assert sum(two.pauses) <= 30

    def test_looks_at_receive_connectors_as_their_server_sees_them(self, two: Organization) -> None:
        two.lab.disturb({"domain_controller": "DC2", "replication": 5})
        servers = {
            "MBX1": {"role": "mailbox", "host": "mbx1.contoso.com"},
            "MBX2": {
                "role": "mailbox",
                "host": "mbx2.contoso.com",
                "receive_connectors": {"Default Frontend MBX2": {"banner": "220 contoso"}},
            },
        }
        two.declare(servers=servers)
        done(two.apply().applied)
        assert sum(two.pauses) >= 5


DOMAINS = ("fabrikam.com", "adatum.com", "new.example")
KINDS = ("required", "validated", "nobody")
kinds = st.fixed_dictionaries({domain: st.sampled_from(KINDS) for domain in DOMAINS})
delays = st.one_of(st.just("held"), st.integers(0, 150))


def partners(kinds: dict[str, str]) -> dict[str, Any]:
    trusted: list[Any] = [domain for domain, kind in kinds.items() if kind == "required"]
    trusted += [
        {"domain": domain, "tls_auth_level": "CertificateValidation"}
        for domain, kind in kinds.items()
        if kind == "validated"
    ]
    return {"trusted": trusted, "broken": ["oldmail.example"]}


class TestMail:
    @pytest.mark.slow  # about 6 s: each example is two applies, watched
    @settings(
        max_examples=12,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(first=kinds, second=kinds, one=delays, other=delays, down=st.sampled_from([(), ("MBX1",)]))
    def test_is_at_no_instant_less_protected_than_at_both_ends(
        self,
        before: Organization,
        tmp_path_factory: pytest.TempPathFactory,
        first: dict[str, str],
        second: dict[str, str],
        one: object,
        other: object,
        down: tuple[str, ...],
    ) -> None:
        """On any domain controller, after any command and whatever time passes; finished or stopped."""
        moves = {(first[domain], second[domain]) for domain in DOMAINS}
        assume(not moves >= {("required", "validated"), ("validated", "required")})  # cannot both come first
        made = copied(before, tmp_path_factory.mktemp("mail"))
        made.declare(partners=partners(first))
        outcome = made.apply()
        assert outcome.applied is None or outcome.applied.is_complete
        made.pass_time(1)
        safe = [domain for domain in DOMAINS if "nobody" not in (first[domain], second[domain])]

        def watch() -> None:
            for controller in ("DC1", "DC2"):
                shown = made.shown(controller)
                bare = [domain for domain in safe if not required(shown, domain)]
                assert not bare, (controller, bare)

        made.watch = watch
        made.lab.disturb(
            {"domain_controller": "DC1", "replication": one},
            {"domain_controller": "DC2", "replication": other},
        )
        made.take_down(*down)
        made.declare(partners=partners(second))
        made.apply()
        made.pass_time(400, steps=40)
