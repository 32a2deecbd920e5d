"""The MIME body in which WinRM carries an encrypted message over http. Pure.

Source: [MS-WSMV] 2.2.9.1. IIS, in front of Exchange, puts a blank between the dashes and the boundary [5-5].
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

MEDIA_TYPE: Final = "multipart/encrypted"
SPNEGO: Final = "application/HTTP-SPNEGO-session-encrypted"
"""The protocol of messages on a connection that signed on with Negotiate or NTLM ([MS-WSMV] 2.2.9.1.2.1)."""

_BOUNDARY: Final = "Encrypted Boundary"
_DATA: Final = b"\tContent-Type: application/octet-stream\r\n"
_HEAD: Final = re.compile(
    rb"--\s*Encrypted Boundary\r\n"
    rb"\s*Content-Type:\s*([\w./-]{1,80})\r\n"
    rb"\s*OriginalContent:\s*type=([^\r\n]{1,200});Length=(\d{1,9})\r\n"
    rb"--\s*Encrypted Boundary\r\n"
    rb"\s*Content-Type:\s*application/octet-stream\r\n"
)
_TAIL: Final = re.compile(rb"--\s*Encrypted Boundary--(\r\n)?\Z")
_LONGEST_SIGNATURE: Final = 1024


class NotSealed(Exception):
    """The body is not an encrypted message."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """One encrypted message.

    Attributes:
        protocol: Media type of the encryption, such as :data:`SPNEGO`.
        length: Bytes of the message before encryption, with padding.
        signature: What the security context signs it with.
        content: The encrypted bytes.
    """

    protocol: str
    length: int
    signature: bytes
    content: bytes


def parse(media_type: str, body: bytes) -> Sealed:
    """Take an encrypted message out of a request.

    Raises:
        NotSealed: the body is anything else, a plain message among them.
    """
    if media_type.partition(";")[0].strip().casefold() != MEDIA_TYPE:
        raise NotSealed(f"its type is {media_type[:80]!r}")
    head = _HEAD.match(body)
    tail = _TAIL.search(body, max(0, len(body) - 64))
    if head is None or tail is None or tail.start() < head.end() + 4:
        raise NotSealed("its parts are not there")
    data = body[head.end() : tail.start()]
    size = int.from_bytes(data[:4], "little")
    if not 0 < size <= min(_LONGEST_SIGNATURE, len(data) - 4):
        raise NotSealed("its signature is not there")
    return Sealed(head[1].decode(), int(head[3]), data[4 : 4 + size], data[4 + size :])


def write(message: Sealed, *, blank: bool) -> tuple[str, bytes]:
    """Write an answer; returns its media type and body.

    Args:
        blank: Write the boundary as IIS does.
    """
    line = f"--{' ' if blank else ''}{_BOUNDARY}"
    head = (
        f"{line}\r\n\tContent-Type: {message.protocol}\r\n"
        f"\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length={message.length}\r\n{line}\r\n"
    )
    size = len(message.signature).to_bytes(4, "little")
    body = head.encode() + _DATA + size + message.signature + message.content + f"{line}--\r\n".encode()
    return f'{MEDIA_TYPE};protocol="{message.protocol}";boundary="{_BOUNDARY}"', body
