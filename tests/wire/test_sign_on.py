"""Signing on with NTLM and Negotiate: at the lab, and at peers that want to be believed without."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import pytest

from reconciler.exchange.errors import (
    AccessDenied,
    AuthenticationFailed,
    ExchangeError,
    Garbage,
    Redirected,
    UntrustedCertificate,
)
from reconciler.exchange.port import Auth, Command, Connection, Endpoint, Query, Timeouts
from reconciler.exchange.session import Sessions
from reconciler.lab.accounts import Account
from reconciler.lab.call import Role
from reconciler.lab.control import ThreadedLab, open_threaded
from reconciler.lab.negotiation import Negotiation, Users
from reconciler.operations.applying import run_apply
from reconciler.operations.inputs import Inputs, Surroundings
from reconciler.operations.planning import run_plan
from tests.contoso import EXAMPLE, unheard

DOMAINS = Query(
    "Get-AcceptedDomain", frozenset({"Microsoft.Exchange.Data.Directory.SystemConfiguration.AcceptedDomain"})
)
WINDOWS = [Auth.NTLM, Auth.NEGOTIATE]
PATIENT = Timeouts(connect=5, read=10, operation=5, invocation=20)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreadedLab]:
    with open_threaded(tmp_path_factory.mktemp("lab"), servers=1, edges=1) as running:
        yield running


def http(lab: ThreadedLab, auth: Auth = Auth.NEGOTIATE, password: str | None = None) -> Connection:
    account = lab.account()
    return Connection(
        "MBX1",
        lab.http("MBX1"),
        Endpoint.EXCHANGE,
        account.name,
        account.password if password is None else password,
        timeouts=PATIENT,
        auth=auth,
    )


def https(lab: ThreadedLab, auth: Auth, ca: Path | None) -> Connection:
    account = lab.account()
    return Connection(
        "MBX1", lab.url("MBX1"), Endpoint.EXCHANGE, account.name, account.password, ca, PATIENT, auth
    )


def read(connection: Connection) -> int:
    with Sessions().reader(connection) as reader:
        (domains,) = reader.read([DOMAINS])
    assert domains.failure is None
    return len(domains.objects)


class TestAServer:
    @pytest.mark.parametrize("auth", WINDOWS)
    def test_is_read_over_http(self, lab: ThreadedLab, auth: Auth) -> None:
        """Three requests more than with Basic: one to learn what is offered, two for the tokens."""
        before = lab.status()["requests"]["MBX1"]
        assert read(http(lab, auth)) == 1
        assert lab.status()["requests"]["MBX1"] - before == 8

    @pytest.mark.parametrize("auth", WINDOWS)
    def test_is_read_over_https(self, lab: ThreadedLab, auth: Auth) -> None:
        """The lab refuses who does not name its certificate in the sign-on: Extended Protection."""
        before = lab.status()["requests"]["MBX1"]
        assert read(https(lab, auth, lab.ca)) == 1
        assert lab.status()["requests"]["MBX1"] - before == 7

    def test_whose_certificate_is_not_trusted_gets_no_token(self, lab: ThreadedLab) -> None:
        before = lab.status()["requests"]["MBX1"]
        with pytest.raises(UntrustedCertificate):
            read(https(lab, Auth.NTLM, None))
        assert lab.status()["requests"]["MBX1"] == before

    @pytest.mark.parametrize("auth", WINDOWS)
    def test_refuses_a_wrong_password(self, lab: ThreadedLab, auth: Auth) -> None:
        with pytest.raises(AuthenticationFailed) as caught:
            read(http(lab, auth, "wrong"))
        assert caught.value.offered == ("Negotiate", "NTLM")
        assert "wrong" not in str(caught.value)

    def test_that_closed_the_connection_is_signed_on_to_again(self, lab: ThreadedLab) -> None:
        """Web servers close connections that are idle; the session goes on, and nothing runs twice."""
        before = len(lab.status()["cmdlets"])
        with Sessions().writer(http(lab)) as writer:
            writer.run(Command("Get-AcceptedDomain"))
            cast(
                "Any", writer
            )._pool._transport.session.close()  # the connection only: requests opens another
            writer.run(Command("Get-AcceptedDomain"))
        assert len(lab.status()["cmdlets"]) - before == 2

    def test_answers_a_reader_with_what_it_may_see(self, lab: ThreadedLab) -> None:
        viewer = lab.account(Role.READER)
        connection = Connection(
            "MBX1", lab.http("MBX1"), Endpoint.EXCHANGE, viewer.name, viewer.password, auth=Auth.NTLM
        )
        assert read(connection) == 1


Said = tuple[int, dict[str, str], bytes]
Script = Callable[[int, Negotiation | None], Said]


@contextmanager
def peer(script: Script, users: Users | None = None) -> Iterator[str]:
    """An http server that signs on whoever comes, where ``users`` are given, and then answers from a script.

    Args:
        script: Gets how many requests there were before, and the sign-on.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        negotiation: Negotiation | None = None
        asked = 0

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.say(*self.answer())

        def answer(self) -> Said:
            scheme, _, token = self.headers.get("Authorization", "").partition(" ")
            if users is not None and self.negotiation is None and not token:
                return 401, {"WWW-Authenticate": "NTLM"}, b"<html></html>"
            if users is not None and token:
                if self.negotiation is None or self.negotiation.account is not None:
                    self.negotiation = Negotiation(scheme, users, None)
                challenge = self.negotiation.step(token)
                if challenge:
                    return 401, {"WWW-Authenticate": f"{scheme} {challenge}"}, b""
                return 200, {}, b""
            self.asked += 1
            return script(self.asked - 1, self.negotiation)

        def say(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, text in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, text)
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:
                self.close_connection = True  # the client had enough

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/PowerShell/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def refusal(script: Script, users: Users | None = None) -> ExchangeError:
    with peer(script, users) as url, pytest.raises(ExchangeError) as caught:
        read(Connection("EX1", url, Endpoint.EXCHANGE, "admin", "s3cret", timeouts=PATIENT, auth=Auth.NTLM))
    assert "s3cret" not in str(caught.value)
    return caught.value


