"""Start- and Test-EdgeSynchronization: the lab's Edge servers are not subscribed [1-5]."""

from __future__ import annotations

from reconciler.lab.exchange.cmdlets.errors import INVALID_OPERATION, Refused
from reconciler.lab.exchange.cmdlets.run import Run, Steps


def start(run: Run) -> Steps:
    """Start-EdgeSynchronization."""
    run.check_role()
    run.named_server()
    if (yield from run.should_process("Starting synchronization with all subscribed Edge servers.")):
        raise _nothing_subscribed()


def test(run: Run) -> Steps:
    """Test-EdgeSynchronization."""
    run.check_role()
    if (yield from run.should_process("Testing synchronization with all subscribed Edge servers.")):
        raise _nothing_subscribed()


def _nothing_subscribed() -> Refused:
    # What Exchange says then is in no source at hand: type and text are ours [inf].
    return Refused("No Edge Transport server is subscribed to this organization.", category=INVALID_OPERATION)
