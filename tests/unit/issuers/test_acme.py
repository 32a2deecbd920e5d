"""What an authority that speaks ACME may say, and what becomes of it."""

from __future__ import annotations

import io
import json
import threading
import time
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from reconciler.issuers.acme.account import account_key, default_path
from reconciler.issuers.acme.faults import Unreachable
from reconciler.issuers.acme.http01 import Webroot
from reconciler.issuers.acme.issuer import AcmeIssuer, AcmeSettings
from reconciler.issuers.acme.network import Reading, seconds_of
from reconciler.issuers.acme.patience import Patience
from reconciler.issuers.port import CertificateRequest, Issued, IssuerUnusable, RequestRefused, Waiting
from state.address import Address
from state.values import DomainPattern
from tests.authority import NOW, Authority, make_certificate, make_request, pem, rsa_key
from tests.scripted_acme import HERE, Scripted, problem

REQUEST = CertificateRequest(
    Address.of("certificate", "EX1", "internet"),
    pem(make_request()),
    frozenset({DomainPattern("mail1.contoso.com")}),
)
ORDER = {
    "status": "pending",
    "identifiers": [{"type": "dns", "value": "mail1.contoso.com"}],
    "authorizations": [f"{HERE}/authorization/1"],
    "finalize": f"{HERE}/finalize/1",
}
PROCESSING = {**ORDER, "status": "processing"}
VALID = {**ORDER, "status": "valid", "certificate": f"{HERE}/certificate/1"}


def issuer(folder: Path, authority: Scripted, polls: int = 5, **settings: Any) -> AcmeIssuer:
    (folder / "www").mkdir(exist_ok=True)
    told = AcmeSettings(
        f"{HERE}/directory", Webroot(folder / "www"), is_agreed=True, account=folder / "account.pem"
    )
    return AcmeIssuer(
        "le",
        replace(told, **settings),
        clock=lambda: NOW,
        session=authority.session,
        patience=lambda: Patience(polls=polls, sleep=lambda seconds: None),
    )


def chain() -> bytes:
    root = Authority.make()
    return (pem(make_certificate(issuer=root)) + root.pem).encode()


class TestARateLimit:
    @pytest.mark.parametrize("said", ["7200", format_datetime(NOW + timedelta(hours=2))], ids=["s", "date"])
    def test_is_no_failure_and_names_the_next_try(self, tmp_path: Path, said: str) -> None:
        authority = Scripted(order=[problem("rateLimited", "too many\x1b[2J orders", 429, Retry_After=said)])
        waits = issuer(tmp_path, authority).issue(REQUEST)
        assert isinstance(waits, Waiting)
        assert waits.next_try == NOW + timedelta(hours=2)
        assert waits.reason == "the authority says: too many�[2J orders"

    def test_without_a_time_is_an_hour(self, tmp_path: Path) -> None:
        waits = issuer(tmp_path, Scripted(order=[problem("rateLimited", "slow down")])).issue(REQUEST)
        assert isinstance(waits, Waiting)
        assert waits.next_try == NOW + timedelta(hours=1)


class TestAnOrderThatIsProcessed:
    def test_waits_and_is_taken_up_by_another_run(self, tmp_path: Path) -> None:
        """Another machine has the same account key, and nothing else."""
        slow = Scripted(order=[(201, {"Retry-After": "600"}, PROCESSING)])
        waits = issuer(tmp_path, slow).issue(REQUEST)
        assert isinstance(waits, Waiting)
        assert (waits.reference, waits.next_try) == (f"{HERE}/order/1", NOW + timedelta(minutes=10))
        done = Scripted(order=[PROCESSING, VALID], certificate=[chain()])
        asked = replace(REQUEST, reference=waits.reference)
        assert isinstance(issuer(tmp_path, done).issue(asked), Issued)
        assert not [payload for path, payload in done.asked if path == "order" and b"identifiers" in payload]

    def test_is_not_polled_for_ever(self, tmp_path: Path) -> None:
        authority = Scripted(order=[PROCESSING])
        assert isinstance(issuer(tmp_path, authority, polls=5).issue(REQUEST), Waiting)
        assert len([path for path, _ in authority.asked if path == "order"]) == 6

    def test_that_failed_since_is_ordered_anew(self, tmp_path: Path) -> None:
        authority = Scripted(order=[{**ORDER, "status": "invalid"}, (201, {}, VALID)], certificate=[chain()])
        asked = replace(REQUEST, reference=f"{HERE}/order/7")
        assert isinstance(issuer(tmp_path, authority).issue(asked), Issued)

    def test_is_not_lost_with_the_connection(self, tmp_path: Path) -> None:
        authority = Scripted(order=[PROCESSING, requests.ConnectionError("gone")])
        waits = issuer(tmp_path, authority).issue(REQUEST)
        assert isinstance(waits, Waiting)
        assert waits.reference == f"{HERE}/order/1"


