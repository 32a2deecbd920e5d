"""Which record may follow which."""

from __future__ import annotations

from ..errors import StateConflict
from ..record import StateRecord


def check_succession(stored: StateRecord | None, record: StateRecord, place: str) -> None:
    """Let a record through only if it is the next one of the stored history.

    Raises:
        StateConflict: it is not.
    """
    found_serial = 0 if stored is None else stored.serial
    if stored is not None and stored.lineage != record.lineage:
        raise StateConflict(place, record.serial - 1, found_serial, found_lineage=stored.lineage)
    if record.serial != found_serial + 1:
        raise StateConflict(place, record.serial - 1, found_serial)
