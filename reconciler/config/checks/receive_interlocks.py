"""Parameters of Set-ReceiveConnector that exclude or demand each other: rules [4-4], [4-5], [4-7]."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

from reconciler.config.draft import Draft
from state.address import Address
from state.resources import ReceiveConnector
from state.values import Fqdn

from .label import label


class _Problem(NamedTuple):
    """What is wrong with a connector: ``detail`` goes on from its name."""

    summary: str
    detail: str
    attribute: str
    hint: str


def check_receive_interlocks(draft: Draft) -> None:
    for address, connector in draft.of(ReceiveConnector):
        for found in (*_sign_on(connector), *_name(address, connector), *_protocol(connector)):
            draft.error(
                found.summary,
                f"{label(address)} {found.detail}.",
                draft.where(address, found.attribute),
                found.hint,
                str(address),
            )


def _sign_on(connector: ReceiveConnector) -> Iterator[_Problem]:
    """[4-5], [4-7]"""
    mechanisms = connector.auth_mechanism
    if not isinstance(mechanisms, frozenset):
        return
    if "BasicAuthRequireTLS" in mechanisms and not mechanisms >= {"BasicAuth", "Tls"}:
        yield _Problem(
            "AuthMechanism incomplete",
            "has BasicAuthRequireTLS without both BasicAuth and Tls",
            "auth_mechanism",
            "add BasicAuth and Tls",
        )
    if "ExternalAuthoritative" in mechanisms:
        if others := mechanisms - {"ExternalAuthoritative", "Tls"}:
            yield _Problem(
                "AuthMechanism contradictory",
                f"has ExternalAuthoritative, which goes with Tls only, beside {', '.join(sorted(others))}",
                "auth_mechanism",
                "keep ExternalAuthoritative and Tls",
            )
        groups = connector.permission_groups
        if isinstance(groups, frozenset) and "ExchangeServers" not in groups:
            yield _Problem(
                "PermissionGroups incomplete",
                "has ExternalAuthoritative, and its permission groups lack ExchangeServers",
                "permission_groups",
                "add ExchangeServers",
            )
        if connector.domain_secure_enabled is True:
            yield _Problem(
                "AuthMechanism contradictory",
                "has ExternalAuthoritative and sets domain_secure_enabled",
                "domain_secure_enabled",
                "give up one of them",
            )
    for attribute, declared in (
        ("require_tls", connector.require_tls),
        ("domain_secure_enabled", connector.domain_secure_enabled),
    ):
        if declared is True and "Tls" not in mechanisms:
            yield _Problem(
                "AuthMechanism incomplete",
                f"sets {attribute} without Tls",
                attribute,
                "add Tls to auth_mechanism",
            )


def _name(address: Address, connector: ReceiveConnector) -> Iterator[_Problem]:
    """[4-4]: with ExchangeServer only the server's own name will do.

    The server's domain is not declared, so any name whose first label is the server's passes here.
    """
    mechanisms, fqdn = connector.auth_mechanism, connector.fqdn
    if not (isinstance(mechanisms, frozenset) and "ExchangeServer" in mechanisms and isinstance(fqdn, Fqdn)):
        return
    server = address.parts[0]
    if fqdn.name.partition(".")[0] != server.lower():
        yield _Problem(
            "Fqdn not the server's own",
            f'answers as "{fqdn}", and its AuthMechanism holds ExchangeServer',
            "fqdn",
            "take fqdn away: a certificate is bound without it",
        )


def _protocol(connector: ReceiveConnector) -> Iterator[_Problem]:
    """[4-7]"""
    idle, longest = connector.connection_inactivity_timeout, connector.connection_timeout
    if isinstance(idle, timedelta) and isinstance(longest, timedelta) and idle >= longest:
        yield _Problem(
            "Timeouts contradictory",
            "has a connection_inactivity_timeout that is not shorter than its connection_timeout",
            "connection_inactivity_timeout",
            "make it shorter",
        )
    if connector.binary_mime_enabled is True and connector.chunking_enabled is False:
        yield _Problem(
            "BINARYMIME without CHUNKING",
            "enables binary_mime_enabled and disables chunking_enabled",
            "binary_mime_enabled",
            "enable chunking_enabled too",
        )
    if isinstance(connector.banner, str) and connector.banner and not connector.banner.startswith("220"):
        yield _Problem(
            "Banner not allowed",
            "has a banner that does not begin with 220",
            "banner",
            'begin it with "220 "',
        )
