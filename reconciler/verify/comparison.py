"""What a handshake shows, against an earlier one with the same server."""

from __future__ import annotations

from dataclasses import replace
from enum import IntEnum
from typing import Final

from .starttls import Fault, Handshake


class Level(IntEnum):
    """How well a server is protected, as far as a handshake shows it; a higher one is better."""

    NO_TLS = 0
    """STARTTLS is not offered, or does not work."""
    FAULTY = 1
    """TLS, with a certificate that careful senders do not take."""
    GOOD = 2


_UNSEEN: Final = {Fault.UNREACHABLE, Fault.TIMED_OUT, Fault.GARBAGE, Fault.REFUSED}
"""Whoever answered, if anybody did, did not come to the point where STARTTLS is offered or not."""
_NO_TLS: Final = {Fault.NO_STARTTLS, Fault.TLS_FAILED}


def level(handshake: Handshake) -> Level | None:
    """How good what was seen is; None when nothing was.

    That it is another certificate makes it no worse; that its authority cannot be looked up is a fault.
    """
    faults = {problem.fault for problem in handshake.problems}
    if faults & _UNSEEN:
        return None
    if faults & _NO_TLS:
        return Level.NO_TLS
    return Level.FAULTY if faults - {Fault.OTHER_CERTIFICATE} else Level.GOOD


def is_worse(now: Handshake, before: Handshake | None) -> bool:
    """Whether a server is protected less than before; what was not seen is compared with nothing.

    What nobody could look up makes nothing worse.
    """
    if before is None:
        return False
    judged = tuple(problem for problem in now.problems if problem.fault is not Fault.NOT_JUDGED)
    after, earlier = level(replace(now, problems=judged)), level(before)
    return after is not None and earlier is not None and after < earlier
