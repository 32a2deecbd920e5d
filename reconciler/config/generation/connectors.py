"""Which send connectors make sets, which stand alone, and which are nobody's but somebody else's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from reconciler.config.resources.send_connectors import KINDS
from state.resources import SendConnector
from state.values import UNSET, AddressSpace, Name, SmartHost

from .certificates import token
from .found import Choices, Found, Thing

ROLES = tuple(KINDS)
_HYBRID_NAME = re.compile(r"outbound to office 365", re.IGNORECASE)
_EDGE_SYNC_NAME = re.compile(r"edgesync - ", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sender:
    """One live send connector.

    Attributes:
        sources: Its source servers that are declared, in their order; an Edge server's own: that server.
        elsewhere: Source servers that are not.
        why: Why it is ``kind: other``; "" for one that makes a set.
        observed: It is somebody else's: only looked at.
    """

    thing: Thing
    live: SendConnector
    sources: tuple[Name, ...]
    elsewhere: tuple[str, ...] = ()
    why: str = ""
    observed: bool = False

    @property
    def role(self) -> str:
        """The kind that its flags are."""
        connector = self.live
        match connector.require_tls, connector.ignore_starttls:
            case True, False:
                return "tls_required"
            case False, True if connector.tls_auth_level is None:
                return "tls_never"
            case False, False if connector.tls_auth_level is None:
                return "opportunistic"
            case _:
                return ""

    def spaces(self) -> frozenset[AddressSpace]:
        found = self.live.address_spaces
        return found if isinstance(found, frozenset) else frozenset()

    @property
    def is_for_everybody(self) -> bool:
        return any(space.address == "*" for space in self.spaces())


@dataclass(slots=True)
class MadeSet:
    """Up to three connectors with the same source servers.

    Attributes:
        server: Its server, for the first set of one server; None for one of several, or a further one.
    """

    name: str
    sources: tuple[Name, ...]
    server: Name | None
    kinds: dict[str, Sender] = field(default_factory=dict)

    def takes(self, sender: Sender) -> bool:
        """True while its kind is free, and none of its domains is under another kind."""
        domains = {space.address for other in self.kinds.values() for space in other.spaces()}
        return sender.role not in self.kinds and not domains & {space.address for space in sender.spaces()}


@dataclass(slots=True)
class Senders:
    """All send connectors.

    Attributes:
        others: By the key they stand under.
    """

    sets: list[MadeSet] = field(default_factory=list)
    others: dict[str, Sender] = field(default_factory=dict)


def senders_of(found: Found, choices: Choices) -> Senders:
    """Give every send connector its place."""
    made = Senders()
    alone: list[Sender] = []
    senders = [sender for sender in _all(found, choices) if sender.thing not in choices.omitted]
    for sender in sorted(
        senders, key=lambda one: not one.is_for_everybody
    ):  # the set of everybody comes first
        if sender.why:
            alone.append(sender)
        elif not _put(made, sender, found):
            alone.append(
                replace(sender, why="its server has another connector of its kind, or for its domains")
            )
    taken = {name.folded for name in found.connections} | {one.name.casefold() for one in made.sets}
    for sender in alone:
        key = _free(str(sender.live.name), sender, taken)
        taken.add(key.casefold())
        made.others[key] = sender
    # A set's name is ours to choose, a connector's is not.
    _name_sets(made, taken)
    return made


def _put(made: Senders, sender: Sender, found: Found) -> bool:
    own = [one for one in made.sets if one.sources == sender.sources]
    for one in own:
        if one.takes(sender):
            one.kinds[sender.role] = sender
            return True
    is_single = len(sender.sources) == 1
    if own and sender.sources[0] in found.edges:
        return False  # an Edge server has one set, and shares none
    server = sender.sources[0] if is_single and not own else None
    made.sets.append(MadeSet("", sender.sources, server, {sender.role: sender}))
    return True


def _name_sets(made: Senders, taken: set[str]) -> None:
    for one in made.sets:
        if one.server is not None:
            one.name = str(one.server)
            continue
        first = next(iter(one.kinds.values()))
        base = "internet" if first.is_for_everybody else token(str(first.live.name)) or "set"
        name, number = base, 1
        while name.casefold() in taken:
            number += 1
            name = f"{base}_{number}"
        taken.add(name.casefold())
        one.name = name


def _free(name: str, sender: Sender, taken: set[str]) -> str:
    """A key for a connector that stands alone: its name, unless something else is called so."""
    base = (
        name if name.casefold() not in taken or sender.thing.home is None else f"{sender.thing.home} {name}"
    )
    key, number = base, 1
    while key.casefold() in taken:
        number += 1
        key = f"{base} {number}"
    return key


def _all(found: Found, choices: Choices) -> Iterator[Sender]:
    for live in found.live.organization.send_connectors.objects if found.mailbox else ():
        if not isinstance(live.name, Name):
            continue  # what has no name cannot be declared; that is told
        sources = live.source_transport_servers
        names = sources if isinstance(sources, frozenset) else frozenset()
        declared = tuple(name for name in found.mailbox if name in names)
        if len(names) == 1 and found.is_subscribed(next(iter(names))):
            declared = tuple(name for name in found.connections if name in names)
        elsewhere = tuple(sorted(str(name) for name in names if name not in declared))
        yield _judged(live, None, declared, elsewhere, found, choices)
    for server in found.connections:
        if server not in found.edges or found.is_subscribed(server):
            continue  # what EdgeSync brought to it is the organization's
        for live in found.live.servers[server].send_connectors.objects:
            if isinstance(live.name, Name):
                yield _judged(live, server, (server,), (), found, choices)


def _judged(
    live: SendConnector,
    home: Name | None,
    sources: tuple[Name, ...],
    elsewhere: tuple[str, ...],
    found: Found,
    choices: Choices,
) -> Sender:
    thing = Thing("send_connector", home, live.name if isinstance(live.name, Name) else Name(""))
    sender = Sender(thing, live, sources, elsewhere)
    if odd := _not_ours(sender, found):
        return Sender(thing, live, sources, elsewhere, odd, observed=True)
    return Sender(thing, live, sources, elsewhere, _no_kind(sender, choices))


def _not_ours(sender: Sender, found: Found) -> str:
    """Why a connector is only looked at; "" for one that is to be cared for."""
    live, name = sender.live, str(sender.live.name)
    spaces = sender.spaces()
    hosts = live.smart_hosts if isinstance(live.smart_hosts, frozenset) else frozenset()
    if (
        _EDGE_SYNC_NAME.match(name)
        or any(space.address == "--" for space in spaces)
        or SmartHost("--") in hosts
    ):
        return "EdgeSync makes and replaces it"
    if sender.thing.home is not None and _holds_edge_sync(sender.thing.home, found):
        return "its server seems to be subscribed: then EdgeSync brought it, and it is the organization's"
    if (
        live.cloud_services_mail_enabled is True
        or live.connector_type == "XPremises"
        or _HYBRID_NAME.search(name)
        or any(space.address.endswith(".mail.onmicrosoft.com") for space in spaces)
    ):
        return "hybrid: it belongs to the Hybrid Configuration wizard"
    if sender.elsewhere:
        return f"its source servers are not all declared: {', '.join(sender.elsewhere)}"
    if any(space.type != "SMTP" for space in spaces):
        return "it carries mail of another system than SMTP"
    missing = (live.address_spaces, live.require_tls, live.ignore_starttls, live.source_transport_servers)
    if any(
        not isinstance(value, frozenset | bool)
        for value in (missing if sender.thing.home is None else missing[:3])
    ):
        return "not all that decides could be read"
    return ""


def _holds_edge_sync(edge: Name, found: Found) -> bool:
    names = (connector.name for connector in found.live.servers[edge].send_connectors.objects)
    return any(isinstance(name, Name) and _EDGE_SYNC_NAME.match(str(name)) for name in names)


def _no_kind(sender: Sender, choices: Choices) -> str:
    """Why a connector is none of the three kinds; "" for one that is."""
    live = sender.live
    if sender.thing in choices.apart:
        return "as one of a set it would not be what it is"
    if not sender.role:
        return "what it says of TLS is none of the three kinds"
    if not sender.sources:
        return "it has no source server"
    if not sender.spaces():
        return "it carries nothing"
    if len({space.cost for space in sender.spaces()}) > 1:
        return "its address spaces have several costs"
    if live.tls_auth_level == "DomainValidation" and live.tls_domain in (None, UNSET):
        return "it asks for DomainValidation and names no domain"
    if live.smart_host_auth_mechanism in ("BasicAuth", "BasicAuthRequireTLS"):
        return "it signs on with a credential, which Exchange does not show"
    return ""
