"""Whether the domain controllers show what an apply wrote, so that whoever looks next sees it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import partial
from typing import Final

from reconciler.apply.controllers import Controllers
from reconciler.apply.reading_back import reads_back
from reconciler.credentials.errors import CredentialError
from reconciler.diagnostics import Diagnostic, Severity
from reconciler.exchange.errors import ExchangeError, NotReplicated
from reconciler.exchange.patience import Limits
from reconciler.exchange.port import Reader
from reconciler.exchange.replication import check_receive_connectors, check_send_connectors
from reconciler.plan.change import Change
from state.address import Address
from state.resources import ReceiveConnector, SendConnector
from state.values import Name

from .inputs import Surroundings
from .planning import Planned
from .servers import Servers

AT_THE_END: Final = Limits("waiting for replication", attempts=10, seconds=30, longest=8)


def controllers_of(planned: Planned) -> Controllers:
    """The domain controllers that matter to the Mailbox servers of a plan."""
    live, desired = planned.live, planned.desired
    return Controllers(
        live.organization.domain_controller,
        {
            str(name): server.domain_controller
            for name, server in live.servers.items()
            if not desired.is_edge(name)
        },
    )


def wait_until_seen(
    planned: Planned, parked: Collection[Address], servers: Servers, surroundings: Surroundings
) -> tuple[Diagnostic, ...]:
    """Wait, for a while, until what a complete apply wrote reads back, wherever somebody will look for it.

    Args:
        parked: What was not done to its end, for it waits for an issuer.

    Returns:
        A warning for what does not: nothing is wrong with what was done.
    """
    controllers, endpoint = controllers_of(planned), planned.live.organization.read_from
    send: list[Change] = []
    receive: dict[str, list[Change]] = {}
    for change in planned.plan.changes:
        if not change.action.is_mutating or change.invocations[0].server not in controllers.used:
            continue
        if change.address in parked:
            continue
        if change.address.type == "send_connector":
            send.append(change)
        elif change.address.type == "receive_connector":
            receive.setdefault(change.invocations[0].server, []).append(change)
    if not controllers.written or endpoint is None or not (send or receive):
        return ()
    told: list[Diagnostic] = []
    try:
        with servers.read_back(endpoint) as session:
            checks = {"the send connectors": partial(_check_send, session, send, controllers)} if send else {}
            for server, changes in receive.items():
                check = partial(_check_receive, session, Name(server), changes, controllers)
                checks[f"the receive connectors of {server}"] = check
            for what, check in checks.items():
                try:
                    surroundings.patience.until(check, AT_THE_END, surroundings.listener)
                except ExchangeError as error:
                    told.append(_not_seen(what, str(error).removeprefix(f"{error.server}: ")))
    except (ExchangeError, CredentialError) as error:
        told.append(_not_seen("what was written", str(error)))
    return tuple(told)


def _check_send(session: Reader, changes: Iterable[Change], controllers: Controllers) -> None:
    found = check_send_connectors(session, controllers.written, controllers.others)
    _require(session, changes, found, controllers)


def _check_receive(
    session: Reader, server: Name, changes: Iterable[Change], controllers: Controllers
) -> None:
    used = controllers.used[str(server)]
    others = [used] if used and used.casefold() != controllers.written.casefold() else []
    found = check_receive_connectors(session, server, controllers.written, others)
    _require(session, changes, found, controllers)


def _require(
    session: Reader,
    changes: Iterable[Change],
    found: tuple[SendConnector, ...] | tuple[ReceiveConnector, ...],
    controllers: Controllers,
) -> None:
    missing = [str(change.address) for change in changes if not reads_back(change, found)]
    if missing:
        reason = f"{controllers.written} does not show what was done to {', '.join(missing)}"
        raise NotReplicated(session.server, reason)


def _not_seen(what: str, reason: str) -> Diagnostic:
    return Diagnostic(
        summary="Not seen everywhere yet",
        detail=f"Everything was done. That every domain controller shows {what} was not seen: {reason}.",
        hint="wait for Active Directory to replicate before verify; repadmin /showrepl tells what is behind",
        severity=Severity.WARNING,
    )
