"""Turns what pypsrp, requests and TLS raise into our errors, and lets nothing else through."""

from __future__ import annotations

import binascii
import ssl
import struct
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import requests
import urllib3.exceptions
from pypsrp.exceptions import AuthenticationError, WinRMError, WSManFaultError

from reconciler.exchange.clixml import ClixmlError
from reconciler.exchange.errors import (
    AccessDenied,
    AuthenticationFailed,
    Garbage,
    QuotaExceeded,
    Refused,
    TimedOut,
    Unreachable,
    UntrustedCertificate,
    WrongEndpoint,
)
from reconciler.exchange.port import Auth, Connection

OPERATION_TIMED_OUT: Final = 0x80338029
_ACCESS_DENIED: Final = 5
_NO_SUCH_RESOURCE: Final = 0x8033803B  # 2150858811 [5-2]
_REDIRECTS: Final = 0x80338199
"""ERROR_WSMAN_REDIRECT_REQUESTED (2150859161): what clients make of an HTTP redirect. Should a server say it
itself, nobody knows where it would say whereto."""

_QUOTAS: Final = frozenset(
    {
        0x803381A5,  # shells of a user, 2150859173
        0x803381A6,  # operations of a user, 2150859174
        0x803381A7,  # requests of a user in a time, which is how Exchange throttles, 2150859175
        0x803381A8,  # requests of all in a time
        0x803381AB,  # users with shells
        *range(0x803381E4, 0x803381EB),  # the same of one plugin
    }
)
"""ERROR_WSMAN_QUOTA_* of wsmerror.h."""
_RUNSPACES: Final = ("[FailureCategory=AuthZ-AuthorizationException]", "MaxConcurrency")
"""What Exchange's own refusal of a shell holds in every language; its code is not known."""
_SHELL_GONE: Final = frozenset({0x8033805B, 995})
"""The shell is not there any more (2150858843), or ended while it was waited for."""

# pypsrp takes messages apart with plain indexing and conversions: this is what comes of one that is none.
_UNREADABLE: Final = (
    ET.ParseError,
    ClixmlError,
    binascii.Error,
    struct.error,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    RecursionError,
)


@contextmanager
def translated(connection: Connection, doing: str) -> Iterator[None]:
    """Raise `ExchangeError` alone.

    Args:
        doing: What goes on inside, for the error.
    """
    server, timeouts = connection.server, connection.timeouts
    try:
        yield
    except requests.exceptions.SSLError as error:
        raise _tls_error(connection, error) from frameless(error)
    except requests.exceptions.ConnectTimeout as error:
        reason = f"no connection in {timeouts.connect} s"
        raise Unreachable(server, reason, was_connected=False) from frameless(error)
    except requests.exceptions.Timeout as error:
        raise TimedOut(server, timeouts.read, doing) from frameless(error)
    except requests.exceptions.ConnectionError as error:
        raise _connection_error(connection, error, doing) from frameless(error)
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
        raise Garbage(server, f"broken HTTP ({type(error).__name__})") from frameless(error)
    except AuthenticationError as error:
        raise AuthenticationFailed(server, connection.who, ()) from frameless(error)
    except WSManFaultError as error:
        raise _fault(connection, error, doing) from frameless(error)
    except WinRMError as error:
        raise Garbage(server, f"broken PowerShell remoting: {error}") from frameless(error)
    except _UNREADABLE as error:
        raise Garbage(
            server, f"broken PowerShell remoting ({type(error).__name__}: {error})"[:300]
        ) from frameless(error)


def frameless(error: BaseException) -> BaseException:
    """The error without its frames, and what it was made from without theirs.

    Those of HTTP and security libraries hold headers and passwords, and some tools print the variables of a
    traceback. Where in a library it was tells nobody more than its type does.
    """
    for one in _causes(error):
        one.__traceback__ = None
    return error


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it was made from: requests and urllib3 hand causes on as arguments."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop()
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]


def _tls_error(
    connection: Connection, error: requests.exceptions.SSLError
) -> UntrustedCertificate | AuthenticationFailed | Garbage:
    server = connection.server
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return UntrustedCertificate(server, cause.verify_message or str(cause))
    reasons = [c.reason for c in _causes(error) if isinstance(c, ssl.SSLError) and isinstance(c.reason, str)]
    hung_up = any(isinstance(cause, ssl.SSLEOFError) for cause in _causes(error))
    if connection.auth is Auth.CERTIFICATE and (hung_up or any("ALERT" in reason for reason in reasons)):
        said = ", ".join(reasons) or "it ended TLS"
        return AuthenticationFailed(server, connection.who, (), said)
    return Garbage(server, f"no TLS ({', '.join(reasons) or type(error).__name__})")


def _connection_error(
    connection: Connection, error: requests.exceptions.ConnectionError, doing: str
) -> Unreachable | TimedOut | Garbage:
    causes = list(_causes(error))
    if any(isinstance(cause, urllib3.exceptions.ReadTimeoutError) for cause in causes):
        return TimedOut(connection.server, connection.timeouts.read, doing)
    for cause in causes:
        if isinstance(cause, urllib3.exceptions.IncompleteRead | urllib3.exceptions.InvalidChunkLength):
            return Garbage(connection.server, "an answer that is cut short", is_transient=True)
    # In TLS 1.3 a server that does not take a certificate says so after the handshake, or only hangs up.
    perhaps = ", perhaps because of the client certificate" if connection.auth is Auth.CERTIFICATE else ""
    was_connected = not any(isinstance(cause, urllib3.exceptions.NewConnectionError) for cause in causes)
    for cause in causes:
        if isinstance(cause, OSError) and cause.strerror:
            reason = cause.strerror + perhaps * isinstance(cause, ConnectionError)
            return Unreachable(connection.server, reason, was_connected=was_connected)
    names = {type(cause).__name__ for cause in causes}
    if names & {"RemoteDisconnected"}:
        return Unreachable(connection.server, f"it closed the connection without an answer{perhaps}")
    if names & {"BadStatusLine", "LineTooLong", "HTTPException", "UnknownProtocol"}:
        return Garbage(connection.server, "no HTTP")
    return Unreachable(connection.server, type(error).__name__)


def _fault(
    connection: Connection, error: WSManFaultError, doing: str
) -> TimedOut | AccessDenied | WrongEndpoint | Refused:
    server = connection.server
    code = error.code if isinstance(error.code, int) else 0
    reason = str(error.reason or error.provider_fault or error.code or "no reason given")[:500]
    if code == OPERATION_TIMED_OUT:
        return TimedOut(server, connection.timeouts.operation, doing)
    if code == _ACCESS_DENIED:
        return AccessDenied(server, reason)
    if code in (_NO_SUCH_RESOURCE, _REDIRECTS):
        return WrongEndpoint(server, reason)
    if code in _QUOTAS or all(sign in reason for sign in _RUNSPACES):
        return QuotaExceeded(server, reason, code)
    return Refused(server, reason, code, is_transient=code in _SHELL_GONE)
