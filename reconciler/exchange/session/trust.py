"""Whom TLS connections trust, and whose certificate they show.

There is one context for each set of certificates, shared by every session of a process.

requests would read and parse them anew for every session, and the public roots are 140.
"""

from __future__ import annotations

import ssl
from functools import lru_cache
from pathlib import Path

from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.util.ssl_ import create_urllib3_context

from reconciler.credentials.private_file import lent
from reconciler.exchange.errors import BadConnection
from reconciler.exchange.port import Connection


def trust(connection: Connection) -> ssl.SSLContext:
    """The context for a connection; nobody changes it, so threads may share it.

    Raises:
        BadConnection: its CA file or client certificate cannot be used. requests would say so at the first
            request, less clearly.
    """
    path = Path(DEFAULT_CA_BUNDLE_PATH) if connection.ca is None else connection.ca
    try:
        trusting = _trusting(path, path.read_bytes())
    except OSError as error:  # ssl.SSLError is one
        raise BadConnection(connection.server, f"CA file {path}: {error.strerror or error}") from error
    if not connection.client_certificate:
        return trusting
    try:
        return _shown(path, path.read_bytes(), connection.client_certificate)
    except OSError as error:
        reason = f"client certificate: {error.strerror or error}"
        raise BadConnection(connection.server, reason) from None


@lru_cache(maxsize=8)
def _trusting(path: Path, _: bytes) -> ssl.SSLContext:
    """A context that trusts who stands in a file; what the file holds is told so that a new one is read."""
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    context.load_verify_locations(path)
    return context


@lru_cache(maxsize=8)
def _shown(path: Path, _: bytes, pem: str) -> ssl.SSLContext:
    """A context that also shows a client certificate to servers that ask for one."""
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    context.load_verify_locations(path)
    context.post_handshake_auth = True  # IIS asks for it after it has seen the path
    with lent(pem.encode()) as file:
        context.load_cert_chain(file, password=_nobody)
    return context


def _nobody() -> str:
    """Without it OpenSSL would ask a person at the terminal."""
    return ""
