"""HTTP below pypsrp, with bounds: nothing that a server sends is trusted to be short, quick or XML."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import urlsplit

import requests
from pypsrp.encryption import WinRMEncryption
from pypsrp.exceptions import WinRMTransportError
from pypsrp.wsman import WSMan, _TransportHTTP

from reconciler.exchange.errors import (
    AccessDenied,
    AuthenticationFailed,
    BadConnection,
    Garbage,
    Redirected,
    ServerBusy,
    TimedOut,
    Unreachable,
    WrongEndpoint,
)
from reconciler.exchange.port import Auth, Connection, Endpoint
from reconciler.exchange.session.head import bound_heads
from reconciler.exchange.session.sign_on import ConnectionReplaced, SignOn, schemes
from reconciler.exchange.session.trust import trust

LARGEST_ANSWER: Final = 8 * 1024 * 1024
"""Bytes of one HTTP answer. WS-Management envelopes are 500 kB at most, and we ask for no more."""
LARGEST_SESSION: Final = 512 * 1024 * 1024
"""Bytes of all answers of one session."""
_CHUNK: Final = 64 * 1024
_BOUNDARY: Final = (
    "Encrypted Boundary"  # the only one there is ([MS-WSMV] 2.2.9.1); pypsrp makes a pattern of it
)
_MUTUAL: Final = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"
"""What stands for a scheme where a client certificate signs on ([MS-WSMV] 2.2.9.4, DSP0226 C.5)."""
_PROTOCOLS: Final = {"kerberos": WinRMEncryption.KERBEROS, "credssp": WinRMEncryption.CREDSSP}
"""Media types of messages by the scheme that was signed on with ([MS-WSMV] 2.2.9.1.2); else SPNEGO's."""
_ENCRYPTED: Final = ("multipart/encrypted;", "multipart/x-multi-encrypted;")
_XML_DECLARATION: Final = re.compile(r"^\s*<\?xml[^>]*\?>")


