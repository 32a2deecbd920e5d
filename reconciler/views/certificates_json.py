"""How certificates stand, for machines: the document, and its schema."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from reconciler.plan.standing import Standing, State
from state.resources import Json

CERTIFICATES_FORMAT = "1.0"
"""Of the document. The second number grows when a key is added, the first when one changes its meaning."""

_INSTANTS = {
    "since": "When it came so far; null where nobody knows.",
    "deadline": "Until when the next step must be done; null where nothing presses.",
    "not_before": "Begin of its validity; null while there is none.",
    "expires": "End of its validity; null while there is none.",
    "renewal": "From when on a plan renews it; null where that is not done.",
}
_TEXTS = {
    "address": "Address of the certificate.",
    "server": "The server that holds it.",
    "reason": 'Why, for people; "" where there is nothing to tell.',
    "next_step": 'What happens next; "" for nothing.',
    "thumbprint": 'SHA-1 of the certificate; "" while there is none.',
    "issuer": 'Name under issuers; "" for one that is watched.',
}
_LISTS = {
    "names": "DNS names that it covers.",
    "used_by": "Connectors bound to its issuer and subject, or that would choose it by their Fqdn.",
}


def certificates_to_json(told: Sequence[Standing], *, tool_version: str) -> dict[str, Json]:
    return {
        "format_version": CERTIFICATES_FORMAT,
        "tool_version": tool_version,
        "certificates": [_standing(one) for one in told],
    }


def render_certificates_json(told: Sequence[Standing], *, tool_version: str) -> str:
    """The document as text; ASCII, so that no console or pipe can spoil it."""
    return json.dumps(certificates_to_json(told, tool_version=tool_version), indent=2) + "\n"


def certificates_schema() -> dict[str, Json]:
    """Of the document that ``certificates --json`` prints."""
    instant: list[Json] = ["string", "null"]
    one: dict[str, Json] = {
        "state": {"description": "How far it is.", "enum": [each.value for each in State]}
    }
    one |= {name: {"description": meaning, "type": "string"} for name, meaning in _TEXTS.items()}
    one |= {
        name: {"description": f"{meaning} UTC, ISO 8601.", "type": instant}
        for name, meaning in _INSTANTS.items()
    }
    one |= {
        name: {"description": meaning, "type": "array", "items": {"type": "string"}}
        for name, meaning in _LISTS.items()
    }
    whole: dict[str, Json] = {
        "format_version": {
            "description": f"Version of this format, now {CERTIFICATES_FORMAT}.",
            "type": "string",
            "pattern": r"^1\.[0-9]+$",
        },
        "tool_version": {"description": "Version of the program that made the document.", "type": "string"},
        "certificates": {
            "description": "Of each address what is under way, what is there, and what was replaced.",
            "type": "array",
            "items": {"type": "object", "properties": one, "required": list(one)},
        },
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "How the declared certificates stand",
        "type": "object",
        "properties": whole,
        "required": list(whole),
    }


def _standing(one: Standing) -> dict[str, Json]:
    return {
        "address": str(one.address),
        "server": one.server,
        "state": one.state.value,
        "since": _instant(one.since),
        "reason": one.reason,
        "next_step": one.next_step,
        "deadline": _instant(one.deadline),
        "names": list(one.names),
        "thumbprint": one.thumbprint,
        "not_before": _instant(one.not_before),
        "expires": _instant(one.expires),
        "renewal": _instant(one.renewal),
        "issuer": one.issuer,
        "used_by": list(one.used_by),
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
