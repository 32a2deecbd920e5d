"""Get-, New-, Set- and Remove-SendConnector."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from uuid import uuid4

from reconciler.lab.call import Warned
from reconciler.lab.exchange.addresses import smart_hosts
from reconciler.lab.exchange.clixml import Value, is_true, text_of, texts_of, write
from reconciler.lab.exchange.cmdlets.conversion import Edit
from reconciler.lab.exchange.cmdlets.errors import INVALID_OPERATION, Refused, not_found, not_transformed
from reconciler.lab.exchange.cmdlets.properties import Many, property_of
from reconciler.lab.exchange.cmdlets.run import Run, Steps
from reconciler.lab.exchange.directory import changed_now, renamed
from reconciler.lab.exchange.objects.send_connector import SINCE, send_connector, smart_hosts_string
from reconciler.lab.exchange.organization import Stored
from reconciler.lab.exchange.values import address_spaces

NOT_PROPERTIES = frozenset(
    {
        "Identity",
        "Confirm",
        "WhatIf",
        "Force",
        "DomainController",
        "Name",
        "Usage",
        "Custom",
        "Internal",
        "Internet",
        "Partner",
        "LinkedReceiveConnector",
        "IsCoexistenceConnector",
    }
)
USAGES = ("Usage", "Custom", "Internal", "Internet", "Partner")
MAX_NAME = 64


def get(run: Run) -> Steps:
    """Get-SendConnector: one list for the organization, a list of its own on Edge [1-3], [1-4]."""
    run.check_role()
    for stored in run.matching(run.send_connectors.values(), run.bound.text("Identity")):
        yield run.show(stored, SINCE)


def new(run: Run) -> Steps:
    """New-SendConnector."""
    _check(run)
    if sum(run.bound.is_on(usage) or (usage == "Usage" and usage in run.bound) for usage in USAGES) > 1:
        raise Refused("Usage and its switches can't be combined.", kind="ArgumentException")  # [3-20]
    name = _checked_name(run, run.bound.values["Name"])
    lists = [parameter for parameter, value in run.bound.values.items() if isinstance(value, Edit)]
    if lists:  # [3-22]
        raise not_transformed(run.cmdlet, lists[0], "Add and Remove need an object that exists.")
    given = _given(run, None)
    # Without source servers the connector's source is the server that made it [3-23, inf].
    sources = texts_of(given.get("SourceTransportServers")) or (run.server.name,)
    tree = send_connector(
        run.partition.forest,
        name,
        uuid4(),
        sources,
        given,
        build=run.server.home.build,
        now=run.now,
        origin=run.controller,
    )
    _refuse_what_conflicts(run, tree.properties or {})
    if (yield from run.should_process(f'Creating Send connector "{name}".')):
        stored = Stored(tree)
        run.organization.put_send_connector(run.partition, stored, run.written)
        yield run.show(stored, SINCE)


def set_(run: Run) -> Steps:
    """Set-SendConnector: gives nothing back."""
    _check(run)
    stored = run.one(run.send_connectors.values(), run.bound.text("Identity"))
    given = _given(run, stored)
    tree = stored.tree.with_properties(given)
    new_name = run.bound.text("Name")
    if new_name is not None and new_name != stored.name:
        name = _checked_name(run, new_name, stored)
        tree = renamed(tree, run.partition.forest, run.partition.forest.send_connector_dn(name), name)
    _refuse_what_conflicts(run, tree.properties or {})
    if (yield from run.should_process(f'Setting Send connector "{stored.name}".')):
        if write(tree) == write(stored.tree):
            yield Warned(
                f"The command completed successfully but no settings of '{stored.name}' have been modified."
            )
            return
        changed = replace(stored, tree=changed_now(tree, run.now))
        run.organization.put_send_connector(run.partition, changed, run.written)


def remove(run: Run) -> Steps:
    """Remove-SendConnector: asks unless -Confirm:$false [1-9]."""
    run.check_role()
    _refuse_on_subscribed(run)
    stored = run.one(run.send_connectors.values(), run.bound.text("Identity"))
    if (yield from run.should_process(f'Removing Send connector "{stored.name}".', always=True)):
        run.organization.drop_send_connector(run.partition, stored.guid, run.written)


def _check(run: Run) -> None:
    run.check_role()
    run.check_lengths()
    _refuse_on_subscribed(run)


def _refuse_on_subscribed(run: Run) -> None:
    """A subscribed Edge server has its send connectors from the organization [1-5]; the words are ours."""
    if run.organization.is_subscribed(run.server):
        raise Refused(
            "Send connectors can't be changed on an Edge Transport server that is subscribed.",
            category=INVALID_OPERATION,
        )


def _checked_name(run: Run, name: str, itself: Stored | None = None) -> str:
    if not name.strip() or len(name) > MAX_NAME:
        raise Refused(f'"{name}" isn\'t a valid name for a connector.', kind="DataValidationException")
    others = run.send_connectors.values()
    if any(other.name.lower() == name.lower() for other in others if other is not itself):
        raise Refused(
            f"Active Directory operation failed on {run.controller}. The object "
            f"'{run.partition.forest.send_connector_dn(name)}' already exists.",
            kind="ADObjectAlreadyExistsException",
            category=INVALID_OPERATION,
            target=name,
        )
    return name


def _given(run: Run, stored: Stored | None) -> dict[str, Value]:
    """The properties that this command line changes; SmartHostsString follows SmartHosts."""
    many: Mapping[str, Many] = {
        "AddressSpaces": address_spaces,
        "SmartHosts": lambda texts: smart_hosts(texts, run.server.home.build.assembly),
        "SourceTransportServers": lambda texts: _sources(run, texts),
    }
    given: dict[str, Value] = {}
    for name in run.bound.values:
        if name not in NOT_PROPERTIES:
            given[name] = property_of(run, name, many, stored.texts(name) if stored else ())
    if "SmartHosts" in given:
        given["SmartHostsString"] = smart_hosts_string(given["SmartHosts"])
    return given


def _sources(run: Run, texts: Iterable[str]) -> Value:
    names: list[str] = []
    for text in texts:
        server = run.organization.server(text)
        if server is None or not run.is_listed(server):
            raise not_found(text, run.controller)
        names.append(server.name)  # names are taken in any form, and come back short [3-23]
    if not names:  # mail would have nowhere to leave from [inf: source-default]
        raise Refused("A Send connector needs at least one source server.", target="SourceTransportServers")
    return run.partition.forest.server_links(names)


def _refuse_what_conflicts(run: Run, after: Mapping[str, Value]) -> None:
    """The interlocks of section 3, on the connector as it would be."""

    def on(name: str) -> bool:
        return is_true(after.get(name))

    def text(name: str) -> str | None:
        return text_of(after.get(name))

    has_hosts = bool(texts_of(after.get("SmartHosts")))
    level, is_dns = text("TlsAuthLevel"), on("DNSRoutingEnabled")
    if not texts_of(after.get("AddressSpaces")):
        raise Refused("A Send connector needs at least one address space.", target="AddressSpaces")
    if has_hosts and is_dns:  # [3-8]
        raise Refused("SmartHosts can't be used while DNSRoutingEnabled is true.", target="SmartHosts")
    if not is_dns and not has_hosts:  # [3-8]
        raise Refused("SmartHosts must be given when DNSRoutingEnabled is false.", target="SmartHosts")
    if run.bound.get("DNSRoutingEnabled") is False and "SmartHosts" not in run.bound:  # [3-8]
        raise Refused("SmartHosts must be given together with DNSRoutingEnabled false.", target="SmartHosts")
    _refuse_address_types(run, texts_of(after.get("AddressSpaces")), has_hosts=has_hosts)
    if on("RequireTLS") and on("IgnoreSTARTTLS"):  # [3-11]
        raise Refused("RequireTLS can't be true while IgnoreSTARTTLS is true.", target="RequireTLS")
    if level is not None and (on("IgnoreSTARTTLS") or not on("RequireTLS")):  # [3-12]
        raise Refused(
            "TlsAuthLevel can be set only when RequireTLS is true and IgnoreSTARTTLS is false.",
            target="TlsAuthLevel",
        )
    # [3-13] says "used only with"; that a domain left over from before is refused too is inferred.
    if text("TlsDomain") is not None and level != "DomainValidation":
        raise Refused("TlsDomain can be set only when TlsAuthLevel is DomainValidation.", target="TlsDomain")
    if level == "DomainValidation" and not is_dns and text("TlsDomain") is None:  # [3-13]
        raise Refused(
            "TlsDomain must be set when TlsAuthLevel is DomainValidation and DNSRoutingEnabled is false.",
            target="TlsDomain",
        )
    needs_login = (run.bound.text("SmartHostAuthMechanism") or "").lower().startswith("basicauth")
    if needs_login and run.bound.get("AuthenticationCredential") is None:  # [3-10]
        raise Refused(
            "AuthenticationCredential must be given for this SmartHostAuthMechanism.",
            target="AuthenticationCredential",
        )


def _refuse_address_types(run: Run, spaces: Iterable[str], *, has_hosts: bool) -> None:
    for space in spaces:
        if space.partition(":")[0].upper() == "SMTP":
            continue
        if run.server.home.is_edge:  # [1-4]
            raise Refused("An Edge Transport server has SMTP address spaces only.", target="AddressSpaces")
        if not has_hosts:  # [3-8]
            raise Refused("An address space that isn't SMTP needs smart hosts.", target="AddressSpaces")
