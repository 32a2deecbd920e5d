"""Which certificates are declared, and under which names connectors find them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from reconciler.pki.selection import PENDING, may_be_pending, select
from reconciler.pki.subject import SubjectProblem, parse_subject
from state.resources import Certificate, ReceiveConnector, SendConnector
from state.values import UNSET, Name, Thumbprint, TlsCertificateName

from .found import Choices, Found, Thing
from .text import Lines, scalar

_SIZES: Final = (1024, 2048, 4096)
_PINNED: Final = "only this one: its names do not tell it apart"
_COMMON_NAME: Final = re.compile(r"(?:^|, )CN=([^,]+)")


@dataclass(frozen=True, slots=True)
class Watched:
    """One certificate of one server that is declared.

    Attributes:
        name: Of our own, one for all servers that hold a certificate of this issuer and subject.
        asked: What is declared of it.
        why: What it is for, for people.
    """

    thing: Thing
    name: str
    live: Certificate
    asked: Certificate
    why: str


@dataclass(slots=True)
class Certificates:
    """Those of all servers.

    Attributes:
        by_server: The declared ones, the longest-lived first.
        others: The rest.
    """

    by_server: dict[Name, tuple[Watched, ...]] = field(default_factory=dict)
    others: dict[Name, tuple[Certificate, ...]] = field(default_factory=dict)
    _names: dict[TlsCertificateName, str] = field(default_factory=dict)

    def bound_by(self, name: TlsCertificateName, servers: Sequence[Name]) -> str:
        """What each of these servers declares the certificate as that a connector names; "": not all do."""
        ours = self._names.get(name, "")
        each = all(
            any(watched.name == ours and watched.live.tls_certificate_name == name for watched in found)
            for found in (self.by_server.get(server, ()) for server in servers)
        )
        return ours if ours and servers and each else ""


def certificates_of(found: Found, choices: Choices) -> Certificates:
    """Sort the certificates of every server into those that matter for SMTP and others."""
    made = Certificates()
    taken: set[str] = set()
    for server, live in found.servers():
        bound = _bindings(found, server)
        watched: list[Watched] = []
        others: list[Certificate] = []
        here: set[str] = set()
        for certificate in sorted(live.certificates.objects, key=_end, reverse=True):
            why = _why(certificate, bound)
            thing = Thing("certificate", server, Name(str(certificate.thumbprint)))
            if not why or not isinstance(certificate.thumbprint, Thumbprint) or thing in choices.omitted:
                others.append(certificate)
                continue
            name = _name(certificate, made._names, taken)
            while name in here:
                name = _next(name, taken)
            here.add(name)
            asked = _asked(certificate, server, thing, choices)
            if thing in choices.apart or not _is_meant(
                asked, certificate, live.certificates.objects, found.now
            ):
                asked = asked.with_(thumbprint=certificate.thumbprint)
            watched.append(Watched(thing, name, certificate, asked, why))
        made.by_server[server], made.others[server] = tuple(watched), tuple(others)
    return made


def write_certificates(lines: Lines, depth: int, server: Name, certificates: Certificates) -> None:
    """The certificates of one server; those that are not declared as comments."""
    watched, others = certificates.by_server[server], certificates.others[server]
    if watched:
        lines.key(depth, "certificates")
        for one in watched:
            _write(lines, depth + 1, one)
    if others:
        lines.comment(depth, "Certificates that no connector names, and that are not known to be for SMTP:")
        for certificate in others:
            lines.comment(depth, f"- {_described(certificate)}", hanging=2)


def _write(lines: Lines, depth: int, one: Watched) -> None:
    lines.comment(depth, f"{one.why}. {_described(one.live)}")
    lines.key(depth, one.name)
    asked = one.asked
    if isinstance(asked.subject, str):
        lines.entry(depth + 1, "subject", scalar(asked.subject), at=one.thing)
    if isinstance(asked.domains, frozenset):
        domains = [scalar(text) for text in sorted(map(str, asked.domains))]
        lines.entry(depth + 1, "domains", domains, at=one.thing)
    if isinstance(asked.key_size, int):
        lines.entry(depth + 1, "key_size", str(asked.key_size), at=one.thing)
    if isinstance(asked.services, frozenset):
        lines.entry(depth + 1, "services", ["SMTP"], at=one.thing)
    if asked.thumbprint is not UNSET:
        lines.entry(depth + 1, "thumbprint", scalar(str(asked.thumbprint)), at=one.thing, note=_PINNED)


def _described(certificate: Certificate) -> str:
    name = certificate.tls_certificate_name
    told = f"{name.subject or 'no subject'}, " if isinstance(name, TlsCertificateName) else ""
    if certificate.status == PENDING:
        told += "a request that waits for its answer, "
    elif isinstance(name, TlsCertificateName):
        told += "self-signed, " if certificate.self_signed is True else f"issued by {name.issuer}, "
    if isinstance(certificate.not_after, datetime):
        told += f"until {certificate.not_after:%Y-%m-%d}, "
    if isinstance(certificate.services, frozenset):
        told += f"for {', '.join(sorted(certificate.services)) or 'nothing'}, "
    else:
        told += "for what could not be read, "
    return f"{told}{certificate.thumbprint}"


def _bindings(found: Found, server: Name) -> frozenset[TlsCertificateName]:
    """What the connectors of a server name."""
    live = found.live.servers[server]
    is_local = server in found.edges and not found.is_subscribed(server)
    senders = (
        live.send_connectors.objects
        if is_local
        else [one for one in found.live.organization.send_connectors.objects if _is_source(one, server)]
    )
    connectors: list[SendConnector | ReceiveConnector] = [*senders, *live.receive_connectors.objects]
    return frozenset(
        connector.tls_certificate_name
        for connector in connectors
        if isinstance(connector.tls_certificate_name, TlsCertificateName)
    )


def _is_source(connector: SendConnector, server: Name) -> bool:
    sources = connector.source_transport_servers
    return isinstance(sources, frozenset) and server in sources


def _why(certificate: Certificate, bound: frozenset[TlsCertificateName]) -> str:
    """Why a certificate is declared; "" for one that is not."""
    if certificate.status == PENDING:
        return ""
    reasons = []
    if certificate.tls_certificate_name in bound:
        reasons.append("bound by a connector")
    if isinstance(certificate.services, frozenset):
        reasons += ["enabled for SMTP"] if "SMTP" in certificate.services else []
    elif not may_be_pending(certificate):
        reasons.append("perhaps for SMTP, which could not be read")
    return " and ".join(reasons).capitalize().replace("smtp", "SMTP")


def _asked(certificate: Certificate, server: Name, thing: Thing, choices: Choices) -> Certificate:
    """What is declared of one; other services than SMTP are nobody's wish, only seen."""
    values: dict[str, object] = {}
    subject = certificate.subject
    if isinstance(subject, str) and subject and not isinstance(parse_subject(subject), SubjectProblem):
        values["subject"] = subject
    if isinstance(certificate.domains, frozenset) and certificate.domains:
        values["domains"] = certificate.domains
    if certificate.key_size in _SIZES:
        values["key_size"] = certificate.key_size
    if isinstance(certificate.services, frozenset) and "SMTP" in certificate.services:
        values["services"] = frozenset({"SMTP"})
    kept = {key: value for key, value in values.items() if (thing, key) not in choices.without}
    return Certificate(home=(server,), **kept)  # type: ignore[arg-type]


