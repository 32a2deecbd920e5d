"""The HTTPS front of one server: addresses, sign-in and disturbances; what goes through is WS-Management."""

from __future__ import annotations

import asyncio
import socket
import ssl
from datetime import timedelta
from typing import Final

from aiohttp import web

from reconciler.lab.accounts import Account, authenticate
from reconciler.lab.call import Endpoint
from reconciler.lab.endpoint import RemoteShells
from reconciler.lab.soap import MAX_ENVELOPE

PATH: Final[dict[Endpoint, str]] = {"exchange": "/PowerShell/", "winrm": "/wsman"}

_NOT_FOUND: Final = (
    "<!DOCTYPE html><html><head><title>404 - File or directory not found.</title></head>"
    "<body><h1>Server Error</h1><h2>404 - File or directory not found.</h2></body></html>"
)
_HARD_LIMIT: Final = 2 * MAX_ENVELOPE
"""Bytes read of a request: above the envelope limit, so that WS-Management can answer with its own fault."""


class Front:
    """Serves the shells of one server.

    Args:
        shells: Where requests go.
        accounts: Who may sign in.
        latency: Waited before each request is looked at, as a distant server would.
    """

    def __init__(self, shells: RemoteShells, accounts: tuple[Account, ...], latency: timedelta) -> None:
        self._shells = shells
        self._accounts = accounts
        self._latency = latency.total_seconds()
        self._runner: web.AppRunner | None = None

    async def start(self, listening: socket.socket, context: ssl.SSLContext) -> None:
        """Answer on a bound socket."""
        application = web.Application(client_max_size=_HARD_LIMIT)
        application.router.add_route("*", "/{path:.*}", self._answer)
        # handler_cancellation: the end of a connection must end the long poll that waited on it.
        self._runner = web.AppRunner(
            application, access_log=None, handler_cancellation=True, shutdown_timeout=0.1
        )
        await self._runner.setup()
        await web.SockSite(self._runner, listening, ssl_context=context).start()

    async def stop(self) -> None:
        await self._shells.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self._shells.ledger.note_request(self._shells.facts.name)
        if self._latency:
            # The wait is what --latency asks for.
            await asyncio.sleep(self._latency)
        refused = self._refuse(request)
        if refused is not None:
            return refused
        account = authenticate(request.headers.get("Authorization"), self._accounts)
        if account is None:
            realm = "WSMAN" if self._shells.endpoint == "winrm" else self._shells.facts.fqdn
            return web.Response(status=401, headers={"WWW-Authenticate": f'Basic realm="{realm}"'})
        reply = await self._shells.answer(await request.read(), account, _is_full(request), request.transport)
        if reply.body is None:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        if self._shells.transcript is not None:
            self._shells.transcript.response(self._shells.facts.name, reply.body)
        return web.Response(
            status=reply.status,
            body=reply.body,
            headers={"Content-Type": "application/soap+xml;charset=UTF-8"},
        )

    def _refuse(self, request: web.Request) -> web.Response | None:
        """What the web server itself refuses, IIS before Exchange and HTTP.sys before WinRM."""
        if request.path.rstrip("/").casefold() != PATH[self._shells.endpoint].rstrip("/").casefold():
            return web.Response(status=404, text=_NOT_FOUND, content_type="text/html")
        if request.method != "POST":
            return web.Response(status=405, headers={"Allow": "POST"})
        return None


def _is_full(request: web.Request) -> bool:
    """The spelling of the key varies in the wild [6.1-3]."""
    return any(
        key.casefold() == "serializationlevel" and value.casefold() == "full"
        for key, value in request.query.items()
    )
