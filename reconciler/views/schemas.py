"""JSON Schemas of what machines read, draft 2020-12. Tests hold real documents against them.

Keys that are not described here may be added under the same first number of ``format_version``:
readers ignore what they do not know.
"""

from __future__ import annotations

from dataclasses import fields
from typing import get_type_hints

from reconciler.audit.finding import Weight
from reconciler.diagnostics import Severity
from reconciler.events import (
    ApplyFinished,
    CertificateRevoked,
    EndpointChecked,
    Event,
    InvocationFinished,
    InvocationStarted,
    IssueFinished,
    IssueStarted,
    IssueWaiting,
    ReadFinished,
    ReadStarted,
    ResourceRecorded,
    Retrying,
    ServingAwaited,
    SteppingBack,
)
from reconciler.plan.change import Action
from state.resources import Json

from .audit_json import AUDIT_FORMAT
from .events_json import EVENTS_FORMAT
from .plan_json import PLAN_FORMAT

_DRAFT = "https://json-schema.org/draft/2020-12/schema"

EVENTS: tuple[type[Event], ...] = (
    ReadStarted,
    ReadFinished,
    Retrying,
    InvocationStarted,
    InvocationFinished,
    IssueStarted,
    IssueFinished,
    IssueWaiting,
    CertificateRevoked,
    ResourceRecorded,
    ServingAwaited,
    EndpointChecked,
    SteppingBack,
    ApplyFinished,
)

_FIELD_MEANINGS = {
    "address": "Address of the resource.",
    "server": "Name of the server, as declared.",
    "cmdlet": "The cmdlet.",
    "number": "Which invocation of the whole apply, from 1.",
    "total": "How many invocations the whole apply has.",
    "error": 'What went wrong; "" when nothing did.',
    "issuer": "Name of the issuer, as declared.",
    "waiting": "Invocations that wait for an issuer's answer, and for what needs it.",
    "reason": "What the issuer waits for.",
    "thumbprint": "Of the certificate that was replaced.",
    "next_try": 'No run asks again before, ISO 8601; "" at any time.',
    "not_after": 'End of validity, ISO 8601; "" where there is no certificate.',
    "verification": 'passed, failed, not_seen or interrupted; "" where there was nothing to verify.',
    "certificate": "Address of the certificate behind it.",
    "only_told": "TLS ends before Exchange there: what is wrong there is told, and fails nothing.",
    "action": "What was written to the record.",
    "done": "Invocations that succeeded.",
    "failed": "Invocations that Exchange refused.",
    "not_started": "Invocations that were never sent.",
    "in_doubt": "Invocations whose answer was lost: they may have happened.",
    "stopped": "True when apply ended part-way.",
    "name": "The name that the world connects to.",
    "doing": "What is tried again.",
    "attempt": "Which time the next one is, from 1.",
    "attempts": "How often at most.",
    "seconds": "How long is waited before.",
    "subject": 'Subject of the certificate that was presented; "" where there was none.',
    "problem": 'What is not as declared; "" when all is.',
}
_OWN_MEANINGS: dict[tuple[type[Event], str], str] = {
    (EndpointChecked, "address"): "Where the handshake was made: host:port.",
    (ServingAwaited, "address"): "Where the handshake was made: host:port.",
    (ServingAwaited, "server"): 'The server that answers; "" at the address that the world knows.',
    (ServingAwaited, "reason"): "What is not yet as it should be.",
    (ServingAwaited, "seconds"): "How long is waited at most.",
    (SteppingBack, "reason"): "What became worse.",
    (EndpointChecked, "server"): 'The server that answers; "" at the address that the world knows.',
    (InvocationFinished, "in_doubt"): "Whether it may have been done although no answer came.",
}


