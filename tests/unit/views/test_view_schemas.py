"""The published schemas are true: real documents hold to them, and they hold nothing else."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reconciler.events
from reconciler.audit.finding import Finding, Weight
from reconciler.audit.judge import Audit
from reconciler.audit.rules import RULES
from reconciler.cmdlets.invocation import Answer, Invocation
from reconciler.diagnostics import Diagnostic, Severity, SourceRange
from reconciler.events import Event
from reconciler.plan.change import Action, Change, Difference, Drift, Plan
from reconciler.views.audit_json import audit_to_json
from reconciler.views.events_json import event_to_json
from reconciler.views.plan_json import plan_to_json
from reconciler.views.schemas import EVENTS, audit_schema, events_schema, plan_schema
from state.address import Address
from state.values import UNKNOWN, UNSET, AddressSpace, CredentialReference, Deferred

CERTIFICATE = Address.of("certificate", "EX1", "public")
CONNECTOR = Address.of("send_connector", "EX1", "tls_required")

differences = st.one_of(
    st.tuples(st.just("port"), st.builds(Difference, st.integers(), st.sampled_from([UNSET, UNKNOWN, 25]))),
    st.tuples(st.just("comment"), st.builds(Difference, st.text(), st.text())),
    st.tuples(st.just("tls_domain"), st.just(Difference(None, UNSET))),
    st.tuples(
        st.just("address_spaces"), st.just(Difference(frozenset(), frozenset({AddressSpace("a.example")})))
    ),
    st.tuples(
        st.just("authentication_credential"), st.just(Difference(UNKNOWN, CredentialReference("env:A")))
    ),
    st.tuples(st.just("tls_certificate_name"), st.just(Difference(None, Deferred(CERTIFICATE, "name")))),
)
attributes = st.lists(differences, max_size=4).map(dict)
parameters = st.dictionaries(
    st.text(),
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.text(),
        st.tuples(st.text()),
        st.just(CredentialReference("env:A")),
        st.just(Deferred(CERTIFICATE, "thumbprint")),
    ),
    max_size=4,
)
invocations = st.builds(
    Invocation,
    st.text(),
    st.text(),
    parameters,
    st.sampled_from([(), (Answer("default_smtp", "no"),)]),
)
changes = st.builds(
    Change,
    address=st.just(CONNECTOR),
    action=st.sampled_from(Action),
    attributes=attributes,
    invocations=st.lists(invocations, max_size=3).map(tuple),
    reason=st.text(),
)
problems = st.builds(
    Diagnostic,
    summary=st.text(),
    detail=st.text(),
    where=st.sampled_from([None, SourceRange("a.yaml", 1, 2)]),
    severity=st.sampled_from(Severity),
)
plans = st.builds(
    Plan,
    organization=st.text(),
    changes=st.lists(changes, max_size=4).map(tuple),
    drift=st.lists(st.builds(Drift, address=st.just(CONNECTOR), attributes=attributes), max_size=2).map(
        tuple
    ),
    diagnostics=st.lists(problems, max_size=2).map(tuple),
)


def described(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every place of a schema that has properties."""
    if "properties" in schema:
        yield schema
    for value in schema.values():
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, dict):
                yield from described(inner, root)


