"""What psrpcore deserialized, as the plain values that cmdlets of the lab take. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from psrpcore.types import (
    PSByteArray,
    PSChar,
    PSCredential,
    PSObject,
    PSQueue,
    PSSecureString,
)

from reconciler.lab.call import Argument, Credential, Secret


def argument(name: str | None, value: Any) -> Argument:
    """Make an argument of one name and value as they stood in the command."""
    plain = plain_value(value)
    # A switch without value and an explicit $null are the same element on the wire, <Nil N="V"/>.
    named = name.lstrip("-").rstrip(":") if name else None
    return Argument(named, plain, is_switch=named is not None and plain is None)


def plain_value(value: Any) -> Any:
    """Reduce a value to bool, int, float, str, bytes, list, dict, None, Secret or Credential.

    Anything else becomes its text, as .NET would print it: cmdlets convert from text.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, PSSecureString):
        return Secret(str(value.decrypt()))
    if isinstance(value, PSCredential):
        return Credential(str(value.UserName), Secret(str(value.Password.decrypt())))
    if isinstance(value, PSByteArray | bytes):
        return bytes(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, dict):
        return {str(plain_value(key)): plain_value(item) for key, item in value.items()}
    if isinstance(value, PSQueue):
        return [plain_value(item) for item in value.queue]
    if isinstance(value, list | tuple):
        return [plain_value(item) for item in value]
    return _plain_scalar(value)


def _plain_scalar(value: Any) -> Any:
    if isinstance(value, timedelta):
        return _timespan(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, int) and not isinstance(value, Enum | PSChar):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, PSObject) and value.PSObject.to_string:
        return str(value.PSObject.to_string)
    return str(value)


def _timespan(span: timedelta) -> str:
    """.NET's constant format ``[-][d.]hh:mm:ss[.fffffff]``."""
    sign, span = ("-", -span) if span < timedelta(0) else ("", span)
    minutes, seconds = divmod(span.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days = f"{span.days}." if span.days else ""
    fraction = f".{span.microseconds:06d}0" if span.microseconds else ""
    return f"{sign}{days}{hours:02d}:{minutes:02d}:{seconds:02d}{fraction}"
