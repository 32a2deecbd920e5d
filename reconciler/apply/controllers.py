"""The domain controllers of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Controllers:
    """The domain controllers that matter to a run.

    Attributes:
        written: The one that the run reads from and writes to; "" where none was told: then there is nothing
            to compare.
        used: The one that each Mailbox server asks by itself; "" where it is not known.
    """

    written: str = ""
    used: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def others(self) -> tuple[str, ...]:
        """Those that hear of what was written from somebody else."""
        names = {name.casefold(): name for name in self.used.values() if name}
        names.pop(self.written.casefold(), None)
        return tuple(names.values())

    @property
    def unknown(self) -> tuple[str, ...]:
        """The servers of which nobody knows what they see."""
        return tuple(server for server, name in self.used.items() if not name)
