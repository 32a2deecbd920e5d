"""Servers of several builds in one set: who runs the commands, and what each source server makes of them."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.diagnostics import Severity
from reconciler.plan.change import Plan
from state.address import Address
from state.resources import Build, ReceiveConnector, Server
from state.snapshot import LiveServer
from state.values import UNKNOWN, Fqdn, IpAddress, Name
from tests.rules import rule
from tests.situations import (
    BOUND,
    EX1,
    certificate,
    connector,
    live_connector,
    live_receive_connector,
    live_server,
    plan_of,
    receive_connector,
    recorded,
    summaries,
    the_change,
)

SET = Address.parse("send_connector.internet.tls_required")
LISTENER = Address.parse("receive_connector.EX1.default")
OLD, MIDDLE, NEW = Build(14, 3, 123, 4), Build(15, 0, 1497, 2), Build(15, 2, 2562, 17)


def server(name: str, build: Build | None, **lists: Any) -> LiveServer:
    version: Any = build if build else UNKNOWN
    return live_server(
        Name(name), itself=Server(name=Name(name), fqdn=Fqdn(f"{name}.x".lower()), build=version), **lists
    )


def plan_set(*builds: Build | None, **declared: Any) -> Plan:
    """A set for EX1, EX2 and so on, of these builds."""
    names = [f"EX{number}" for number in range(1, len(builds) + 1)]
    desired = connector(home=tuple(map(Name, names)), local=False, **declared)
    servers = [server(name, build) for name, build in zip(names, builds, strict=True)]
    return plan_of({SET: desired}, *servers)


def runs_on(made: Plan) -> str:
    (invocation,) = the_change(made).invocations
    return invocation.server


@rule("3-15", "3-21")
class TestASetOfSeveralBuilds:
    def test_is_changed_on_its_first_server(self) -> None:
        assert runs_on(plan_set(OLD, NEW)) == "EX1"

    def test_is_changed_on_the_newest_where_the_first_lacks_a_parameter(self) -> None:
        assert runs_on(plan_set(OLD, MIDDLE, NEW, MIDDLE, tls_certificate_name=BOUND)) == "EX3"

    def test_is_changed_on_one_that_has_all_of_it(self) -> None:
        made = plan_set(MIDDLE, OLD, NEW, tls_certificate_name=BOUND, connector_type="Default")
        assert runs_on(made) == "EX3"

    def test_stays_with_the_first_where_that_can_do_it(self) -> None:
        assert runs_on(plan_set(MIDDLE, NEW, tls_certificate_name=BOUND)) == "EX1"

    def test_takes_a_server_whose_build_is_not_known_at_its_word(self) -> None:
        assert runs_on(plan_set(OLD, None, tls_certificate_name=BOUND)) == "EX2"

    def test_tells_which_source_servers_make_nothing_of_it(self) -> None:
        made = plan_set(NEW, OLD, OLD, tls_certificate_name=BOUND)
        assert summaries(made) == ["Not on every source server"] * 2
        told = made.diagnostics[0]
        assert told.severity is Severity.WARNING
        assert "EX2 is a Mailbox server of Exchange 2010 SP3 (14.3.123.4)" in told.detail
        assert "run on EX1" in told.detail
        assert "enabled for SMTP and whose names hold the connector's Fqdn" in told.detail

    def test_tells_it_of_an_old_server_whose_commands_are_run_elsewhere(self) -> None:
        made = plan_set(OLD, NEW, tls_certificate_name=BOUND)
        assert summaries(made) == ["Not on every source server"]
        assert "EX1 is" in made.diagnostics[0].detail
        assert "run on EX2" in made.diagnostics[0].detail

    @pytest.mark.parametrize(
        "declared", [{"tls_certificate_name": None}, {"frontend_proxy_enabled": False}], ids=str
    )
    def test_tells_nothing_where_it_would_do_nothing(self, declared: dict[str, Any]) -> None:
        assert summaries(plan_set(NEW, OLD, **declared)) == []

    def test_is_refused_where_no_server_has_it(self) -> None:
        made = plan_set(OLD, OLD, tls_certificate_name=BOUND)
        assert not made.changes
        assert summaries(made) == ["Not on this build"]
        assert "declare fqdn" in made.diagnostics[0].hint

    def test_tells_it_again_while_nothing_changes(self) -> None:
        """It is how the set works, not how it is changed."""
        live = live_connector(tls_certificate_name=BOUND)
        made = plan_of(
            {SET: connector(home=(EX1, Name("EX2")), tls_certificate_name=BOUND)},
            server("EX1", NEW, send_connectors=[live]),
            server("EX2", OLD, send_connectors=[live]),
            record={SET: recorded(connector(guid=live.guid))},
        )
        assert "Not on every source server" in summaries(made)


class TestAServer:
    @pytest.mark.parametrize(
        ("build", "told"),
        [
            (Build(15, 2, 3100, 5), "Build not known"),
            (Build(16, 0, 1, 0), "Build not known"),
            (Build(14, 2, 247, 5), "Build not supported"),
        ],
        ids=str,
    )
    def test_beyond_what_is_known_is_planned_with_a_warning(self, build: Build, told: str) -> None:
        made = plan_of({SET: connector()}, server("EX1", build))
        assert summaries(made) == [told]
        assert made.diagnostics[0].severity is Severity.WARNING
        assert the_change(made)

    def test_with_a_security_update_is_known(self) -> None:
        assert summaries(plan_of({SET: connector()}, server("EX1", Build(15, 2, 2562, 35)))) == []

    def test_before_2010_has_nothing_that_could_be_sent(self) -> None:
        made = plan_of({SET: connector()}, server("EX1", Build(8, 3, 83, 6)))
        assert not made.changes
        assert "Build not supported" in summaries(made)
        assert "Not on this build" in summaries(made)

    def test_before_2010_is_asked_for_no_certificate(self) -> None:
        public = Address.parse("certificate.EX1.public")
        made = plan_of({public: certificate()}, server("EX1", Build(8, 3, 83, 6)))
        assert not made.changes


class TestWhatABuildHasNot:
    @rule("3-15")
    def test_is_told_of_a_receive_connector(self) -> None:
        made = plan_of(
            {LISTENER: receive_connector(tls_certificate_name=BOUND)},
            server("EX1", OLD, receive_connectors=[live_receive_connector()]),
        )
        assert not made.changes
        assert summaries(made) == ["Not on this build"]

    @rule("1-4")
    def test_may_be_a_matter_of_its_role(self) -> None:
        desired = connector(source_ip_address=IpAddress("192.0.2.1"))
        made = plan_of({SET: desired}, server("EX1", NEW))
        assert not made.changes
        assert "EX1 is a Mailbox server" in made.diagnostics[0].detail

    @rule("4-9")
    def test_may_be_a_value(self) -> None:
        wanted = frozenset({"fabrikam.com:AcceptCloudServicesMail"})
        live: ReceiveConnector = live_receive_connector(tls_domain_capabilities=frozenset())
        made = plan_of(
            {LISTENER: receive_connector(tls_domain_capabilities=wanted)},
            server("EX1", OLD, receive_connectors=[live]),
        )
        assert not made.changes
        assert "TlsDomainCapabilities AcceptCloudServicesMail" in made.diagnostics[0].detail

    @rule("4-9")
    def test_is_no_matter_where_it_is_there(self) -> None:
        """An old value that is there, and declared as it is, is left in peace."""
        policies = frozenset({"DowngradeAuthFailures"})
        live = live_connector(error_policies=policies)
        made = plan_of(
            {SET: connector(error_policies=policies)},
            server("EX1", NEW, send_connectors=[live]),
            record={SET: recorded(connector(guid=live.guid))},
        )
        assert summaries(made) == []
