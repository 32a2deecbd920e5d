"""Send connectors: the three kinds of each set, group by group, and others by their attributes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.config.draft import DeclaredServer, Draft, unless_managed
from reconciler.config.models.base import given
from reconciler.config.models.send_connector import (
    Kind,
    OtherConnector,
    Partner,
    Set,
    SharedSet,
    ViaSmartHosts,
    attribute_of,
)
from reconciler.config.tree import ListNode, node_at
from reconciler.diagnostics import SourceRange
from state.address import Address
from state.resources import SendConnector
from state.resources.resource import MODE
from state.values import UNSET, AddressSpace, DomainPattern, Maybe, Name

from .certificates import binding
from .following import check_follow
from .groups import EVERYBODY, Group, Member, PartnerLists, Route, default_group, grouped, members

LONGEST_NAME: Final = 64
KINDS: Final[Mapping[str, Mapping[str, Any]]] = {
    "tls_required": {"require_tls": True, "ignore_starttls": False},
    "tls_never": {"ignore_starttls": True, "require_tls": False, "tls_auth_level": None},
    "opportunistic": {"require_tls": False, "ignore_starttls": False, "tls_auth_level": None},
}
"""What declaring a kind declares."""
TEMPLATES: Final[Mapping[str, str]] = {
    "tls_required": "{set} TLS required",
    "tls_never": "{set} TLS never",
    "opportunistic": "{set} opportunistic",
}
_OF_GROUP: Final = ("tls_auth_level", "tls_domain")
_ROUTE: Final = (
    "dns_routing_enabled",
    "smart_hosts",
    "smart_host_auth_mechanism",
    "authentication_credential",
)


@dataclass(frozen=True, slots=True)
class SourceServers:
    """Who sends through a set: Mailbox servers together, or one Edge server alone [1-3], [1-4].

    Attributes:
        mode: As declared for the set itself.
    """

    servers: tuple[DeclaredServer, ...]
    mode: Maybe[str] = UNSET

    def attributes(self) -> dict[str, Any]:
        home = tuple(server.name for server in self.servers)
        mode = unless_managed(self._mode())
        if self.servers[0].is_edge:
            return {"home": home, "local": True, "mode": mode}
        return {"home": home, "local": False, "mode": mode, "source_transport_servers": frozenset(home)}

    def _mode(self) -> Maybe[str]:
        """As the set says, else the most careful of its servers'."""
        if self.mode is not UNSET:
            return self.mode
        modes = {server.mode for server in self.servers}
        return next((mode for mode in MODE.names if mode in modes), UNSET)


def add_send_connectors(draft: Draft) -> None:
    lists = PartnerLists(draft)
    for server in draft.servers.values():
        path = (*server.path, "send_connectors")
        _add_set(draft, lists, str(server.name), server.model.send_connectors, SourceServers((server,)), path)
    for name, model in draft.state.send_connectors.items():
        path = ("send_connectors", name)
        if not name.strip():
            draft.error(
                "Name missing", "A set or connector has an empty name.", draft.key(*path), "give it a name"
            )
        elif isinstance(model, OtherConnector):
            _add_other(draft, name, model, path)
        elif sources := _sources_of_set(draft, name, model, path):
            _add_set(draft, lists, name, model, sources, path)


def _sources_of_set(draft: Draft, name: str, model: SharedSet, path: tuple[str, ...]) -> SourceServers | None:
    if Name(name) in draft.servers:
        draft.error(
            "Set named like a server",
            f'"{name}" is a set and a server: their connectors would have one address.',
            draft.key(*path),
            "give the set another name, or declare its connectors under the server",
        )
        return None
    servers = draft.servers_named(model.servers, *path, "servers")
    for at, text in enumerate(model.servers):
        server = draft.servers.get(Name(text.strip()))
        if server is not None and server.is_edge:
            draft.error(
                "Edge server in a set",
                f'"{text}" is an Edge server: its send connectors are its own and cannot be shared.',
                draft.value(*path, "servers", at),
                f"declare them under servers: {text}: send_connectors",
            )
            return None
    return SourceServers(servers, model.mode) if servers else None


