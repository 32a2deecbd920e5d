"""What has to be there in time, however slowly it comes."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import TypeVar

from .faults import Unreachable

T = TypeVar("T")


def in_time(ask: Callable[[], T], seconds: float) -> T:
    """Ask, and wait so long for the whole of an answer.

    The time limit of a socket begins anew with each byte, and a name server has none: what is late is left
    behind in a thread that keeps nothing from its end.

    Raises:
        Unreachable: it was not there in time.
    """
    came: list[T] = []
    failed: list[BaseException] = []

    def work() -> None:
        try:
            came.append(ask())
        except BaseException as error:  # noqa: BLE001 it is raised where it is waited for
            failed.append(error)

    thread = Thread(target=work, name="ask an authority", daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not came:
        raise Unreachable(f"it gave no whole answer in {seconds:g} seconds")
    return came[0]
