"""Maintenance windows."""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated, Any, Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

from pydantic import Field

from reconciler.plan.maintenance import DAYS, Maintenance, Window
from state.errors import InvalidValue
from state.resources.attribute import Scalar

from .base import As, Model, required

_A_ZONE: Final = "a time zone such as Europe/Berlin or UTC"
_A_TIME: Final = 'a time of day such as "22:00"'
_TIME: Final = re.compile(r"([01][0-9]|2[0-3]|24(?=:00)):([0-5][0-9])", re.ASCII)


def parse_zone(text: str) -> ZoneInfo:
    """Find a time zone by its name in the IANA database.

    Raises:
        InvalidValue: there is none.
    """
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise InvalidValue(text, _A_ZONE) from None


def parse_time(text: str) -> time:
    """Read ``HH:MM``; 24:00 is midnight.

    Raises:
        InvalidValue: it is none.
    """
    if not (found := _TIME.fullmatch(text.strip())):
        raise InvalidValue(text, _A_TIME)
    hours, minutes = map(int, found.groups())
    return time(hours % 24, minutes)


Zone: TypeAlias = Annotated[Any, As(Scalar(_A_ZONE, parse_zone))]


def parse_opening(text: str) -> time:
    """The same without 24:00: a day does not tell whether that is its beginning or its end.

    Raises:
        InvalidValue: there is none.
    """
    if text.strip().startswith("24"):
        raise InvalidValue(text, 'a time of day before "24:00", which is "00:00" of the next day')
    return parse_time(text)


TimeOfDay: TypeAlias = Annotated[Any, As(Scalar(_A_TIME, parse_time))]
Opening: TypeAlias = Annotated[Any, As(Scalar(_A_TIME, parse_opening))]
Day: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_OPENING: Final = r"^\s*([01][0-9]|2[0-3]):[0-5][0-9]\s*$"
_PATTERN: Final = r"^\s*([01][0-9]|2[0-3]|24(?=:00)):[0-5][0-9]\s*$"


class WindowModel(Model):
    """A time of the week."""

    days: list[Day] = required("The days on which it opens.", min_length=1)
    opens: Opening = Field(
        alias="from", description="When it opens, by the clock.", json_schema_extra={"pattern": _OPENING}
    )
    closes: TimeOfDay = Field(
        alias="to",
        description="When it closes; on the next day where that is not later.",
        json_schema_extra={"pattern": _PATTERN},
    )


class MaintenanceModel(Model):
    """When what the world is presented may be changed."""

    time_zone: Zone = required("Whose clock counts, by its name: Europe/Berlin.")
    windows: list[WindowModel] = required("The times of the week.", min_length=1)


def maintenance_of(model: MaintenanceModel) -> Maintenance:
    """What the planner goes by."""
    zone: ZoneInfo = model.time_zone
    return Maintenance(
        zone,
        zone.key,
        tuple(
            Window(frozenset(map(DAYS.index, window.days)), window.opens, window.closes)
            for window in model.windows
        ),
    )
