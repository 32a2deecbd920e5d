"""The head of an HTTP answer in bounded time.

The standard library's time-out is one of a single read: a server that sends a byte now and then, or interim
answers without end (RFC 9110 15.2), keeps it reading for ever before there is anything to look at.
"""

from __future__ import annotations

import io
import socket
import ssl
import time
from collections.abc import Callable
from http.client import HTTPResponse
from typing import Any

import requests
from requests.adapters import HTTPAdapter


class HeadInTime(HTTPResponse):
    """An answer whose status line and headers must all have come in the time that one read may take."""

    def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        self._clocked = _Clocked(self.fp.detach(), sock)
        self.fp = io.BufferedReader(self._clocked)

    def begin(self) -> None:
        """Read the head.

        Raises:
            TimeoutError: it has not come in time.
        """
        super().begin()
        self._clocked.stop()


class _Clocked(io.RawIOBase):
    """Reads a socket up to an instant, and after `stop` as long as there is something."""

    def __init__(self, raw: io.RawIOBase, connection: socket.socket) -> None:
        self._raw = raw
        self._sock = connection  # where pypsrp looks for the certificate that a sign-on is bound to
        self._seconds = connection.gettimeout()
        self._deadline = None if self._seconds is None else time.monotonic() + self._seconds

    def stop(self) -> None:
        """From now on each read has its time for itself again."""
        self._deadline = None
        self._sock.settimeout(self._seconds)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._deadline is not None:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("the head of an answer has not come in time")
            self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def bound_heads(session: requests.Session, trusted: ssl.SSLContext | None) -> None:
    """Make every connection that a session opens from now on read heads so.

    Args:
        trusted: Whom TLS trusts, in place of the bundle that requests would read; None without TLS.
    """

    def prepare(connection: Any) -> None:
        connection.response_class = HeadInTime
        if trusted is not None:
            connection.ssl_context, connection.ca_certs = trusted, None

    def prepare_each(pool: Any) -> None:
        pool.ConnectionCls = _making(pool.ConnectionCls, prepare)

    for adapter in session.adapters.values():
        pools: Any = adapter.poolmanager if isinstance(adapter, HTTPAdapter) else None
        if pools is not None:
            pools.pool_classes_by_scheme = {
                scheme: _making(pool, prepare_each) for scheme, pool in pools.pool_classes_by_scheme.items()
            }


def _making(make: Callable[..., Any], then: Callable[[Any], None]) -> Callable[..., Any]:
    """``make``, and something done with each thing it makes."""

    def made(*arguments: Any, **options: Any) -> Any:
        thing = make(*arguments, **options)
        then(thing)
        return thing

    return made