class Transport(_TransportHTTP):
    """pypsrp's transport for one server, over TLS or with every message encrypted, in one thread."""

    def __init__(self, connection: Connection) -> None:
        target = _target(connection)
        self._trusted = trust(connection) if target.is_https else None
        super().__init__(
            target.host,
            target.port,
            connection.user,
            connection.password,
            ssl=target.is_https,
            path=target.path,
            auth=connection.auth.value,
            encryption="auto" if target.is_https else "always",
            no_proxy=True,
        )
        self._connection = connection
        self._received = 0
        self._deadline = 0.0
        self._doing = ""
        self._allowed = 0.0

    def allow(self, seconds: float, doing: str) -> None:
        """Let all requests from now on take ``seconds`` together; the first byte after that is `TimedOut`."""
        self._deadline, self._allowed, self._doing = time.monotonic() + seconds, seconds, doing

    def send(
        self,
        message: bytes,
        *,
        retries_on_read_timeout: int = 0,
        timeout: float | tuple[float, float] | None = None,
    ) -> bytes:
        """Send one envelope, once: pypsrp would repeat one that timed out, and our bound would be six.

        One that the server could not decrypt has not been received: it is sent again after signing on anew.
        """
        try:
            return self._send_signed_on(message, timeout)
        except ConnectionReplaced:
            self.encryption = None
        try:
            return self._send_signed_on(message, timeout)
        except ConnectionReplaced:
            raise Garbage(self._connection.server, "a connection that forgets who signed on") from None

    def _send_signed_on(self, message: bytes, timeout: float | tuple[float, float] | None) -> bytes:
        """Send one envelope, and before the first one that is to be encrypted sign on, with nothing in it."""
        if self.session is None:
            self.session = self._build_session()
        if self.wrap_required and self.encryption is None:
            self._send_request(
                self.session.prepare_request(requests.Request("POST", self.endpoint)), timeout=timeout
            )
            (keys,) = cast("SignOn", self.session.auth).contexts.values()
            protocol = _PROTOCOLS.get(keys.response_auth_header, WinRMEncryption.SPNEGO)
            self.encryption = WinRMEncryption(keys, protocol)
        return super().send(message, retries_on_read_timeout=0, timeout=timeout)

    def _build_session(self) -> requests.Session:
        session: requests.Session = super()._build_session()
        # No proxy or certificate bundle of the environment decides where a password goes; not looking for
        # them at every request is quicker, too.
        session.trust_env = False
        session.verify = True if self._connection.ca is None else str(self._connection.ca)
        bound_heads(session, self._trusted)
        return session

    def _build_auth_negotiate(self, session: requests.Session, auth_provider: str = "negotiate") -> None:
        session.auth = SignOn(
            self._connection, encrypts=self.wrap_required, read=lambda each: b"".join(self._bounded(each))
        )

    def _build_auth_credssp(self, session: requests.Session) -> None:
        self._build_auth_negotiate(session)

    def _build_auth_certificate(self, session: requests.Session) -> None:
        """The handshake shows the certificate, which `trust` has put there; this says that it is meant."""
        session.headers["Authorization"] = _MUTUAL

    def _send_request(
        self, request: requests.PreparedRequest, timeout: float | tuple[float, float] | None = None
    ) -> bytes:
        """Send one request; give the envelope of the answer, in UTF-8 whatever it came in."""
        session = cast("requests.Session", self.session)  # `send` has just built it
        left = self._left()
        timeouts = self._connection.timeouts
        with session.send(
            request,
            timeout=(min(timeouts.connect, left), min(timeouts.read, left)),
            stream=True,
            allow_redirects=False,
        ) as response:
            body = b"".join(self._bounded(response))
        if self.wrap_required:
            if self.encryption is None:
                self._expect_signed_on(response, body)
                return b""
            body = self._decrypted(response, body)
        text = self._text(body)
        self._expect_success(response, text)
        return text.encode()

    def _expect_signed_on(self, response: requests.Response, body: bytes) -> None:
        """Check the answer to the request without a body that signs on; it holds nothing."""
        if response.status_code != 200:
            self._expect_success(response, self._text(body))
            raise Garbage(self._connection.server, f"HTTP status {response.status_code} to a sign-on")
        if not cast("SignOn", cast("requests.Session", self.session).auth).contexts:
            raise Garbage(self._connection.server, "a welcome for somebody who has not signed on")

    def _decrypted(self, response: requests.Response, body: bytes) -> bytes:
        """Decrypt an answer; whoever is in the way can send plain ones, so none of them says anything."""
        kind = response.headers.get("Content-Type", "")
        if not kind.startswith(_ENCRYPTED) or f'boundary="{_BOUNDARY}"' not in kind:
            if response.status_code != 200:
                self._expect_success(response, "")
            raise Garbage(self._connection.server, "an answer that is not encrypted")
        decrypted: bytes = cast("Any", self.encryption).unwrap_message(body, _BOUNDARY)
        return decrypted

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimedOut(self._connection.server, self._allowed, self._doing)
        return left

    def _bounded(self, response: requests.Response) -> Iterator[bytes]:
        size = 0
        coding = response.headers.get("Content-Encoding", "identity")
        if coding.casefold() != "identity":  # pypsrp asks for it: what is unpacked knows no bounds
            raise Garbage(self._connection.server, f"an answer packed with {coding[:40]!r}")
        for chunk in response.iter_content(_CHUNK):
            size += len(chunk)
            self._received += len(chunk)
            if size > LARGEST_ANSWER or self._received > LARGEST_SESSION:
                raise Garbage(self._connection.server, f"more than {LARGEST_ANSWER} bytes in one answer")
            self._left()
            yield chunk

    def _text(self, body: bytes) -> str:
        """Decode an answer and take its XML declaration off, so that no encoding it names is believed."""
        encoding = "utf-16" if body[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        try:
            text = body.decode(encoding)
        except UnicodeDecodeError:
            raise Garbage(self._connection.server, "an answer that is not text") from None
        return _XML_DECLARATION.sub("", text, count=1)

    def _expect_success(self, response: requests.Response, text: str) -> None:
        server, status = self._connection.server, response.status_code
        is_envelope = "Envelope" in text and "<!DOCTYPE" not in text
        if status == 401:
            raise AuthenticationFailed(server, self._connection.who, tuple(schemes(response)))
        if status == 403:
            raise AccessDenied(server, "HTTP status 403")
        if 300 <= status < 400:
            raise Redirected(server, response.headers.get("Location", ""))
        if status in (404, 405):
            raise WrongEndpoint(server, f"HTTP status {status}")
        if status == 503 and not is_envelope:
            raise ServerBusy(server, "HTTP status 503")
        if status in (502, 504) and not is_envelope:
            raise Unreachable(server, f"HTTP status {status}")
        if not is_envelope:
            raise Garbage(server, f"HTTP status {status}, {_described(text)}")
        if status >= 400:
            raise WinRMTransportError("http", status, text)  # pypsrp takes the fault out of it


def wsman(connection: Connection) -> tuple[WSMan, Transport]:
    """Make a WSMan over a `Transport`, which it then owns; opens nothing yet.

    Raises:
        BadConnection: the URL is none that we speak.
    """
    transport = Transport(connection)
    made = WSMan(
        transport.server,
        username=connection.user,
        password=connection.password,
        auth="basic",
        operation_timeout=connection.timeouts.operation,
    )
    made.transport = transport
    return made, transport


@dataclass(frozen=True, slots=True)
class _Target:
    """Where requests go; the path has Exchange's query: pypsrp joins them by plain formatting [5-5]."""

    is_https: bool
    host: str
    port: int
    path: str


def _target(connection: Connection) -> _Target:
    try:
        url = urlsplit(connection.url)
        port = url.port
    except ValueError as error:
        raise BadConnection(connection.server, f"{connection.url!r}: {error}") from error
    if url.scheme not in ("https", "http"):
        raise BadConnection(connection.server, f"{connection.url!r} is neither https nor http")
    if url.scheme == "http" and connection.auth in (Auth.BASIC, Auth.CERTIFICATE):
        raise BadConnection(
            connection.server, f"{connection.url!r} is not https, which auth {connection.auth.value} needs"
        )
    if not url.hostname or url.username is not None or url.fragment:
        raise BadConnection(connection.server, f"{connection.url!r} is no {url.scheme}://host:port/path")
    path, query = url.path.lstrip("/"), url.query
    if connection.endpoint is Endpoint.EXCHANGE and "serializationlevel=" not in query.casefold():
        # Full is what makes Exchange add its own data, without which a certificate is only its bytes [6.1-3].
        query = "&".join(filter(None, [query, "serializationLevel=Full"]))
    is_https = url.scheme == "https"
    return _Target(
        is_https, url.hostname, port or (443 if is_https else 80), f"{path}?{query}" if query else path
    )


def _described(text: str) -> str:
    start = text.lstrip()[:200].casefold()
    if not start:
        return "an empty answer"
    return "HTML" if "<html" in start or start.startswith("<!doctype html") else "no envelope"
