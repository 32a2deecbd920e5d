"""Kerberos with the ticket office of MIT: the client against the lab, both with the system's library."""

from __future__ import annotations

import importlib.util
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.exchange.errors import AuthenticationFailed
from reconciler.exchange.port import Auth, Command, Connection, Endpoint, Timeouts
from reconciler.exchange.session import Sessions
from reconciler.lab.control import ThreadedLab, open_threaded

# Only a real ticket office says whether a sign-on is Kerberos, and most machines have none; .ci/run has.
pytestmark = pytest.mark.skipif(
    shutil.which("krb5kdc") is None or importlib.util.find_spec("gssapi") is None,
    reason="needs krb5kdc, kadmin.local and pyspnego[kerberos]",
)

REALM = "LAB.TEST"


class TicketOffice:
    """A key distribution centre on loopback, with its files in a folder of the test's own."""

    def __init__(self, folder: Path) -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            self.port: int = free.getsockname()[1]
        here = f"127.0.0.1:{self.port}"
        self.keytab = folder / "keytab"
        self.environment = {
            "KRB5_CONFIG": str(folder / "krb5.conf"),
            "KRB5_KDC_PROFILE": str(folder / "kdc.conf"),
            "KRB5_KTNAME": str(self.keytab),
            "KRB5CCNAME": f"FILE:{folder / 'tickets'}",
        }
        (folder / "krb5.conf").write_text(
            f"[libdefaults]\n default_realm = {REALM}\n rdns = false\n dns_canonicalize_hostname = false\n"
            " dns_lookup_kdc = false\n dns_lookup_realm = false\n udp_preference_limit = 1\n"
            f"[realms]\n {REALM} = {{\n  kdc = {here}\n }}\n[domain_realm]\n localhost = {REALM}\n"
        )
        (folder / "kdc.conf").write_text(
            f"[realms]\n {REALM} = {{\n  database_name = {folder / 'principal'}\n"
            f"  key_stash_file = {folder / 'stash'}\n  acl_file = {folder / 'acl'}\n"
            f"  kdc_listen = {here}\n  kdc_tcp_listen = {here}\n }}\n"
        )

    def administer(self, *query: str) -> None:
        subprocess.run(["kadmin.local", "-r", REALM, *query], check=True, capture_output=True)

    def wait(self) -> None:
        """Wait until it answers."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
        pytest.fail("the ticket office did not open")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreadedLab]:
    """A lab whose accounts and web service the ticket office knows."""
    folder = tmp_path_factory.mktemp("kerberos")
    office = TicketOffice(folder)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in office.environment.items():
            patch.setenv(name, value)
        create = ["kdb5_util", "create", "-s", "-P", "master", "-r", REALM]
        subprocess.run(create, check=True, capture_output=True)
        with open_threaded(folder / "lab", servers=1, edges=1) as running:
            account = running.account()
            office.administer("addprinc", "-pw", account.password, account.name)
            office.administer("addprinc", "-randkey", "HTTP/localhost")
            office.administer("ktadd", "-k", str(office.keytab), "HTTP/localhost")
            kdc = subprocess.Popen(["krb5kdc", "-n", "-r", REALM], stdout=subprocess.DEVNULL)
            try:
                office.wait()
                yield running
            finally:
                kdc.terminate()
                kdc.wait()


def connection(lab: ThreadedLab, url: str, auth: Auth) -> Connection:
    account = lab.account()
    patience = Timeouts(connect=5, read=20, operation=10, invocation=30)
    # By the name that the ticket is for, as on real servers.
    url = url.replace("127.0.0.1", "localhost")
    endpoint = Endpoint.WINRM if url.endswith("wsman") else Endpoint.EXCHANGE
    user = f"{account.name}@{REALM}"
    return Connection("SERVER", url, endpoint, user, account.password, lab.ca, patience, auth)


class TestKerberos:
    @pytest.mark.parametrize("auth", [Auth.KERBEROS, Auth.NEGOTIATE])
    @pytest.mark.parametrize("server", ["MBX1", "EDGE1"])
    @pytest.mark.parametrize("scheme", ["http", "https"])
    def test_signs_on(self, lab: ThreadedLab, auth: Auth, server: str, scheme: str) -> None:
        """With Negotiate as well: NTLM knows no user@REALM here."""
        url = lab.http(server) if scheme == "http" else lab.url(server)
        with Sessions().writer(connection(lab, url, auth)) as writer:
            assert writer.run(Command("Get-ReceiveConnector")).outputs

    def test_with_a_wrong_password_is_a_typed_error(self, lab: ThreadedLab) -> None:
        """The library's own error is of no class that a caller could know."""
        wrong = replace(connection(lab, lab.http("MBX1"), Auth.KERBEROS), password="wr0ng")
        with pytest.raises(AuthenticationFailed) as caught, Sessions().reader(wrong):
            pass
        assert caught.value.offered == ("Negotiate", "NTLM")
        assert "wr0ng" not in str(caught.value)

    def test_for_a_service_that_nobody_knows_is_a_typed_error(self, lab: ThreadedLab) -> None:
        """An address is no name of a service."""
        found = connection(lab, lab.http("MBX1"), Auth.KERBEROS)
        unknown = replace(found, url=found.url.replace("localhost", "127.0.0.1"))
        with pytest.raises(AuthenticationFailed), Sessions().reader(unknown):
            pass
