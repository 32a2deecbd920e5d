"""Why a certificate is not the declared one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from reconciler.audit.declared import explain_certificate
from reconciler.audit.explanation import Part
from state.resources import Certificate
from state.values import UNKNOWN, UNSET, DomainPattern, Thumbprint
from tests.situations import NOW, certificate, live_certificate

MARK = "[reconciler:0123456789ab]"
DAY = timedelta(days=1)


def explained(*live: Certificate, key: str | None = None, **asked: Any) -> Part:
    [part] = explain_certificate("it", certificate(**asked), live, key, MARK, NOW).parts
    return part


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"domains": frozenset({DomainPattern("owa.contoso.com")})}, "does not cover mail.contoso.com"),
        ({"domains": UNKNOWN}, "has names that could not be read"),
        ({"not_after": NOW - DAY}, "has expired"),
        ({"not_before": NOW + DAY}, "is not valid yet"),
        ({"has_private_key": False}, "has no private key"),
        ({"status": "PendingRequest"}, "is a request without its answer"),
        ({"status": "Revoked"}, "has the status Revoked"),
        ({"self_signed": True}, "signed itself, and an issuer is declared"),
        (
            {"self_signed": True, "status": "7"},
            "may be a request without its answer, signed itself, and an issuer is declared",
        ),
        ({"status": UNKNOWN}, "may be the one: what decides could not be read"),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else None,
)
def test_what_speaks_against_it_is_told(values: dict[str, Any], why: str) -> None:
    part = explained(live_certificate(**values))
    assert [(option.why, option.is_chosen) for option in part.options] == [(why, False)]
    assert len(part.notes) == 1


def test_of_two_that_fit_the_one_that_began_last_is_meant() -> None:
    older = live_certificate(
        thumbprint=Thumbprint("B" * 40), not_before=NOW - 30 * DAY, not_after=NOW + 300 * DAY
    )
    first, second = explained(live_certificate(), older).options
    assert (first.why, first.name[0]) == ("is the declared one", "A")
    assert (second.why, second.name[0]) == ("began before the chosen one", "B")


def test_of_two_that_began_together_the_one_that_lasts_is_meant() -> None:
    lasting = live_certificate(thumbprint=Thumbprint("B" * 40), not_after=NOW + 300 * DAY)
    first, second = explained(live_certificate(), lasting).options
    assert (first.why, first.name[0]) == ("is the declared one", "B")
    assert (second.why, second.name[0]) == ("ends sooner than the chosen one", "A")


def test_a_recorded_one_is_meant_even_when_it_has_expired() -> None:
    old = live_certificate(public_key="k0", not_after=NOW - DAY)
    first, second = explained(old, live_certificate(), key="k0").options
    assert (first.why, second.why) == ("is the declared one but has expired", "has another key")


def test_without_an_issuer_none_will_be_requested() -> None:
    assert explained(issuer=UNSET).notes == ("none is, and none is requested: no issuer",)
    assert explained().notes == ("none is: apply requests one",)
