"""Whether and how to go where a server sends us. No input or output here.

Followed is what somebody says who has proved who he is, to somewhere that proves it as well: from https to
https; and from http to https of the same host, which is what a web server says that wants TLS. Over http a
redirect is no part of an encrypted message, so anybody on the way can have said it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from urllib.parse import SplitResult, urljoin, urlsplit

from reconciler.exchange.errors import Redirected
from reconciler.exchange.port import Connection

MOST: Final = 3
"""Addresses that one session tries; a farm needs two."""


def follow(connection: Connection, location: str) -> Connection:
    """The connection to where a server sends us.

    Args:
        location: As the server says it; may be relative.

    Raises:
        Redirected: we do not go there.
    """
    here = urlsplit(connection.url)
    try:
        there = urlsplit(urljoin(connection.url, location))
        why = _objection(here, there)
    except ValueError:
        why = "it is no address"
    if why:
        raise Redirected(connection.server, location, why)
    service = connection.service
    if service and there.hostname != here.hostname:
        # Another host is another service principal, of the same kind.
        service = f"{service.partition('/')[0]}/{there.hostname}"
    return replace(connection, url=there._replace(fragment="").geturl(), service=service)


def _objection(here: SplitResult, there: SplitResult) -> str:
    """Why not to go from one address to another; "" for no reason."""
    if there.scheme != "https":
        return "only https is"
    if not there.hostname or there.username is not None or not (there.port is None or there.port > 0):
        return "it is no address"
    if here.scheme != "https" and there.hostname != here.hostname:
        return "over http nobody has proved who sends us to another host"
    if _path(here) != _path(there):
        return "there is another path than the endpoint's"
    return ""


def _path(url: SplitResult) -> str:
    return url.path.strip("/").casefold()
