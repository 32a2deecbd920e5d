"""Events for machines: one JSON object a line; schema: :func:`reconciler.views.schemas.events_schema`."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, datetime

from reconciler.events import Event
from state.resources import Json

EVENTS_FORMAT = "1.2"
"""Of each line. The second number grows when a key or a type is added."""


def event_to_json(event: Event, time: datetime) -> dict[str, Json]:
    """One event.

    Args:
        time: When it was told; aware. Written in UTC, to the millisecond.
    """
    return {
        "type": event.type,
        "time": time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "format_version": EVENTS_FORMAT,
        **{field.name: getattr(event, field.name) for field in fields(event)},
    }


def render_event_json(event: Event, time: datetime) -> str:
    """One line, ended; ASCII, as :func:`reconciler.views.plan_json.render_plan_json`."""
    return json.dumps(event_to_json(event, time), separators=(",", ":")) + "\n"
