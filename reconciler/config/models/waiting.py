"""How long is waited for something."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Final, TypeAlias

from state.errors import InvalidValue
from state.resources.attribute import Scalar

from .base import As

_EXPECTED: Final = "a time of up to a day such as 15m, 90s or 2h"
_WAIT: Final = re.compile(r"([0-9]{1,5})\s*([smh])", re.IGNORECASE | re.ASCII)
_UNITS: Final = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1)}


def parse_wait(text: str) -> timedelta:
    """Read a number of seconds, minutes or hours.

    Raises:
        InvalidValue: it is none, or over a day.
    """
    if found := _WAIT.fullmatch(text.strip()):
        number, unit = found.groups()
        if (wait := int(number) * _UNITS[unit.lower()]) <= timedelta(days=1):
            return wait
    raise InvalidValue(text, _EXPECTED)


def parse_timeout(text: str) -> timedelta:
    """The same, and not nothing: what may take no time is never done.

    Raises:
        InvalidValue: it is none, over a day, or zero.
    """
    if wait := parse_wait(text):
        return wait
    raise InvalidValue(text, f"{_EXPECTED}, and more than nothing")


Timeout: TypeAlias = Annotated[Any, As(Scalar(_EXPECTED, parse_timeout))]
Wait: TypeAlias = Annotated[Any, As(Scalar(_EXPECTED, parse_wait))]
