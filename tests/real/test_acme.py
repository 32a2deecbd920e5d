"""Orders from a real ACME server that looks for every proof."""

from __future__ import annotations

import base64
import functools
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from reconciler.issuers.acme.dns01 import DynamicUpdate, Hook
from reconciler.issuers.acme.http01 import Listener, Webroot
from reconciler.issuers.acme.issuer import AcmeIssuer, AcmeSettings, ExternalAccount
from reconciler.issuers.acme.network import plain_session
from reconciler.issuers.acme.patience import Patience
from reconciler.issuers.acme.validation import Proof, Validation
from reconciler.issuers.port import (
    CertificateRequest,
    Issued,
    Issuer,
    IssuerUnusable,
    RequestRefused,
    Waiting,
)
from reconciler.issuers.testing import IssuerContract
from reconciler.pki.answer import read_chain
from reconciler.pki.request import parse_request
from state.address import Address
from state.values import DomainPattern
from tests.advising import door
from tests.authority import common_name, make_request, pem, rsa_key
from tests.name_server import SECRET, TSIG, NameServer, name_server
from tests.pebble import HMAC, KID, NEEDS, Pebble, is_missing, pebble

# Only a real authority says whether an order is one.
pytestmark = pytest.mark.skipif(is_missing, reason=NEEDS)

ADDRESS = Address.of("certificate", "EX1", "internet")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pebble]:
    with pebble(tmp_path_factory.mktemp("pebble")) as running:
        yield running


@pytest.fixture(scope="module")
def zone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NameServer]:
    with name_server("contoso.com") as running:
        yield running


@pytest.fixture(scope="module")
def server_of_zone(tmp_path_factory: pytest.TempPathFactory, zone: NameServer) -> Iterator[Pebble]:
    with pebble(tmp_path_factory.mktemp("pebble"), resolver=zone.port) as running:
        yield running


def settings(server: Pebble, validation: Validation, folder: Path, **others: Any) -> AcmeSettings:
    return AcmeSettings(
        **{
            "directory": server.directory,
            "validation": validation,
            "contact": ("tls@contoso.com",),
            "is_agreed": True,
            "account": folder / "account.pem",
            "ca": server.ca,
            **others,
        }
    )


def listening(server: Pebble) -> Listener:
    return Listener("127.0.0.1", server.http)


def request(*names: str, key: int = 0) -> CertificateRequest:
    names = names or ("mail1.contoso.com",)
    csr = make_request(common_name(names[0]), names, key=rsa_key(key))
    return CertificateRequest(ADDRESS, pem(csr), frozenset(map(DomainPattern, names)))


def check(said: Issued | Waiting, asked: CertificateRequest) -> None:
    assert isinstance(said, Issued)
    chain = read_chain(said.chain)
    assert len(chain) >= 2
    assert chain[0].public_key == parse_request(asked.csr).public_key
    assert chain[0].alternative_domains == asked.domains
    assert chain[0].not_after == said.not_after


class TestTheContract(IssuerContract):
    """What every issuer promises, kept by one with a real authority behind it."""

    @pytest.fixture
    def issuer(self, server: Pebble, tmp_path: Path) -> Issuer:
        return AcmeIssuer("le", settings(server, listening(server), tmp_path))


class TestHttp01:
    def test_by_a_listener_of_our_own_that_ends_with_the_order(self, server: Pebble, tmp_path: Path) -> None:
        asked = request("mail1.contoso.com", "mail2.contoso.com")
        check(AcmeIssuer("le", settings(server, listening(server), tmp_path)).issue(asked), asked)
        threads = [thread.name for thread in threading.enumerate() if "serve_forever" in thread.name]
        assert threads == []

    def test_by_files_under_a_web_server_that_are_removed(self, server: Pebble, tmp_path: Path) -> None:
        webroot = tmp_path / "www"
        webroot.mkdir()
        handler = functools.partial(Quiet, directory=str(webroot))
        with ThreadingHTTPServer(("127.0.0.1", server.http), handler) as web:
            thread = threading.Thread(target=web.serve_forever)
            thread.start()
            try:
                said = AcmeIssuer("le", settings(server, Webroot(webroot), tmp_path)).issue(request())
            finally:
                web.shutdown()
                thread.join()
        check(said, request())
        assert [path for path in webroot.rglob("*") if path.is_file()] == []

    def test_that_nobody_serves_is_refused_in_the_authoritys_words(
        self, server: Pebble, tmp_path: Path
    ) -> None:
        """The proof that this server looks for proofs."""
        (tmp_path / "www").mkdir()
        issuer = AcmeIssuer("le", settings(server, Webroot(tmp_path / "www"), tmp_path))
        with pytest.raises(RequestRefused, match=r"the authority says: .*mail9\.contoso\.com") as caught:
            issuer.issue(request("mail9.contoso.com"))
        assert caught.value.reason.isprintable()
        assert len(caught.value.reason) < 500

    def test_is_no_way_to_a_wildcard(self, server: Pebble, tmp_path: Path) -> None:
        issuer = AcmeIssuer("le", settings(server, listening(server), tmp_path))
        with pytest.raises(RequestRefused, match=r"does not validate \*\.contoso\.com by http-01"):
            issuer.issue(request("mail1.contoso.com", "*.contoso.com"))


