"""A wrong answer on the wire: nothing is imported, and what was given reaches nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.apply.applier import Applied
from reconciler.config.desired import IssuerSettings
from reconciler.issuers.port import CertificateRequest, Issued, Issuer
from reconciler.operations.applying import run_apply
from reconciler.operations.inputs import Surroundings
from tests.authority import make_certificate, pem, private_pem, rsa_key
from tests.contoso import ONE_SERVER, Contoso, contoso, unheard

SECRET = private_pem(rsa_key(3)).decode()
MISTAKES = {
    "Answer to another request": pem(make_certificate(key=rsa_key(1))),
    "Answer cut off": pem(make_certificate())[:500],
    "Private key in the answer": SECRET,
    "Web page instead of a certificate": "<html><title>Busy</title></html>",
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contoso]:
    folder = tmp_path_factory.mktemp("wrong")
    path = folder / "tls.yaml"
    path.write_text(ONE_SERVER, encoding="utf-8")
    with contoso(folder, path, servers=1, edges=0) as organization:
        yield organization


class Mistaken:
    """An authority that answers everything with one text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def issue(self, request: CertificateRequest) -> Issued:
        return Issued(self.text, datetime.now(UTC) + timedelta(days=90))


def applied(organization: Contoso, text: str) -> Applied:
    def open_issuer(settings: IssuerSettings, clock: Callable[[], datetime]) -> Issuer:
        return Mistaken(text)

    outcome = run_apply(
        organization.inputs(), Surroundings(unheard, open_issuer=open_issuer), lambda planned: True
    )
    assert outcome.applied is not None
    return outcome.applied


@pytest.mark.parametrize(("summary", "text"), MISTAKES.items(), ids=MISTAKES)
def test_is_told_and_not_sent(running: Contoso, summary: str, text: str) -> None:
    assert [one.summary for one in applied(running, text).diagnostics] == [summary]
    sent = {one["cmdlet"] for one in running.cmdlets(mutating=True)}
    assert sent == {"New-ExchangeCertificate"}  # once: the same request is brought again


def test_leaves_no_byte_of_a_private_key(running: Contoso) -> None:
    applied(running, SECRET)
    pieces = [line[:40] for line in SECRET.splitlines()[2:-2]]
    kept = [
        path.read_text(errors="replace")
        for folder in (running.state, Path(running.state).parent)
        for path in folder.rglob("*.json*")
    ]
    assert kept
    assert not [piece for piece in pieces for text in kept if piece in text]
