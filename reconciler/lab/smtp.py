"""One server's port 25: presents the certificate Exchange would choose, and accepts no mail."""

from __future__ import annotations

import asyncio
import socket
import ssl
import tempfile
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, syntax

from reconciler.lab.call import Exchange, Identity, ServerFacts
from reconciler.lab.engine import Engine
from reconciler.lab.process import write_private


class SmtpFront:
    """The SMTP listener of one server.

    Args:
        facts: The server.
        engine: Knows the certificate.
        scratch: Folder inside the lab's directory for key files, which live only while they are loaded.
    """

    def __init__(self, facts: ServerFacts, engine: Engine, scratch: Path) -> None:
        self.facts = facts
        self._engine = engine
        self._scratch = scratch
        self._revision: int | None = None
        self._context: ssl.SSLContext | None = None
        self._server: asyncio.Server | None = None

    async def start(self, listening: socket.socket) -> None:
        """Answer on a bound socket."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Dialogue(self, loop), sock=listening)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def context(self) -> ssl.SSLContext | None:
        """The certificate as it is to be presented now; None: STARTTLS is not offered."""
        revision, identity = await self._engine.ask(self._look)
        if revision != self._revision:
            self._context = self._load(identity) if identity else None
            self._revision = revision
        return self._context

    def _look(self, exchange: Exchange) -> tuple[int, Identity | None]:
        """The revision, and what is presented in it unless that is known."""
        revision = exchange.smtp_revision(self.facts.name)
        known = revision == self._revision
        return revision, None if known else exchange.smtp_identity(self.facts.name)

    def _load(self, identity: Identity) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory(dir=self._scratch) as folder:
            chain, key = Path(folder, "chain.pem"), Path(folder, "key.pem")
            chain.write_bytes(identity.chain_pem)
            write_private(key, identity.key_pem)
            context.load_cert_chain(chain, key)
        return context


class _Rejecting:
    """aiosmtpd's handler: what of the dialogue differs from its defaults."""

    async def handle_EHLO(
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [line for line in responses if "AUTH" not in line and "HELP" not in line] + [
            "250 ENHANCEDSTATUSCODES"
        ]

    async def handle_MAIL(self, *_: Any) -> str:
        return "550 5.7.1 This is a lab: it accepts no mail"


class _Dialogue(SMTP):
    """One connection."""

    def __init__(self, front: SmtpFront, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            _Rejecting(),
            hostname=front.facts.fqdn,
            ident="Microsoft ESMTP MAIL Service ready",
            loop=loop,
            timeout=60,
        )
        self._front = front

    @syntax("EHLO hostname")
    async def smtp_EHLO(self, hostname: str) -> None:
        self.tls_context = await self._front.context()
        await super().smtp_EHLO(hostname)

    @syntax("STARTTLS", when="tls_context")
    async def smtp_STARTTLS(self, arg: str) -> None:
        self.tls_context = await self._front.context()
        await super().smtp_STARTTLS(arg)
