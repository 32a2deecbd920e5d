"""Client certificates, redirects, CredSSP: ways in beside passwords and tickets."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import spnego
from pypsrp.encryption import WinRMEncryption
from pypsrp.exceptions import WinRMTransportError
from spnego.exceptions import NegotiateOptions, SpnegoError

from reconciler.exchange.errors import (
    AccessDenied,
    AuthenticationFailed,
    BadConnection,
    ExchangeError,
    Garbage,
    Redirected,
    Unreachable,
    UntrustedCertificate,
)
from reconciler.exchange.port import Auth, Command, Connection, Endpoint, Timeouts
from reconciler.exchange.session import Sessions
from reconciler.exchange.session.sign_on import Keys
from reconciler.exchange.session.transport import wsman
from reconciler.lab import authority
from reconciler.lab.accounts import Account
from reconciler.lab.call import Role
from reconciler.lab.control import ThreadedLab, open_threaded
from reconciler.lab.negotiation import Users
from tests.wire.conftest import Wire

PATIENT = Timeouts(connect=5, read=10, operation=5, invocation=20)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreadedLab]:
    with open_threaded(tmp_path_factory.mktemp("lab"), servers=1, edges=1) as running:
        yield running


def certificate(lab: ThreadedLab, role: Role = Role.ADMIN) -> str:
    return (lab.directory / authority.client_certificate(lab.account(role).name)).read_text()


def with_certificate(lab: ThreadedLab, server: str, pem: str) -> Connection:
    endpoint = Endpoint.WINRM if server.startswith("EDGE") else Endpoint.EXCHANGE
    url = lab.url(server)
    return Connection(
        server, url, endpoint, "", "", lab.ca, PATIENT, Auth.CERTIFICATE, client_certificate=pem
    )


def run(connection: Connection, cmdlet: str = "Get-ReceiveConnector") -> int:
    with Sessions().writer(connection) as writer:
        return len(writer.run(Command(cmdlet)).outputs)


class TestAClientCertificate:
    @pytest.mark.parametrize("server", ["MBX1", "EDGE1"])
    def test_signs_on(self, lab: ThreadedLab, server: str) -> None:
        """Without a request of its own: the handshake has shown it."""
        before = lab.status()["requests"][server]
        assert run(with_certificate(lab, server, certificate(lab))) > 0
        requests = lab.status()["requests"][server] - before
        assert requests == (5 if server == "MBX1" else 7)  # the snap-in is a pipeline of its own

    def test_signs_on_as_whom_it_is_mapped_to(self, lab: ThreadedLab) -> None:
        """A viewer's role has no Set- cmdlets."""
        with pytest.raises(ExchangeError, match="Set-ReceiveConnector"):
            run(with_certificate(lab, "MBX1", certificate(lab, Role.READER)), "Set-ReceiveConnector")

    def test_of_a_stranger_is_refused(self, lab: ThreadedLab, tmp_path: Path) -> None:
        """Another authority's. In TLS 1.3 that is said after the handshake, or the server only hangs up."""
        authority.open_client_certificates(tmp_path, ["admin"], datetime.now(UTC))
        stranger = (tmp_path / "admin.client.pem").read_text()
        with pytest.raises((AuthenticationFailed, Unreachable), match="client certificate"):
            run(with_certificate(lab, "MBX1", stranger))

    def test_of_nobody_who_has_an_account_is_refused(self, lab: ThreadedLab) -> None:
        """Trusted, and mapped to none: an authority's own."""
        known = Connection(
            "MBX1", lab.url("MBX1"), Endpoint.EXCHANGE, "", "", lab.ca, PATIENT, Auth.CERTIFICATE
        )
        with pytest.raises(AuthenticationFailed) as caught:
            run(known)
        assert caught.value.offered[:2] == ("Negotiate", "NTLM")

    def test_is_not_asked_of_those_who_sign_on_otherwise(self, lab: ThreadedLab) -> None:
        account = lab.account()
        basic = Connection(
            "MBX1", lab.url("MBX1"), Endpoint.EXCHANGE, account.name, account.password, lab.ca, PATIENT
        )
        assert run(basic) > 0

    @pytest.mark.parametrize("damage", ["BEGIN CERTIFICATE", "key of another"])
    def test_that_cannot_be_used_sends_nothing(self, lab: ThreadedLab, damage: str) -> None:
        before = lab.status()["requests"]["MBX1"]
        pem = certificate(lab).replace("BEGIN CERTIFICATE", "BEGIN SOMETHING")
        if damage != "BEGIN CERTIFICATE":
            own, other = certificate(lab), certificate(lab, Role.READER)
            pem = (
                own.partition("-----BEGIN PRIVATE")[0]
                + "-----BEGIN PRIVATE"
                + other.partition("-----BEGIN PRIVATE")[2]
            )
        with pytest.raises(BadConnection, match="client certificate"):
            run(with_certificate(lab, "MBX1", pem))
        assert lab.status()["requests"]["MBX1"] == before

    def test_is_shown_over_https_alone(self, lab: ThreadedLab) -> None:
        plain = replace(with_certificate(lab, "MBX1", certificate(lab)), url=lab.http("MBX1"))
        with pytest.raises(BadConnection, match="not https"):
            run(plain)


