"""The few lines of SMTP that lead to TLS, with a peer of which nothing is trusted.

Not :mod:`smtplib`: it takes the name for SNI and verification from the address that it connects to, and
bounds a line but neither the number of lines nor the time that all of them may take.
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Final, Self, TypeAlias

LONGEST_LINE: Final = 2048
"""Bytes. RFC 5321 4.5.3.1.5 asks for 512; some greetings are longer."""

MOST_LINES: Final = 100
"""In one reply; real answers to EHLO have 10 to 20."""

_Address: TypeAlias = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]
"""Of :func:`socket.getaddrinfo`."""

_SHOWN: Final = 200
_REPLY_LINE: Final = re.compile(rb"[2-5][0-9]{2}(?:[ -]|$)")


@dataclass
class BadReply(Exception):
    """The peer does not speak SMTP (RFC 5321 4.2)."""

    reason: str

    def __str__(self) -> str:
        return self.reason


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply.

    Attributes:
        code: Three digits.
        lines: The text of each line, unprintable characters replaced.
    """

    code: int
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.code} {self.lines[-1][:_SHOWN]}".rstrip()


class Dialogue:
    """One connection to an SMTP server. All of it must be done before its deadline."""

    def __init__(self, host: str, port: int, seconds: float) -> None:
        """Connect to the first of the host's addresses that answers.

        Raises:
            OSError: it cannot be reached; TimeoutError: not in time.
            UnicodeError: a host name that no resolver takes.
        """
        self._deadline = time.monotonic() + seconds
        self._socket: socket.socket = self._connected(_addresses(host, port, seconds))
        self._received = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    @property
    def own_literal(self) -> str:
        """What a client without a public name calls itself: its address (RFC 5321 4.1.3)."""
        address = str(self._socket.getsockname()[0]).partition("%")[0]  # without an IPv6 zone
        return f"[IPv6:{address}]" if ":" in address else f"[{address}]"

    def command(self, line: str) -> Reply:
        """Send one line and read its reply.

        Raises:
            BadReply: the answer is no SMTP.
            OSError: the connection broke; TimeoutError: the deadline passed.
        """
        self._socket.settimeout(self._left())
        self._socket.sendall(line.encode("ascii") + b"\r\n")
        return self.reply()

    def reply(self) -> Reply:
        """Read one reply; the first is the greeting.

        Raises:
            BadReply: it is no SMTP.
            OSError: the connection broke; TimeoutError: the deadline passed.
        """
        lines: list[str] = []
        code = b""
        while len(lines) < MOST_LINES:
            line = self._line()
            if not _REPLY_LINE.match(line):
                raise BadReply(f"a line that is no SMTP reply: {_printable(line)[:_SHOWN]!r}")
            if code and line[:3] != code:
                raise BadReply("a reply with several codes")
            code = line[:3]
            lines.append(_printable(line[4:]))
            if line[3:4] != b"-":
                return Reply(int(code), tuple(lines))
        raise BadReply(f"a reply of over {MOST_LINES} lines")

    def start_tls(self, context: ssl.SSLContext, name: str) -> ssl.SSLSocket:
        """Do the handshake, asking for ``name`` (SNI), whatever address the connection goes to.

        Raises:
            BadReply: something was sent in clear text behind the answer to STARTTLS; inside TLS it would
                count as said by the server (RFC 3207 6).
            ssl.SSLError: the handshake failed.
            OSError: the connection broke; TimeoutError: the deadline passed.
        """
        if self._received:
            raise BadReply("clear text behind the answer to STARTTLS")
        self._socket.settimeout(self._left())
        # From here the plain socket is detached, and it is this one that is closed.
        secured = context.wrap_socket(self._socket, server_hostname=name, do_handshake_on_connect=False)
        self._socket = secured
        secured.do_handshake()
        return secured

    def _connected(self, addresses: Sequence[_Address]) -> socket.socket:
        """Not :func:`socket.create_connection`: it gives each address all of the time."""
        problem = OSError("no address")
        for place, (family, kind, protocol, _, address) in enumerate(addresses):
            connection = socket.socket(family, kind, protocol)
            try:
                connection.settimeout(self._left() / (len(addresses) - place))
                connection.connect(address)
            except OSError as error:
                connection.close()
                problem = error
            else:
                return connection
        raise problem

    def _line(self) -> bytes:
        while (end := self._received.find(b"\n")) < 0:
            if len(self._received) > LONGEST_LINE:
                raise BadReply(f"a line of over {LONGEST_LINE} bytes")
            self._socket.settimeout(self._left())
            chunk = self._socket.recv(4096)
            if not chunk:
                raise BadReply("the connection was closed in the middle of a reply")
            self._received += chunk
        line, self._received = self._received[:end], self._received[end + 1 :]
        return line.removesuffix(b"\r")

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def _addresses(host: str, port: int, seconds: float) -> Sequence[_Address]:
    """Look a name up. The system's resolver knows no deadline, so it is left behind when it is late."""
    found: SimpleQueue[Sequence[_Address] | OSError | UnicodeError] = SimpleQueue()

    def look_up() -> None:
        try:
            found.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            found.put(error)

    threading.Thread(target=look_up, name="resolver", daemon=True).start()
    try:
        answer = found.get(timeout=seconds)
    except Empty:
        raise TimeoutError from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _printable(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
