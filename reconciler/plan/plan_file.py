"""A saved plan as bytes.

It holds all that a later apply rests on: the changes with their exact invocations, and the desired
state they came from, so that planning the same against Exchange as it is then tells whether the
plan is stale. For whoever reviews it, it holds the warnings, too. It holds no secret: a credential is
the reference that the YAML gives.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from reconciler.diagnostics import Diagnostic, Severity, SourceRange, has_errors
from state.address import Address
from state.codec import resource_from_json, resource_to_json
from state.codec.shape import Malformed, Shape, json_bytes, json_value
from state.errors import StateError, StateTooNew, StateTooOld, StateUnreadable
from state.resources import Build, Certificate, Json, ReceiveConnector, SendConnector
from state.resources.attribute import INSTANT
from state.snapshot import Snapshot
from state.values import TlsCertificateName

from .change import Drift, Plan, Upcoming
from .change_file import change_from_json, change_to_json, differences_from_json, differences_to_json

VERSION = 2
KIND = "exchange-tls-reconciler plan"
_ABSOLUTE = re.compile(r"/|[A-Za-z]:[\\/]|\\\\")
"""On POSIX, on a Windows drive, on a Windows share."""
_NO_PATH = re.compile("[\0\ud800-\udc7f\udd00-\udfff]")
"""Half characters but those that Python puts for bytes of a file name that it cannot decode."""
LARGEST = 64 * 1024 * 1024
"""Bytes that are read at most."""


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan and what it was made from.

    Attributes:
        path: The YAML, absolute; connection settings, issuers and the record are found from it.
        connections: The connections file that was named, absolute; "" for none.
        state: The folder of the record that was named, absolute; "" for the one beside ``path``.
        targets: What ``--target`` named.
        tool_version: Of the program that wrote it.
    """

    plan: Plan
    desired: Snapshot
    path: str
    connections: str
    state: str
    targets: tuple[Address, ...]
    made_at: datetime
    tool_version: str


def is_plan_file(data: bytes) -> bool:
    """Tell a saved plan from YAML by its first bytes."""
    return f'"kind": "{KIND}"'.encode() in data[:200]


def encode_plan(saved: SavedPlan) -> bytes:
    """Write a saved plan as indented JSON; the same plan gives the same bytes."""
    document: dict[str, Json] = {
        "kind": KIND,
        "format_version": VERSION,
        "tool_version": saved.tool_version,
        "made_at": INSTANT.to_json(saved.made_at),
        "path": saved.path,
        "connections": saved.connections,
        "state": saved.state,
        "targets": [str(address) for address in saved.targets],
        "organization": saved.plan.organization,
        "changes": [change_to_json(change) for change in saved.plan.changes],
        "drift": [
            {
                "address": str(drift.address),
                "attributes": differences_to_json(drift.address, drift.attributes),
                "observed": drift.is_observed,
            }
            for drift in saved.plan.drift
        ],
        "diagnostics": [_diagnostic_to_json(diagnostic) for diagnostic in saved.plan.diagnostics],
        "certificate_names": {
            str(address): str(name) for address, name in saved.plan.certificate_names.items()
        },
        "builds": {name: str(build) for name, build in saved.plan.builds.items()},
        "upcoming": [
            {
                "address": str(one.address),
                "renewal": INSTANT.to_json(one.renewal),
                "expires": INSTANT.to_json(one.expires),
                "issuer": one.issuer,
                "reason": one.reason,
            }
            for one in saved.plan.upcoming
        ],
        "desired": {
            str(address): resource_to_json(resource) for address, resource in saved.desired.resources.items()
        },
    }
    return json_bytes(document, indent=2) + b"\n"


def decode_plan(data: bytes, place: str) -> SavedPlan:
    """Read what :func:`encode_plan` wrote.

    Raises:
        StateTooNew: a later version wrote it.
        StateTooOld: an earlier one did, of which no step back is known; whoever approved it did not see it.
        StateUnreadable: it is no saved plan.
    """
    try:
        shape = Shape.of(json_value(data, LARGEST), "")
        if shape.text("kind") != KIND:
            raise Malformed("kind", "it is something else")
        found = shape.whole_number("format_version")
        if found != VERSION:
            raise (StateTooOld if 0 < found < VERSION else StateTooNew)(place, found, VERSION)
        return _saved_from_json(shape)
    except (StateTooNew, StateTooOld):
        raise
    except StateError as error:
        raise StateUnreadable(place, f"it is not a plan that this program wrote: {error}") from error


