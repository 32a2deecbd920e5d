"""Parameters of Set-SendConnector that exclude or demand each other: rules [3-5], [3-8] to [3-14].

Only what is declared is judged: an attribute that is not may have any value in Exchange. The kinds
declare enough for a stricter look than a connector of ``kind: other``.
"""

from __future__ import annotations

from collections.abc import Callable

from reconciler.config.draft import Draft
from state.address import Address
from state.resources import SendConnector
from state.values import UNSET, Name

from .label import label

Check = Callable[[Draft, Address, SendConnector], None]


def check_send_interlocks(draft: Draft) -> None:
    for address, connector in draft.of(SendConnector):
        for rule in _RULES:
            rule(draft, address, connector)


def _encryption_is_one_or_the_other(draft: Draft, address: Address, connector: SendConnector) -> None:
    """[3-11]"""
    if connector.require_tls is True and connector.ignore_starttls is True:
        draft.error(
            "RequireTLS with IgnoreSTARTTLS",
            f"{label(address)} requires TLS and never uses STARTTLS.",
            draft.where(address, "ignore_starttls", "require_tls"),
            "set one of them to false",
            str(address),
        )


def _level_needs_tls(draft: Draft, address: Address, connector: SendConnector) -> None:
    """[3-12]"""
    if not isinstance(connector.tls_auth_level, str):
        return
    if connector.require_tls is False or connector.ignore_starttls is True:
        draft.error(
            "TlsAuthLevel without RequireTLS",
            f"{label(address)} sets {connector.tls_auth_level}, and TLS is not required there.",
            draft.where(address, "tls_auth_level"),
            "take tls_auth_level away, or put the domains under tls_required",
            str(address),
        )


def _domain_validation_names_a_domain(draft: Draft, address: Address, connector: SendConnector) -> None:
    """[3-13]: with smart hosts Exchange refuses; with DNS it compares the recipient's own domain, which
    fails for every partner whose mail a large provider hosts. A connector that exists may be so."""
    is_named = connector.tls_domain not in (UNSET, None)
    is_wrong = connector.tls_domain is UNSET and draft.is_written(address, "tls_domain")
    if connector.tls_auth_level != "DomainValidation" or is_named or is_wrong:
        return
    hint = "add tls_domain, or lower tls_auth_level to CertificateValidation"
    detail = f"{label(address)} asks for DomainValidation but names no tls_domain."
    if connector.role != "other":
        draft.error("TlsDomain not set", detail, draft.where(address), hint, str(address))
    elif connector.tls_domain is None and connector.dns_routing_enabled is False:
        draft.error("TlsDomain not set", detail, draft.where(address, "tls_domain"), hint, str(address))
    elif connector.dns_routing_enabled is True:
        draft.warning("TlsDomain not set", detail, draft.where(address, "tls_auth_level"), hint, str(address))


def _tls_domain_needs_domain_validation(draft: Draft, address: Address, connector: SendConnector) -> None:
    """[3-13]"""
    if connector.tls_domain in (UNSET, None):
        return
    is_sure = connector.role != "other" or connector.tls_auth_level is not UNSET
    if is_sure and connector.tls_auth_level != "DomainValidation":
        draft.error(
            "TlsDomain not used",
            f"{label(address)} names {connector.tls_domain}, and only DomainValidation looks at it.",
            draft.where(address, "tls_domain"),
            "add tls_auth_level: DomainValidation, or take tls_domain away",
            str(address),
        )


def _route_is_one_or_the_other(draft: Draft, address: Address, connector: SendConnector) -> None:
    """[3-8]"""
    where = draft.where(address, "smart_hosts", "dns_routing_enabled")
    if connector.dns_routing_enabled is True and connector.smart_hosts not in (UNSET, frozenset()):
        draft.error(
            "Smart hosts with DNS routing",
            f"{label(address)} routes by DNS and names smart hosts.",
            where,
            "set dns_routing_enabled to false, or take the smart hosts away",
            str(address),
        )
    if connector.dns_routing_enabled is False and connector.smart_hosts == frozenset():
        draft.error(
            "Smart hosts missing",
            f"{label(address)} does not route by DNS and names no smart hosts.",
            where,
            "name smart hosts, or route via dns",
            str(address),
        )