@contextmanager
def redirecting(folder: Path, *rules: dict[str, str]) -> Iterator[ThreadedLab]:
    faults = folder / "faults.json"
    faults.write_text(json.dumps(rules))
    with open_threaded(folder / "lab", servers=2, edges=0, faults=faults) as lab:
        yield lab


def negotiating(lab: ThreadedLab, url: str, auth: Auth = Auth.NEGOTIATE) -> Connection:
    account = lab.account()
    return Connection("MBX1", url, Endpoint.EXCHANGE, account.name, account.password, lab.ca, PATIENT, auth)


class TestARedirect:
    @pytest.mark.parametrize("auth", [Auth.BASIC, Auth.NEGOTIATE])
    def test_from_one_server_to_another_is_followed_over_https(self, tmp_path: Path, auth: Auth) -> None:
        """It comes before the sign-on, as a site's web server says it; the query that asks for all stays."""
        with redirecting(tmp_path, {"server": "MBX1", "redirects": "MBX2"}) as lab:
            assert run(negotiating(lab, lab.url("MBX1"), auth)) > 0
            assert {call["server"] for call in lab.status()["cmdlets"]} == {"MBX2"}
            assert lab.status()["requests"]["MBX1"] == 1

    def test_to_tls_on_the_same_host_is_followed(self, tmp_path: Path) -> None:
        """What IIS says where TLS is required."""
        with redirecting(tmp_path, {"redirects": "MBX1"}) as lab:
            assert run(negotiating(lab, lab.http("MBX1"))) > 0

    def test_in_a_circle_comes_to_an_end(self, tmp_path: Path) -> None:
        rules = {"server": "MBX1", "redirects": "MBX2"}, {"server": "MBX2", "redirects": "MBX1"}
        with redirecting(tmp_path, *rules) as lab:
            with pytest.raises(Redirected, match="3 addresses were tried"):
                run(negotiating(lab, lab.url("MBX1"), Auth.BASIC))
            assert sum(lab.status()["requests"].values()) == 3

    def test_to_a_host_that_tls_does_not_vouch_for_gets_no_password(self, wire: Wire) -> None:
        heard: list[bytes] = []

        def elsewhere(said: bytes) -> bytes:
            heard.append(said)
            return b""

        with wire.peer(elsewhere, wire.for_elsewhere) as port:
            location = f"https://127.0.0.1:{port}/PowerShell/"
            answer = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()
            with wire.peer(lambda _: answer, wire.for_loopback) as first:
                url = f"https://127.0.0.1:{first}/PowerShell/"
                basic = Connection("EX1", url, Endpoint.EXCHANGE, "admin", "s3cret", wire.ca, PATIENT)
                with pytest.raises(UntrustedCertificate):
                    run(basic)
        assert [said for said in heard if said] == []

    def test_that_is_not_followed_says_why(self, wire: Wire) -> None:
        answer = b"HTTP/1.1 307 Away\r\nLocation: http://ex2/PowerShell/\r\nContent-Length: 0\r\n\r\n"
        with wire.peer(lambda _: answer, wire.for_loopback) as port:
            url = f"https://127.0.0.1:{port}/PowerShell/"
            with pytest.raises(Redirected, match="only https is"):
                run(Connection("EX1", url, Endpoint.EXCHANGE, "admin", "s3cret", wire.ca, PATIENT))