def _saved_from_json(shape: Shape) -> SavedPlan:
    names, builds = shape.shape("certificate_names"), shape.shape("builds")
    plan = Plan(
        organization=shape.text("organization"),
        changes=tuple(
            change_from_json(Shape.of(item, f"changes.{at}"))
            for at, item in enumerate(Shape.list_of(shape.take("changes"), "changes"))
        ),
        drift=tuple(
            _drift_from_json(Shape.of(item, f"drift.{at}"))
            for at, item in enumerate(Shape.list_of(shape.take("drift"), "drift"))
        ),
        diagnostics=tuple(
            _diagnostic_from_json(Shape.of(item, f"diagnostics.{at}"))
            for at, item in enumerate(Shape.list_of(shape.take("diagnostics"), "diagnostics"))
        ),
        certificate_names={
            Address.parse(key): TlsCertificateName.parse(names.text(key)) for key in names.members
        },
        builds={name: Build.parse(builds.text(name)) for name in builds.members},
        upcoming=tuple(
            _upcoming_from_json(Shape.of(item, f"upcoming.{at}"))
            for at, item in enumerate(Shape.list_of(shape.since_later("upcoming", []), "upcoming"))
        ),
    )
    if has_errors(plan.diagnostics):
        raise Malformed("diagnostics", "a plan with an error is never saved")
    desired = _desired_from_json(shape.shape("desired"))
    saved = SavedPlan(
        plan=plan,
        desired=desired,
        path=_path(shape, "path"),
        connections=_path(shape, "connections"),
        state=_path(shape, "state"),
        targets=tuple(map(Address.parse, shape.texts("targets"))),
        made_at=INSTANT.from_json(shape.take("made_at")),
        tool_version=shape.text("tool_version"),
    )
    shape.done()
    if not desired.resources.keys() >= set(saved.targets):
        raise Malformed("targets", "one of them is not desired")
    return saved


def _desired_from_json(shape: Shape) -> Snapshot:
    """Read the desired state; what config never leaves out is there, for planning rests on it."""
    resources = {
        Address.parse(key): resource_from_json(value, shape.path(key)) for key, value in shape.members.items()
    }
    for address, resource in resources.items():
        where = shape.path(str(address))
        if resource.kind != address.type:
            raise Malformed(where, f"it is a {resource.kind}")
        if isinstance(resource, Certificate | SendConnector | ReceiveConnector):
            home = resource.home if isinstance(resource.home, tuple) else ()
            if not home or any(Address.of("server", str(name)) not in resources for name in home):
                raise Malformed(where, "its server is not desired")
    return Snapshot(resources)


def _path(shape: Shape, key: str) -> str:
    text = shape.text(key)
    if _NO_PATH.search(text):
        raise Malformed(shape.path(key), "no system has such a path")
    if text and not _ABSOLUTE.match(text):
        raise Malformed(shape.path(key), "it is not absolute")
    return text


def _upcoming_from_json(shape: Shape) -> Upcoming:
    upcoming = Upcoming(
        address=Address.parse(shape.text("address")),
        renewal=INSTANT.from_json(shape.take("renewal")),
        expires=INSTANT.from_json(shape.take("expires")),
        issuer=shape.text("issuer"),
        reason=shape.text("reason") if "reason" in shape.members else "",
    )
    shape.done()
    return upcoming


def _drift_from_json(shape: Shape) -> Drift:
    address = Address.parse(shape.text("address"))
    drift = Drift(
        address=address,
        attributes=differences_from_json(address, shape.shape("attributes")),
        is_observed=shape.truth("observed"),
    )
    shape.done()
    if not drift.attributes:
        raise Malformed(shape.path("attributes"), "nothing differs")
    return drift


def _diagnostic_to_json(diagnostic: Diagnostic) -> dict[str, Json]:
    where = diagnostic.where
    return {
        "severity": diagnostic.severity.value,
        "summary": diagnostic.summary,
        "detail": diagnostic.detail,
        "hint": diagnostic.hint,
        "subject": diagnostic.subject,
        "where": {
            "file": where.file,
            "line": where.line,
            "column": where.column,
            "text": where.text,
            "length": where.length,
        }
        if where
        else None,
    }


def _diagnostic_from_json(shape: Shape) -> Diagnostic:
    try:
        severity = Severity(shape.text("severity"))
    except ValueError:
        raise Malformed(shape.path("severity"), "there is no such severity") from None
    summary, where = shape.text("summary"), shape.shape_or_none("where")
    diagnostic = Diagnostic(
        severity=severity,
        summary=summary,
        detail=shape.text("detail"),
        hint=shape.text("hint"),
        subject=shape.text("subject"),
        where=_source_range_from_json(where) if where else None,
    )
    shape.done()
    return diagnostic


def _source_range_from_json(shape: Shape) -> SourceRange:
    where = SourceRange(
        file=shape.text("file"),
        line=shape.whole_number("line"),
        column=shape.whole_number("column"),
        text=shape.text("text"),
        length=shape.whole_number("length"),
    )
    shape.done()
    if min(where.line, where.column, where.length) < 1:
        raise Malformed(shape.where, "lines, columns and lengths count from 1")
    return where
