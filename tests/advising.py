"""A door to an ACME server that gives no renewal information, which gives it (RFC 9773)."""

from __future__ import annotations

import json
import ssl
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.pebble import Pebble


@dataclass
class Door:
    """What clients are told; everything else they are sent to the server for.

    Attributes:
        directory: URL.
        says: What is answered about any certificate.
        asked: What was asked about, oldest first.
    """

    directory: str
    says: Any = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@contextmanager
def door(server: Pebble) -> Iterator[Door]:
    """Open one for a while, under the server's own certificate."""
    trusting = ssl.create_default_context(cafile=str(server.ca))
    there = server.directory.removeprefix("https://")
    with urllib.request.urlopen(f"https://{there}", context=trusting, timeout=10) as answer:
        directory = json.load(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, _, name = self.path.rpartition("/")
            if path == "/renewal-info":
                opened.asked.append(name)
            body = json.dumps(opened.says if path == "/renewal-info" else told).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Retry-After", "21600")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    folder: Path = server.folder
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "pebble.pem", folder / "pebble.key")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
        web.socket = context.wrap_socket(web.socket, server_side=True)
        here = f"https://127.0.0.1:{web.server_port}"
        told = {**directory, "renewalInfo": f"{here}/renewal-info"}
        opened = Door(f"{here}/dir")
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        try:
            yield opened
        finally:
            web.shutdown()
            thread.join()
