"""The whole YAML of a live organization."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.cmdlets.capabilities import lacks
from reconciler.config.resources.send_connectors import KINDS, TEMPLATES
from state.address import Address
from state.resources import Build, Kind, ReceiveConnector, SendConnector
from state.snapshot import LiveServer, Unreadable
from state.values import Fqdn, Name, TlsCertificateName

from .certificates import Certificates, certificates_of, token, write_certificates
from .connectors import ROLES, MadeSet, Sender, Senders, senders_of
from .found import Choices, Found, Thing
from .text import Lines, scalar
from .values import said

_LISTS = {"tls_required": "trusted", "tls_never": "broken", "opportunistic": "others"}
_FIRST_SE_BUILD = 2562
_HEAD = (
    "What Exchange has, as it was read on {day}. The plan of this file is empty: apply only records it.",
    "From then on it is kept so, attribute by attribute. Take out what this tool is not to look after; what "
    "says mode: observe is only looked at.",
)
_REACHED = (
    "How the servers are reached: by --connections; without it, say so here. Passwords never, only "
    "where one is found (env:NAME, file:PATH, keyring:SERVICE, command:COMMAND):",
    'connection: {auth: negotiate, credential: "env:EXCHANGE"}',
)
_DANGLING = "Not a declared certificate of each of its servers:"
_SIGNS_ON = "Exchange does not show the credential; authentication_credential: env:NAME would set it."


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML text, and what stands where.

    Attributes:
        places: The attribute that a line of the text declares, lines counted from 1.
        addresses: The live object behind each address.
        unread: What of it could not be read, in sentences.
    """

    text: str
    places: Mapping[int, tuple[Thing, str]]
    addresses: Mapping[Address, Thing]
    unread: tuple[str, ...]


def compose(found: Found, choices: Choices) -> Document:
    """Declare all that was found."""
    return _Composer(found, choices).compose()


