"""What is to be said of a certificate that is good enough to be imported, and not as good as it could be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from reconciler.diagnostics import Diagnostic, Severity
from reconciler.pki.answer import encoded_chain, read_chain
from reconciler.pki.certificate import CertificateFacts
from reconciler.pki.issuer_urls import issuer_urls
from reconciler.pki.purposes import is_for_clients
from reconciler.pki.renewal import renewal_due
from reconciler.verify.chain import Authorities, judge_chain
from state.address import Address
from state.resources import Certificate

_STORE = "Intermediate Certification Authorities of the computer"


def notices(
    address: Address,
    asked: Certificate,
    chain: str,
    trusted: Authorities | None,
    now: datetime,
    *,
    is_for_mutual_tls: bool,
) -> tuple[Diagnostic, ...]:
    """Warn of what an issued certificate will bring.

    Args:
        chain: PEM, as :func:`reconciler.pki.answer.check_answer` accepted it.
        trusted: Where it may end; None where that is not known, and the chain is not judged.
        is_for_mutual_tls: A send connector that it is declared for shows it to partners that ask for one.
    """
    facts = read_chain(chain)
    ders = encoded_chain(chain)
    found = [*_lifetime(address, asked, facts, now)]
    if is_for_mutual_tls and not is_for_clients(ders[0]):
        found.append(_not_for_clients(address))
    if trusted is not None and (problem := judge_chain(ders, trusted, now)):
        last = facts[-1]
        if problem.is_short or not last.self_signed:
            found.append(_incomplete(address, last, problem.reason, issuer_urls(ders[-1])))
        else:
            found.append(_not_trusted(address, last))
    return tuple(found)


def _lifetime(
    address: Address, asked: Certificate, facts: Sequence[CertificateFacts], now: datetime
) -> Iterator[Diagnostic]:
    leaf, *above = facts
    if renewal_due(leaf.not_before, leaf.not_after, now, asked.renew_before):
        yield Diagnostic(
            summary="Certificate due at once",
            detail=(
                f"The certificate for {address} ends {leaf.not_after:%Y-%m-%d %H:%M} UTC: by renew_before it "
                "is to be renewed already, and the next apply asks for another one."
            ),
            hint="ask the authority for a longer lifetime, or write a shorter renew_before",
            subject=str(address),
            severity=Severity.WARNING,
        )
    first = min(above, key=lambda one: one.not_after, default=leaf)
    if first.not_after < leaf.not_after:
        yield Diagnostic(
            summary="Chain ends before the certificate",
            detail=(
                f"The certificate for {address} ends {leaf.not_after:%Y-%m-%d} UTC, and {first.subject} in "
                f"its chain {first.not_after:%Y-%m-%d} UTC: from then on nobody can verify it."
            ),
            hint="ask the authority for its new intermediate; until then renew before that day",
            subject=str(address),
            severity=Severity.WARNING,
        )


def _not_for_clients(address: Address) -> Diagnostic:
    return Diagnostic(
        summary="Certificate not for clients",
        detail=(
            f"A send connector with domain_secure_enabled presents {address} to partners, and its extended "
            "key usage allows TLS servers only: a partner that checks the usage of clients refuses it."
        ),
        hint=(
            "public authorities no longer issue for clients; ask the partners whether they check it, or take "
            "a certificate of an authority that you and they agree on for that connector"
        ),
        subject=str(address),
        severity=Severity.WARNING,
    )


def _incomplete(address: Address, last: CertificateFacts, reason: str, urls: Sequence[str]) -> Diagnostic:
    where = (
        f" It says that its issuer's certificate is at {', '.join(urls)}; nothing was fetched."
        if urls
        else ""
    )
    return Diagnostic(
        summary="Chain incomplete",
        detail=(
            f"What was sent for {address} does not lead to an authority that is trusted here: {reason}. The "
            f"last of it was issued by {last.issuer}.{where}"
        ),
        hint=(
            f'have the answer given with its intermediates; or import the certificate of "{last.issuer}" '
            f"into {_STORE}, on each server that has the certificate, then reconciler verify PATH. Where "
            "that is the root of an authority of your own, name its certificate with ca: of the issuer"
        ),
        subject=str(address),
        severity=Severity.WARNING,
    )


def _not_trusted(address: Address, root: CertificateFacts) -> Diagnostic:
    return Diagnostic(
        summary="Authority not trusted here",
        detail=(
            f"The certificate for {address} leads to {root.subject}, which is not among the public roots of "
            "this machine: partners that validate will hardly know it either."
        ),
        hint=(
            "right for an authority of one's own, which ca of its issuer names; for what the world connects "
            "to take a public one"
        ),
        subject=str(address),
        severity=Severity.WARNING,
    )