def plan_schema() -> dict[str, Json]:
    """Of the document that ``plan --json`` and ``show --as json`` print."""
    actions: list[Json] = [action.value for action in Action if action is not Action.NONE]
    return {
        "$schema": _DRAFT,
        "title": "A plan: what apply would change",
        **_object(
            {
                "format_version": _version(PLAN_FORMAT),
                "tool_version": _text("Version of the program that made the document."),
                "organization": _text('Name of the organization; "" where the YAML could not be used.'),
                "summary": {
                    "description": "How many addresses there are of each kind.",
                    **_object(
                        {
                            "create": _count("Will be created."),
                            "update": _count("Will be changed in place."),
                            "replace": _count("Will be deleted and created again."),
                            "delete": _count("Will be deleted."),
                            "adopt": _count("Are as declared already and will only be recorded."),
                            "forget": _count("Stay in Exchange and will no longer be recorded."),
                            "unchanged": _count("Need nothing; they are not listed in changes."),
                            "waiting": _count("Wait for an issuer's answer, themselves or what they need."),
                        }
                    ),
                },
                "changes": _list("In the order in which they are applied.", _ref("change")),
                "drift": _list(
                    "What somebody else changed since the last apply, or is observed and not as declared.",
                    _ref("drift"),
                ),
                "upcoming": _list(
                    "The renewals of the next 30 days, or those of the next day that has one, by date.",
                    _ref("upcoming"),
                ),
                "diagnostics": _list("Errors and warnings.", _ref("diagnostic")),
            }
        ),
        "$defs": {
            "upcoming": _object(
                {
                    "address": _text("Address of the certificate."),
                    "renewal": _text("From when on a plan renews it; UTC, ISO 8601."),
                    "expires": _text("When the certificate that is there ends; UTC, ISO 8601."),
                    "issuer": _text("Name under issuers."),
                    "reason": _text("Why then, where its dates alone do not say so; else empty."),
                }
            ),
            "change": _object(
                {
                    "address": _text("Address of the resource."),
                    "action": {"description": "What becomes of it.", "enum": actions},
                    "attributes": _map("What differs, by attribute name.", _ref("difference")),
                    "invocations": _list(
                        "The cmdlets that are sent, in this order; no other is.", _ref("invocation")
                    ),
                    "on_failure": _list(
                        "The cmdlets that take it back when STARTTLS is worse afterwards than it was before.",
                        _ref("invocation"),
                    ),
                    "reason": _text('Why, for people; "" where the attributes say it.'),
                    "presented_by": _list(
                        "Of a certificate: managed connectors that present it once it is enabled although "
                        "their binding stays, if issuer and subject do.",
                        _text("Address of the connector."),
                    ),
                }
            ),
            "drift": _object(
                {
                    "address": _text("Address of the resource."),
                    "attributes": _map(
                        "By attribute name: before is as recorded, or as declared of what is only observed; "
                        "after is as it is now.",
                        _ref("difference"),
                    ),
                    "observed": {
                        "description": "True for what is only observed, by its mode.",
                        "type": "boolean",
                    },
                }
            ),
            "difference": {
                "description": "A side that is not set is left out; null is Exchange's $null.",
                **_object({"before": _ref("value"), "after": _ref("value")}, optional=("before", "after")),
            },
            "invocation": _object(
                {
                    "server": _text("Name of the server that it is sent to, as declared."),
                    "cmdlet": _text("The cmdlet."),
                    "parameters": _map("By Exchange's names; null is $null.", _ref("value")),
                    "answers": _list(
                        "What is answered where Exchange will ask; left out where it will not.",
                        _object(
                            {
                                "prompt": _text("Which question: default_smtp ..."),
                                "answer": {"description": "What is answered.", "enum": ["yes", "no"]},
                            }
                        ),
                    ),
                },
                optional=("answers",),
            ),
            "value": {
                "description": "A value, or an object with one key where there is none to show.",
                "oneOf": [
                    {"type": ["string", "number", "boolean", "null"]},
                    {"type": "array", "items": {"type": ["string", "number", "boolean", "null"]}},
                    {
                        "description": "Known only during apply: address#attribute.",
                        **_object({"deferred": {"type": "string"}}),
                    },
                    {"description": "Never shown.", **_object({"secret": {"const": True}})},
                    {"description": "Could not be read.", **_object({"unknown": {"const": True}})},
                ],
            },
            "diagnostic": _object(
                {
                    "severity": {
                        "description": "With an error nothing is applied.",
                        "enum": [severity.value for severity in Severity],
                    },
                    "summary": _text("A few words, the same every time."),
                    "detail": _text("What and why, in this case."),
                    "hint": _text('The next thing to try; "" where there is none.'),
                    "subject": _text('Address or server that it is about; "" for none.'),
                    "where": {
                        "description": "The place in the YAML; null for none.",
                        "oneOf": [
                            {"type": "null"},
                            _object(
                                {
                                    "file": _text("As it was named on the command line."),
                                    "line": _count("From 1."),
                                    "column": _count("From 1, in characters."),
                                }
                            ),
                        ],
                    },
                }
            ),
        },
    }


