"""Offline checks: what can be known to be wrong before any server is asked."""

from __future__ import annotations

from datetime import date

from reconciler.config.desired import Desired
from reconciler.config.draft import Draft


def check(draft: Draft, desired: Desired, today: date) -> None:
    """Run every check; problems are collected in the draft."""
