"""Offline checks: what can be known to be wrong before any server is asked.

A rule of Microsoft's documents is an error; what is only inferred or experienced ([inf], [exp] in the
comments of the rules) is a warning at most.
"""

from __future__ import annotations

from datetime import date

from reconciler.config.desired import Desired
from reconciler.config.draft import Draft

from .certificates import check_certificates
from .exceptions import check_exceptions
from .mailflow import check_mail_flow
from .names import check_names
from .ranges import check_ranges
from .receive_interlocks import check_receive_interlocks
from .reused_keys import check_reused_keys
from .send_interlocks import check_send_interlocks
from .servers import check_servers
from .shared_keys import check_shared_keys


def check(draft: Draft, desired: Desired, today: date) -> None:
    """Run every check; problems are collected in the draft."""
    check_send_interlocks(draft)
    check_receive_interlocks(draft)
    check_ranges(draft)
    check_servers(draft)
    check_certificates(draft, desired.issuers)
    check_shared_keys(draft)
    check_reused_keys(draft)
    check_names(draft, desired.endpoints)
    check_mail_flow(draft)
    check_exceptions(draft, today)
