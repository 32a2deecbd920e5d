"""All public endpoints at once: each name, on each server that answers to it."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from reconciler.events import EndpointChecked, Listener
from reconciler.verify.starttls import SECONDS, Handshake, Trust, shake_hands
from state.values import Fqdn, Name

WORKERS: Final = 16
"""Handshakes under way at one time; each mostly waits for its peer."""


@dataclass(frozen=True, slots=True)
class Target:
    """One handshake to do.

    Attributes:
        name: What the world connects to.
        server: The server that answers to it.
        host: Where to connect; a name or an IP address.
        port: Where to connect.
        public_key: Of the certificate that is declared for it, as
            :attr:`state.resources.Certificate.public_key`; None when any trusted one will do.
    """

    name: Fqdn
    server: Name
    host: str
    port: int
    public_key: str | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """A target, and what came of its handshake."""

    target: Target
    handshake: Handshake

    @property
    def is_good(self) -> bool:
        return not self.handshake.problems


def check_endpoints(
    targets: Iterable[Target],
    trust: Trust,
    now: datetime,
    listener: Listener,
    *,
    seconds: float = SECONDS,
) -> tuple[Checked, ...]:
    """Do all handshakes, several at a time.

    Args:
        targets: In the order in which the results come back.
        trust: Whose certificates are good.
        now: UTC, aware.
        listener: Told of each one as it is done, in any order, from this thread.
        seconds: For one handshake.

    Raises:
        AuthorityUnreadable: ``trust`` names a file that is no certificate.
    """
    context = trust.context()
    asked = tuple(targets)
    results: dict[int, Checked] = {}
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="verify") as pool:
        places = {
            pool.submit(
                shake_hands,
                target.host,
                target.port,
                target.name,
                context,
                now,
                public_key=target.public_key,
                seconds=seconds,
            ): place
            for place, target in enumerate(asked)
        }
        try:
            for done in as_completed(places):
                place = places[done]
                results[place] = Checked(asked[place], done.result())
                listener(_event(results[place]))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return tuple(results[place] for place in range(len(asked)))


def _event(checked: Checked) -> EndpointChecked:
    target, handshake = checked.target, checked.handshake
    facts = handshake.certificate
    return EndpointChecked(
        name=str(target.name),
        server=str(target.server),
        address=f"[{target.host}]:{target.port}" if ":" in target.host else f"{target.host}:{target.port}",
        subject=facts.subject if facts else "",
        not_after=facts.not_after.isoformat().replace("+00:00", "Z") if facts else "",
        problem="; ".join(map(str, handshake.problems)),
    )