class TestDns01:
    def test_by_a_hook_that_also_cleans_up(self, server: Pebble, tmp_path: Path) -> None:
        asked = request("mail1.contoso.com", "*.fabrikam.example")
        issuer = AcmeIssuer("le", settings(server, Hook(server.hook, tmp_path), tmp_path))
        check(issuer.issue(asked), asked)
        ran = (tmp_path / "hook.log").read_text().split("\n")[:-1]
        names = ["_acme-challenge.fabrikam.example", "_acme-challenge.mail1.contoso.com"]
        assert sorted(ran) == sorted(
            f"{action} {name}" for action in ("present", "cleanup") for name in names
        )

    def test_by_dynamic_update(self, server_of_zone: Pebble, zone: NameServer, tmp_path: Path) -> None:
        """Both names have the same record, with two values."""
        update = DynamicUpdate(
            "127.0.0.1", zone.port, "contoso.com", TSIG, "hmac-sha256", lambda: SECRET, timedelta(seconds=20)
        )
        asked = request("mail1.contoso.com", "contoso.com", "*.contoso.com")
        check(AcmeIssuer("le", settings(server_of_zone, update, tmp_path)).issue(asked), asked)
        assert zone.added >= 3
        assert zone.texts() == {}

    def test_by_dynamic_update_with_a_wrong_key_tells_the_name_servers_word(
        self, server_of_zone: Pebble, zone: NameServer, tmp_path: Path
    ) -> None:
        wrong = "d3Jvbmcgd3Jvbmcgd3Jvbmc="
        update = DynamicUpdate(
            "127.0.0.1", zone.port, "contoso.com", TSIG, "hmac-sha256", lambda: wrong, timedelta(seconds=5)
        )
        issuer = AcmeIssuer("le", settings(server_of_zone, update, tmp_path))
        with pytest.raises(RequestRefused, match=r"name server") as caught:
            issuer.issue(request("mail7.contoso.com"))
        assert wrong not in str(caught.value)


class TestAnOrder:
    def test_that_was_answered_is_downloaded_again(self, server: Pebble, tmp_path: Path) -> None:
        """An order has one serial number; its proof stays until the authority has looked, after the run."""
        with ExitStack() as stack:
            lasting = Lasting(listening(server), stack)
            out_of_time = AcmeIssuer(
                "le", settings(server, lasting, tmp_path), patience=lambda: Patience(polls=0)
            )
            waits = out_of_time.issue(request("mail3.contoso.com"))
            assert isinstance(waits, Waiting)
            assert waits.next_try is not None
            again = replace(request("mail3.contoso.com"), reference=waits.reference)
            issuer = AcmeIssuer("le", settings(server, lasting, tmp_path))
            first, second = issuer.issue(again), issuer.issue(again)
        check(first, again)
        assert first == second

    def test_of_another_request_is_not_taken_for_this_one(self, server: Pebble, tmp_path: Path) -> None:
        out_of_time = AcmeIssuer(
            "le", settings(server, listening(server), tmp_path), patience=lambda: Patience(polls=0)
        )
        waits = out_of_time.issue(request("mail4.contoso.com"))
        assert isinstance(waits, Waiting)
        issuer = AcmeIssuer("le", settings(server, listening(server), tmp_path))
        check(
            issuer.issue(replace(request("mail4.contoso.com"), reference=waits.reference)),
            request("mail4.contoso.com"),
        )
        other = replace(request("mail4.contoso.com", key=3), reference=waits.reference)
        check(issuer.issue(other), other)

    def test_of_another_account_is_made_anew(self, server: Pebble, tmp_path: Path) -> None:
        out_of_time = AcmeIssuer(
            "le", settings(server, listening(server), tmp_path), patience=lambda: Patience(polls=0)
        )
        waits = out_of_time.issue(request("mail5.contoso.com"))
        assert isinstance(waits, Waiting)
        other = settings(server, listening(server), tmp_path, account=tmp_path / "other.pem")
        asked = replace(request("mail5.contoso.com"), reference=waits.reference)
        check(AcmeIssuer("le", other).issue(asked), asked)

    def test_may_name_what_it_replaces(self, server: Pebble, tmp_path: Path) -> None:
        """Whoever does not know the word takes the order all the same."""
        ordered: list[tuple[int, bytes]] = []

        def session() -> requests.Session:
            def keep(answer: requests.Response, *_: object, **__: object) -> None:
                if "order-plz" in str(answer.url):
                    payload = json.loads(answer.request.body or b"{}")["payload"]
                    ordered.append((answer.status_code, base64.urlsafe_b64decode(payload + "===")))

            made = plain_session()
            made.hooks["response"].append(keep)
            return made

        with door(server) as authority:
            asked = replace(request("mail8.contoso.com"), replaces="aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE")
            told = settings(server, listening(server), tmp_path, directory=authority.directory)
            check(AcmeIssuer("le", told, session=session).issue(asked), asked)
        assert [(status, json.loads(payload)["replaces"]) for status, payload in ordered] == [
            (201, asked.replaces)
        ]


