"""The web front of one server: addresses, sign-on and disturbances; what goes through is WS-Management.

Over https: Basic, Negotiate, NTLM and client certificates. Over http: Negotiate and NTLM, then encrypted
messages and no others.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from weakref import WeakKeyDictionary

from aiohttp import web

from reconciler.lab import sealed
from reconciler.lab.accounts import Account, authenticate
from reconciler.lab.call import Endpoint
from reconciler.lab.disturbance import close, disturbed, operation_of
from reconciler.lab.endpoint import RemoteShells
from reconciler.lab.faults import Operation, RequestRule
from reconciler.lab.negotiation import SCHEMES, Negotiation, NotSignedOn, Users
from reconciler.lab.shell_events import Reply
from reconciler.lab.soap import MAX_ENVELOPE

_log = logging.getLogger(__name__)

PATH: Final[dict[Endpoint, str]] = {"exchange": "/PowerShell/", "winrm": "/wsman"}

_SOAP: Final = "application/soap+xml;charset=UTF-8"
_MUTUAL: Final = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"
"""The Authorization of who signs on with a client certificate ([MS-WSMV] 2.2.9.4, DSP0226 C.5)."""
_NOT_FOUND: Final = (
    "<!DOCTYPE html><html><head><title>404 - File or directory not found.</title></head>"
    "<body><h1>Server Error</h1><h2>404 - File or directory not found.</h2></body></html>"
)
_HARD_LIMIT: Final = 2 * MAX_ENVELOPE
"""Bytes read of a request: above the envelope limit, so that WS-Management can answer with its own fault."""


@dataclass(frozen=True, slots=True)
class Guests:
    """Who may sign on.

    Attributes:
        accounts: With Basic.
        users: The same, for NTLM and Negotiate.
        certificates: The same: the certificate of each by its name, DER.
    """

    accounts: tuple[Account, ...]
    users: Users
    certificates: Mapping[str, bytes]

    def of_certificate(self, certificate: bytes | None) -> Account | None:
        """Whose certificate it is: one to one, as IIS and WinRM map them."""
        found = (one for one in self.accounts if self.certificates.get(one.name) == certificate)
        return next(found, None) if certificate else None


class Front:
    """Serves the shells of one server.

    Args:
        shells: Where requests go.
        latency: Waited before each request is looked at, as a distant server would.
        https_port: Tells the port of a server of the lab, to send clients there.
    """

    def __init__(
        self,
        shells: RemoteShells,
        guests: Guests,
        latency: timedelta,
        https_port: Callable[[str], int],
    ) -> None:
        self._shells = shells
        self._guests = guests
        self._latency = latency.total_seconds()
        self._https_port = https_port
        self._runner: web.AppRunner | None = None
        self._certificate_hash = b""
        self._requests = 0
        self._negotiations: WeakKeyDictionary[asyncio.BaseTransport, Negotiation] = WeakKeyDictionary()

    async def start(
        self, https: socket.socket, http: socket.socket, context: ssl.SSLContext, certificate_hash: bytes
    ) -> None:
        """Answer on two bound sockets.

        Args:
            context: For the first of them.
            certificate_hash: SHA-256 of the certificate that it presents.
        """
        self._certificate_hash = certificate_hash
        application = web.Application(client_max_size=_HARD_LIMIT)
        application.router.add_route("*", "/{path:.*}", self._answer)
        # handler_cancellation: the end of a connection must end the long poll that waited on it.
        self._runner = web.AppRunner(
            application, access_log=None, handler_cancellation=True, shutdown_timeout=0.1
        )
        await self._runner.setup()
        await web.SockSite(self._runner, https, ssl_context=context).start()
        await web.SockSite(self._runner, http).start()

    async def stop(self) -> None:
        await self._shells.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._respond(request)
        except web.HTTPException:
            raise
        except Exception as error:  # noqa: BLE001 - a defect of the lab must reach the client as WinRM would say it
            _log.exception("a request to %s could not be answered", self._shells.facts.name)
            body = self._shells.wsman.defect(f"{type(error).__name__}: {error}")
            return web.Response(status=500, body=body, headers={"Content-Type": _SOAP})

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        self._shells.ledger.note_request(self._shells.facts.name)
        self._requests += 1
        number = self._requests
        if self._latency:
            # The wait is what --latency asks for.
            await asyncio.sleep(self._latency)
        refused = self._refuse(request)
        if refused is not None:
            return refused
        body = await request.read()
        if request.secure:
            account = self._recognized(request)
            if account is not None:
                return self._plain(request, await self._reply(request, number, body, account))
        try:
            negotiation, token = self._negotiate(request)
        except NotSignedOn:
            return self._signing_on(request, number) or self._unauthorized(self._offer(request))
        headers = [("WWW-Authenticate", token)] if token else []
        if negotiation.account is None:
            return self._signing_on(request, number) or self._unauthorized([token])
        if request.secure:
            reply = await self._reply(request, number, body, negotiation.account)
            return self._plain(request, reply, headers)
        if not body:
            # How a client signs on before it has a key to encrypt with.
            return self._signing_on(request, number) or web.Response(headers=headers)
        return await self._encrypted(request, number, body, negotiation, negotiation.account)

    def _recognized(self, request: web.Request) -> Account | None:
        """Who signs on in one go: with Basic, or with the certificate of the TLS handshake.

        WinRM looks at the certificate when Authorization says so; IIS, before Exchange, looks anyway.
        [inf: client-certificate]
        """
        authorization = request.headers.get("Authorization")
        if account := authenticate(authorization, self._guests.accounts):
            return account
        tls = request.get_extra_info("ssl_object")
        if tls is None or authorization not in (
            (_MUTUAL,) if self._shells.endpoint == "winrm" else (_MUTUAL, None)
        ):
            return None
        return self._guests.of_certificate(tls.getpeercert(True))

    def _signing_on(self, request: web.Request, number: int) -> web.Response | None:
        """How a request that carries no message is disturbed, if it is."""
        rule = self._rule(number, "sign_on")
        if rule is None or rule.action not in ("drop", "reset", "busy"):
            return None
        if rule.action == "busy":
            return web.Response(status=503)
        close(request.transport, resets=rule.action == "reset")
        return web.Response()

    def _rule(self, number: int, operation: Operation) -> RequestRule | None:
        return self._shells.faults.at_request(self._shells.facts.name, number, operation)

    def _negotiate(self, request: web.Request) -> tuple[Negotiation, str]:
        """The sign-on of the connection that a request came over, and the next token for its client.

        Raises:
            NotSignedOn: there is none, or it has just failed.
        """
        transport = request.transport
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        known = None if transport is None else self._negotiations.get(transport)
        if transport is None or scheme.casefold() not in (offered.casefold() for offered in SCHEMES):
            if known is None or known.account is None:
                raise NotSignedOn("no token")
            return known, ""
        if known is None or known.account is not None:
            known = Negotiation(
                scheme, self._guests.users, self._certificate_hash if request.secure else None
            )
            self._negotiations[transport] = known
        try:
            said = known.step(token.strip())
        except NotSignedOn:
            del self._negotiations[transport]
            raise
        return known, f"{scheme} {said}" if said else ""

    async def _encrypted(
        self, request: web.Request, number: int, body: bytes, negotiation: Negotiation, account: Account
    ) -> web.StreamResponse:
        try:
            content = _opened(request.headers.get("Content-Type", ""), body, negotiation)
        except (sealed.NotSealed, NotSignedOn):
            # AllowUnencrypted is off on every WinRM that nobody weakened. What exactly it answers is
            # [inf: unencrypted].
            return web.Response(status=500)
        reply = await self._reply(request, number, content, account)
        if reply.body is None or reply.status == 503:
            return self._plain(request, reply)
        signature, sealed_content, padding = negotiation.encrypt(reply.body)
        media_type, answer = sealed.write(
            sealed.Sealed(sealed.SPNEGO, len(reply.body) + padding, signature, sealed_content),
            blank=self._shells.endpoint == "exchange",
        )
        return web.Response(status=reply.status, body=answer, headers={"Content-Type": media_type})

    async def _reply(self, request: web.Request, number: int, content: bytes, account: Account) -> Reply:
        def act() -> Awaitable[Reply]:
            return self._shells.answer(content, account, _is_full(request), request.transport)

        watched = self._shells.faults.watch_requests
        rule = self._rule(number, operation_of(content)) if watched else None
        reply = await (disturbed(rule, self._shells, content, act) if rule else act())
        if reply.body is not None and self._shells.transcript is not None:
            self._shells.transcript.response(self._shells.facts.name, reply.body)
        return reply

    def _plain(
        self, request: web.Request, reply: Reply, headers: Sequence[tuple[str, str]] = ()
    ) -> web.StreamResponse:
        if reply.body is None:
            close(request.transport, resets=reply.resets)
            return web.Response()
        # A busy web server answers itself, and in its own language.
        headers = [*headers, ("Content-Type", "text/html" if reply.status == 503 else _SOAP)]
        return web.Response(status=reply.status, body=reply.body, headers=headers)

    def _offer(self, request: web.Request) -> Sequence[str]:
        """The ways to sign on that the listener offers; Basic is none without TLS."""
        realm = "WSMAN" if self._shells.endpoint == "winrm" else self._shells.facts.fqdn
        return [*SCHEMES, f'Basic realm="{realm}"'] if request.secure else SCHEMES

    def _unauthorized(self, challenges: Sequence[str]) -> web.StreamResponse:
        return web.Response(status=401, headers=[("WWW-Authenticate", challenge) for challenge in challenges])

    def _refuse(self, request: web.Request) -> web.Response | None:
        """What the web server itself refuses, IIS before Exchange and HTTP.sys before WinRM."""
        if request.path.rstrip("/").casefold() != PATH[self._shells.endpoint].rstrip("/").casefold():
            return web.Response(status=404, text=_NOT_FOUND, content_type="text/html")
        if request.method != "POST":
            return web.Response(status=405, headers={"Allow": "POST"})
        here = self._shells.facts.name
        there = self._shells.faults.redirect(here)
        if there is None or (request.secure and there.casefold() == here.casefold()):
            return None
        # A web server knows no more of its own name than the client has said.
        location = request.url.with_scheme("https").with_port(self._https_port(there))
        return web.Response(status=302, headers={"Location": str(location)})


def _opened(media_type: str, body: bytes, negotiation: Negotiation) -> bytes:
    """Decrypt a message whose frame says what is in it.

    Raises:
        NotSealed: its protocol is not that of the sign-on, or its length is another.
        NotSignedOn: it was not encrypted with the key of this connection.
    """
    message = sealed.parse(media_type, body)
    if message.protocol != sealed.SPNEGO:
        raise sealed.NotSealed(f"its protocol is {message.protocol!r}")
    content = negotiation.decrypt(message.signature, message.content)
    if message.length != len(content):
        raise sealed.NotSealed(f"it says {message.length} bytes and has {len(content)}")
    return content


def _is_full(request: web.Request) -> bool:
    """The spelling of the key varies in the wild [6.1-3]."""
    return any(
        key.casefold() == "serializationlevel" and value.casefold() == "full"
        for key, value in request.query.items()
    )
