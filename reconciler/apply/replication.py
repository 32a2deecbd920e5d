"""Waits for domain controllers before something is taken away from mail."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock
from typing import Final

from reconciler.events import Listener
from reconciler.exchange.errors import ExchangeError
from reconciler.exchange.patience import Limits, Patience
from reconciler.exchange.port import Reader
from reconciler.exchange.replication import check_send_connectors
from reconciler.plan.change import Change
from reconciler.plan.protection import takes_away

from . import problems
from .controllers import Controllers
from .tools import Stopped

BEFORE_A_LOSS: Final = Limits("waiting for replication", attempts=20, seconds=120, longest=15)
"""Within a site, domain controllers tell each other within seconds; between sites it may be hours."""


class Replication:
    """Holds back what takes protection away until every domain controller shows what protects instead.

    What must be seen may have been written by an earlier run, so whole lists are compared, not what this did.
    """

    def __init__(self, controllers: Controllers, patience: Patience, listener: Listener) -> None:
        self._controllers = controllers
        self._patience = patience
        self._listener = listener
        self._one_at_a_time = Lock()

    def before(self, change: Change, reader: Reader) -> None:
        """Wait, if a change takes protection away, until all show the same send connectors.

        Raises:
            Stopped: they do not in time, or it cannot be told.
        """
        controllers = self._controllers
        is_shared = change.invocations[0].server in controllers.used
        if not controllers.written or not is_shared or not takes_away(change):
            return
        if controllers.unknown:
            told = problems.not_replicated(change.address, _unknown(controllers.unknown))
            raise Stopped(told, was_sent=False)
        if not controllers.others:
            return
        with self._one_at_a_time:
            try:
                self._patience.until(
                    lambda: check_send_connectors(reader, controllers.written, controllers.others),
                    BEFORE_A_LOSS,
                    self._listener,
                )
            except ExchangeError as error:
                told = problems.not_replicated(change.address, str(error).removeprefix(f"{error.server}: "))
                raise Stopped(told, was_sent=False) from error


def _unknown(servers: Iterable[str]) -> str:
    return f"which domain controller {' and '.join(servers)} asks is not known"
