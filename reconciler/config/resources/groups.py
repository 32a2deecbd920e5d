"""Which domains one kind of connector is for, and which connector each of them needs.

TlsAuthLevel, TlsDomain and the route are one value per connector [3-13], so the partners of a kind
are grouped by them. The first group has the defaults of its set; each other one is named after what
sets it apart, never after its members, so that it keeps its connector when members change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from reconciler.config.draft import Draft
from reconciler.config.models.send_connector import Kind, Partner, ViaSmartHosts
from reconciler.config.suggestion import did_you_mean
from reconciler.diagnostics import SourceRange
from state.errors import InvalidValue
from state.values import UNSET, DomainPattern, Maybe, Unset

Route: TypeAlias = "str | ViaSmartHosts | Unset"
EVERYBODY = DomainPattern("*")


@dataclass(frozen=True, slots=True)
class Group:
    """What partners on one connector have in common."""

    level: Maybe[str | None]
    tls_domain: Maybe[DomainPattern | None]
    route: Route

    def text(self, default: Group) -> str:
        """What sets this group apart from its set's defaults; "" for the defaults themselves."""
        parts: list[str] = []
        if (self.level, self.tls_domain) != (default.level, default.tls_domain):
            parts.append("no level" if self.level in (None, UNSET) else str(self.level))
            if isinstance(self.tls_domain, DomainPattern):
                parts.append(str(self.tls_domain))
        if self.route != default.route:
            parts.append(_route_text(self.route))
        return " ".join(parts)


def _route_text(route: Route) -> str:
    if not isinstance(route, ViaSmartHosts):
        return "via dns"
    hosts = ",".join(sorted(map(str, route.smart_hosts)))
    sign_on = [str(value) for value in (route.auth, route.credential) if value is not UNSET]
    return " ".join(("via", hosts, *sign_on))


@dataclass(frozen=True, slots=True)
class Member:
    """One domain of a kind: where it stands, and the partner entry behind it if there is one.

    Attributes:
        path: Of the entry in its list, or of the item under ``to``.
    """

    domain: DomainPattern
    where: SourceRange
    path: tuple[str | int, ...]
    partner: Partner | None = None


class PartnerLists:
    """The lists under ``partners``, each taken apart once however many sets it is for."""

    def __init__(self, draft: Draft) -> None:
        self._members = {
            name: tuple(self._member(draft, name, at, entry) for at, entry in enumerate(entries))
            for name, entries in draft.state.partners.items()
        }

    @staticmethod
    def _member(draft: Draft, name: str, at: int, entry: DomainPattern | Partner) -> Member:
        path = ("partners", name, at)
        if isinstance(entry, Partner):
            return Member(entry.domain, draft.value(*path), path, entry)
        return Member(entry, draft.value(*path), path)

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def __getitem__(self, name: str) -> tuple[Member, ...]:
        return self._members[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)


def members(draft: Draft, lists: PartnerLists, kind: Kind, path: tuple[str, ...]) -> tuple[Member, ...]:
    """The domains that a kind is for, each once; whatever is unknown or repeated is told."""
    found: dict[DomainPattern, Member] = {}
    for member in _named(draft, lists, kind, path):
        first = found.setdefault(member.domain, member)
        if first.path != member.path:
            draft.error(
                "Domain given twice",
                f'"{member.domain}" is also at {first.where}.',
                member.where,
                "keep one of them",
            )
    return tuple(found.values())


def _named(draft: Draft, lists: PartnerLists, kind: Kind, path: tuple[str, ...]) -> Iterator[Member]:
    if "to" not in kind.model_fields_set:
        if path[-1] == "opportunistic":
            yield Member(EVERYBODY, draft.key(*path), path)
        else:
            draft.error(
                "Key missing",
                f'"{path[-1]}" does not say which partners it is for.',
                draft.key(*path),
                "add to: with the name of a list under partners",
            )
        return
    to: tuple[str | int, ...] = (*path, "to")
    items = (
        [(kind.to, to)]
        if isinstance(kind.to, str)
        else [(text, (*to, at)) for at, text in enumerate(kind.to)]
    )
    for text, item_path in items:
        where = draft.value(*item_path)
        if text in lists:
            yield from lists[text]
        elif not draft.is_broken("partners", text):
            domain = _domain(draft, text, where, lists)
            if domain is not None:
                yield Member(domain, where, item_path)


def _domain(draft: Draft, text: str, where: SourceRange, lists: PartnerLists) -> DomainPattern | None:
    """A domain written where lists are named; one label is the name of a list that does not exist."""
    try:
        domain = DomainPattern.parse(text)
    except InvalidValue:
        domain = None
    if domain is not None and (domain == EVERYBODY or "." in domain.name):
        return domain
    if re.match(r"\*[^.]", text):
        draft.error(
            "Value not allowed",
            f'"{text}" is not a domain: Exchange takes a wildcard as a whole label only.',
            where,
            f'write "*.{text[1:]}" for the subdomains',
        )
    else:
        draft.error(
            "Unknown list",
            f'"{text}" is neither a list under partners nor a domain.',
            where,
            did_you_mean(text, lists, otherwise="declare it under partners"),
        )
    return None


def grouped(kind: Kind, found: tuple[Member, ...]) -> Mapping[Group, tuple[Member, ...]]:
    """The members by group; the group with the defaults first, if it has any."""
    default = default_group(kind)
    groups: dict[Group, list[Member]] = {default: []}
    for member in found:
        groups.setdefault(_group(default, member.partner), []).append(member)
    return {group: tuple(of_group) for group, of_group in groups.items() if of_group}


def default_group(kind: Kind) -> Group:
    return Group(kind.tls_auth_level, kind.tls_domain, kind.via)


def _group(default: Group, partner: Partner | None) -> Group:
    if partner is None:
        return default
    level = default.level if partner.tls_auth_level is UNSET else partner.tls_auth_level
    tls_domain: Maybe[DomainPattern | None] = partner.tls_domain
    if tls_domain is UNSET and level == default.level:
        tls_domain = default.tls_domain
    return Group(level, tls_domain, partner.via if "via" in partner.model_fields_set else default.route)
