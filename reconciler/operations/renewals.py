"""When authorities want certificates renewed: they are asked before every plan, and never waited for long."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from threading import Event, Thread
from typing import Final

from reconciler.config.desired import Desired
from reconciler.issuers.port import Adviser, IssuerFailed
from reconciler.pki.renewal_info import SuggestedWindow
from reconciler.plan.situation import Situation
from reconciler.plan.suggested import to_ask_about

from .inputs import Surroundings

_ASKED: Final = frozenset({"acme"})
"""Types of issuers that can be asked. None of another type is opened for it: that may read a private key."""

_SECONDS: Final = 10.0
"""How long a plan waits for all of them."""


def suggested_windows(
    situation: Situation, desired: Desired, surroundings: Surroundings
) -> Mapping[str, SuggestedWindow]:
    """Ask the authorities about the certificates of theirs that are there.

    Whatever one does not say, or not in time, is not known: its certificates are renewed by their dates.

    Returns:
        By what the authorities call the certificates.
    """
    found: dict[str, SuggestedWindow] = {}
    is_over = Event()

    def ask(issuer: str, renewal_ids: Sequence[str]) -> None:
        try:
            opened = surroundings.open_issuer(desired.issuers[issuer], surroundings.now)
        except IssuerFailed:
            return  # apply opens it as well, and tells what is wrong with it
        if isinstance(opened, Adviser):
            for name, window in opened.suggested(renewal_ids):
                if is_over.is_set():
                    return
                found[name] = window

    threads = [
        # One that hangs in a name server or a slow answer must not keep the program from its end.
        Thread(target=ask, args=(issuer, renewal_ids), name=f"ask {issuer}", daemon=True)
        for issuer, renewal_ids in to_ask_about(situation).items()
        if issuer in desired.issuers and desired.issuers[issuer].type in _ASKED
    ]
    ends = time.monotonic() + _SECONDS
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, ends - time.monotonic()))
    is_over.set()
    return found.copy()
