"""The way to a server, step by step, up to where it asks who is there: name, port, TLS, endpoint.

A session stops at the first thing that is wrong and can only say that; here each step says what it found.
Nothing is sent but one request without content and without credentials.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import SplitResult, urlsplit

from reconciler.diagnostics import StepExamined

from .errors import BadConnection
from .port import Auth, Connection, Endpoint
from .session.trust import trust

CLOCK_TOLERANCE: Final = timedelta(minutes=5)
"""Kerberos takes no more (RFC 4120 5.5.1 and every default since)."""
_USUAL_PORTS: Final = {Endpoint.EXCHANGE: "443, or 80 over http", Endpoint.WINRM: "5986, or 5985 over http"}
_USUAL_PATHS: Final = {Endpoint.EXCHANGE: "/PowerShell/", Endpoint.WINRM: "/wsman"}
_SCHEMES: Final = {
    Auth.BASIC: ("basic",),
    Auth.NTLM: ("negotiate", "ntlm"),
    Auth.NEGOTIATE: ("negotiate", "kerberos", "ntlm"),
    Auth.KERBEROS: ("negotiate", "kerberos"),
    Auth.CREDSSP: ("credssp",),
}
_KNOWN_SCHEMES: Final = {"certificate", *(scheme for schemes in _SCHEMES.values() for scheme in schemes)}
_CERTIFICATE_SCHEME: Final = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"


def way(connection: Connection, now: datetime) -> Iterator[StepExamined]:
    """Go to a server as far as the way leads; the last step is the one that is bad, if one is.

    Args:
        now: The instant to compare the server's clock with; UTC, aware.
    """
    url = urlsplit(connection.url)
    host, port = url.hostname or "", url.port or (443 if url.scheme == "https" else 80)
    addresses = _addresses(connection, host, port)
    if isinstance(addresses, StepExamined):
        yield addresses
        return
    yield StepExamined(connection.server, "name", f"{host} is {', '.join(addresses)}")
    opened = _open(connection, host, port)
    if isinstance(opened, StepExamined):
        yield opened
        return
    with closing(opened) as plain:
        yield StepExamined(connection.server, "port", f"{port} is open")
        asked = plain
        if url.scheme == "https":
            secured = _secured(connection, plain, host)
            if isinstance(secured, StepExamined):
                yield secured
                return
            asked = secured
            version = secured.version() or "TLS"
            yield StepExamined(
                connection.server, "tls", f"{version}, the certificate is trusted", public=(version,)
            )
        with closing(asked):
            yield from _asked(connection, url, asked, now)


def _addresses(connection: Connection, host: str, port: int) -> list[str] | StepExamined:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return StepExamined(
            connection.server,
            "name",
            f"{host} is not known: {reason}",
            "correct host, or let this machine ask the DNS servers that know it",
        )
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _open(connection: Connection, host: str, port: int) -> socket.socket | StepExamined:
    try:
        return socket.create_connection((host, port), timeout=connection.timeouts.connect)
    except TimeoutError:
        seconds = connection.timeouts.connect
        return StepExamined(
            connection.server,
            "port",
            f"{port} does not answer within {seconds:g} s",
            f"open port {port} between here and the server; usual is {_USUAL_PORTS[connection.endpoint]}",
        )
    except OSError as error:
        return StepExamined(
            connection.server,
            "port",
            f"{port}: {error.strerror or error}",
            f"start the service, or correct the port in url: usual is {_USUAL_PORTS[connection.endpoint]}",
        )


def _secured(connection: Connection, plain: socket.socket, host: str) -> ssl.SSLSocket | StepExamined:
    remedy = "name the authority's certificate, PEM, with ca"
    try:
        context = trust(connection)
        return context.wrap_socket(plain, server_hostname=host)
    except BadConnection as error:
        return StepExamined(
            connection.server, "tls", error.reason, "correct the file that ca or credential names"
        )
    except ssl.SSLCertVerificationError as error:
        said = error.verify_message or str(error)
        if "mismatch" in said or "not valid for" in said:
            remedy = "reach the server by a name that its certificate holds: host or url"
        elif "expired" in said or "not yet valid" in said:
            remedy = "renew the certificate of the web server, or set the clock of this machine"
        return StepExamined(
            connection.server, "tls", f"the server's certificate is not trusted: {said}", remedy
        )
    except ssl.SSLError as error:
        return StepExamined(
            connection.server,
            "tls",
            f"no TLS: {error.reason or error}",
            "write http:// if this port speaks it without, or correct the port",
        )
    except OSError as error:
        return StepExamined(
            connection.server,
            "tls",
            f"the connection broke: {error.strerror or error}",
            "look at what is in between",
        )


def _asked(
    connection: Connection, url: SplitResult, opened: socket.socket, now: datetime
) -> Iterator[StepExamined]:
    """Ask without saying who, which a PowerShell endpoint answers with how one may sign on."""
    try:
        response = _response(url, opened)
    except (OSError, http.client.HTTPException, ValueError) as error:
        yield StepExamined(
            connection.server,
            "endpoint",
            f"no HTTP answer ({type(error).__name__})",
            "look at what listens there: no web server does, or it wants https",
        )
        return
    yield _endpoint(connection, url, response)
    said = response.headers.get("Date", "")
    if skew := _skew(said, now):
        yield _clock(connection, skew)


def _response(url: SplitResult, opened: socket.socket) -> http.client.HTTPResponse:
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {url.netloc.rpartition('@')[2]}\r\nContent-Length: 0\r\n"
        "Content-Type: application/soap+xml;charset=UTF-8\r\nConnection: close\r\n\r\n"
    )
    opened.sendall(head.encode("ascii"))
    response = http.client.HTTPResponse(opened, method="POST")
    response.begin()  # its head alone, which http.client bounds
    return response


def _endpoint(connection: Connection, url: SplitResult, response: http.client.HTTPResponse) -> StepExamined:
    usual = _USUAL_PATHS[connection.endpoint]
    path, status = url.path or "/", response.status
    if status in (404, 405):
        return StepExamined(
            connection.server,
            "endpoint",
            f"{path} is not there (HTTP {status})",
            f"correct the path: usual is {usual}",
        )
    if 300 <= status < 400:
        target = response.headers.get("Location", "")[:200]
        return StepExamined(
            connection.server,
            "endpoint",
            f"redirects to {target!r}",
            "if that is the server, write it as url",
        )
    if status >= 500:
        return StepExamined(
            connection.server,
            "endpoint",
            f"the web server says HTTP {status}",
            "look at the application pool MSExchangePowerShellAppPool, or at the service WinRM",
        )
    if connection.auth is Auth.CERTIFICATE:
        return StepExamined(
            connection.server,
            "endpoint",
            f"{path} answers (HTTP {status}); a client certificate is shown in TLS",
        )
    offered = _offered(response)
    wanted = _SCHEMES[connection.auth]
    if status != 401:
        return StepExamined(
            connection.server,
            "endpoint",
            f"{path} answers HTTP {status} and asks nobody to sign on",
            is_warning=True,
        )
    if not any(scheme in wanted for scheme in offered):
        return StepExamined(
            connection.server,
            "endpoint",
            f"{path} offers {', '.join(offered) or 'no way'} to sign on, and auth is {connection.auth.value}",
            "choose another auth, or allow this one: Set-PowerShellVirtualDirectory, or winrm set "
            "winrm/config/service/auth",
        )
    return StepExamined(
        connection.server,
        "endpoint",
        f"{path} asks to sign on: {', '.join(offered)}",
        public=tuple(scheme if scheme in _KNOWN_SCHEMES else "other" for scheme in offered),
    )


def _offered(response: http.client.HTTPResponse) -> list[str]:
    found: list[str] = []
    for header in response.headers.get_all("WWW-Authenticate", []):
        word = header.strip().partition(" ")[0].rstrip(",")
        if word and "=" not in word:
            found.append("certificate" if word == _CERTIFICATE_SCHEME else word.casefold()[:40])
    return found


def _skew(said: str, now: datetime) -> timedelta | None:
    try:
        server = parsedate_to_datetime(said)
    except ValueError:
        return None
    return (server if server.tzinfo else server.replace(tzinfo=UTC)) - now


def _clock(connection: Connection, skew: timedelta) -> StepExamined:
    seconds = round(skew.total_seconds())
    if abs(skew) <= CLOCK_TOLERANCE:
        return StepExamined(connection.server, "clock", f"{abs(seconds)} s apart")
    ahead = "ahead" if seconds > 0 else "behind"
    return StepExamined(
        connection.server,
        "clock",
        f"the server's clock is {abs(seconds)} s {ahead} of this machine's",
        "set both clocks: Kerberos takes no more than five minutes",
        is_warning=connection.auth not in (Auth.KERBEROS, Auth.NEGOTIATE),
    )
