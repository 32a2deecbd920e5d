"""Certificates as they are asked for: rules [2.1-5], [2.1-6], [2.1-7], [2.3-6]."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from reconciler.cmdlets.mark import MARK_LENGTH
from reconciler.config.desired import IssuerSettings
from reconciler.config.draft import Draft
from reconciler.config.suggestion import did_you_mean
from reconciler.diagnostics import SourceRange
from reconciler.pki.asked import asked_domains
from reconciler.pki.signable import SMALLEST_KEY, is_signable
from reconciler.pki.subject import SubjectProblem, parse_subject
from state.address import Address
from state.resources import Certificate
from state.values import UNSET

from .label import label

_KEY_SIZES: Final = (1024, 2048, 4096)
_LONGEST_FRIENDLY_NAME: Final = 63 - MARK_LENGTH
"""Exchange takes fewer than 64 characters [2.1-7], and our mark is among them."""
_ORGANIZATION_NAME: Final = "2.5.4.10"


def check_certificates(draft: Draft, issuers: Mapping[str, IssuerSettings]) -> None:
    """Check each declaration once, though it may stand for several servers."""
    seen: set[SourceRange] = set()
    for address, certificate in draft.of(Certificate):
        where = draft.where(address)
        if where not in seen:
            seen.add(where)
            _check_issuer(draft, address, certificate, issuers)
            _check_pin(draft, address, certificate)
            _check_subject(draft, address, certificate)
            _check_key_size(draft, address, certificate, issuers)
            _check_subject_is_signable(draft, address, certificate, issuers)
            _check_friendly_name(draft, address, certificate)
            _check_services(draft, address, certificate)
    _check_default(draft)
    _check_bindings(draft)


def _check_issuer(
    draft: Draft, address: Address, certificate: Certificate, issuers: Mapping[str, IssuerSettings]
) -> None:
    name = certificate.issuer
    if isinstance(name, str) and name not in issuers and not draft.is_broken("issuers", name):
        draft.error(
            "Unknown issuer",
            f'"{name}" is not declared under issuers.',
            draft.where(address, "issuer"),
            did_you_mean(name, issuers, otherwise="declare it under issuers"),
            str(address),
        )


def _check_pin(draft: Draft, address: Address, certificate: Certificate) -> None:
    if certificate.thumbprint is not UNSET and certificate.issuer is not UNSET:
        draft.error(
            "Thumbprint with an issuer",
            f"{address} is one certificate for good by its thumbprint, and its issuer is to renew it.",
            draft.where(address, "thumbprint"),
            "take thumbprint away; or issuer, to have it watched only",
            str(address),
        )


def _check_subject(draft: Draft, address: Address, certificate: Certificate) -> None:
    if draft.is_written(address, "subject") is not isinstance(certificate.subject, str):
        return  # it is there, and wrong
    is_wrong = certificate.domains is UNSET and draft.is_written(address, "domains")
    has_names = asked_domains(certificate) or is_wrong or draft.is_written(address, "domains", 0)
    if not isinstance(certificate.subject, str):
        if certificate.issuer is not UNSET:
            draft.error(
                "Subject missing",
                f"{address} is requested without a subject: Exchange would write the server's own name.",
                draft.where(address),
                'add subject: "CN=" and the name that the world connects to',
                str(address),
            )
        elif not has_names and not draft.is_written(address, "thumbprint"):
            draft.error(
                "No names",
                f"{address} is only watched, and without domains it cannot be told from others.",
                draft.where(address),
                "add domains",
                str(address),
            )
        return
    name = parse_subject(certificate.subject)
    where = draft.where(address, "subject")
    if isinstance(name, SubjectProblem):
        draft.error(
            "Subject cannot be read",
            f'"{certificate.subject}" is no X.500 name: {name}.',
            where,
            'write it such as "C=US, O=Contoso Ltd, CN=mail.contoso.com"',
            str(address),
        )
        return
    if not has_names and not draft.is_written(address, "thumbprint"):
        draft.error(
            "No names",
            f"{address} names no host: neither its domains nor a CN in its subject.",
            where,
            "add domains",
            str(address),
        )
    legal = draft.state.legal_name
    stated = [a.value for rdn in name.rdns for a in rdn if a.type == _ORGANIZATION_NAME]
    if legal and stated and stated != [legal] and not draft.accepts(address, "legal-name"):
        draft.warning(
            "Another organization in the subject",
            f'The subject of {address} says O={", O=".join(stated)}, and legal_name is "{legal}".',
            where,
            "make them equal: an authority that checks organizations turns it down, days later; or "
            'acknowledge: [{rule: legal-name, reason: "..."}]',
            str(address),
        )


def _has_strict_issuer(certificate: Certificate, issuers: Mapping[str, IssuerSettings]) -> bool:
    """True for an issuer whose rules are known: it would refuse the request at every apply."""
    issuer = issuers.get(certificate.issuer) if isinstance(certificate.issuer, str) else None
    return issuer is not None and issuer.type == "local"


def _check_subject_is_signable(
    draft: Draft, address: Address, certificate: Certificate, issuers: Mapping[str, IssuerSettings]
) -> None:
    if not isinstance(certificate.subject, str) or not _has_strict_issuer(certificate, issuers):
        return
    name = parse_subject(certificate.subject)
    if isinstance(name, SubjectProblem):
        return  # which is told
    for attribute in (attribute for rdn in name.rdns for attribute in rdn if not is_signable(attribute)):
        draft.error(
            "Issuer would refuse it",
            f'The subject of {address} has {attribute}, which "{certificate.issuer}" does not sign: a '
            "country has two letters, a common name at most 64.",
            draft.where(address, "subject"),
            "correct the subject",
            str(address),
        )


def _check_key_size(
    draft: Draft, address: Address, certificate: Certificate, issuers: Mapping[str, IssuerSettings]
) -> None:
    size = certificate.key_size
    if not isinstance(size, int):
        return
    if size not in _KEY_SIZES:
        draft.error(
            "Key size not allowed",
            f"{address} asks for {size} bits.",
            draft.where(address, "key_size"),
            "1024, 2048 or 4096; 2048 is what authorities expect",
            str(address),
        )
    elif size < SMALLEST_KEY and _has_strict_issuer(certificate, issuers):
        draft.error(
            "Issuer would refuse it",
            f'{address} asks for {size} bits, and "{certificate.issuer}" signs no fewer than {SMALLEST_KEY}.',
            draft.where(address, "key_size"),
            f"write {SMALLEST_KEY}",
            str(address),
        )
    elif size < SMALLEST_KEY and not draft.accepts(address, "key-size"):
        draft.warning(
            "Key too small",
            f"{address} asks for {size} bits; no public authority signs fewer than {SMALLEST_KEY}.",
            draft.where(address, "key_size"),
            'write 2048, or acknowledge: [{rule: key-size, reason: "..."}]',
            str(address),
        )


def _check_friendly_name(draft: Draft, address: Address, certificate: Certificate) -> None:
    name = certificate.friendly_name
    if isinstance(name, str) and len(name) > _LONGEST_FRIENDLY_NAME:
        draft.error(
            "Friendly name too long",
            f"The friendly_name of {address} has {len(name)} characters; with our mark Exchange has room for "
            f"{_LONGEST_FRIENDLY_NAME}.",
            draft.where(address, "friendly_name"),
            "shorten it",
            str(address),
        )


def _check_services(draft: Draft, address: Address, certificate: Certificate) -> None:
    services = certificate.services
    if not isinstance(services, frozenset):
        return
    where = draft.where(address, "services")
    if "Federation" in services:
        draft.error(
            "Service not enabled here",
            f"{address} names Federation, which Set-FederationTrust enables and nothing else.",
            where,
            "take Federation away",
            str(address),
        )
    unfit = sorted(services & {"IMAP", "POP"})
    if unfit and any(domain.name.startswith("*") for domain in asked_domains(certificate)):
        draft.warning(
            "Wildcard not fit for a service",
            f"{address} has a wildcard name, and {' and '.join(unfit)} cannot use one.",
            where,
            "name the host, or take the service away",
            str(address),
        )


def _check_default(draft: Draft) -> None:
    """A server has one default SMTP certificate, and it is one for SMTP [2.3-3]."""
    chosen: dict[object, Address] = {}
    for address, certificate in draft.of(Certificate):
        if certificate.default_smtp != "replace":
            continue
        where = draft.where(address, "default_smtp")
        services = certificate.services
        if not isinstance(services, frozenset) or "SMTP" not in services:
            draft.error(
                "Default certificate not for SMTP",
                f"{address} is to become the server's default SMTP certificate, and its services lack SMTP.",
                where,
                "add SMTP to its services, or write default_smtp: keep",
                str(address),
            )
        first = chosen.setdefault(certificate.home, address)
        if first != address:
            draft.error(
                "Two default certificates",
                f"{address} and {first} are both to become the default SMTP certificate of one server.",
                where,
                "write default_smtp: keep for one of them",
                str(address),
            )


def _check_bindings(draft: Draft) -> None:
    """A connector presents only a certificate that is enabled for SMTP."""
    for address, connector in draft.connectors():
        for bound in connector.certificates if isinstance(connector.certificates, tuple) else ():
            certificate = draft.resources[bound]
            services = certificate.services if isinstance(certificate, Certificate) else UNSET
            if isinstance(services, frozenset) and "SMTP" not in services:
                draft.error(
                    "Certificate not for SMTP",
                    f"{label(address)} presents {bound}, whose services lack SMTP.",
                    draft.where(address, "certificates"),
                    "add SMTP to its services",
                    str(address),
                )
