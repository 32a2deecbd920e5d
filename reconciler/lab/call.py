"""The seam between the lab's wire (WS-Man, PSRP) and its Exchange (cmdlets, organization).

The wire turns a pipeline's commands into :class:`Call` values, runs each through
:meth:`Exchange.run`, and writes every :class:`Emission` to the client. A prompt travels as a
PSRP host call; its answer is sent back into the generator.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal, Protocol

Endpoint = Literal["exchange", "winrm"]


@dataclass(frozen=True, slots=True)
class Secret:
    """A decrypted SecureString; its repr never shows the text."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Credential:
    """A PSCredential."""

    user: str
    password: Secret


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument as it came over the wire.

    Attributes:
        name: Parameter name without the dash; None when positional.
        value: bool, int, float, str, bytes, list, dict, None, Secret or Credential. A switch given
            without a value is None with ``is_switch``.
    """

    name: str | None
    value: Any
    is_switch: bool = False


class Look(Enum):
    """How objects and texts may be shown otherwise than a full session of today's build shows them."""

    NO_SERIALIZATION_DATA = "no-serialization-data"
    """No object has SerializationData [6.1-1]."""
    MISSING_AUTH_CERTIFICATE = "missing-auth-certificate"
    """Get-AuthConfig names a certificate that is nowhere; certificates come without SerializationData."""
    EXPIRED_AUTH_CERTIFICATE = "expired-auth-certificate"
    """It names one that has ended; certificates come without SerializationData."""
    PLAIN_VALUES = "plain-values"
    """As a session without Full: complex values are texts [6.1-5]."""
    JOINED_LISTS = "joined-lists"
    """The same, and a list is one text."""
    TYPE_NAMES = "type-names"
    """Complex values and lists print the name of their type, as .NET's Object does."""
    SIGNED = "signed"
    UNSIGNED = "unsigned"
    """Blobs, whatever the build does [6.2-2]."""
    NUMBERS = "numbers"
    """Enum values have a number and no text."""
    UNKNOWN_NUMBERS = "unknown-numbers"
    """Enum values are numbers that no list names, in blobs of certificates too [6.4]."""
    BRACKETED_SMART_HOSTS = "bracketed-smart-hosts"
    BARE_SMART_HOSTS = "bare-smart-hosts"
    """Addresses among smart hosts, in either form [3-9]."""
    GERMAN = "german"
    JAPANESE = "japanese"
    MOJIBAKE = "mojibake"
    """Errors, warnings and questions in another language; Japanese read as Western European."""
    MISSING = "missing"
    """Properties are not there, as an update that does not know them."""
    MISTYPED = "mistyped"
    """Properties hold what their type does not allow."""


@dataclass(frozen=True, slots=True)
class View:
    """What an account is shown of one cmdlet on one server.

    Attributes:
        looks: How.
        missing: Properties that are not shown; lower case.
        mistyped: Properties that are shown as something else; lower case.
        hidden: Parameters that its role lacks.
        is_hidden: Its role lacks the cmdlet.
    """

    looks: frozenset[Look] = frozenset()
    missing: frozenset[str] = frozenset()
    mistyped: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
    is_hidden: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """One command of a pipeline, addressed to one server."""

    server: str
    account: str
    endpoint: Endpoint
    full: bool
    """True when the session asked for ``serializationLevel=Full``."""
    cmdlet: str
    arguments: tuple[Argument, ...] = ()
    is_script: bool = False
    hidden: frozenset[str] = frozenset()
    """Parameters that the account's role hides, of every cmdlet [5-4]."""
    view: View = View()


@dataclass(frozen=True, slots=True)
class ErrorRecord:
    """What PowerShell calls an error: the facts first, the text last.

    ``category`` is the number of System.Management.Automation.ErrorCategory.
    """

    message: str
    exception_type: str
    fully_qualified_id: str
    category: int
    target: str = ""
    activity: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """One object for the output stream: a self-contained CLIXML element (no ``<Objs>`` around it)."""

    xml: str


@dataclass(frozen=True, slots=True)
class Warned:
    message: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A non-terminating error."""

    error: ErrorRecord


@dataclass(frozen=True, slots=True)
class Prompt:
    """PSHostUserInterface.PromptForChoice: the index of the choice comes back."""

    caption: str
    message: str
    choices: tuple[tuple[str, str], ...]
    """(label with ``&`` before its hot key, help)"""
    default: int


Emission = Output | Warned | Failed | Prompt


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter that must have a value; ``type`` as its page gives it."""

    name: str
    type: str


class Terminated(Exception):
    """A terminating error: the pipeline ends as Failed.

    Attributes:
        missing: The mandatory parameters for want of which a command did not begin: PowerShell asks for them.
    """

    def __init__(self, error: ErrorRecord, missing: tuple[Field, ...] = ()) -> None:
        super().__init__(error.message)
        self.error = error
        self.missing = missing


class Role(Enum):
    """What an account may see. ``READER`` sees on Mailbox servers Get- alone, and no -DomainController."""

    ADMIN = "admin"
    READER = "reader"


@dataclass(frozen=True, slots=True)
class Identity:
    """What an SMTP listener presents after STARTTLS."""

    chain_pem: bytes
    key_pem: bytes


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """One server of the organization, as the wire needs to know it."""

    name: str
    fqdn: str
    is_edge: bool
    build: str


class Exchange(Protocol):
    """The organization behind the wire. Not thread-safe: the caller runs one step at a time."""

    def servers(self) -> Sequence[ServerFacts]: ...

    def run(self, call: Call) -> Generator[Emission, int | None, None]:
        """Run one cmdlet.

        Mutations are durable on disk before the generator yields its first output or ends.

        Raises:
            Terminated: a terminating error.
        """

    def smtp_identity(self, server: str) -> Identity | None:
        """The certificate Exchange would present on port 25 of ``server``; None: no STARTTLS offered."""

    def remarks(self) -> Sequence[str]:
        """What the import of an export could not place or had to decide; told by ``lab up``."""

    def smtp_revision(self, server: str) -> int:
        """Changes whenever :meth:`smtp_identity` may answer differently."""

    def replicate(self, delays: Mapping[str, float | None]) -> None:
        """How many seconds domain controllers take to hear of what another took; None: they do not hear.

        Args:
            delays: By FQDN or first label; the others hear at once.
        """

    def snapshot(self) -> Mapping[str, Any]:
        """Plain data for tests: the organization as it is now."""
