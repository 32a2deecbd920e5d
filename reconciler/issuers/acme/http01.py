"""http-01: a file that the authority fetches from port 80 of each name."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any, Final

from .validation import Proof, ProofFailed

TYPE: Final = "http-01"
_PATH: Final = "/.well-known/acme-challenge/"
_AT_ONCE: Final = 32
_SECONDS: Final = 5.0


class Webroot:
    """Files in a folder that a web server answers from."""

    type = TYPE

    def __init__(self, folder: Path) -> None:
        """Nothing is written yet."""
        self._folder = folder

    @contextmanager
    def shown(self, proofs: Sequence[Proof], pause: Callable[[], None]) -> Iterator[None]:
        """Write one file for each proof, and remove them in the end.

        Raises:
            ProofFailed: they cannot be written.
        """
        if not self._folder.is_dir():
            raise ProofFailed(f"there is no folder {self._folder}", "correct webroot")
        folder = self._folder / _PATH.strip("/")
        written: list[Path] = []
        try:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                for proof in proofs:
                    path = folder / proof.token
                    written.append(path)
                    path.write_bytes(proof.key_authorization.encode("ascii"))
            except OSError as error:
                reason = f"{folder} cannot be written to: {error.strerror}"
                raise ProofFailed(reason, "let the account that runs this write there") from error
            yield
        finally:
            for path in written:
                with suppress(OSError):
                    path.unlink()


class _Server(ThreadingMixIn, HTTPServer):
    """Few requests at once, and none for long."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], tokens: dict[str, str]) -> None:
        self.tokens = tokens
        self._room = threading.BoundedSemaphore(_AT_ONCE)
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Without the look-up of our own name that the base class makes."""
        self.socket.settimeout(_SECONDS)
        self.server_name, self.server_port = "", 0
        super(HTTPServer, self).server_bind()

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever hangs up, or talks nonsense, is no concern of ours."""


class _Handler(BaseHTTPRequestHandler):
    """Serves tokens, and says nothing else to anybody."""

    server: _Server
    timeout = _SECONDS
    server_version = "reconciler"
    sys_version = ""

    def do_GET(self) -> None:
        is_asked = self.path.startswith(_PATH)
        found = self.server.tokens.get(self.path.removeprefix(_PATH)) if is_asked else None
        body = b"" if found is None else found.encode("ascii")
        self.send_response(404 if found is None else 200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads it."""


class Listener:
    """A web server of our own, there only while an order needs it; orders at one time share it."""

    type = TYPE

    def __init__(self, host: str, port: int) -> None:
        """Nothing listens yet."""
        self._address = (host, port)
        self._lock = threading.Lock()
        self._tokens: dict[str, str] = {}
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self._orders = 0

    @contextmanager
    def shown(self, proofs: Sequence[Proof], pause: Callable[[], None]) -> Iterator[None]:
        """Serve proofs.

        Raises:
            ProofFailed: the port cannot be had.
        """
        with self._lock:
            if self._orders == 0:
                self._start()
            self._orders += 1
            self._tokens.update({proof.token: proof.key_authorization for proof in proofs})
        try:
            yield
        finally:
            with self._lock:
                self._orders -= 1
                for proof in proofs:
                    self._tokens.pop(proof.token, None)
                if self._orders == 0:
                    self._stop()

    def _start(self) -> None:
        host, port = self._address
        try:
            self._server = _Server(self._address, self._tokens)
        except OSError as error:
            reason = f"{host}:{port} cannot be listened on: {error.strerror}"
            raise ProofFailed(reason, "free the port, or write another one in listen") from error
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()

    def _stop(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
        self._server = self._thread = None
