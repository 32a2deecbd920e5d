"""Types of issuers that other packages bring, as entry points of the group ``reconciler.issuers``.

Only what a file names is loaded: a package that is installed and not used is never run.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import entry_points
from inspect import isclass
from typing import Any, Final, Protocol, TypeAlias

from pydantic import BaseModel

from reconciler.told import error_line

SettingsModel: TypeAlias = type[BaseModel]

GROUP: Final = "reconciler.issuers"


class PlugIn(Protocol):
    """What config needs of a plug-in; :class:`reconciler.issuers.kind.IssuerKind` is all of it."""

    type: str
    settings: SettingsModel


@dataclass
class PlugInUnusable(Exception):
    """A plug-in is there and cannot be used.

    Attributes:
        reason: In one sentence's worth of words.
    """

    reason: str

    def __str__(self) -> str:
        return self.reason


def plugged_in() -> tuple[str, ...]:
    """The types that are installed, in alphabetical order; nothing of them is run."""
    return tuple(sorted(entry_points(group=GROUP).names))


def plug_in(type: str) -> PlugIn | None:
    """Load what opens issuers of a type; None where nothing of that name is installed.

    Raises:
        PlugInUnusable: it cannot be loaded, or is not what it must be.
    """
    found = tuple(entry_points(group=GROUP, name=type))
    if not found:
        return None
    origins = sorted({f"{entry.dist.name}" if entry.dist else entry.value for entry in found})
    if len(origins) > 1:
        raise PlugInUnusable(f"{' and '.join(origins)} both bring it")
    try:
        loaded: Any = found[0].load()
    except (Exception, SystemExit) as error:
        raise PlugInUnusable(
            f"{found[0].value} of {origins[0]} cannot be loaded: {error_line(error)}"
        ) from error
    if wrong := _wrong(loaded, type):
        raise PlugInUnusable(f"{found[0].value} of {origins[0]} {wrong}")
    plugged: PlugIn = loaded
    return plugged


def _wrong(loaded: Any, type: str) -> str:
    if getattr(loaded, "type", None) != type:
        return f'does not say type = "{type}"'
    model = getattr(loaded, "settings", None)
    if not (isclass(model) and issubclass(model, BaseModel)):
        return "has no pydantic model as settings"
    if not callable(getattr(loaded, "open", None)):
        return "has no open()"
    return ""
