"""What opens issuers of one type: the contract of a plug-in, and of those that are built in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from pydantic import BaseModel

from .port import Issuer

SettingsModel: TypeAlias = type[BaseModel]


@dataclass(frozen=True, slots=True)
class Opening:
    """What an issuer is opened from.

    Attributes:
        name: Its name under ``issuers``, for messages.
        settings: What stands there besides ``type``: an instance of the model that its type declares.
        base: Folder that a relative path in the settings counts from: where the file that holds them is.
        clock: Gives now; UTC, aware.
    """

    name: str
    settings: Any
    base: Path
    clock: Callable[[], datetime]


class IssuerKind(Protocol):
    """What an entry point of the group ``reconciler.issuers`` leads to.

    Attributes:
        type: The ``type`` that it is declared by; also the name of the entry point.
        settings: Model of the other keys. It refuses keys that it does not know (``extra="forbid"``), or a
            slip of the pen has no effect and nobody is told.
    """

    type: str
    settings: SettingsModel

    def open(self, opening: Opening) -> Issuer:
        """Make an issuer. Nothing is sent to it yet.

        Raises:
            IssuerUnusable: its settings or its files are not in order.
        """
        ...
