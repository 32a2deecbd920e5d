"""Start-EdgeSynchronization: a subscribed Edge server takes over what the organization declares for it."""

from __future__ import annotations

from .invocation import Invocation


def synchronize(edge: str, *, server: str) -> Invocation:
    """Synchronize one Edge server now; EdgeSync does it every few minutes anyway."""
    return Invocation(server, "Start-EdgeSynchronization", {"TargetServer": edge})