class TestAnAccount:
    def test_has_a_key_that_its_owner_alone_can_read(self, server: Pebble, tmp_path: Path) -> None:
        AcmeIssuer("le", settings(server, listening(server), tmp_path)).issue(request())
        assert (tmp_path / "account.pem").stat().st_mode & 0o777 == 0o600
        AcmeIssuer("le", settings(server, listening(server), tmp_path)).issue(request())

    def test_needs_agreement_to_the_terms(self, server: Pebble, tmp_path: Path) -> None:
        issuer = AcmeIssuer("le", settings(server, listening(server), tmp_path, is_agreed=False))
        with pytest.raises(IssuerUnusable, match=r"not agreed to: (data:|https?:)"):
            issuer.issue(request())

    def test_is_bound_to_one_that_there_is(self, tmp_path: Path) -> None:
        keys = {"externalAccountBindingRequired": True, "externalAccountMACKeys": {KID: HMAC}}
        with pebble(tmp_path, **keys) as server:
            without = settings(server, listening(server), tmp_path)
            with pytest.raises(IssuerUnusable, match="only for those who have one with it already"):
                AcmeIssuer("le", without).issue(request())
            wrong = replace(without, external_account=ExternalAccount(KID, lambda: "d3Jvbmc"))
            with pytest.raises(IssuerUnusable, match="gives no account") as caught:
                AcmeIssuer("le", wrong).issue(request())
            assert "d3Jvbmc" not in str(caught.value)
            bound = replace(without, external_account=ExternalAccount(KID, lambda: HMAC))
            check(AcmeIssuer("le", bound).issue(request()), request())


class TestARevocation:
    def test_is_done_once_and_asked_twice(self, server: Pebble, tmp_path: Path) -> None:
        """The authority says that it is done: at first nothing, then that it was done already."""
        answered: list[tuple[int, str]] = []

        def session() -> requests.Session:
            def seen(answer: requests.Response, *_: Any, **__: Any) -> None:
                if answer.request.url and "revoke" in answer.request.url:
                    answered.append((answer.status_code, answer.text))

            made = plain_session()
            made.hooks["response"].append(seen)
            return made

        issuer = AcmeIssuer("le", settings(server, listening(server), tmp_path), session=session)
        said = issuer.issue(request("mail6.contoso.com"))
        assert isinstance(said, Issued)
        issuer.revoke(said.chain, "compromise")
        issuer.revoke(said.chain, "compromise")
        assert [status for status, _ in answered] == [200, 400]
        assert "alreadyRevoked" in answered[1][1]


class TestTheDirectory:
    def test_is_not_trusted_without_the_certificate_of_its_authority(
        self, server: Pebble, tmp_path: Path
    ) -> None:
        issuer = AcmeIssuer("le", settings(server, listening(server), tmp_path, ca=None))
        with pytest.raises(IssuerUnusable, match="certificate"):
            issuer.issue(request())

    def test_that_is_not_there_is_told(self, server: Pebble, tmp_path: Path) -> None:
        elsewhere = server.directory.replace("/dir", "/nothing")
        issuer = AcmeIssuer("le", settings(server, listening(server), tmp_path, directory=elsewhere))
        with pytest.raises((IssuerUnusable, RequestRefused)):
            issuer.issue(request())


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


class Lasting:
    """Takes proofs back when the test ends, and not before."""

    type = "http-01"

    def __init__(self, inner: Listener, stack: ExitStack) -> None:
        self._inner = inner
        self._stack = stack

    @contextmanager
    def shown(self, proofs: Sequence[Proof], pause: Callable[[], None]) -> Iterator[None]:
        self._stack.enter_context(self._inner.shown(proofs, pause))
        yield
