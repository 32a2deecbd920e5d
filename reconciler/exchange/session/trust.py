"""Whom TLS connections trust: one context for each set of certificates, shared by every session of a process.

requests would read and parse them anew for every session, and the public roots are 140.
"""

from __future__ import annotations

import ssl
from functools import lru_cache
from pathlib import Path

from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.util.ssl_ import create_urllib3_context

from reconciler.exchange.errors import BadConnection
from reconciler.exchange.port import Connection


def trust(connection: Connection) -> ssl.SSLContext:
    """The context for a connection; nobody changes it, so threads may share it.

    Raises:
        BadConnection: its CA file cannot be used. requests would say so at the first request, less clearly.
    """
    path = Path(DEFAULT_CA_BUNDLE_PATH) if connection.ca is None else connection.ca
    try:
        return _trusting(path, path.read_bytes())
    except OSError as error:  # ssl.SSLError is one
        raise BadConnection(connection.server, f"CA file {path}: {error.strerror or error}") from error


@lru_cache(maxsize=8)
def _trusting(path: Path, _: bytes) -> ssl.SSLContext:
    """A context that trusts who stands in a file; what the file holds is told so that a new one is read."""
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    context.load_verify_locations(path)
    return context
