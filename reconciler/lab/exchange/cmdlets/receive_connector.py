"""Get-, New-, Set- and Remove-ReceiveConnector."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from uuid import uuid4

from reconciler.lab.call import Warned
from reconciler.lab.exchange import enums
from reconciler.lab.exchange.addresses import ip_bindings, ip_ranges, range_of
from reconciler.lab.exchange.clixml import NIL, Value, is_true, number_of, text_of, texts_of, write
from reconciler.lab.exchange.cmdlets.conversion import Edit
from reconciler.lab.exchange.cmdlets.errors import INVALID_OPERATION, Refused, not_found, not_transformed
from reconciler.lab.exchange.cmdlets.properties import Many, property_of
from reconciler.lab.exchange.cmdlets.run import Run, Steps
from reconciler.lab.exchange.directory import changed_now, renamed
from reconciler.lab.exchange.objects.receive_connector import ANYWHERE, SINCE, receive_connector
from reconciler.lab.exchange.organization import Server, Stored
from reconciler.lab.exchange.values import domain_capabilities, ticks_of

MANY: Mapping[str, Many] = {
    "Bindings": ip_bindings,
    "RemoteIPRanges": ip_ranges,
    "TlsDomainCapabilities": domain_capabilities,
}
NOT_PROPERTIES = frozenset(
    {"Identity", "Server", "Confirm", "WhatIf", "DomainController", "Name", "Usage", "DefaultDomain"}
    | {"Custom", "Internal", "Internet", "Partner", "Client"}
)
EXCHANGE_SERVER, EXTERNAL, BASIC, BASIC_TLS, TLS = 16, 32, 4, 8, 1
EXCHANGE_SERVERS = 4


@dataclass(frozen=True, slots=True)
class Usage:
    """What a usage sets, and what it needs and forbids [4-1], [4-2]."""

    groups: str
    auth: str
    bindings: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    forbids: tuple[str, ...] = ()


USAGES: Mapping[str, Usage] = {
    "custom": Usage("None", "Tls", needs=("Bindings", "RemoteIPRanges")),
    "partner": Usage("Partners", "Tls", needs=("Bindings", "RemoteIPRanges")),
    "internet": Usage(
        "AnonymousUsers", "Tls", ranges=ANYWHERE, needs=("Bindings",), forbids=("RemoteIPRanges",)
    ),
    "internal": Usage(
        "ExchangeServers, ExchangeLegacyServers",
        "Tls, ExchangeServer",
        bindings=("0.0.0.0:25",),
        needs=("RemoteIPRanges",),
        forbids=("Bindings",),
    ),
    "client": Usage(
        "ExchangeUsers",
        "Tls, Integrated, BasicAuth, BasicAuthRequireTLS",
        bindings=("0.0.0.0:587",),
        needs=("RemoteIPRanges",),
        forbids=("Bindings",),
    ),
}


def get(run: Run) -> Steps:
    """Get-ReceiveConnector: those of every server of the organization, or of one [1-7]."""
    run.check_role()
    identity = run.bound.text("Identity")
    if identity is None:
        servers = (
            [run.named_server()] if "Server" in run.bound else list(run.organization.members(run.partition))
        )
    elif (server := run.organization.server(identity)) and server.partition is run.partition:
        servers = [server]
    else:
        _, stored = _named(run, identity)
        yield run.show(stored, SINCE)
        return
    for server in servers:
        for stored in run.receive_connectors(server).values():
            yield run.show(stored, SINCE)


def new(run: Run) -> Steps:
    """New-ReceiveConnector."""
    _check(run)
    server = run.named_server()
    usage = _usage(run)
    if edited := [name for name, value in run.bound.values.items() if isinstance(value, Edit)]:
        raise not_transformed(run.cmdlet, edited[0], "Add and Remove need an object that exists.")
    name = _checked_name(run, server, run.bound.values["Name"])
    given: dict[str, Value] = {
        "PermissionGroups": enums.PERMISSION_GROUPS.named(usage.groups),
        "AuthMechanism": enums.AUTH_MECHANISM.named(usage.auth),
        "Bindings": ip_bindings(usage.bindings),
        "RemoteIPRanges": ip_ranges(usage.ranges),
        **_given(run, None),
    }
    forest = run.partition.forest
    origin = run.controller
    tree = receive_connector(forest, server.home, name, uuid4(), given, now=run.now, origin=origin)
    _refuse_what_conflicts(server, tree.properties or {})
    _refuse_overlap(run, server, tree.properties or {}, None)
    if (yield from run.should_process(f'Creating Receive connector "{server.name}\\{name}".')):
        stored = Stored(tree)
        run.organization.put_receive_connector(server, stored, run.written)
        yield run.show(stored, SINCE)


def set_(run: Run) -> Steps:
    """Set-ReceiveConnector: gives nothing back."""
    _check(run)
    server, stored = _named(run, run.bound.text("Identity") or "")
    given = _given(run, stored)
    tree = stored.tree.with_properties(given)
    new_name = run.bound.text("Name")
    if new_name is not None and new_name != stored.name:
        name = _checked_name(run, server, new_name, stored)
        dn = run.partition.forest.receive_connector_dn(server.name, name)
        tree = renamed(tree, run.partition.forest, dn, name, f"{server.name}\\{name}")
    _refuse_what_conflicts(server, tree.properties or {})
    if given.keys() & {"Bindings", "RemoteIPRanges"}:
        _refuse_overlap(run, server, tree.properties or {}, stored)
    if (yield from run.should_process(f'Setting Receive connector "{stored["Identity"]}".')):
        if write(tree) == write(stored.tree):
            yield Warned(
                "The command completed successfully but no settings of "
                f"'{stored['Identity']}' have been modified."
            )
            return
        changed = replace(stored, tree=changed_now(tree, run.now))
        run.organization.put_receive_connector(server, changed, run.written)


def remove(run: Run) -> Steps:
    """Remove-ReceiveConnector: asks unless -Confirm:$false [1-9]."""
    run.check_role()
    server, stored = _named(run, run.bound.text("Identity") or "")
    action = f'Removing Receive connector "{stored["Identity"]}".'
    if (yield from run.should_process(action, always=True)):
        run.organization.drop_receive_connector(server, stored.guid, run.written)


def _check(run: Run) -> None:
    run.check_role()
    run.check_lengths()
    if run.server.home.is_edge and "TransportRole" in run.bound:  # [4-10]
        raise Refused("TransportRole can't be used on an Edge Transport server.", target="TransportRole")


def _named(run: Run, identity: str) -> tuple[Server, Stored]:
    """The connector of an identity, and its server.

    ``SERVER\\Name``, GUID and DN name it wherever it is, a bare name on the connected server alone [1-7].

    Raises:
        Refused: there is none.
    """
    name, _, rest = identity.partition("\\")
    if rest and (named := run.organization.server(name)):
        identity = f"{named.name}\\{rest}"
    for server in run.organization.members(run.partition):
        for stored in run.receive_connectors(server).values():
            if identity.lower() in _keys(stored, is_here=server is run.server):
                return server, stored
    raise not_found(identity, run.controller)


def _keys(stored: Stored, *, is_here: bool) -> set[str]:
    names = ("Identity", "Guid", "DistinguishedName", *(["Name"] if is_here else []))
    return {(stored[name] or "").lower() for name in names}


def _usage(run: Run) -> Usage:
    switches = [
        name for name in ("Custom", "Internal", "Internet", "Partner", "Client") if run.bound.is_on(name)
    ]
    chosen = run.bound.text("Usage") or (switches[0] if switches else "Custom")
    usage = USAGES.get(chosen.lower())
    if usage is None:
        raise not_transformed(run.cmdlet, "Usage", f'"{chosen}" is not one of {", ".join(USAGES)}.')
    for name in usage.needs:
        if not run.bound.get(name):
            raise Refused(
                f"{name} must be given for the usage {chosen}.", kind="ArgumentException", target=name
            )
    for name in usage.forbids:
        if name in run.bound:
            raise Refused(
                f"{name} can't be given for the usage {chosen}.", kind="ArgumentException", target=name
            )
    return usage


def _checked_name(run: Run, server: Server, name: str, itself: Stored | None = None) -> str:
    if not name.strip():
        raise Refused(f'"{name}" isn\'t a valid name for a connector.', kind="DataValidationException")
    others = (other for other in run.receive_connectors(server).values() if other is not itself)
    if any(other.name.lower() == name.lower() for other in others):
        raise Refused(
            f"Active Directory operation failed on {run.controller}. The object "
            f"'{run.partition.forest.receive_connector_dn(server.name, name)}' already exists.",
            kind="ADObjectAlreadyExistsException",
            category=INVALID_OPERATION,
            target=name,
        )
    return name


def _given(run: Run, stored: Stored | None) -> dict[str, Value]:
    mechanisms = [part.strip().lower() for part in (run.bound.text("AuthMechanism") or "").split(",")]
    if "none" in mechanisms and len(mechanisms) > 1:  # [4-5]
        raise Refused("None goes with no other mechanism.", target="AuthMechanism")
    given: dict[str, Value] = {}
    for name in run.bound.values:
        if name not in NOT_PROPERTIES:
            given[name] = property_of(run, name, MANY, stored.texts(name) if stored else ())
    if "DefaultDomain" in run.bound:
        given["DefaultDomain"] = _accepted_domain(run, run.bound.text("DefaultDomain"))
    return given


def _accepted_domain(run: Run, identity: str | None) -> Value:
    if identity is None:
        return NIL
    stored = run.one(run.partition.accepted_domains.values(), identity)
    return (stored.tree.properties or {})["Identity"]


def _refuse_what_conflicts(server: Server, after: Mapping[str, Value]) -> None:
    """The interlocks of section 4, on the connector as it would be."""
    _refuse_mechanisms(server, after)
    if is_true(after.get("BinaryMimeEnabled")) and not is_true(after.get("ChunkingEnabled")):  # [4-7]
        raise Refused("BinaryMimeEnabled needs ChunkingEnabled.", target="BinaryMimeEnabled")
    banner = text_of(after.get("Banner")) or ""
    if banner and not banner.startswith("220"):  # [4-7]
        raise Refused("The banner must begin with 220.", target="Banner")
    inactivity, whole = (
        ticks_of(text_of(after.get(name)) or "0")
        for name in ("ConnectionInactivityTimeout", "ConnectionTimeout")
    )
    if inactivity >= whole:  # [4-7]
        raise Refused(
            "ConnectionInactivityTimeout must be less than ConnectionTimeout.",
            target="ConnectionInactivityTimeout",
        )
    if is_true(after.get("SuppressXAnonymousTls")) and not is_true(
        (server.transport.tree.properties or {}).get("UseDowngradedExchangeServerAuth")
    ):  # [4-8]
        raise Refused(
            "SuppressXAnonymousTls needs UseDowngradedExchangeServerAuth on the transport service.",
            target="SuppressXAnonymousTls",
        )


def _refuse_mechanisms(server: Server, after: Mapping[str, Value]) -> None:
    auth = number_of(after.get("AuthMechanism")) or 0
    groups = number_of(after.get("PermissionGroups")) or 0
    if auth & BASIC_TLS and not (auth & BASIC and auth & TLS):  # [4-5]
        raise Refused("BasicAuthRequireTLS needs BasicAuth and Tls.", target="AuthMechanism")
    if auth & EXTERNAL and auth & ~(EXTERNAL | TLS):  # [4-5]
        raise Refused("ExternalAuthoritative goes with Tls only.", target="AuthMechanism")
    if auth & EXTERNAL and not groups & EXCHANGE_SERVERS:  # [4-5]
        raise Refused(
            "ExternalAuthoritative needs the permission group ExchangeServers.", target="AuthMechanism"
        )
    if is_true(after.get("RequireTLS")) and not auth & TLS:  # [4-5]
        raise Refused("RequireTLS needs the mechanism Tls.", target="RequireTLS")
    if is_true(after.get("DomainSecureEnabled")) and (not auth & TLS or auth & EXTERNAL):  # [4-7]
        raise Refused(
            "DomainSecureEnabled needs the mechanism Tls and excludes ExternalAuthoritative.",
            target="DomainSecureEnabled",
        )
    host = text_of(after.get("Fqdn"))
    own = {server.home.fqdn.lower(), server.name.lower()}
    if auth & EXCHANGE_SERVER and host is not None and host.lower() not in own:  # [4-4]
        raise Refused(
            "When the AuthMechanism attribute on a Receive connector contains the value ExchangeServer, "
            "you must set the FQDN parameter on the Receive connector to one of the following values: "
            f'the FQDN of the transport server "{server.home.fqdn}", the NetBIOS name of the transport '
            f'server "{server.name}", or $null.',
            target="Fqdn",
        )


def _refuse_overlap(run: Run, server: Server, after: Mapping[str, Value], itself: Stored | None) -> None:
    """Two connectors on one binding must have ranges that differ, nested or apart [4-3]."""
    bindings = set(texts_of(after.get("Bindings")))
    ranges = set(texts_of(after.get("RemoteIPRanges")))
    for other in run.receive_connectors(server).values():
        if other is itself or not bindings & set(other.texts("Bindings")):
            continue
        theirs = set(other.texts("RemoteIPRanges"))
        if ranges == theirs or _any_overlap(ranges, theirs):
            raise Refused(
                "The values that you specified for the Bindings and RemoteIPRanges parameters conflict with "
                f'the settings on Receive connector "{other["Identity"]}". Receive connectors assigned to '
                "different Transport roles on a single server must listen on unique local IP address & port "
                "bindings.",
                target=other["Identity"] or "",
            )


def _any_overlap(ours: Iterable[str], theirs: Iterable[str]) -> bool:
    other = [range_of(text)[:2] for text in theirs]
    for text in ours:
        low, high, _ = range_of(text)
        for first, last in other:
            if low.version != first.version or int(high) < int(first) or int(last) < int(low):
                continue
            is_inside = int(first) <= int(low) and int(high) <= int(last)
            if not is_inside and not (int(low) <= int(first) and int(last) <= int(high)):
                return True
    return False
