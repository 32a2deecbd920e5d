"""``audit``: what is wrong in an organization as it is. Needs no declaration, and only reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reconciler.audit.judge import Audit, judge
from reconciler.audit.organization import Audited
from reconciler.config.desired import Desired
from reconciler.config.loading import load_servers
from reconciler.credentials.errors import CredentialError
from reconciler.diagnostics import Diagnostic
from reconciler.exchange.errors import ExchangeError
from reconciler.exchange.refresh import read_known_servers
from state.resources import Server
from state.snapshot import Listing, LiveState, Unreadable
from state.values import Name

from .failed import OperationFailed
from .identity import check_organization
from .inputs import Inputs, Surroundings, load_declared
from .servers import Reached, Servers


@dataclass(frozen=True, slots=True)
class AuditOutcome:
    """An audit, and the warnings of the files that led to the servers."""

    audit: Audit
    diagnostics: tuple[Diagnostic, ...]


def run_audit(path: Path | None, connections: Path | None, surroundings: Surroundings) -> AuditOutcome:
    """Read all servers, and judge what is there.

    Args:
        path: A desired state, for its servers alone; None: those of the connections file.
        connections: How they are reached.

    Raises:
        OperationFailed: neither is given, one has an error, or another organization answers than it names.
    """
    reached: Reached
    if path is not None:
        declared = load_declared(Inputs(path, connections), surroundings)
        reached, diagnostics = declared.desired, declared.diagnostics
    elif connections is not None:
        known, diagnostics = load_servers(connections)
        if known is None:
            raise OperationFailed(diagnostics)
        reached = known
    else:
        raise OperationFailed((_no_servers(),))
    servers = Servers(reached, surroundings.patient_sessions)
    live = servers.refresh(tuple(reached.connections), surroundings.listener)
    if isinstance(reached, Desired):
        check_organization(reached, live.organization)
    return AuditOutcome(judge(look_at(live, reached, servers, surroundings)), diagnostics)


def look_at(live: LiveState, reached: Reached, servers: Servers, surroundings: Surroundings) -> Audited:
    """What was read, and which servers the organization has."""
    edges = frozenset(name for name in live.servers if reached.is_edge(name))
    return Audited(live, edges, _known(live, edges, servers), surroundings.now())


def _known(live: LiveState, edges: frozenset[Name], servers: Servers) -> Listing[Server]:
    """All servers of the organization, from the one that answered for it: plans do not need them."""
    mailbox = [name for name in live.servers if name not in edges]
    if not mailbox:
        return Listing()
    teller = live.organization.read_from
    if teller is None:
        return Listing(unreadable=live.servers[mailbox[0]].unreachable)
    try:
        with servers.reader(teller) as session:
            return read_known_servers(session)
    except (ExchangeError, CredentialError) as error:
        return Listing(unreadable=Unreadable(str(error)))


def _no_servers() -> Diagnostic:
    return Diagnostic(
        summary="No servers named",
        detail="Nothing says which servers to look at.",
        hint="name a connections file with --connections, or the desired state",
    )
