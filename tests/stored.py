"""Objects in a lab's directory, as somebody else changes them: one property at once, beside every rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from reconciler.lab.exchange import enums, values
from reconciler.lab.exchange.addresses import (
    checked_address,
    ip_address_object,
    ip_bindings,
    ip_ranges,
    smart_hosts,
)
from reconciler.lab.exchange.clixml import Obj, Scalar, Value, boolean, int32, string, text_of, texts_of
from reconciler.lab.exchange.directory import Forest
from reconciler.lab.exchange.enums import Enumeration
from reconciler.lab.exchange.organization import Organization, Server, Stored
from tests.direct import DirectLab

_ENUMERATIONS: Final[Mapping[str, Enumeration]] = {
    one.name: one for one in vars(enums).values() if isinstance(one, Enumeration)
}
_ASSEMBLY: Final = "15.0.0.0"


def organization_of(lab: DirectLab) -> Organization:
    organization: Organization = lab.exchange._organization
    return organization


@dataclass(frozen=True)
class Place:
    """Where an object is kept.

    Attributes:
        objects: Its list, by GUID.
        server: For a receive connector.
    """

    objects: dict[str, Stored]
    guid: str
    forest: Forest
    server: Server | None = None

    @property
    def stored(self) -> Stored:
        return self.objects[self.guid]

    @property
    def properties(self) -> Mapping[str, Value]:
        return self.stored.tree.properties or {}

    @contextmanager
    def changed(self, **properties: Value) -> Iterator[None]:
        """The object with other properties, for a while."""
        before = self.stored
        self.objects[self.guid] = replace(before, tree=before.tree.with_properties(properties))
        try:
            yield
        finally:
            self.objects[self.guid] = before


def send_connector(lab: DirectLab, name: str, edge: str = "") -> Place:
    organization = organization_of(lab)
    partition = organization.partitions[edge or "ad"]
    return _place(partition.send_connectors, name, partition.forest)


def receive_connector(lab: DirectLab, server: str, name: str) -> Place:
    found = organization_of(lab).server(server)
    assert found is not None
    return _place(found.receive_connectors, name, found.partition.forest, found)


def _place(objects: dict[str, Stored], name: str, forest: Forest, server: Server | None = None) -> Place:
    [guid] = [guid for guid, one in objects.items() if one.name.casefold() == name.casefold()]
    return Place(objects, guid, forest, server)


def another(place: Place, name: str) -> Value:
    """Another value of a property, of the type that it has."""
    old = place.properties[name]
    if maker := _MAKERS.get(name):
        return maker(place, old)
    match old:
        case Scalar("B"):
            return boolean(old.text != "true")
        case Scalar("I32"):
            return int32(int(old.text) + 1)
        case Scalar("S"):
            return string(f"{old.text} changed")
        case Obj(types=types) if types and types[0] in _ENUMERATIONS:
            return _another_member(_ENUMERATIONS[types[0]], text_of(old) or "")
        case Obj(types=types) if types:
            for part, make in _BY_TYPE.items():
                if part in types[0]:
                    return make(text_of(old) or "")
    raise AssertionError(f"no other value is known for {name}: {old}")


def _another_member(enumeration: Enumeration, text: str) -> Value:
    if enumeration.is_flags:  # the first one comes, or goes
        first = next(name for name, bit in enumeration.members.items() if bit)
        present = [name for name in text.split(", ") if name not in ("None", "Default")]
        kept = [name for name in present if name != first] if first in present else [first, *present]
        return enumeration.named(", ".join(kept) or next(iter(enumeration.members)))
    return enumeration.named(next(name for name in enumeration.members if name != text))


def _level(place: Place, old: Value) -> Value:
    return enums.TLS_AUTH_LEVEL.named(
        "EncryptionOnly" if text_of(old) != "EncryptionOnly" else "CertificateValidation"
    )


def _size(make: Callable[[int], Value]) -> Callable[[str], Value]:
    return lambda text: make(7 * 1024 * (2 if text.startswith("7 KB") else 1))


_BY_TYPE: Final[Mapping[str, Callable[[str], Value]]] = {
    "EnhancedTimeSpan": lambda text: values.time_span(values.ticks_of(text) + values.TICKS),
    "Unlimited`1[[System.Int32": lambda text: values.unlimited_int(7 if text != "7" else 8),
    "Unlimited`1": _size(values.unlimited_bytes),
    "ByteQuantifiedSize": _size(values.byte_size),
}
_MAKERS: Final[Mapping[str, Callable[[Place, Value], Value]]] = {
    "AddressSpaces": lambda _, old: values.address_spaces([*texts_of(old), "changed.example"]),
    "SourceTransportServers": lambda place, old: place.forest.server_links([*texts_of(old), "ELSEWHERE"]),
    "TlsDomain": lambda _, old: values.domain_with_subdomains("*.changed.example"),
    "TlsAuthLevel": _level,
    "TlsCertificateName": lambda _, old: values.certificate_name("<I>CN=Changed<S>CN=Changed"),
    "Fqdn": lambda _, old: values.fqdn("changed.example"),
    "ServiceDiscoveryFqdn": lambda _, old: values.fqdn("changed.example"),
    "DefaultDomain": lambda _, old: string("changed.example"),
    "SmartHosts": lambda _, old: smart_hosts(
        [*(text.strip("[]") for text in texts_of(old)), "changed.example"], _ASSEMBLY
    ),
    "SourceIPAddress": lambda _, old: ip_address_object(checked_address("192.0.2.77")),
    "Bindings": lambda _, old: ip_bindings([*texts_of(old), "192.0.2.77:9925"]),
    "RemoteIPRanges": lambda _, old: ip_ranges([*texts_of(old), "2001:db8::77"]),
    "TlsDomainCapabilities": lambda _, old: values.domain_capabilities(
        [*texts_of(old), "changed.example:AcceptCloudServicesMail"]
    ),
    "TransportRole": lambda _, old: enums.SERVER_ROLE.named(
        "HubTransport" if text_of(old) != "HubTransport" else "FrontendTransport"
    ),
}