def _add_set(
    draft: Draft,
    lists: PartnerLists,
    name: str,
    model: Set,
    sources: SourceServers,
    path: tuple[str, ...],
) -> None:
    kinds_of: dict[DomainPattern, tuple[str, Member]] = {}
    for role in KINDS:
        if role not in model.model_fields_set:
            continue
        kind: Kind = getattr(model, role)
        kind_path = (*path, role)
        found = members(draft, lists, kind, kind_path)
        to = draft.key(*kind_path, "to")
        for member in found:
            if member.domain != EVERYBODY:
                draft.partners.setdefault(str(member.domain), member.where)
            _refuse_two_kinds(draft, kinds_of, name, role, member, to)
        groups = grouped(kind, found)
        if not found and _is_broken(draft, kind):
            groups = {default_group(kind): ()}  # so that the rest of it is checked in this run
        elif not found:
            draft.warning(
                "Nobody to send to",
                f'No domain is under {role} of "{name}": the connector will not exist.',
                to,
                "take the kind away, or add a domain",
            )
        for group, of_group in groups.items():
            _add_group(draft, name, role, kind, group, of_group, sources, kind_path)


def _refuse_two_kinds(
    draft: Draft,
    kinds_of: dict[DomainPattern, tuple[str, Member]],
    name: str,
    role: str,
    member: Member,
    to: SourceRange,
) -> None:
    other, first = kinds_of.setdefault(member.domain, (role, member))
    if other != role:
        draft.error(
            "Domain under two kinds",
            f'"{member.domain}" is under {role} and, at {first.where}, under {other} of "{name}".',
            # One list under two kinds: its entry is one place, so the kind that repeats it is shown.
            to if first.path == member.path else member.where,
            "take it out of one of the two: a domain is on one connector of a set",
        )


def _is_broken(draft: Draft, kind: Kind) -> bool:
    """True when domains are missing because something about them is wrong, which is told."""
    if "to" not in kind.model_fields_set:
        return True
    for text in [kind.to] if isinstance(kind.to, str) else kind.to:
        written = node_at(draft.root, ("partners", text))
        if text not in draft.state.partners or (isinstance(written, ListNode) and written.items):
            return True
    return False


def _add_group(
    draft: Draft,
    set_name: str,
    role: str,
    kind: Kind,
    group: Group,
    of_group: tuple[Member, ...],
    sources: SourceServers,
    path: tuple[str, ...],
) -> None:
    text = group.text(default_group(kind))
    address = Address.of("send_connector", set_name, role, *([text] if text else []))
    values: dict[str, Any] = {
        "declared_in": set_name,
        "role": role,
        "name": Name.parse(_name(draft, kind, role, set_name, text, path)),
        "address_spaces": frozenset(AddressSpace(str(member.domain), kind.cost) for member in of_group),
        **sources.attributes(),
        **_attributes(kind, but=("name", *_OF_GROUP)),
        **KINDS[role],
        **_route(draft, group.route),
    }
    for attribute, value in (("tls_auth_level", group.level), ("tls_domain", group.tls_domain)):
        if value is not UNSET:
            values[attribute] = value
    if kind.certificate:
        values |= binding(draft, sources.servers, kind.certificate, *path, "certificate")
    _refuse_twice(draft, kind, path)
    if not draft.add(address, SendConnector(**values), of_group[0].path if text else path):
        return
    _place(draft, address, kind, path)
    draft.sources[address, "address_spaces"] = draft.key(*path, "to")
    if text and (partner := of_group[0].partner) is not None:
        _place_group(draft, address, partner, of_group[0].path)
    draft.acknowledge(address, kind.acknowledge)


def _name(draft: Draft, kind: Kind, role: str, set_name: str, group: str, path: tuple[str, ...]) -> str:
    """The connector's name in Exchange; one that we make is shortened to what Exchange takes."""
    is_ours = not kind.name
    template = TEMPLATES[role] if is_ours else kind.name
    if group and "{group}" not in template:
        template += " {group}"
    name = " ".join(template.replace("{set}", set_name).replace("{group}", group).split())
    if len(name) <= LONGEST_NAME:
        return name
    if is_ours and group:
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        return f"{name[: LONGEST_NAME - len(digest) - 1].rstrip()} {digest}"
    draft.error(
        "Name too long",
        f'The connector would be called "{name}": {len(name)} characters, and Exchange takes {LONGEST_NAME}.',
        draft.key(*path, "name"),
        "give a shorter name: with name:",
    )
    return name[:LONGEST_NAME]


