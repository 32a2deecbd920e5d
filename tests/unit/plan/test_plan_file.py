"""Saved plans: what is written is read, and anything else is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.diagnostics import Diagnostic, Severity, SourceRange
from reconciler.plan.change import Plan, Upcoming
from reconciler.plan.plan_file import SavedPlan, decode_plan, encode_plan, is_plan_file
from state.address import Address
from state.errors import StateTooNew, StateTooOld, StateUnreadable
from state.resources import Server
from state.snapshot import Snapshot
from state.values import CredentialReference, Deferred, SmartHost
from tests.situations import (
    NOW,
    TRUSTED,
    certificate,
    connector,
    live_certificate,
    live_connector,
    live_receive_connector,
    live_server,
    plan_of,
    receive_connector,
    recorded,
)

PUBLIC = Address.parse("certificate.EX1.public")
GONE = Address.parse("send_connector.EX1.opportunistic")
FRONTEND = Address.parse('receive_connector.EX1."Default Frontend EX1"')
DESIRED = {
    Address.of("server", "EX1"): Server(role="mailbox"),
    PUBLIC: certificate(renew_before="30d"),
    TRUSTED: connector(
        certificates=(PUBLIC,),
        tls_certificate_name=Deferred(PUBLIC, "tls_certificate_name"),
        dns_routing_enabled=False,
        smart_hosts=frozenset({SmartHost("relay.example")}),
        authentication_credential=CredentialReference("env:RELAY"),
    ),
    FRONTEND: receive_connector(),
}
WARNING = Diagnostic(
    summary="Key is short",
    detail="1024 bits.",
    hint="take 2048",
    where=SourceRange("tls.yaml", 9, 7, "      key_size: 1024", 8),
    subject=str(PUBLIC),
    severity=Severity.WARNING,
)


def a_plan() -> Plan:
    """One with every kind of change, value and parameter."""
    server = live_server(
        certificates=[live_certificate(not_after=NOW + timedelta(days=1))],
        send_connectors=[live_connector(require_tls=False), live_connector(guid="g2", name=connector().name)],
        receive_connectors=[live_receive_connector()],
    )
    record = {
        TRUSTED: recorded(connector(guid=live_connector().guid)),
        GONE: recorded(connector(guid="g2")),
        PUBLIC: recorded(certificate(public_key="k1")),
    }
    made = plan_of(DESIRED, server, record=record)
    return replace(made, diagnostics=(WARNING, *made.diagnostics))


def saved(plan: Plan) -> SavedPlan:
    return SavedPlan(
        plan=plan,
        desired=Snapshot(DESIRED),
        path="/srv/tls.yaml",
        connections="",
        state="",
        targets=(PUBLIC,),
        made_at=NOW,
        tool_version="0.1.0",
    )


def invocation(document: dict[str, Any]) -> dict[str, Any]:
    """The first one of a decoded plan file."""
    found: dict[str, Any] = document["changes"][0]["invocations"][0]
    return found


class TestASavedPlan:
    def test_is_read_as_it_was_written(self) -> None:
        soon = Upcoming(address=PUBLIC, renewal=NOW, expires=NOW + timedelta(days=30), issuer="house")
        made = a_plan()
        presented = tuple(replace(change, presented_by=(TRUSTED, FRONTEND)) for change in made.changes)
        upcoming = (soon, replace(soon, reason="its authority wants it"))
        made = replace(made, upcoming=upcoming, changes=presented)
        assert {change.action.value for change in made.changes} == {"replace", "update", "delete"}
        read = decode_plan(encode_plan(saved(made)), "tls.plan")
        assert read.plan.changes == made.changes
        assert read.plan.drift == made.drift
        assert read.plan.certificate_names == made.certificate_names
        assert read.plan.upcoming == made.upcoming
        assert read.plan.diagnostics == made.diagnostics
        assert read == saved(read.plan)

    @given(
        st.lists(
            st.builds(
                Diagnostic,
                summary=st.text(),
                detail=st.text(),
                hint=st.text(),
                subject=st.text(),
                severity=st.just(Severity.WARNING),
                where=st.none()
                | st.builds(
                    SourceRange,
                    file=st.text(st.characters()),
                    line=st.integers(1),
                    column=st.integers(1),
                    text=st.text(),
                    length=st.integers(1),
                ),
            )
        )
    )
    def test_keeps_every_warning_and_its_place(self, warnings: list[Diagnostic]) -> None:
        """Whoever reviews it must not see less than whoever made it."""
        made = Plan(organization="contoso", changes=(), diagnostics=tuple(warnings))
        assert decode_plan(encode_plan(saved(made)), "tls.plan").plan.diagnostics == tuple(warnings)

    def test_of_a_program_that_did_not_say_who_presents_a_certificate_is_read(self) -> None:
        document = json.loads(encode_plan(saved(a_plan())))
        for change in document["changes"]:
            del change["presented_by"]
        read = decode_plan(json.dumps(document).encode(), "tls.plan").plan
        assert not any(change.presented_by for change in read.changes)

    def test_is_written_the_same_every_time(self) -> None:
        assert encode_plan(saved(a_plan())) == encode_plan(saved(a_plan()))

    def test_is_told_from_yaml_by_its_first_bytes(self) -> None:
        assert is_plan_file(encode_plan(saved(a_plan()))[:200])
        assert not is_plan_file(b"version: 1\norganization: contoso\n")

    def test_holds_no_secret_but_where_it_is_found(self) -> None:
        assert b"env:RELAY" in encode_plan(saved(a_plan()))

    def test_of_a_later_version_is_refused(self) -> None:
        document = json.loads(encode_plan(saved(a_plan())))
        document["format_version"] = 3
        with pytest.raises(StateTooNew):
            decode_plan(json.dumps(document).encode(), "tls.plan")

    def test_of_the_version_before_the_step_back_is_refused_by_name(self) -> None:
        """What is taken back was not shown to whoever approved it; nor is it called damaged."""
        document = json.loads(encode_plan(saved(a_plan())))
        document["format_version"] = 1
        del document["upcoming"]
        for change in document["changes"]:
            for later in ("on_failure", "no_step_back", "presented_by"):
                del change[later]
        with pytest.raises(StateTooOld) as raised:
            decode_plan(json.dumps(document).encode(), "tls.plan")
        assert raised.value == StateTooOld("tls.plan", found=1, supported=2)

    @pytest.mark.parametrize(
        "damage",
        [
            lambda document: document.pop("changes"),
            lambda document: document.update(more=1),
            lambda document: document.update(path="tls.yaml"),
            lambda document: document.update(state="elsewhere"),
            lambda document: document["changes"][0].update(action="destroy"),
            lambda document: document["changes"][0].update(invocations=[]),
            lambda document: document["changes"][0].update(address="nonsense"),
            lambda document: document["changes"][0]["attributes"].update(nonsense={"after": 1}),
            lambda document: document["changes"][0]["invocations"][0]["parameters"].update(
                x={"secret": True}
            ),
            lambda document: document.update(desired={"x.y": {"kind": "z", "attributes": {}}}),
            # What a plan that was made always holds, so that planning again may rest on it.
            lambda document: document["desired"].pop("server.EX1"),
            lambda document: document["desired"][str(PUBLIC)]["attributes"].pop("home"),
            lambda document: document["desired"].update(
                {"server.EX1": document["desired"][str(PUBLIC)]},
            ),
            lambda document: document.update(targets=["certificate.EX1.other"]),
            lambda document: document.update(drift=[{"address": str(PUBLIC), "attributes": {}}]),
            lambda document: document.pop("diagnostics"),
            lambda document: document["diagnostics"][0].update(severity="error"),
            lambda document: document["diagnostics"][0].update(severity="fatal"),
            lambda document: document["diagnostics"][0].update(more=""),
            lambda document: document["diagnostics"][0].pop("where"),
            lambda document: document["diagnostics"][0]["where"].update(line=0),
            lambda document: document["diagnostics"][0]["where"].update(column=-1),
            lambda document: document["diagnostics"][0]["where"].update(length="8"),
            lambda document: document.update(state="a\0b"),
            lambda document: document.update(path="\ud800"),
        ],
    )
    def test_that_somebody_edited_is_refused(self, damage: Callable[[dict[str, Any]], object]) -> None:
        document = json.loads(encode_plan(saved(a_plan())))
        damage(document)
        with pytest.raises(StateUnreadable):
            decode_plan(json.dumps(document).encode(), "tls.plan")

    @given(st.binary(max_size=400))
    def test_is_nothing_else(self, data: bytes) -> None:
        with pytest.raises((StateUnreadable, StateTooNew)):
            decode_plan(data, "tls.plan")
