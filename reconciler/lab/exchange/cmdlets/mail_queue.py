"""Get-Queue, Get-QueueDigest and Retry-Queue: no mail flows in the lab, so the queues are empty.

What Exchange says when one of them refuses is in no source at hand: exception types and texts are ours
[inf: queues].
"""

from __future__ import annotations

from reconciler.lab.exchange.cmdlets.errors import INVALID_OPERATION, Refused, not_found
from reconciler.lab.exchange.cmdlets.run import Run, Steps
from reconciler.lab.exchange.objects.mail_queue import SUBMISSION, submission_queue
from reconciler.lab.exchange.organization import Server


def get(run: Run) -> Steps:
    """Get-Queue: of one server, the connected one by default."""
    run.check_role()
    _refuse_filter(run)
    yield run.show_value(submission_queue(_server(run).home))


def get_digest(run: Run) -> Steps:
    """Get-QueueDigest: counts queues that hold messages, so it finds none."""
    run.check_role()
    _refuse_filter(run)
    for name in run.bound.get("Server") or ():
        if run.organization.server(name) is None:
            raise not_found(name, run.controller)
    for group in ("Dag", "Site"):
        for name in run.bound.get(group) or ():
            raise not_found(name, run.controller)  # the lab has neither
    yield from ()


def retry(run: Run) -> Steps:
    """Retry-Queue: for queues with the status Retry, of which there are none."""
    run.check_role()
    _refuse_filter(run)
    server = _server(run)
    if (yield from run.should_process(f'Retrying queue "{server.name}\\{SUBMISSION}".')):
        raise Refused(
            f"The queue \"{server.name}\\{SUBMISSION}\" can't be retried: its status isn't Retry.",
            category=INVALID_OPERATION,
            target=f"{server.name}\\{SUBMISSION}",
        )


def _refuse_filter(run: Run) -> None:
    if "Filter" in run.bound:
        raise Refused("The lab can't evaluate a filter on queues.", target="Filter")


def _server(run: Run) -> Server:
    """The server whose queue is meant: ``SERVER\\Queue``, ``SERVER\\``, ``Queue``, or that of -Server."""
    identity = run.bound.text("Identity")
    if identity is None:
        return run.named_server()
    host, separator, queue = identity.rpartition("\\")
    server = run.organization.server(host) if separator else run.server
    is_known = server is not None and server.partition is run.partition
    if server is None or not is_known or queue.lower() not in ("", SUBMISSION.lower()):
        raise not_found(identity, host or run.server.name)
    return server
