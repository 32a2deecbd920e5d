"""A real ACME server on loopback that validates, for tests that order from it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from tests.authority import Authority, common_name, ec_key, make_certificate, pem, private_pem

is_missing = shutil.which("pebble") is None or shutil.which("pebble-challtestsrv") is None
"""Few machines have one; .ci/run installs it."""
NEEDS = "needs pebble and pebble-challtestsrv"
KID = "kid-1"
HMAC = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
HOOK = """
import json, sys, urllib.request
port, action, name, value = sys.argv[1:]
body = {"host": name + "."} if action == "cleanup" else {"host": name + ".", "value": value}
path = "clear-txt" if action == "cleanup" else "set-txt"
urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", json.dumps(body).encode(), timeout=10)
with open("hook.log", "a") as log:
    log.write(f"{action} {name}\\n")
"""


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port: int = free.getsockname()[1]
    return port


@dataclass(frozen=True)
class Pebble:
    """The server, and the name server that it asks.

    Attributes:
        ca: The authorities of its listener and of what it issues.
        http: Port where it looks for http-01.
        management: Port where the name server is told what to answer.
    """

    directory: str
    ca: Path
    folder: Path
    http: int
    management: int

    @property
    def hook(self) -> list[str]:
        """A command for dns-01."""
        (self.folder / "hook.py").write_text(HOOK)
        return [sys.executable, str(self.folder / "hook.py"), str(self.management)]


@contextmanager
def pebble(folder: Path, *, resolver: int | None = None, **settings: Any) -> Iterator[Pebble]:
    """Run one for a while.

    Args:
        folder: The test's own.
        resolver: Port of a name server that it asks; its companion's if None.
        settings: Of its configuration, beside ports.
    """
    now = datetime.now(UTC)
    authority = Authority.make("Pebble's listener", not_after=now + timedelta(days=30))
    server = make_certificate(
        common_name("localhost"),
        ["localhost", x509.IPAddress(ip_address("127.0.0.1"))],
        key=ec_key(),
        issuer=authority,
        not_before=now - timedelta(hours=1),
        not_after=now + timedelta(days=1),
    )
    (folder / "pebble-ca.pem").write_text(authority.pem)
    (folder / "pebble.pem").write_text(pem(server))
    (folder / "pebble.key").write_bytes(private_pem(ec_key()))
    port, own, http, management, names = (free_port() for _ in range(5))
    configuration = {
        "listenAddress": f"127.0.0.1:{port}",
        "managementListenAddress": f"127.0.0.1:{own}",
        "certificate": str(folder / "pebble.pem"),
        "privateKey": str(folder / "pebble.key"),
        "httpPort": http,
        "tlsPort": free_port(),
        "ocspResponderURL": "",
        "externalAccountBindingRequired": False,
        **settings,
    }
    (folder / "pebble.json").write_text(json.dumps({"pebble": configuration}))
    dns = ["-defaultIPv6", "", "-http01", "", "-https01", "", "-tlsalpn01", ""]
    dns += ["-dns01", f"127.0.0.1:{names}", "-management", f"127.0.0.1:{management}"]
    asked = ["-config", str(folder / "pebble.json"), "-dnsserver", f"127.0.0.1:{resolver or names}"]
    with ExitStack() as stack:
        for program, arguments in (("pebble-challtestsrv", dns), ("pebble", asked)):
            log = stack.enter_context((folder / f"{program}.log").open("wb"))
            # It validates everything; it only does not sleep a while before it begins.
            environment: Mapping[str, str] = {**os.environ, "PEBBLE_VA_NOSLEEP": "1"}
            process = subprocess.Popen([program, *arguments], stdout=log, stderr=log, env=environment)
            stack.callback(_end, process)
        for one in (port, own, management):
            _wait(one)
        context = ssl.create_default_context(cafile=str(folder / "pebble-ca.pem"))
        with urllib.request.urlopen(f"https://127.0.0.1:{own}/roots/0", context=context, timeout=10) as root:
            (folder / "trusted.pem").write_text(authority.pem + root.read().decode())
        yield Pebble(f"https://127.0.0.1:{port}/dir", folder / "trusted.pem", folder, http, management)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(10)


def _wait(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    pytest.fail("the ACME server did not open")