def _add_other(draft: Draft, name: str, model: OtherConnector, path: tuple[str, ...]) -> None:
    address = Address.of("send_connector", name)
    if model.source_servers:
        servers = draft.servers_named(model.source_servers, *path, "source_servers")
    else:
        mailbox = tuple(server for server in draft.servers.values() if not server.is_edge)
        servers = mailbox or tuple(draft.servers.values())[:1]
    if not servers:
        return
    if len(servers) + len(model.other_source_servers) > 1 and any(server.is_edge for server in servers):
        draft.error(
            "Edge server in a set",
            f'"{name}" names an Edge server beside others; on an Edge server connectors are local.',
            draft.key(*path, "source_servers"),
            "name the Edge server alone, or leave it out",
        )
        return
    values = {
        "declared_in": name,
        "role": "other",
        "name": Name.parse(name),
        **_attributes(model, but=("source_servers",)),
        **SourceServers(servers, "certificates" if model.follow else model.mode).attributes(),
        **_route(draft, model.via),
    }
    is_named = bool(model.source_servers or model.other_source_servers)
    if is_named and not model.follow and not servers[0].is_edge:
        own = frozenset(server.name for server in servers if model.source_servers)
        values["source_transport_servers"] = own | _elsewhere(draft, model, path)
    else:
        values.pop("source_transport_servers", None)
    if model.certificate:
        values |= binding(draft, servers, model.certificate, *path, "certificate")
    _refuse_twice(draft, model, path)
    check_follow(draft, model, path)
    if draft.add(address, SendConnector(**values), path):
        _place(draft, address, model, path)
        draft.acknowledge(address, model.acknowledge)


def _elsewhere(draft: Draft, model: OtherConnector, path: tuple[str, ...]) -> frozenset[Name]:
    """Source servers that nothing else is declared of."""
    names: tuple[Name, ...] = tuple(model.other_source_servers)
    for at, name in enumerate(names):
        if name in draft.servers and not draft.servers[name].is_edge:  # an Edge server: by its subscription
            draft.error(
                "Source server is declared",
                f'"{name}" is under servers.',
                draft.value(*path, "other_source_servers", at),
                "name it under source_servers",
            )
    return frozenset(names)


def _refuse_twice(draft: Draft, model: Kind | OtherConnector, path: tuple[str, ...]) -> None:
    """``via`` and ``certificate`` are other words for attributes that may also be given by name."""
    pairs = [("via", attribute) for attribute in _ROUTE] + [("certificate", "tls_certificate_name")]
    for short, attribute in pairs:
        if {short, attribute} <= model.model_fields_set:
            draft.error(
                "Said twice",
                f'"{short}" and "{attribute}" say the same thing.',
                draft.key(*path, attribute),
                "keep one of them",
            )


def _attributes(model: Kind | OtherConnector, *, but: tuple[str, ...]) -> dict[str, Any]:
    return {
        attribute: value
        for key, value in given(model).items()
        if (attribute := attribute_of(key)) and key not in but
    }


def _route(draft: Draft, route: Route) -> dict[str, Any]:
    if isinstance(route, ViaSmartHosts):
        values = {"dns_routing_enabled": False, "smart_hosts": route.smart_hosts}
        if route.auth is not UNSET:
            values["smart_host_auth_mechanism"] = route.auth
        if route.credential is not UNSET:
            values["authentication_credential"] = route.credential
            draft.credentials.add(str(route.credential))
        return values
    return {} if route is UNSET else {"dns_routing_enabled": True}


def _place(draft: Draft, address: Address, model: Kind | OtherConnector, path: tuple[str, ...]) -> None:
    keys = model.model_fields_set
    if "authentication_credential" in keys and model.authentication_credential is not None:
        draft.credentials.add(str(model.authentication_credential))
    draft.place(address, path, ((attribute, key) for key in keys if (attribute := attribute_of(key))))
    if "other_source_servers" in keys and "source_servers" not in keys:
        draft.place(address, path, (("source_transport_servers", "other_source_servers"),))
    if "via" in keys:
        draft.place(address, path, ((attribute, "via") for attribute in _ROUTE))
    if "certificate" in keys:
        draft.place(address, path, (("tls_certificate_name", "certificate"), ("certificates", "certificate")))


def _place_group(draft: Draft, address: Address, partner: Partner, path: tuple[str | int, ...]) -> None:
    """What a group does not share with its set stands at the first partner that asks for it."""
    keys = partner.model_fields_set
    draft.place(address, path, ((key, key) for key in _OF_GROUP if key in keys))
    if "via" in keys:
        draft.place(address, path, ((attribute, "via") for attribute in _ROUTE))
