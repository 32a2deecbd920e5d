"""When an authority wants a certificate renewed, and what it is told is replaced (RFC 9773)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from reconciler.issuers.acme.http01 import Webroot
from reconciler.issuers.acme.issuer import AcmeIssuer, AcmeSettings
from reconciler.issuers.acme.patience import Patience
from reconciler.issuers.port import Adviser, CertificateRequest, Issued, RequestRefused, Waiting
from reconciler.pki.renewal_info import SuggestedWindow
from state.address import Address
from state.values import DomainPattern
from tests.authority import NOW, Authority, make_certificate, make_request, pem
from tests.scripted_acme import ADVISING, HERE, Scripted, problem, window

ONE, TWO = "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE", "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AQ"
SAID = window(NOW, NOW + timedelta(days=2))
READ = SuggestedWindow(NOW, NOW + timedelta(days=2))
REQUEST = CertificateRequest(
    Address.of("certificate", "EX1", "internet"),
    pem(make_request()),
    frozenset({DomainPattern("mail1.contoso.com")}),
    replaces=ONE,
)
ORDER = {
    "status": "valid",
    "identifiers": [{"type": "dns", "value": "mail1.contoso.com"}],
    "certificate": f"{HERE}/certificate/1",
}


def issuer(folder: Path, authority: Scripted) -> AcmeIssuer:
    (folder / "www").mkdir(exist_ok=True)
    settings = AcmeSettings(
        f"{HERE}/directory", Webroot(folder / "www"), is_agreed=True, account=folder / "account.pem"
    )
    return AcmeIssuer(
        "le",
        settings,
        clock=lambda: NOW,
        session=authority.session,
        patience=lambda: Patience(sleep=lambda seconds: None),
    )


def suggested(folder: Path, *said: Any, directory: Any = ADVISING) -> dict[str, SuggestedWindow]:
    """What is learned of two certificates."""
    asked: Adviser = issuer(folder, Scripted(directory=[directory], renewal=list(said)))
    return dict(asked.suggested((ONE, TWO)))


class TestAWindow:
    def test_is_read_with_the_page_that_explains_it(self, tmp_path: Path) -> None:
        said = {**SAID, "explanationURL": f"{HERE}/why\x1b[2J\n{'x' * 500}"}
        found = suggested(tmp_path, said, SAID)
        assert found[TWO] == READ
        assert found[ONE].start == NOW
        assert found[ONE].explanation.startswith(f"{HERE}/why\N{REPLACEMENT CHARACTER}[2J xxx")
        assert len(found[ONE].explanation) == 200

    @pytest.mark.parametrize(
        ("start", "end"),
        [
            ("2026-11-24T12:00:00Z", "2026-11-26T12:00:00Z"),
            ("2026-11-24T13:00:00.999999+01:00", "2026-11-26T12:00:00.000000001Z"),
        ],
    )
    def test_is_read_in_whatever_zone(self, tmp_path: Path, start: str, end: str) -> None:
        said = {"suggestedWindow": {"start": start, "end": end}}
        assert suggested(tmp_path, said) == {ONE: READ, TWO: READ}

    @pytest.mark.parametrize(
        "said",
        [
            b"<html>",
            b"",
            b"x" * 300_000,
            {},
            [],
            {"suggestedWindow": []},
            {"suggestedWindow": {"start": 1, "end": 2}},
            {"suggestedWindow": {"start": "2026-11-24T12:00:00", "end": "2026-11-26T12:00:00"}},
            {"suggestedWindow": {"start": "0001-01-01T00:00:00+09:00", "end": "2026-11-26T12:00:00Z"}},
            window(NOW, NOW),
            (404, {}, b""),
            problem("malformed", "no"),
            (302, {"Location": f"{HERE}/renewal/other"}, {}),
        ],
        ids=lambda said: repr(said)[:40],
    )
    def test_that_is_none_says_nothing_and_another_one_counts(self, tmp_path: Path, said: Any) -> None:
        assert suggested(tmp_path, said, SAID) == {TWO: READ}

    @pytest.mark.parametrize(
        "said",
        [problem("rateLimited", "slow down", 429), (503, {}, b""), requests.Timeout(), OSError("gone")],
        ids=repr,
    )
    def test_is_not_asked_for_again_where_nobody_answers(self, tmp_path: Path, said: Any) -> None:
        authority = Scripted(directory=[ADVISING], renewal=[said, SAID])
        assert dict(issuer(tmp_path, authority).suggested((ONE, TWO))) == {}
        assert [path for path, _ in authority.asked] == ["directory", "renewal"]

    @pytest.mark.parametrize(
        "directory",
        [
            {name: url for name, url in ADVISING.items() if name != "renewalInfo"},
            {**ADVISING, "renewalInfo": "http://acme.example/renewal"},
            {**ADVISING, "renewalInfo": None},
            b"<html>",
            requests.ConnectionError("gone"),
        ],
        ids=lambda directory: repr(directory)[-40:],
    )
    def test_is_not_asked_for_where_the_directory_leads_to_none(self, tmp_path: Path, directory: Any) -> None:
        authority = Scripted(directory=[directory], renewal=[SAID])
        assert dict(issuer(tmp_path, authority).suggested((ONE,))) == {}
        assert [path for path, _ in authority.asked] == ["directory"]

    def test_needs_no_account_and_makes_none(self, tmp_path: Path) -> None:
        """Whoever plans may not be the one who may order."""
        assert suggested(tmp_path, SAID) == {ONE: READ, TWO: READ}
        assert not (tmp_path / "account.pem").exists()


class TestAnOrder:
    def orders(self, folder: Path, *said: Any, directory: Any = ADVISING) -> list[Any]:
        """What is ordered, when these are the answers to orders."""
        root = Authority.make()
        chain = (pem(make_certificate(issuer=root)) + root.pem).encode()
        authority = Scripted(directory=[directory], order=[*said, ORDER], certificate=[chain])
        answered = issuer(folder, authority).issue(REQUEST)
        assert isinstance(answered, Issued | Waiting)
        ordered = [json.loads(payload) for path, payload in authority.asked if path == "order" and payload]
        assert all(one["identifiers"] for one in ordered)
        return [one.get("replaces") for one in ordered]

    def test_names_what_it_replaces(self, tmp_path: Path) -> None:
        assert self.orders(tmp_path) == [ONE]

    def test_does_not_where_the_authority_gives_no_renewal_information(self, tmp_path: Path) -> None:
        """One that knows nothing of it may refuse what it does not know (RFC 8555 lets it)."""
        directory = {name: url for name, url in ADVISING.items() if name != "renewalInfo"}
        assert self.orders(tmp_path, directory=directory) == [None]

    @pytest.mark.parametrize(
        "said",
        [
            problem("alreadyReplaced", "it was replaced", 409),
            problem("malformed", "not of this account"),
            (409, {}, b""),
        ],
        ids=["replaced before", "of another account", "without a word"],
    )
    def test_is_made_without_where_the_authority_refuses_it(self, tmp_path: Path, said: Any) -> None:
        assert self.orders(tmp_path, said) == [ONE, None]

    def test_that_is_refused_for_another_reason_is_refused(self, tmp_path: Path) -> None:
        no = problem("rejectedIdentifier", "not here", 403)
        with pytest.raises(RequestRefused, match="not here"):
            self.orders(tmp_path, no, no)

    def test_waits_for_one_that_is_busy(self, tmp_path: Path) -> None:
        assert self.orders(tmp_path, problem("rateLimited", "slow down", 429)) == [ONE]

    def test_of_a_first_certificate_names_none(self, tmp_path: Path) -> None:
        authority = Scripted(directory=[ADVISING], order=[problem("rateLimited", "slow down", 429)])
        issuer(tmp_path, authority).issue(replace(REQUEST, replaces=""))
        assert b"replaces" not in dict(authority.asked)["order"]