def closed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The same schema, refusing every key that it does not describe."""
    copy = {
        key: closed(value)
        if isinstance(value, dict)
        else [closed(item) if isinstance(item, dict) else item for item in value]
        if isinstance(value, list)
        else value
        for key, value in schema.items()
    }
    return (
        {**copy, "additionalProperties": False}
        if isinstance(copy.get("properties"), dict) and "type" in copy
        else copy
    )


PLAN = jsonschema.Draft202012Validator(closed(plan_schema()))
LINE = jsonschema.Draft202012Validator(
    closed(events_schema()), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
)


class TestThePlanSchema:
    def test_is_a_schema(self) -> None:
        jsonschema.Draft202012Validator.check_schema(plan_schema())

    @given(plans)
    def test_holds_for_every_plan(self, plan: Plan) -> None:
        """No document has a key that the schema does not know, or lacks one that it requires."""
        PLAN.validate(plan_to_json(plan, tool_version="1.0"))

    @pytest.mark.parametrize("key", ["format_version", "summary", "changes", "drift", "diagnostics"])
    def test_misses_a_key(self, key: str) -> None:
        document = plan_to_json(Plan(organization="contoso", changes=()), tool_version="1.0")
        del document[key]
        assert not PLAN.is_valid(document)

    def test_describes_every_property(self) -> None:
        for place in described(plan_schema(), plan_schema()):
            for name, property in place["properties"].items():
                if "$ref" not in property and name not in ("deferred", "secret", "unknown"):
                    assert property.get("description"), name


class TestTheDocument:
    def test_leaves_out_what_needs_nothing(self) -> None:
        """But counts it."""
        plan = Plan(organization="contoso", changes=(Change(address=CONNECTOR, action=Action.NONE),))
        document = plan_to_json(plan, tool_version="1.0")
        assert document["changes"] == []
        assert document["summary"] == {
            **dict.fromkeys(("create", "update", "replace", "delete", "adopt", "forget", "waiting"), 0),
            "unchanged": 1,
        }

    def test_tells_null_from_not_set(self) -> None:
        change = Change(
            address=CONNECTOR, action=Action.UPDATE, attributes={"tls_domain": Difference(None, UNSET)}
        )
        document: Any = plan_to_json(Plan(organization="contoso", changes=(change,)), tool_version="1.0")
        assert document["changes"][0]["attributes"] == {"tls_domain": {"before": None}}


class TestTheEventSchema:
    def test_is_a_schema(self) -> None:
        jsonschema.Draft202012Validator.check_schema(events_schema())

    def test_knows_every_event(self) -> None:
        """An event that is added is in the schema, or this fails."""
        told = {
            value
            for value in vars(reconciler.events).values()
            if inspect.isclass(value) and issubclass(value, Event) and value is not Event
        }
        assert set(EVENTS) == told

    @pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
    @given(data=st.data())
    def test_holds_for_every_event(self, event: type[Event], data: st.DataObject) -> None:
        strategies = {"str": st.text(), "int": st.integers(0), "bool": st.booleans()}
        facts = {field.name: data.draw(strategies[str(field.type)]) for field in fields(event)}
        LINE.validate(event_to_json(event(**facts), datetime(2026, 1, 1, tzinfo=UTC)))

    def test_refuses_another_type(self) -> None:
        assert not LINE.is_valid({"type": "other", "time": "2026-01-01T00:00:00Z", "format_version": "1.0"})


AUDIT = jsonschema.Draft202012Validator(closed(audit_schema()))
findings = st.builds(
    Finding,
    rule=st.sampled_from(RULES),
    weight=st.sampled_from(Weight),
    kind=st.sampled_from(
        ["certificate", "send_connector", "receive_connector", "server", "edge_subscription"]
    ),
    object=st.text(),
    server=st.text(),
    detail=st.text(),
    instead=st.text(),
)
audits = st.builds(
    Audit,
    findings=st.lists(findings, max_size=4).map(tuple),
    servers=st.lists(st.text(), max_size=3).map(tuple),
    send_connectors=st.integers(0),
    receive_connectors=st.integers(0),
    certificates=st.integers(0),
    is_complete=st.booleans(),
)


class TestTheAuditSchema:
    def test_is_a_schema(self) -> None:
        jsonschema.Draft202012Validator.check_schema(audit_schema())

    @given(audits)
    def test_holds_for_every_audit(self, audit: Audit) -> None:
        AUDIT.validate(audit_to_json(audit, tool_version="1.0"))

    def test_describes_every_property(self) -> None:
        for place in described(audit_schema(), audit_schema()):
            for name, property in place["properties"].items():
                assert property.get("description"), name