def events_schema() -> dict[str, Json]:
    """Of each line that ``apply --json`` prints."""
    return {
        "$schema": _DRAFT,
        "title": "One event of an apply: one line",
        "oneOf": [_ref(event.type) for event in EVENTS],
        "$defs": {event.type: _event(event) for event in EVENTS},
    }


def audit_schema() -> dict[str, Json]:
    """Of the document that ``audit --json`` prints."""
    looked_at = ("send_connectors", "receive_connectors", "certificates")
    return {
        "$schema": _DRAFT,
        "title": "An audit: what is wrong, or worth knowing, in an organization as it is",
        **_object(
            {
                "format_version": _version(AUDIT_FORMAT),
                "tool_version": _text("Version of the program that made the document."),
                "complete": {
                    "description": "False when a server or a list could not be read: there may be more.",
                    "type": "boolean",
                },
                "servers": _list("Those that were looked at.", _text("Its name.")),
                "summary": {
                    "description": "How many findings there are of each severity.",
                    **_object({weight.value: _count(f"Of severity {weight.value}.") for weight in Weight}),
                },
                "looked_at": {
                    "description": "How many objects were read.",
                    **_object({name: _count("Of this kind.") for name in looked_at}),
                },
                "findings": _list("The heaviest first.", _ref("finding")),
            }
        ),
        "$defs": {
            "finding": _object(
                {
                    "rule": _text("What was looked for; docs/audit.md lists all."),
                    "severity": {
                        "description": "To be mended; worth knowing; could not be read.",
                        "enum": [weight.value for weight in Weight],
                    },
                    "kind": _text("certificate, send_connector, receive_connector, server ..."),
                    "object": _text("Its name in Exchange, or its thumbprint."),
                    "server": _text('Where that is; "" for the organization.'),
                    "title": _text("What the rule says, the same every time."),
                    "detail": _text("What and why, in this case."),
                    "remedy": _text("The next thing to try."),
                }
            )
        },
    }


def _event(event: type[Event]) -> dict[str, Json]:
    hints = get_type_hints(event)
    own: dict[str, Json] = {
        field.name: {
            "description": _OWN_MEANINGS.get((event, field.name), _FIELD_MEANINGS[field.name]),
            "type": {str: "string", int: "integer", bool: "boolean"}[hints[field.name]],
        }
        for field in fields(event)
    }
    return _object(
        {
            "type": {"description": "What happened.", "const": event.type},
            "time": {"description": "When, UTC.", "type": "string", "format": "date-time"},
            "format_version": _version(EVENTS_FORMAT),
            **own,
        }
    )


def _object(properties: dict[str, Json], *, optional: tuple[str, ...] = ()) -> dict[str, Json]:
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
    }


def _map(description: str, values: Json) -> Json:
    return {"description": description, "type": "object", "additionalProperties": values}


def _list(description: str, items: Json) -> Json:
    return {"description": description, "type": "array", "items": items}


def _text(description: str) -> Json:
    return {"description": description, "type": "string"}


def _count(description: str) -> Json:
    return {"description": description, "type": "integer", "minimum": 0}


def _version(current: str) -> Json:
    major = current.partition(".")[0]
    return {
        "description": f"Version of this format, now {current}.",
        "type": "string",
        "pattern": rf"^{major}\.[0-9]+$",
    }


def _ref(name: str) -> Json:
    return {"$ref": f"#/$defs/{name}"}
