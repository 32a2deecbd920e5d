"""All public endpoints at once: each name, on each server that answers to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from reconciler.events import EndpointChecked, Listener
from reconciler.verify.chain import Authorities
from reconciler.verify.starttls import SECONDS, Handshake, shake_hands
from state.values import Fqdn, Name

WORKERS: Final = 16
"""Handshakes under way at one time; each mostly waits for its peer."""


Handshaker: TypeAlias = Callable[..., Handshake]
"""Does what :func:`reconciler.verify.starttls.shake_hands` does."""


@dataclass(frozen=True, slots=True)
class Target:
    """One handshake to do.

    Attributes:
        name: What the world connects to.
        server: The server that answers to it; None for the address that the world knows, behind which any of
            them may answer.
        host: Where to connect; a name or an IP address.
        port: Where to connect.
        public_keys: Of the certificates that are declared for it, as
            :attr:`state.resources.Certificate.public_key`, or their thumbprints where another one has
            the same key; empty when any trusted one will do.
        is_gateways: TLS ends at something in front of Exchange, whose certificate is none of ours: what is
            seen is told, and never wrong.
    """

    name: Fqdn
    server: Name | None
    host: str
    port: int
    public_keys: frozenset[str] = frozenset()
    is_gateways: bool = False

    @property
    def address(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Checked:
    """A target, and what came of its handshake."""

    target: Target
    handshake: Handshake

    @property
    def is_good(self) -> bool:
        return self.target.is_gateways or not self.handshake.problems

    @property
    def problem(self) -> str:
        """All that is wrong, in one sentence; "" when nothing is."""
        return "; ".join(map(str, self.handshake.problems))


def check_endpoints(
    targets: Iterable[Target],
    trusted: Authorities,
    now: datetime,
    listener: Listener,
    *,
    shake: Handshaker = shake_hands,
    seconds: float = SECONDS,
) -> tuple[Checked, ...]:
    """Do all handshakes, several at a time.

    Args:
        targets: In the order in which the results come back.
        trusted: Whose certificates are good.
        now: The instant to judge at; UTC, aware.
        listener: Told of each one as it is done, in any order, from this thread.
        shake: Does one.
        seconds: For one handshake.
    """
    asked = tuple(targets)
    results: dict[int, Checked] = {}
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="verify") as pool:
        places = {
            pool.submit(
                shake,
                target.host,
                target.port,
                target.name,
                trusted,
                now,
                public_keys=target.public_keys,
                seconds=seconds,
            ): place
            for place, target in enumerate(asked)
        }
        try:
            for done in as_completed(places):
                place = places[done]
                results[place] = Checked(asked[place], done.result())
                listener(event_of(results[place]))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return tuple(results[place] for place in range(len(asked)))


def event_of(checked: Checked) -> EndpointChecked:
    target, facts = checked.target, checked.handshake.certificate
    return EndpointChecked(
        name=str(target.name),
        server="" if target.server is None else str(target.server),
        address=target.address,
        subject=facts.subject if facts else "",
        not_after=facts.not_after.isoformat().replace("+00:00", "Z") if facts else "",
        problem=checked.problem,
        only_told=target.is_gateways,
    )