FAULT = (
    b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><s:Fault><s:Detail>'
    b'<f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="5"/>'
    b"</s:Detail></s:Fault></s:Body></s:Envelope>"
)


@dataclass
class Delegate:
    """A server that takes CredSSP, which the lab does not serve: spnego's own other half.

    Attributes:
        heard: Messages, decrypted, each with its media type.
        offers: What it says to who has not signed on.
        plain: Answer without encryption.
    """

    users: Users
    heard: list[tuple[str, bytes]] = field(default_factory=list)
    offers: str = "CredSSP"
    plain: bool = False

    @contextmanager
    def serve(self) -> Iterator[str]:
        delegate = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            context: Any = None

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                scheme, _, token = self.headers.get("Authorization", "").partition(" ")
                if scheme.casefold() == "credssp":
                    self.sign_on(base64.b64decode(token))
                elif self.context is None or not self.context.complete:
                    self.say(401, {"WWW-Authenticate": delegate.offers})
                else:
                    self.take(body)

            def sign_on(self, token: bytes) -> None:
                with delegate.users.told():
                    if self.context is None:
                        self.context = spnego.server(
                            protocol="credssp", options=NegotiateOptions.use_negotiate
                        )
                    try:
                        said = self.context.step(token)
                    except SpnegoError:
                        said = None
                if self.context.complete:
                    self.say(200, {})
                elif said:
                    self.say(401, {"WWW-Authenticate": f"CredSSP {base64.b64encode(said).decode()}"})
                else:
                    self.say(401, {})

            def take(self, body: bytes) -> None:
                encryption = WinRMEncryption(Keys(self.context, "CredSSP"), WinRMEncryption.CREDSSP)
                media_type = self.headers["Content-Type"].partition(";")[0]
                delegate.heard.append((media_type, encryption.unwrap_message(body, "Encrypted Boundary")))
                if delegate.plain:
                    return self.say(500, {"Content-Type": "application/soap+xml"}, FAULT)
                kind, sealed = encryption.wrap_message(FAULT)
                return self.say(500, {"Content-Type": f'{kind};boundary="Encrypted Boundary"'}, sealed)

            def say(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
                self.send_response(status)
                for name, text in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, text)
                self.end_headers()
                self.wfile.write(body)

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


@pytest.fixture
def delegate(tmp_path: Path) -> Delegate:
    return Delegate(Users(tmp_path, [Account("admin", Role.ADMIN, "s3cret")]))


def delegating(url: str) -> Connection:
    return Connection("EX1", url, Endpoint.EXCHANGE, "admin", "s3cret", None, PATIENT, Auth.CREDSSP)


class TestCredssp:
    def test_signs_on_and_encrypts_what_follows(self, delegate: Delegate) -> None:
        """The fault inside the answer is understood, so both directions are."""
        with delegate.serve() as url, pytest.raises(AccessDenied):
            run(delegating(url))
        ((media_type, message), *_) = delegate.heard
        assert media_type == "multipart/encrypted"
        assert b"Create" in message

    def test_cuts_a_long_message(self, delegate: Delegate) -> None:
        """Each 16 KB is a TLS record of its own."""
        message = b"<s:Envelope>" + b"x" * 40_000 + b"</s:Envelope>"
        with delegate.serve() as url:
            made, transport = wsman(delegating(url))
            transport.allow(20, "testing")
            with made, pytest.raises(WinRMTransportError):
                transport.send(message)
        assert delegate.heard == [("multipart/x-multi-encrypted", message)]

    def test_believes_no_plain_answer(self, delegate: Delegate) -> None:
        delegate.plain = True
        with delegate.serve() as url, pytest.raises(Garbage):
            run(delegating(url))

    def test_with_a_wrong_password_is_a_typed_error(self, delegate: Delegate) -> None:
        with delegate.serve() as url, pytest.raises(AuthenticationFailed) as caught:
            run(replace(delegating(url), password="wr0ng"))
        assert "wr0ng" not in str(caught.value)
        assert delegate.heard == []

    def test_is_not_replaced_by_what_else_is_offered(self, delegate: Delegate) -> None:
        delegate.offers = "Negotiate, NTLM"
        with delegate.serve() as url, pytest.raises(AuthenticationFailed) as caught:
            run(delegating(url))
        assert caught.value.offered == ("Negotiate", "NTLM")
