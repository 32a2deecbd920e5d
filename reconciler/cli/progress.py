"""Events on their way to whoever watches: lines for people on stderr, or one JSON object a line on stdout."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

from reconciler.events import Event, InvocationStarted, ReadFinished, ReadStarted
from reconciler.views.events_json import render_event_json
from reconciler.views.events_text import render_event

from .console import Console

PATIENCE = 1.0
"""Seconds without a word; what takes longer tells what it waits for."""


class Progress:
    """The listener of one run; told from several threads.

    Attributes:
        has_sent: True once an invocation was on its way to a server: from then on a run that is
            interrupted has stopped part-way.
    """

    def __init__(self, console: Console, *, json: bool = False) -> None:
        self.has_sent = False
        self._console = console
        self._json = json
        self._lock = threading.Lock()
        self._awaited: dict[str, None] = {}
        self._is_slow = False
        self._timer: threading.Timer | None = None

    def __call__(self, event: Event) -> None:
        with self._lock:
            if self._json:
                self._console.out(render_event_json(event, datetime.now(UTC)))
            match event:
                case ReadStarted(server=server):
                    self._awaited[server] = None
                    self._watch()
                case ReadFinished(server=server):
                    self._awaited.pop(server, None)
                    if self._is_slow:
                        self._tell(event)
                    if not self._awaited:
                        self._rest()
                case InvocationStarted():
                    self.has_sent = True
                case _:
                    self._tell(event)

    def waits_for(self, what: str) -> None:
        """Until it is closed, it waits for something that no event will tell the end of."""
        with self._lock:
            self._awaited[what] = None
            self._watch()

    def close(self) -> None:
        """Wait for nothing any more."""
        with self._lock:
            self._rest()

    def _tell(self, event: Event) -> None:
        self._console.err(render_event(event, colour=self._console.colour_err))

    def _watch(self) -> None:
        if self._timer is None:
            self._timer = threading.Timer(PATIENCE, self._grow_impatient)
            self._timer.daemon = True
            self._timer.start()

    def _rest(self) -> None:
        self._is_slow = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _grow_impatient(self) -> None:
        with self._lock:
            if self._timer is not None:
                self._is_slow = True
                self._console.err(f"waiting for {', '.join(self._awaited)} ...\n")
