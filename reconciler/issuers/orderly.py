"""What every issuer demands of a request before anybody is asked."""

from __future__ import annotations

from typing import Final

from reconciler.issuers.port import CertificateRequest, RequestRefused
from reconciler.pki.coverage import uncovered
from reconciler.pki.request import NotARequest, RequestFacts, parse_request
from reconciler.pki.signable import SMALLEST_KEY
from state.values import Unknown

ANEW: Final = "remove the pending request in Exchange, and apply again: another one is then made"


def read_request(issuer: str, request: CertificateRequest) -> RequestFacts:
    """Read a request that is in order.

    Args:
        issuer: Its name under ``issuers``, for messages.

    Raises:
        RequestRefused: its signature is wrong, its key is no RSA key of 2048 bits or more, or it does not
            name what it is for.
    """
    try:
        facts = parse_request(request.csr)
    except NotARequest as error:
        raise RequestRefused(issuer, f"the request cannot be read: {error.reason}", ANEW) from error
    if not facts.is_signed:
        raise RequestRefused(issuer, "the request is not signed with its own key", ANEW)
    if facts.key_type != "RSA" or not isinstance(facts.key_size, int) or facts.key_size < SMALLEST_KEY:
        raise RequestRefused(
            issuer,
            f"the request's key is no RSA key of {SMALLEST_KEY} bits or more",
            f"write key_size: {SMALLEST_KEY} or more, and apply again: another request is then made",
        )
    if isinstance(facts.alternative_domains, Unknown):
        raise RequestRefused(issuer, "the names of the request cannot be read", ANEW)
    if missing := uncovered(facts.alternative_domains, request.domains):
        named = ", ".join(sorted(domain.name for domain in missing))
        raise RequestRefused(issuer, f"the request does not name {named}", ANEW)
    return facts