class TestWhatIsNoAcme:
    @pytest.mark.parametrize(
        "said",
        [
            b"<html>",
            b"[]",
            b"x" * 300_000,
            (302, {"Location": "http://elsewhere.example/"}, {}),
            {"newNonce": "http://acme.example/nonce", "newAccount": 1},
        ],
        ids=["a page", "a list", "too much", "a redirection", "no https"],
    )
    def test_is_told(self, tmp_path: Path, said: Any) -> None:
        with pytest.raises(IssuerUnusable) as caught:
            issuer(tmp_path, Scripted(directory=[said])).issue(REQUEST)
        assert caught.value.reason.isprintable()

    def test_but_busy_is_asked_again(self, tmp_path: Path) -> None:
        waits = issuer(tmp_path, Scripted(directory=[(503, {}, b"<html>out of order")])).issue(REQUEST)
        assert isinstance(waits, Waiting)
        assert waits.next_try == NOW + timedelta(hours=1)

    @pytest.mark.parametrize(
        "order",
        [
            {},
            {"status": ["valid"]},
            {**ORDER, "authorizations": "x"},
            {**ORDER, "authorizations": ["file:///etc/passwd"]},
            {**VALID, "certificate": None},
        ],
        ids=str,
    )
    def test_in_an_order_is_told(self, tmp_path: Path, order: Any) -> None:
        with pytest.raises(IssuerUnusable):
            issuer(tmp_path, Scripted(order=[order], authorization=[{}])).issue(REQUEST)

    @pytest.mark.parametrize(
        "token", ["../../../../evil/evil/evil", "a" * 25], ids=["a path", "no base64url"]
    )
    def test_in_a_token_writes_no_file(self, tmp_path: Path, token: str) -> None:
        challenge = {
            "type": "http-01",
            "status": "pending",
            "url": f"{HERE}/x",
            "token": token,
        }
        authorization = {
            "status": "pending",
            "identifier": {"type": "dns", "value": "mail1.contoso.com"},
            "challenges": [challenge],
        }
        with pytest.raises(IssuerUnusable, match="token"):
            issuer(tmp_path, Scripted(order=[ORDER], authorization=[authorization])).issue(REQUEST)
        assert list((tmp_path / "www").rglob("*")) == []

    def test_certificate_for_another_key_is_told(self, tmp_path: Path) -> None:
        other = pem(make_certificate(key=rsa_key(5))).encode()
        with pytest.raises(IssuerUnusable, match="another key"):
            issuer(tmp_path, Scripted(order=[VALID], certificate=[other])).issue(REQUEST)


class TestARefusal:
    def test_is_told_with_what_is_inside(self, tmp_path: Path) -> None:
        inside = [{"identifier": {"type": "dns", "value": "mail1.contoso.com"}, "detail": "forbidden by CAA"}]
        status, headers, document = problem("rejectedIdentifier", "not here", 403)
        authority = Scripted(order=[(status, headers, {**document, "subproblems": inside})])
        with pytest.raises(RequestRefused) as caught:
            issuer(tmp_path, authority).issue(REQUEST)
        assert caught.value.reason == "the authority says: not here; mail1.contoso.com: forbidden by CAA"

    def test_of_a_nonce_is_tried_again_a_few_times(self, tmp_path: Path) -> None:
        stale = problem("badNonce", "too old")
        authority = Scripted(order=[stale, stale, (201, {}, VALID), VALID], certificate=[chain()])
        assert isinstance(issuer(tmp_path, authority).issue(REQUEST), Issued)
        with pytest.raises(IssuerUnusable, match="nonces"):
            issuer(tmp_path, Scripted(order=[stale])).issue(REQUEST)


class TestTheAccountsKey:
    def test_is_kept_in_the_users_own_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        monkeypatch.setenv("APPDATA", str(tmp_path))
        path = default_path("le", "https://acme.example/directory", ("tls@contoso.com",))
        assert path.parent == tmp_path / "reconciler" / "acme"
        assert path.name.startswith("acme.example-tls@contoso.com-")
        other = default_path("le", "https://acme.example/staging", ("tls@contoso.com",))
        assert path != other
        assert account_key("le", path).private_numbers() == account_key("le", path).private_numbers()

    def test_that_others_can_read_is_not_used(self, tmp_path: Path) -> None:
        account_key("le", tmp_path / "account.pem")
        (tmp_path / "account.pem").chmod(0o644)
        with pytest.raises(IssuerUnusable, match="others may read"):
            account_key("le", tmp_path / "account.pem")

    def test_that_is_none_says_nothing_of_what_is_there(self, tmp_path: Path) -> None:
        (tmp_path / "account.pem").write_text("s3cret")
        (tmp_path / "account.pem").chmod(0o600)
        with pytest.raises(IssuerUnusable) as caught:
            account_key("le", tmp_path / "account.pem")
        assert "s3cret" not in str(caught.value)


def test_agreement_is_never_assumed(tmp_path: Path) -> None:
    authority = Scripted()
    with pytest.raises(IssuerUnusable, match=f"not agreed to: {HERE}/terms"):
        issuer(tmp_path, authority, is_agreed=False).issue(REQUEST)
    assert [path for path, _ in authority.asked] == ["directory"]


def test_a_directory_has_an_https_url(tmp_path: Path) -> None:
    with pytest.raises(IssuerUnusable, match="https"):
        issuer(tmp_path, Scripted(), directory="http://acme.example/directory")


@pytest.mark.parametrize("text", ["", "soon", "-1", "9" * 40, json.dumps({})])
def test_what_is_no_retry_after_counts_as_none(text: str) -> None:
    assert seconds_of(text, NOW) is None


def test_an_answer_that_drips_is_not_waited_for() -> None:
    """Each byte begins the time limit of a socket anew."""
    is_over = threading.Event()

    class Dripping(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            return b"" if is_over.wait(0.05) else b" "

    class Authority(Scripted):
        def send(self, *asked: Any, **how: Any) -> requests.Response:
            response = super().send(*asked, **how)
            response.raw = Dripping()
            return response

    reading = Reading(f"{HERE}/directory", Authority().session(), None, lambda: NOW, seconds=0.2)
    began = time.monotonic()
    try:
        with pytest.raises(Unreachable, match=r"no whole answer in 0\.2 seconds"):
            reading.open()
        assert time.monotonic() - began < 10
    finally:
        is_over.set()