def _is_meant(asked: Certificate, live: Certificate, there: Sequence[Certificate], now: datetime) -> bool:
    """Whether the declaration means this certificate without its thumbprint."""
    return select(asked, there, None, "", now).certificate is live


def _name(certificate: Certificate, names: dict[TlsCertificateName, str], taken: set[str]) -> str:
    """A name for a certificate, the same for every server that holds one with this issuer and subject."""
    full = certificate.tls_certificate_name
    if isinstance(full, TlsCertificateName) and full in names:
        return names[full]
    common = _COMMON_NAME.search(full.subject) if isinstance(full, TlsCertificateName) else None
    text = common.group(1) if common else next(_domains(certificate), "")
    base = token(text.replace("*", "wildcard")) or "certificate"
    name = base if base not in taken else _next(base, taken)
    taken.add(name)
    if isinstance(full, TlsCertificateName):
        names[full] = name
    return name


def _next(base: str, taken: set[str]) -> str:
    stem = re.sub(r"_\d+$", "", base)
    number = 2
    while f"{stem}_{number}" in taken:
        number += 1
    taken.add(f"{stem}_{number}")
    return f"{stem}_{number}"


def token(text: str) -> str:
    """A text as a name of our own: what is no letter, digit or hyphen becomes an underscore."""
    return re.sub(r"[^A-Za-z0-9-]+", "_", text).strip("_-")[:64].strip("_-")


def _domains(certificate: Certificate) -> Iterator[str]:
    if isinstance(certificate.domains, frozenset):
        yield from sorted(map(str, certificate.domains))


def _end(certificate: Certificate) -> datetime:
    end = certificate.not_after
    return end if isinstance(end, datetime) else datetime.min.replace(tzinfo=UTC)
