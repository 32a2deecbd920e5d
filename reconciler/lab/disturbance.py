"""What becomes of an HTTP request that a rule wants disturbed."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Final

from reconciler.lab import refusals
from reconciler.lab.endpoint import RemoteShells
from reconciler.lab.faults import Operation, RequestRule
from reconciler.lab.shell_events import Reply
from reconciler.lab.soap import WSManFault

_ACTION: Final = re.compile(rb"Action[^>]*>[^<]*/(Create|Command|Send|Receive|Signal|Delete)\s*<")
_OPERATIONS: Final[dict[bytes, Operation]] = {
    b"Create": "create",
    b"Command": "command",
    b"Send": "send",
    b"Receive": "receive",
    b"Signal": "signal",
    b"Delete": "delete",
}
_FAULTS: Final[dict[str, Callable[[], WSManFault]]] = {
    "timeout": refusals.timed_out,
    "shell_quota": lambda: refusals.shell_quota(1),
    "operation_quota": refusals.operation_quota,
    "load_quota": refusals.load_quota,
    "runspace_quota": refusals.runspace_quota,
}
_SERVICE_UNAVAILABLE: Final = (
    b"<!DOCTYPE html><html><head><title>Service Unavailable</title></head>"
    b"<body><h2>Service Unavailable</h2><p>HTTP Error 503. The service is unavailable.</p></body></html>"
)
_HARD: Final = struct.pack("ii", 1, 0)
"""SO_LINGER on, for no time: what is not sent is thrown away, and the peer told so by a reset."""


def operation_of(body: bytes) -> Operation:
    """What a message asks for."""
    found = _ACTION.search(body)
    return _OPERATIONS[found[1]] if found else "other"


async def disturbed(
    rule: RequestRule, shells: RemoteShells, body: bytes, act: Callable[[], Awaitable[Reply]]
) -> Reply:
    """Answer a message as a rule wants.

    Args:
        act: Acts on the message, and gives what its answer would be.
    """
    if rule.action in ("drop", "reset"):
        if rule.when == "after":
            await act()
        return Reply(0, 200, None, "", resets=rule.action == "reset")
    if rule.action == "busy":
        return Reply(0, 503, _SERVICE_UNAVAILABLE, "")
    if rule.action == "shell_gone":
        shells.lose_shell_of(body)
        return await act()
    if rule.action == "timeout":
        # Being late is the disturbance itself.
        await asyncio.sleep(rule.seconds)
    return Reply(0, 500, shells.wsman.refusal(body, _FAULTS[rule.action]()), "")


def close(transport: asyncio.BaseTransport | None, *, resets: bool) -> None:
    """End a connection without an answer."""
    if not isinstance(transport, asyncio.WriteTransport):
        return
    if resets:
        connection: socket.socket | None = transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _HARD)
    transport.abort()
