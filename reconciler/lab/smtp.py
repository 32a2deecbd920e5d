"""One server's port 25: presents the certificate Exchange would choose, and accepts no mail."""

from __future__ import annotations

import asyncio
import socket
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, syntax

from reconciler.lab.call import Exchange, Identity, ServerFacts
from reconciler.lab.engine import Engine
from reconciler.lab.faults import SmtpRule
from reconciler.lab.process import write_private


@dataclass(frozen=True)
class _Presented:
    """What Exchange chose from an instant on, by the loop's clock; without a chain nothing."""

    since: float
    chain: bytes
    context: ssl.SSLContext | None


class SmtpFront:
    """The SMTP listener of one server.

    Args:
        facts: The server.
        engine: Knows the certificate.
        scratch: Folder inside the lab's directory for key files, which live only while they are loaded.
        rule: What is wrong with it.
    """

    def __init__(
        self, facts: ServerFacts, engine: Engine, scratch: Path, rule: SmtpRule | None = None
    ) -> None:
        self.facts = facts
        self._engine = engine
        self._scratch = scratch
        self._rule = rule
        self._revision: int | None = None
        self._presented: list[_Presented] = []
        self._server: asyncio.Server | None = None

    async def start(self, listening: socket.socket) -> None:
        """Answer on a bound socket."""
        if self._rule is not None:
            await self.context()  # what it starts with is what the rule goes by
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Dialogue(self, loop), sock=listening)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def context(self) -> ssl.SSLContext | None:
        """The certificate as it is to be presented now; None: STARTTLS is not offered."""
        revision, identity = await self._engine.ask(self._look)
        now = asyncio.get_running_loop().time()
        if revision != self._revision:
            self._revision = revision
            chain = identity.chain_pem if identity else b""
            if not self._presented or chain != self._presented[-1].chain:
                context = self._load(identity) if identity else None
                self._presented.append(_Presented(now, chain, context))
        if self._rule is None:
            del self._presented[:-1]
            return self._presented[-1].context
        return self._spoiled(self._rule, now)

    def _spoiled(self, rule: SmtpRule, now: float) -> ssl.SSLContext | None:
        first, last = self._presented[0], self._presented[-1]
        if rule.smtp == "lost":
            return last.context if last.chain == first.chain else None
        while len(self._presented) > 1 and now - self._presented[1].since >= rule.seconds:
            del self._presented[0]
        return self._presented[0].context

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
