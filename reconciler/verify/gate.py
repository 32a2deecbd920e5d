"""After an apply: handshakes until the world is presented what was applied, or clearly is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from math import ceil
from typing import Final

from reconciler.events import Listener, ServingAwaited
from reconciler.exchange.patience import Patience

from .chain import Authorities
from .comparison import is_worse, level
from .endpoints import Checked, Handshaker, Target, check_endpoints
from .starttls import Fault, Handshake, is_one_of, shake_hands

SETTLES: Final = 120.0
"""Seconds for which something has to be worse without a break: the transport service may be restarting."""
_LONGEST_PAUSE: Final = 15.0
"""Seconds between two looks; the first ones are shorter."""


class Verdict(Enum):
    """What came of waiting for one target."""

    SERVED = "served"
    TOLD = "told"
    """TLS ends before Exchange there."""
    UNSEEN = "unseen"
    """It was not seen before either, or its authority cannot be looked up: nothing is known."""
    LOST = "lost"
    """It was seen before, and is not any more."""
    WORSE = "worse"
    FAULTY = "faulty"
    """The planned certificate is presented; something about it is wrong, and nothing was better before."""
    NOT_SERVED = "not_served"
    """Something else is presented, as good as before."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A target that is to present what was applied.

    Attributes:
        before: What it presented before anything was sent; None where nobody looked.
        seconds: How long to wait; longer only to see whether what is worse stays so.
    """

    target: Target
    before: Handshake | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of one."""

    watched: Watched
    handshake: Handshake
    verdict: Verdict

    @property
    def checked(self) -> Checked:
        return Checked(self.watched.target, self.handshake)


class Gate:
    """Waits for several targets at a time.

    Attributes:
        seen: What is decided so far; all of it once `wait` has returned.
    """

    def __init__(
        self,
        trusted: Authorities,
        now: Callable[[], datetime],
        patience: Patience,
        listener: Listener,
        shake: Handshaker = shake_hands,
    ) -> None:
        self.seen: list[Seen] = []
        self._trusted = trusted
        self._now = now
        self._patience = patience
        self._listener = listener
        self._shake = shake
        self._told: dict[Target, str] = {}
        self._worse_since: dict[Target, float] = {}

    def look(self, targets: Iterable[Target]) -> Mapping[Target, Handshake]:
        """One handshake each."""
        checked = check_endpoints(targets, self._trusted, self._now(), lambda _: None, shake=self._shake)
        return {one.target: one.handshake for one in checked}

    def wait(self, watched: Iterable[Watched]) -> tuple[Seen, ...]:
        """Look again and again until each target is decided.

        Raises:
            KeyboardInterrupt: what was decided until then is in `seen`.
        """
        began = self._patience.instant
        pending = list(watched)
        pause = 1.0
        while pending:
            found = self.look(one.target for one in pending)
            spent = self._patience.instant - began
            left = []
            for one in pending:
                handshake = found[one.target]
                verdict = self._verdict(one, handshake, spent)
                if verdict is None:
                    self._tell(one, handshake, spent)
                    left.append(one)
                else:
                    self.seen.append(Seen(one, handshake, verdict))
            pending = left
            if pending:
                self._patience.pause(min(pause, *(max(self._until(one) - spent, 0) for one in pending)))
                pause = min(2 * pause, _LONGEST_PAUSE)
                if self._patience.is_given_up:
                    raise KeyboardInterrupt
        return tuple(self.seen)

    def until_as_before(self, watched: Watched) -> Handshake:
        """What a target presents once it is no worse than before, or after all the time that has."""
        began, pause = self._patience.instant, 1.0
        while True:
            handshake = self.look([watched.target])[watched.target]
            is_late = self._patience.instant - began >= SETTLES
            if is_late or not (is_worse(handshake, watched.before) or level(handshake) is None):
                return handshake
            self._patience.pause(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _verdict(self, watched: Watched, handshake: Handshake, spent: float) -> Verdict | None:
        """What is decided about a target; None when it has to be looked at again."""
        target, is_over = watched.target, spent >= watched.seconds
        if target.is_gateways:
            return Verdict.TOLD
        if level(handshake) is None:
            self._worse_since.pop(target, None)
            if watched.before is None or level(watched.before) is None:
                return Verdict.UNSEEN
            return Verdict.LOST if is_over else None
        if not handshake.problems:
            return Verdict.SERVED
        if is_worse(handshake, watched.before):
            since = self._worse_since.setdefault(target, spent)
            return Verdict.WORSE if spent - since >= SETTLES else None
        self._worse_since.pop(target, None)
        if {problem.fault for problem in handshake.problems} == {Fault.NOT_JUDGED}:
            return Verdict.UNSEEN
        certificate = handshake.certificate
        if certificate is not None and is_one_of(certificate, target.public_keys):
            return Verdict.FAULTY
        return Verdict.NOT_SERVED if is_over else None

    def _until(self, watched: Watched) -> float:
        """When it is decided at the latest: one bad look as time runs out decides nothing."""
        since = self._worse_since.get(watched.target)
        return max(watched.seconds, 0 if since is None else since + SETTLES)

    def _tell(self, watched: Watched, handshake: Handshake, spent: float) -> None:
        target, reason = watched.target, Checked(watched.target, handshake).problem
        if self._told.get(target) == reason:
            return
        self._told[target] = reason
        self._listener(
            ServingAwaited(
                name=str(target.name),
                server="" if target.server is None else str(target.server),
                address=target.address,
                reason=reason,
                seconds=ceil(self._until(watched) - spent),
            )
        )
