"""A certificate authority, and peers on loopback that the test which started them stops."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Answer = Callable[[bytes], bytes | Iterator[bytes]]


@dataclass(frozen=True)
class Wire:
    """A certificate authority, TLS contexts with certificates of its making, and peers that use them."""

    ca: Path
    for_loopback: ssl.SSLContext
    for_elsewhere: ssl.SSLContext

    @staticmethod
    @contextmanager
    def peer(answer: Answer, context: ssl.SSLContext | None) -> Iterator[int]:
        """Run a server that answers every HTTP request with raw bytes, and then closes; gives its port."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(0.05)
            done = threading.Event()

            def serve() -> None:
                while not done.is_set():
                    try:
                        connection, _ = listener.accept()
                    except TimeoutError:
                        continue
                    connection.settimeout(5)
                    # The client may hang up at any point: that is what several tests are about.
                    with suppress(OSError), connection:
                        one(connection)

            def one(connection: socket.socket) -> None:
                with context.wrap_socket(connection, server_side=True) if context else connection as stream:
                    said = answer(request(stream) if context else stream.recv(1))
                    for part in [said] if isinstance(said, bytes) else said:
                        if done.is_set():
                            return
                        stream.sendall(part)

            thread = threading.Thread(target=serve)
            thread.start()
            try:
                yield listener.getsockname()[1]
            finally:
                done.set()
                thread.join()


@pytest.fixture(scope="session")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Wire:
    folder = tmp_path_factory.mktemp("authority")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test CA")])
    now = datetime.now(UTC)

    def issue(
        subject: x509.Name, public: ec.EllipticCurvePublicKey, *extensions: x509.ExtensionType
    ) -> bytes:
        builder = (
            x509.CertificateBuilder(issuer_name=name, subject_name=subject, public_key=public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def context(called: x509.GeneralName) -> ssl.SSLContext:
        own = ec.generate_private_key(ec.SECP256R1())
        chain = folder / f"{called.value}.pem"
        chain.write_bytes(
            issue(x509.Name([]), own.public_key(), x509.SubjectAlternativeName([called]))
            + own.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        made.load_cert_chain(chain)
        return made

    ca = folder / "ca.pem"
    ca.write_bytes(issue(name, key.public_key(), x509.BasicConstraints(ca=True, path_length=None)))
    return Wire(
        ca,
        context(x509.IPAddress(ipaddress.ip_address("127.0.0.1"))),
        context(x509.DNSName("elsewhere.example")),
    )


def request(stream: socket.socket) -> bytes:
    """Read one HTTP request, headers and body."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (part := stream.recv(65536)):
            return data
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        ),
        0,
    )
    while len(body) < length and (part := stream.recv(65536)):
        body += part
    return head + b"\r\n\r\n" + body
