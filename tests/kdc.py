"""The ticket office of MIT Kerberos on loopback, for tests that sign on with it."""

from __future__ import annotations

import importlib
import importlib.util
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from reconciler.lab.accounts import Account

is_missing = shutil.which("krb5kdc") is None or importlib.util.find_spec("gssapi") is None
"""Most machines have no ticket office; .ci/run installs one."""
NEEDS = "needs krb5kdc, kadmin.local and pyspnego[kerberos]"
REALM = "LAB.TEST"


class TicketOffice:
    """A key distribution centre on loopback, with its files in a folder of the test's own."""

    def __init__(self, folder: Path) -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            self.port: int = free.getsockname()[1]
        here = f"127.0.0.1:{self.port}"
        self.keytab = folder / "keytab"
        self.tickets = folder / "tickets"
        self.environment = {
            "KRB5_CONFIG": str(folder / "krb5.conf"),
            "KRB5_KDC_PROFILE": str(folder / "kdc.conf"),
            "KRB5_KTNAME": str(self.keytab),
            "KRB5CCNAME": f"FILE:{self.tickets}",
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

    def know(self, account: Account) -> None:
        """Let an account of a lab ask for tickets with the password that it has there."""
        self.administer("addprinc", "-pw", account.password, account.name)

    def wait(self) -> None:
        """Wait until it answers."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
        pytest.fail("the ticket office did not open")

    def fetch_ticket(self, account: Account) -> None:
        """Put a ticket of an account where `KRB5CCNAME` names it, as kinit does."""
        krb5: Any = importlib.import_module("krb5")
        context = krb5.init_context()
        principal = krb5.parse_name_flags(context, f"{account.name}@{REALM}".encode())
        options = krb5.get_init_creds_opt_alloc(context)
        ticket = krb5.get_init_creds_password(context, principal, options, account.password.encode())
        cache = krb5.cc_default(context)
        krb5.cc_initialize(context, cache, principal)
        krb5.cc_store_cred(context, cache, ticket)

    def drop_tickets(self) -> None:
        self.tickets.unlink(missing_ok=True)


@contextmanager
def ticket_office(folder: Path) -> Iterator[TicketOffice]:
    """Run one for a while, and let this process and its children know of it.

    It knows the web services of ``localhost``; accounts are for `TicketOffice.know`.
    """
    office = TicketOffice(folder)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in office.environment.items():
            patch.setenv(name, value)
        create = ["kdb5_util", "create", "-s", "-P", "master", "-r", REALM]
        subprocess.run(create, check=True, capture_output=True)
        office.administer("addprinc", "-randkey", "HTTP/localhost")
        office.administer("ktadd", "-k", str(office.keytab), "HTTP/localhost")
        kdc = subprocess.Popen(["krb5kdc", "-n", "-r", REALM], stdout=subprocess.DEVNULL)
        try:
            office.wait()
            yield office
        finally:
            kdc.terminate()
            kdc.wait()