@dataclass(slots=True)
class _Composer:
    found: Found
    choices: Choices
    lines: Lines = field(default_factory=Lines)
    addresses: dict[Address, Thing] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)
    lists: dict[frozenset[str], str] = field(default_factory=dict)

    def compose(self) -> Document:
        certificates, senders = (
            certificates_of(self.found, self.choices),
            senders_of(self.found, self.choices),
        )
        self._head()
        self._partners(senders)
        self.lines.blank()
        self.lines.key(0, "servers")
        for name, live in self.found.servers():
            self._server(name, live, certificates, senders)
        self._shared(certificates, senders)
        for thing, why in self.choices.omitted.items():
            self.lines.comment(0, f"Not declared: {thing}. {why}")
        return Document(self.lines.text(), self.lines.places, self.addresses, tuple(self.unread))

    def _head(self) -> None:
        lines = self.lines
        for text in _HEAD:
            lines.comment(0, text.format(day=f"{self.found.now:%Y-%m-%d}"))
        lines.entry(0, "version", "1")
        note = "names the record: any short name will do"
        lines.entry(0, "organization", scalar(_organization(self.found)), note=note)
        if isinstance(identity := self.found.live.organization.id, str):
            lines.entry(0, "organization_id", scalar(identity), note="of another one nothing is planned")
        lines.blank()
        for text in _REACHED:
            lines.comment(0, text)

    def _partners(self, senders: Senders) -> None:
        for one in senders.sets:
            for role, sender in one.kinds.items():
                domains = frozenset(space.address for space in sender.spaces())
                if domains != {"*"} and domains not in self.lists:
                    self.lists[domains] = self._list_name(role, one)
        if not self.lists:
            return
        self.lines.blank()
        self.lines.key(0, "partners")
        for domains, name in self.lists.items():
            if name.startswith(_LISTS["tls_never"]):
                self.lines.comment(
                    1,
                    "So that exceptions end: {domain: ..., reason: ..., until: 2027-01-31, owner: ...}",
                )
            self.lines.key(1, name)
            self.lines.lines += [f"    - {scalar(domain)}" for domain in sorted(domains)]

    def _list_name(self, role: str, of: MadeSet) -> str:
        base = _LISTS[role]
        taken = set(self.lists.values())
        if base not in taken:
            return base
        stem = f"{base}_{token(of.name) or 'set'}"
        name, number = stem, 1
        while name in taken:
            number += 1
            name = f"{stem}_{number}"
        return name

    # Servers

    def _server(self, name: Name, live: LiveServer, certificates: Certificates, senders: Senders) -> None:
        lines, is_edge = self.lines, name in self.found.edges
        lines.key(1, str(name))
        lines.entry(2, "role", "edge" if is_edge else "mailbox")
        itself = next((one for one in live.server.objects if one.name == name), None)
        self._version(name)
        if itself is not None and isinstance(itself.fqdn, Fqdn):
            lines.entry(2, "host", scalar(str(itself.fqdn)))
        reached = self.found.connections[name]
        lines.comment(2, f"connection: {{url: {scalar(reached.url)}, auth: {reached.auth}}}")
        self._unreadable(2, f"certificates of {name}", live.certificates.unreadable)
        write_certificates(lines, 2, name, certificates)
        for watched in certificates.by_server[name]:
            self.addresses[Address.of("certificate", str(name), watched.name)] = watched.thing
        if self.found.is_subscribed(name):
            lines.comment(2, "Subscribed: its send connectors are the organization's.")
        elif is_edge:
            self._unreadable(2, f"send connectors of {name}", live.send_connectors.unreadable)
        for one in senders.sets:
            if one.server == name:
                lines.key(2, "send_connectors")
                self._set(3, one, certificates)
        self._unreadable(2, f"receive connectors of {name}", live.receive_connectors.unreadable)
        receivers = [
            (thing, one) for thing, one in self._receivers(name, live) if thing not in self.choices.omitted
        ]
        if receivers:
            lines.key(2, "receive_connectors")
            for thing, receiver in receivers:
                lines.key(3, str(receiver.name))
                self.addresses[Address.of("receive_connector", str(name), str(receiver.name))] = thing
                bound = self._binding(4, thing, receiver.tls_certificate_name, (name,), certificates)
                self._attributes(4, thing, receiver, (name,), but=("name", *bound))

    def _version(self, name: Name) -> None:
        thing = Thing("server", name, name)
        build = self._build(name)
        version = _version(build) if build is not None else ""
        if version and (thing, "version") not in self.choices.without:
            self.lines.entry(2, "version", scalar(version), at=thing)

    def _receivers(self, server: Name, live: LiveServer) -> Iterable[tuple[Thing, ReceiveConnector]]:
        for receiver in live.receive_connectors.objects:
            if isinstance(receiver.name, Name):
                yield Thing("receive_connector", server, receiver.name), receiver
            else:
                self.unread.append(f"the name of a receive connector of {server}")

    # Send connectors

    def _shared(self, certificates: Certificates, senders: Senders) -> None:
        lines = self.lines
        if self.found.mailbox:
            listing = self.found.live.organization.send_connectors
            self._unreadable(0, "send connectors of the organization", listing.unreadable)
        sets = [one for one in senders.sets if one.server is None]
        if not sets and not senders.others:
            return
        lines.blank()
        lines.key(0, "send_connectors")
        for one in sets:
            lines.key(1, one.name)
            lines.entry(2, "servers", [scalar(str(name)) for name in one.sources])
            self._set(2, one, certificates)
        for key, sender in senders.others.items():
            self._other(key, sender, certificates)

    def _set(self, depth: int, one: MadeSet, certificates: Certificates) -> None:
        for role in ROLES:
            if role in one.kinds:
                self.lines.key(depth, role)
                self._kind(depth + 1, role, one, certificates)

    def _kind(self, depth: int, role: str, one: MadeSet, certificates: Certificates) -> None:
        lines, sender = self.lines, one.kinds[role]
        live, thing = sender.live, sender.thing
        self.addresses[Address.of("send_connector", one.name, role)] = thing
        domains = frozenset(space.address for space in sender.spaces())
        lines.entry(depth, "to", ['"*"'] if domains == {"*"} else scalar(self.lists[domains]), at=thing)
        cost = next(iter(sender.spaces())).cost
        if cost != 1:
            lines.entry(depth, "cost", str(cost), at=thing)
        if str(live.name) != TEMPLATES[role].replace("{set}", one.name):
            lines.entry(depth, "name", scalar(str(live.name)), at=thing)
        bound = self._binding(depth, thing, live.tls_certificate_name, one.sources, certificates)
        but = ("name", "address_spaces", "source_transport_servers", *KINDS[role], *bound)
        self._attributes(depth, thing, live, one.sources, but=but)

    def _other(self, key: str, sender: Sender, certificates: Certificates) -> None:
        lines, live, thing = self.lines, sender.live, sender.thing
        why = sender.why[0].upper() + sender.why[1:]
        lines.comment(1, f"Only observed. {why}." if sender.observed else f"None of the three kinds. {why}.")
        lines.key(1, key)
        self.addresses[Address.of("send_connector", key)] = thing
        lines.entry(2, "kind", "other", at=thing)
        if sender.observed:
            lines.entry(2, "mode", "observe", at=thing)
        if key != str(live.name):
            lines.entry(2, "name", scalar(str(live.name)), at=thing)
        if sender.sources:
            lines.entry(2, "source_servers", [scalar(str(name)) for name in sender.sources], at=thing)
        if sender.elsewhere:
            lines.entry(2, "other_source_servers", [scalar(name) for name in sender.elsewhere], at=thing)
        bound = self._binding(2, thing, live.tls_certificate_name, sender.sources, certificates)
        if live.smart_host_auth_mechanism in ("BasicAuth", "BasicAuthRequireTLS"):
            lines.comment(2, _SIGNS_ON)
        but = ("name", "source_transport_servers", *bound)
        self._attributes(2, thing, live, sender.sources or self.found.mailbox, but=but)

    # Attributes

    def _binding(
        self,
        depth: int,
        thing: Thing,
        name: object,
        servers: Sequence[Name],
        certificates: Certificates,
    ) -> tuple[str, ...]:
        """Write the certificate that a connector presents, where it is declared.

        Returns:
            The attribute that this says, if it does.
        """
        if not isinstance(name, TlsCertificateName) or (thing, "certificate") in self.choices.without:
            return ()
        if ours := certificates.bound_by(name, servers):
            self.lines.entry(depth, "certificate", scalar(ours), at=thing)
            return ("tls_certificate_name",)
        return ()

    def _attributes(
        self,
        depth: int,
        thing: Thing,
        resource: SendConnector | ReceiveConnector,
        servers: Sequence[Name],
        *,
        but: Sequence[str],
    ) -> None:
        left: list[str] = []
        for one in said(resource, (*but, *self._not_there(thing, resource, servers))):
            why = self.choices.without.get((thing, one.key), one.why)
            if one.value is None or why:
                left.append(f"{one.key}, {why}")
            else:
                if one.attribute == "tls_certificate_name" and one.value != "null":
                    self.lines.comment(depth, _DANGLING)
                self.lines.entry(depth, one.key, one.value, at=thing)
        for text in left:
            self.lines.comment(depth, f"Not declared: {text}.")
            self.unread.append(f"{text.partition(',')[0]} of {thing}: {text.partition(', ')[2]}")

    def _not_there(
        self, thing: Thing, resource: SendConnector | ReceiveConnector, servers: Sequence[Name]
    ) -> tuple[str, ...]:
        """What Exchange may show of a connector, and no server that it is on takes."""
        is_edge = thing.home in self.found.edges
        builds = [self._build(name) for name in servers]
        return tuple(
            name
            for name, attribute in type(resource).attributes().items()
            if attribute.kind is Kind.WRITABLE
            and all(lacks(type(resource), attribute.exchange, build, edge=is_edge) for build in builds)
        )

    def _build(self, server: Name) -> Build | None:
        itself = (one.build for one in self.found.live.servers[server].server.objects if one.name == server)
        return next((build for build in itself if isinstance(build, Build)), None)

    def _unreadable(self, depth: int, what: str, why: Unreadable | None) -> None:
        if why is not None:
            self.lines.comment(depth, f"The {what} could not be read: {why.reason}. Unknown is not absent.")


def _organization(found: Found) -> str:
    """A name for the record, from the first domain that mail is accepted for."""
    for domain in found.live.organization.accepted_domains.objects:
        if isinstance(domain.domain, str) and not domain.domain.startswith("*"):
            label = token(domain.domain.partition(".")[0]).replace("_", "-")
            if label and label[0].isalnum():
                return label
    return "exchange"


def _version(build: Build) -> str:
    """The version as the offline checks know it; "" for one that they do not."""
    match build.major, build.minor:
        case 14, _:
            return "2010"
        case 15, 0:
            return "2013"
        case 15, 1:
            return "2016"
        case 15, 2:
            return "SE" if build.build >= _FIRST_SE_BUILD else "2019"
        case _:
            return ""