@pytest.fixture
def users(tmp_path: Path) -> Users:
    return Users(tmp_path, [Account("admin", Role.ADMIN, "s3cret")])


ENVELOPE = b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body/></s:Envelope>'
FAULT = ENVELOPE.replace(b"<s:Body/>", b"<s:Body><s:Fault/></s:Body>")
OTHER = 'multipart/encrypted;protocol="application/HTTP-SPNEGO-session-encrypted";boundary="(a+)+$"'
RIGHT = (
    'multipart/encrypted;protocol="application/HTTP-SPNEGO-session-encrypted";boundary="Encrypted Boundary"'
)


class TestAPeerThatHasNoKey:
    """Whoever sits between us and an http server can say anything, and none of it may count."""

    @pytest.mark.parametrize(
        ("status", "headers", "body"),
        [
            (200, {"Content-Type": "application/soap+xml"}, ENVELOPE),
            (500, {"Content-Type": "application/soap+xml"}, FAULT),
            (200, {"Content-Type": OTHER}, b"--(a+)+$\r\n" + b"a" * 64),
            (200, {"Content-Type": RIGHT}, b""),
            (
                200,
                {"Content-Type": RIGHT},
                b"--Encrypted Boundary\r\nLength=x\r\n--Encrypted Boundary\r\nabc",
            ),
            (
                200,
                {"Content-Type": RIGHT},
                b"--Encrypted Boundary\r\n\tOriginalContent: Length=4\r\n--Encrypted Boundary\r\n"
                b"\tContent-Type: application/octet-stream\r\n\x10\0\0\0" + b"\1" * 16 + b"abcd",
            ),
        ],
        ids=["plain", "plain fault", "boundary", "empty", "no parts", "wrong key"],
    )
    def test_is_not_believed(self, users: Users, status: int, headers: dict[str, str], body: bytes) -> None:
        assert type(refusal(lambda asked, _: (status, headers, body), users)) is Garbage

    def test_may_say_what_web_servers_say(self, users: Users) -> None:
        """Nothing of Exchange is believed, but that nobody gets through."""
        assert type(refusal(lambda asked, _: (403, {}, b""), users)) is AccessDenied
        assert type(refusal(lambda asked, _: (302, {"Location": "/owa"}, b""), users)) is Redirected

    def test_that_forgets_at_once_who_signed_on_is_told(self, users: Users) -> None:
        assert "forgets" in str(refusal(lambda asked, _: (401, {"WWW-Authenticate": "NTLM"}, b""), users))

    def test_gets_no_further_with_an_account_it_does_not_know(self, tmp_path: Path) -> None:
        strangers = Users(tmp_path, [Account("somebody", Role.ADMIN, "else")])
        with peer(lambda asked, _: (200, {}, b""), strangers) as url, pytest.raises(ExchangeError):
            read(Connection("EX1", url, Endpoint.EXCHANGE, "admin", "s3cret", auth=Auth.NTLM))


class TestASignOn:
    def test_without_a_common_way_names_what_is_offered(self) -> None:
        found = refusal(lambda asked, _: (401, {"WWW-Authenticate": 'Basic realm="x", Digest'}, b""))
        assert isinstance(found, AuthenticationFailed)
        assert found.offered == ("Basic", "Digest")

    @pytest.mark.parametrize("token", ["AAAA", "TlRMTVNTUAACAAAA", "!!!"])
    def test_with_a_token_that_is_none_has_failed(self, token: str) -> None:
        found = refusal(
            lambda asked, _: (401, {"WWW-Authenticate": f"NTLM {token}" if asked else "NTLM"}, b"")
        )
        assert isinstance(found, AuthenticationFailed | Garbage)

    def test_that_nobody_asked_for_is_nonsense(self) -> None:
        assert type(refusal(lambda asked, _: (200, {}, b""))) is Garbage

    def test_that_ends_too_early_is_nonsense(self) -> None:
        """The server cannot know yet who we are."""
        found = refusal(
            lambda asked, _: (200, {}, b"") if asked else (401, {"WWW-Authenticate": "NTLM"}, b"")
        )
        assert "before signing on was complete" in str(found)

    def test_that_comes_with_endless_words_is_cut_off(self) -> None:
        large = b" " * (8 * 1024 * 1024 + 1)
        assert type(refusal(lambda asked, _: (401, {"WWW-Authenticate": "NTLM"}, large))) is Garbage

    def test_that_the_server_breaks_off_is_told(self) -> None:
        assert (
            type(
                refusal(
                    lambda asked, _: (500, {}, b"") if asked else (401, {"WWW-Authenticate": "NTLM"}, b"")
                )
            )
            is Garbage
        )


class TestAWholeApply:
    def test_goes_over_http_with_negotiate(self, tmp_path: Path) -> None:
        """The connections file alone says how; what is declared stays the same."""
        with open_threaded(tmp_path / "lab", servers=2, edges=1) as lab:
            inputs = Inputs(EXAMPLE, connections=lab.negotiate_connections, state=tmp_path / "state")
            outcome = run_apply(inputs, Surroundings(unheard), lambda planned: True)
            assert outcome.applied is not None
            assert run_plan(inputs, Surroundings(unheard)).plan.is_empty
