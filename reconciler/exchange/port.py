"""What others may do with an Exchange server. Reading and writing are two things: who plans holds a `Reader`.

Promise 1 of the product rests on that: the object that a plan is made with has no way to write.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, TypeAlias, runtime_checkable

from reconciler.cmdlets.invocation import Answer
from reconciler.exchange.clixml import Object, Primitive
from reconciler.exchange.errors import CmdletFailed, CmdletMissing
from reconciler.exchange.secrecy import SecretBytes, SecureString


class Endpoint(Enum):
    """Which PowerShell answers there [5-1], [5-2]."""

    EXCHANGE = "exchange"
    """Exchange's own, on Mailbox servers: configuration Microsoft.Exchange, no-language."""
    WINRM = "winrm"
    """Windows' own, on Edge servers, where Exchange is a snap-in."""


class Auth(Enum):
    """How to sign on."""

    BASIC = "basic"
    """The password itself, which only TLS hides."""
    NTLM = "ntlm"
    NEGOTIATE = "negotiate"
    """Kerberos where it can be had, else NTLM."""
    KERBEROS = "kerberos"
    CERTIFICATE = "certificate"
    """A client certificate, which only a TLS handshake can show."""
    CREDSSP = "credssp"
    """Negotiate inside a TLS of its own, and then the server gets the password itself."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait, in seconds.

    Attributes:
        connect: For TCP and TLS.
        read: For bytes of an answer; above ``operation``, or a patient server would look dead.
        operation: How long the server may hold a request before it says that there is no news.
        invocation: For a pipeline from beginning to end; certificate cmdlets take a minute at times.
    """

    connect: float = 15
    read: float = 45
    operation: int = 30
    invocation: float = 300


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a server answers, and who asks.

    Attributes:
        server: Its declared name.
        url: ``https://host:port/path``, without Exchange's ``serializationLevel``; ``http`` only where the
            sign-on leaves a key that every message is encrypted with: never with Basic.
        user, password: Both empty with a client certificate, and with Kerberos where tickets are there.
        ca: Certificates to trust; None for the public roots.
        client_certificate: Certificate and private key, PEM; for `Auth.CERTIFICATE`.
        service: Kerberos name of the service, ``HTTP/mail.contoso.com``; "" for HTTP and the host of ``url``.
    """

    server: str
    url: str
    endpoint: Endpoint
    user: str
    password: str = field(repr=False)
    ca: Path | None = None
    timeouts: Timeouts = Timeouts()
    auth: Auth = Auth.BASIC
    client_certificate: str = field(default="", repr=False)
    service: str = ""

    @property
    def who(self) -> str:
        """Who asks, for people."""
        if self.auth is Auth.CERTIFICATE:
            return "a client certificate"
        return self.user or "the tickets that are there"


@dataclass(frozen=True, slots=True)
class Credential:
    """A PSCredential, as a parameter; its password travels under the session key."""

    user: str
    password: str = field(repr=False)


Value: TypeAlias = bool | int | str | bytes | tuple[str, ...] | Credential | SecureString | SecretBytes | None
"""What a parameter may be on the wire. None is ``$null``; True is a switch that is given."""


def _none() -> Mapping[str, Value]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Query:
    """One Get- cmdlet.

    Attributes:
        types: Type names that its objects have somewhere in their chain: how they are told from those of
            other queries that share the pipeline.
    """

    cmdlet: str
    types: frozenset[str]
    parameters: Mapping[str, Value] = field(default_factory=_none)


@dataclass(frozen=True, slots=True)
class Result:
    """What a query returned: every object, or the reason why it cannot be known. An empty list was read."""

    objects: tuple[Primitive | Object, ...] = ()
    failure: CmdletMissing | CmdletFailed | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """One invocation with every value known, ready for the wire.

    Attributes:
        answers: What to answer where Exchange will ask; any other question stops it.
    """

    cmdlet: str
    parameters: Mapping[str, Value] = field(default_factory=_none)
    answers: tuple[Answer, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command that succeeded returned.

    Attributes:
        answered: The questions that Exchange did ask.
    """

    outputs: tuple[Primitive | Object, ...] = ()
    warnings: tuple[str, ...] = ()
    answered: tuple[Answer, ...] = ()


class Reader(Protocol):
    """Reads one server; has no way to change it."""

    @property
    def server(self) -> str:
        """The server's declared name."""

    def read(self, queries: Sequence[Query]) -> tuple[Result, ...]:
        """Run Get- cmdlets, all in as few round trips as can be; one result for each, in their order.

        Raises:
            ExchangeError: nothing can be known of any of them.
            ValueError: a query is no Get- cmdlet.
        """


@runtime_checkable
class Conversant(Protocol):
    """A session that can say how it speaks with its server; what reads without a wire is none."""

    @property
    def protocol_version(self) -> str:
        """Version of PSRP that the server told; "" where it told none."""

    @property
    def takes_batches(self) -> bool | None:
        """Whether the server ran several statements in one pipeline; None while none were sent."""


class Writer(Reader, Protocol):
    """Changes one server, one command at a time."""

    def run(self, command: Command) -> Outcome:
        """Run one command to its end.

        Raises:
            CmdletFailed, CmdletMissing: it told an error, even one after which it went on.
            UnexpectedPrompt: it asked something else than was foreseen, and was stopped.
            ExchangeError: it is not known what it did, where ``outcome_unknown`` says so.
        """


class SessionOpener(Protocol):
    """Opens sessions with servers; threads share it."""

    def reader(self, connection: Connection) -> AbstractContextManager[Reader]:
        """Open a session that can only read.

        Raises:
            ExchangeError: there is no session.
        """

    def writer(self, connection: Connection) -> AbstractContextManager[Writer]:
        """Open a session that reads and changes.

        Raises:
            ExchangeError: there is no session.
        """
