"""What a server cannot do: by its role [1-4], by its declared version [3-15], [3-21]."""

from __future__ import annotations

from reconciler.cmdlets.capabilities import lacks
from reconciler.cmdlets.releases import newest_of
from reconciler.config.draft import Draft
from reconciler.diagnostics import SourceRange
from state.address import Address
from state.resources import Kind, ReceiveConnector, SendConnector
from state.values import UNSET, Name

from .label import label


def check_servers(draft: Draft) -> None:
    for address, connector in draft.connectors():
        _check_version(draft, address, connector)
    for address, sender in draft.of(SendConnector):
        _check_role(draft, address, sender)
    _check_connector_names(draft)


def _check_version(draft: Draft, address: Address, connector: SendConnector | ReceiveConnector) -> None:
    """Of several source servers, one that has an attribute is enough: it runs the commands."""
    home = connector.home if isinstance(connector.home, tuple) else ()
    versions = {name: draft.servers[name].model.version for name in home}
    for attribute, _ in connector.declared(Kind.WRITABLE):
        if not all(
            version is not UNSET and _lacks(connector, attribute.exchange, version)
            for version in versions.values()
        ):
            continue
        for name, version in versions.items():
            draft.error(
                "Not in this version",
                f"{label(address)} sets {attribute.exchange}, which Exchange {version} does not have: "
                f'"{name}".',
                draft.where(address, attribute.name),
                "leave it out, and declare fqdn: there, Exchange presents the certificate that is enabled "
                "for SMTP and holds that name"
                if attribute.exchange == "TlsCertificateName"
                else "leave it out",
                str(address),
            )


def _lacks(connector: SendConnector | ReceiveConnector, parameter: str, version: str) -> bool:
    """By its build alone: what a role lacks is told by :func:`_check_role`."""
    build = newest_of(version).first
    return all(lacks(type(connector), parameter, build, edge=edge) for edge in (False, True))


def _check_role(draft: Draft, address: Address, connector: SendConnector) -> None:
    if connector.local is not True:
        if connector.source_ip_address is not UNSET:
            draft.error(
                "Only on an Edge server",
                f"{label(address)} sets a source address, which Mailbox servers do not take.",
                draft.where(address, "source_ip_address"),
                "take source_ip away",
                str(address),
            )
        return
    spaces = connector.address_spaces if isinstance(connector.address_spaces, frozenset) else frozenset()
    for space in sorted(space for space in spaces if space.type != "SMTP"):
        draft.error(
            "Not on an Edge server",
            f"{label(address)} carries {space}; an Edge server takes SMTP address spaces only.",
            draft.where(address, "address_spaces"),
            "take the address space away",
            str(address),
        )
    if connector.is_scoped_connector is True:
        # No page says that it is refused; an Edge server has no Active Directory site to be scoped to.
        draft.warning(
            "Not on an Edge server",
            f"{label(address)} is scoped to an Active Directory site, and an Edge server is in none.",
            draft.where(address, "is_scoped_connector"),
            "take scoped away",
            str(address),
        )


def _check_connector_names(draft: Draft) -> None:
    """Send connectors of the organization are one list [1-3]; each Edge server has its own [1-4]."""
    first: dict[tuple[Name | None, Name], tuple[Address, SourceRange]] = {}
    for address, connector in draft.of(SendConnector):
        if not isinstance(connector.name, Name):
            continue
        home = connector.home[0] if connector.local is True and isinstance(connector.home, tuple) else None
        where = draft.where(address, "name")
        other, place = first.setdefault((home, connector.name), (address, where))
        if other != address:
            draft.error(
                "Connector name used twice",
                f'{label(address)} and {other} ({place}) would both be called "{connector.name}".',
                where,
                "give one of them another name: with name:",
                str(address),
            )