def _other_systems_need_smart_hosts(draft: Draft, address: Address, connector: SendConnector) -> None:
    """[3-8]"""
    if connector.dns_routing_enabled is not True or not isinstance(connector.address_spaces, frozenset):
        return
    for space in sorted(connector.address_spaces):
        if space.type != "SMTP":
            draft.error(
                "Smart hosts missing",
                f"{label(address)} carries {space}, and only smart hosts can take what is not SMTP.",
                draft.where(address, "address_spaces"),
                "name smart hosts",
                str(address),
            )


def _sign_on_needs_smart_hosts_and_credential(
    draft: Draft, address: Address, connector: SendConnector
) -> None:
    """[3-10]"""
    mechanism, credential = connector.smart_host_auth_mechanism, connector.authentication_credential
    where = draft.where(address, "smart_host_auth_mechanism", "authentication_credential")
    needs_credential = mechanism in ("BasicAuth", "BasicAuthRequireTLS")
    # Exchange never returns the credential [1-10], so one that is there cannot be declared as it is.
    is_wrong = credential is UNSET and draft.is_written(address, "via", "credential")
    is_missing = credential is None or (credential is UNSET and connector.role != "other" and not is_wrong)
    if needs_credential and is_missing:
        draft.error(
            "Credential missing",
            f"{label(address)} signs on by {mechanism} and names no credential.",
            where,
            "add credential: with a reference such as env:RELAY",
            str(address),
        )
    if credential not in (UNSET, None) and mechanism is not UNSET and not needs_credential:
        draft.warning(
            "Credential not used",
            f"{label(address)} names a credential, and {mechanism} uses none.",
            where,
            "sign on by BasicAuthRequireTLS, or take the credential away",
            str(address),
        )
    if connector.dns_routing_enabled is True and mechanism not in (UNSET, "None"):
        draft.warning(
            "Sign-on without smart hosts",
            f"{label(address)} routes by DNS, where {mechanism} has no meaning.",
            where,
            "take it away, or name smart hosts",
            str(address),
        )


def _domain_security_works(draft: Draft, address: Address, connector: SendConnector) -> None:
    """[3-14]: "functions correctly only", which is no refusal."""
    if connector.domain_secure_enabled is not True:
        return
    spaces = connector.address_spaces if isinstance(connector.address_spaces, frozenset) else frozenset()
    reasons = [
        reason
        for applies, reason in (
            (connector.dns_routing_enabled is False, "it does not route by DNS"),
            (connector.ignore_starttls is True, "it never uses STARTTLS"),
            (any("*" in space.address for space in spaces), "it has a wildcard address space"),
        )
        if applies
    ]
    if reasons:
        draft.warning(
            "Domain security does not work",
            f"{label(address)} sets domain_secure_enabled, but {' and '.join(reasons)}.",
            draft.where(address, "domain_secure_enabled"),
            "use tls_auth_level: DomainValidation instead",
            str(address),
        )


def _edge_sync_owns_its_connectors(draft: Draft, address: Address, connector: SendConnector) -> None:
    """Its names are documented [1-5]; that nobody else may hold its placeholder is inferred [3-5]."""
    if connector.mode == "observe":
        return
    if isinstance(connector.name, Name) and str(connector.name).casefold().startswith("edgesync - "):
        draft.error(
            "Connector of an Edge subscription",
            f"{label(address)} is EdgeSync's own: it is made and kept by the subscription.",
            draft.where(address, "name"),
            "leave it undeclared, or declare mode: observe",
            str(address),
        )
        return
    spaces = connector.address_spaces if isinstance(connector.address_spaces, frozenset) else frozenset()
    hosts = connector.smart_hosts if isinstance(connector.smart_hosts, frozenset) else frozenset()
    if any(space.address == "--" for space in spaces) or any(host.host == "--" for host in hosts):
        draft.warning(
            "Connector of an Edge subscription",
            f'{label(address)} holds "--", which EdgeSync sets and replaces.',
            draft.where(address, "address_spaces", "smart_hosts"),
            "leave it undeclared, or declare mode: observe",
            str(address),
        )


_RULES: tuple[Check, ...] = (
    _encryption_is_one_or_the_other,
    _level_needs_tls,
    _domain_validation_names_a_domain,
    _tls_domain_needs_domain_validation,
    _route_is_one_or_the_other,
    _other_systems_need_smart_hosts,
    _sign_on_needs_smart_hosts_and_credential,
    _domain_security_works,
    _edge_sync_owns_its_connectors,
)
