"""What an authority answers by ACME: its order, its authorization, its certificate."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from reconciler.issuers.acme.http01 import Webroot
from reconciler.issuers.acme.issuer import AcmeIssuer, AcmeSettings
from reconciler.issuers.acme.patience import Patience
from reconciler.issuers.port import CertificateRequest, Issued, IssuerFailed, Waiting
from state.address import Address
from tests.authority import NOW, Authority, make_certificate, make_request, pem
from tests.fuzz.target import CUT, Target, refused
from tests.scripted_acme import ADVISING, HERE, Scripted, window

_NAME = {"type": "dns", "value": "mail1.contoso.com"}
_ORDER = {
    "status": "pending",
    "identifiers": [_NAME],
    "authorizations": [f"{HERE}/authorization/1"],
    "finalize": f"{HERE}/finalize/1",
    "certificate": f"{HERE}/certificate/1",
}
_CHALLENGE = {"type": "http-01", "status": "pending", "url": f"{HERE}/challenge/1", "token": "a" * 43}


def _answers() -> Sequence[bytes]:
    root = Authority.make()
    chain = (pem(make_certificate(issuer=root)) + root.pem).encode()
    authorization = {"status": "pending", "identifier": _NAME, "challenges": [_CHALLENGE]}
    return [
        CUT.join([json.dumps({**_ORDER, "status": status}).encode(), json.dumps(shown).encode(), chain])
        for status, shown in (
            ("pending", authorization),
            ("valid", {}),
            ("invalid", {"status": "invalid", "identifier": _NAME}),
        )
    ]


def _authority(data: bytes, folder: Path) -> bool:
    order, _, rest = data.partition(CUT)
    authorization, _, chain = rest.partition(CUT)
    script = Scripted(
        order=[order], authorization=[authorization], challenge=[b"{}"], finalize=[order], certificate=[chain]
    )
    (folder / "www").mkdir(exist_ok=True)
    settings = AcmeSettings(
        f"{HERE}/directory", Webroot(folder / "www"), is_agreed=True, account=folder / "account.pem"
    )
    issuer = AcmeIssuer(
        "le",
        settings,
        clock=lambda: NOW,
        session=script.session,
        patience=lambda: Patience(polls=3, sleep=lambda seconds: None),
    )
    request = CertificateRequest(
        Address.of("certificate", "EX1", "internet"), pem(make_request()), frozenset()
    )
    try:
        said = issuer.issue(request)
    except IssuerFailed as error:
        return refused(error)
    finally:
        assert not [path for path in (folder / "www").rglob("*") if path.is_file()]
    assert isinstance(said, Issued | Waiting)
    return isinstance(said, Issued)


def _renewals() -> Sequence[bytes]:
    page = {"explanationURL": f"{HERE}/why"}
    return [
        CUT.join([json.dumps(ADVISING).encode(), json.dumps(said).encode()])
        for said in (window(NOW, NOW + timedelta(days=1)), {**window(NOW, NOW + timedelta(days=1)), **page})
    ]


def _adviser(data: bytes, folder: Path) -> bool:
    directory, _, said = data.partition(CUT)
    script = Scripted(directory=[directory], renewal=[said])
    settings = AcmeSettings(f"{HERE}/directory", Webroot(folder))
    found = dict(AcmeIssuer("le", settings, clock=lambda: NOW, session=script.session).suggested(("a.b",)))
    assert all(one.start < one.end and one.explanation.isprintable() for one in found.values())
    return bool(found)


TARGETS = (
    Target("acme-renewal", _renewals, _adviser, (CUT, b"null", b"[]", b"{}", b'"2026-11-24T12:00:00Z"')),
    Target("acme", _answers, _authority, (CUT, b'"valid"', b'"processing"', b"null", b"[]", b"{}")),
)
"""One door."""
