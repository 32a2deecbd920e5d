"""Objects as an older update, a plain session or a foreign build shows them."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address
from typing import Final

from reconciler.lab.call import Look, View
from reconciler.lab.exchange import clixml
from reconciler.lab.exchange.blobs import signed
from reconciler.lab.exchange.certificate_blob import read_facts, write_facts
from reconciler.lab.exchange.clixml import Collection, Obj, Scalar, Value, string, text_of, texts_of
from reconciler.lab.exchange.nrbf_reader import unframed
from reconciler.lab.exchange.values import ENUM_CHAIN, OBJECT

AUTH_LOOKS: Final = frozenset({Look.MISSING_AUTH_CERTIFICATE, Look.EXPIRED_AUTH_CERTIFICATE})
"""Without a valid auth certificate, certificates come without SerializationData [6.1-1]."""
_CERTIFICATE: Final = "ExchangeCertificate"
_UNKNOWN_BIT: Final = 1 << 20
_UNKNOWN: Final = 1000
"""Added to numbers to make some that nobody knows."""


def seen(top: Obj, view: View, secret: bytes) -> Obj:
    """The same object as a view shows it."""
    for look, change in _CHANGES.items():
        if look in view.looks:
            top = change(top)
    if Look.UNSIGNED in view.looks:
        top = clixml.with_blobs(top, unframed)
    elif Look.SIGNED in view.looks:
        top = clixml.with_blobs(top, lambda blob: signed(unframed(blob), secret))
    if Look.NO_SERIALIZATION_DATA in view.looks or (_is_certificate(top) and view.looks & AUTH_LOOKS):
        top = clixml.with_blobs(top, None)
    # Last, for a plain session would make null of what has no text.
    return _without(top, view) if view.missing or view.mistyped else top


def _is_certificate(top: Obj) -> bool:
    return top.types is not None and top.types[:1] != () and top.types[0].endswith(_CERTIFICATE)


def _without(top: Obj, view: View) -> Obj:
    """Properties, and notes such as SerializationData, that are not there or are something else."""

    def kept(members: dict[str, Value]) -> dict[str, Value]:
        return {
            name: _SOMETHING_ELSE if name.casefold() in view.mistyped else value
            for name, value in members.items()
            if name.casefold() not in view.missing
        }

    properties = None if top.properties is None else kept(dict(top.properties))
    notes = None if top.notes is None else kept(dict(top.notes))
    return replace(top, properties=properties, notes=notes or None)


_SOMETHING_ELSE: Final = Obj(types=("System.Management.Automation.PSCustomObject", OBJECT), properties={})


def _on_properties(change: Callable[[Value], Value]) -> Callable[[Obj], Obj]:
    def changed(top: Obj) -> Obj:
        properties = top.properties and {name: change(value) for name, value in top.properties.items()}
        return replace(top, properties=properties)

    return changed


def _joined(value: Value) -> Value:
    """A list as one text, as its items print."""
    if isinstance(value, Obj) and isinstance(value.body, Collection):
        return string(", ".join(texts_of(value)))
    return value


def _type_name(value: Value) -> Value:
    """What has no text of its own prints the name of its type: lists, and here values as well."""
    if isinstance(value, Obj) and value.types and not _is_enum(value):
        return string(value.types[0])
    return value


def _is_enum(value: Value) -> bool:
    return isinstance(value, Obj) and (value.types or ())[1:] == ENUM_CHAIN


def _numbered(value: Value) -> Value:
    """An enum value without its text."""
    return replace(value, text=None) if isinstance(value, Obj) and _is_enum(value) else value


def _unknown_number(value: Value) -> Value:
    if not (isinstance(value, Obj) and _is_enum(value) and isinstance(value.body, Scalar)):
        return value
    number = str(int(value.body.text) + _UNKNOWN)
    return replace(value, text=number, body=Scalar(value.body.tag, number))


def _unknown_numbers(top: Obj) -> Obj:
    """Enum values of a newer build; a certificate has them in its blob."""
    top = _on_properties(_unknown_number)(top)
    blob = (top.notes or {}).get("SerializationData")
    if not isinstance(blob, Scalar) or not _is_certificate(top):
        return top
    facts = read_facts(b64decode(blob.text))
    facts = replace(
        facts,
        status=facts.status + _UNKNOWN,
        root_ca_type=facts.root_ca_type + _UNKNOWN,
        services=facts.services | _UNKNOWN_BIT,
    )
    data = Scalar("BA", b64encode(write_facts(facts)).decode())
    return replace(top, notes={**(top.notes or {}), "SerializationData": data})


def _smart_hosts(write: Callable[[str], str]) -> Callable[[Obj], Obj]:
    def host(value: Value) -> Value:
        text = text_of(value) or ""
        try:
            ip_address(text.strip("[]"))
        except ValueError:
            return value
        shown = write(text.strip("[]"))
        return replace(value, text=shown) if isinstance(value, Obj) else string(shown)

    def changed(top: Obj) -> Obj:
        hosts = (top.properties or {}).get("SmartHosts")
        if not isinstance(hosts, Obj) or not isinstance(hosts.body, Collection):
            return top
        items = tuple(map(host, hosts.body.items))
        shown = replace(hosts, body=Collection(hosts.body.tag, items))
        return top.with_properties(
            {"SmartHosts": shown, "SmartHostsString": string(",".join(texts_of(shown)))}
        )

    return changed


_CHANGES: Final[dict[Look, Callable[[Obj], Obj]]] = {
    Look.BRACKETED_SMART_HOSTS: _smart_hosts(lambda address: f"[{address}]"),
    Look.BARE_SMART_HOSTS: _smart_hosts(lambda address: address),
    Look.UNKNOWN_NUMBERS: _unknown_numbers,
    Look.NUMBERS: _on_properties(_numbered),
    Look.TYPE_NAMES: lambda top: clixml.plain(_on_properties(_type_name)(top)),
    Look.JOINED_LISTS: lambda top: clixml.plain(_on_properties(_joined)(top)),
    Look.PLAIN_VALUES: clixml.plain,
}
