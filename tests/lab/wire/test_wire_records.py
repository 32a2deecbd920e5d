"""What a lab writes down: its ledger, its transcript, the files by which it is reached."""

from __future__ import annotations

import base64
import json
import stat
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from pypsrp.powershell import PowerShell, RunspacePool

from reconciler.lab.accounts import authenticate, open_accounts
from reconciler.lab.authority import open_authorities
from reconciler.lab.call import Argument, Call, Role, Secret
from reconciler.lab.emulator import ThreadedLab
from reconciler.lab.ledger import FILE, Ledger, is_mutating, read_tally
from reconciler.lab.transcript import FOLDER

Connect = Callable[..., Any]
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def call(cmdlet: str, *arguments: Argument, is_script: bool = False) -> Call:
    return Call("MBX1", "admin", "exchange", True, cmdlet, arguments, is_script)


class TestALedger:
    def test_shows_parameters_as_they_came(self, tmp_path: Path) -> None:
        ledger = Ledger(tmp_path, lambda: NOW)
        arguments = (
            Argument("Name", "x"),
            Argument(None, "positional"),
            Argument("FileData", b"\x00\xff"),
            Argument("Password", Secret("hunter2")),
            Argument("AddressSpaces", {"Add": ["a"]}),
            Argument("TlsCertificateName", None, is_switch=True),
        )
        ledger.end(ledger.begin(call("Set-X", *arguments)), "completed", None, [])
        ledger.close()
        (record,) = read_tally(tmp_path).cmdlets
        assert record["parameters"] == {
            "Name": "x",
            "[1]": "positional",
            "FileData": base64.b64encode(b"\x00\xff").decode(),
            "Password": {"secret": True},
            "AddressSpaces": {"Add": ["a"]},
            "TlsCertificateName": None,
        }
        assert record["time"] == NOW.isoformat()
        assert "hunter2" not in (tmp_path / FILE).read_text()

    def test_goes_on_where_an_earlier_run_ended(self, tmp_path: Path) -> None:
        for _ in range(2):
            ledger = Ledger(tmp_path, lambda: NOW)
            ledger.note_request("MBX1")
            ledger.note_shells("MBX1", 1)
            ledger.end(ledger.begin(call("Set-X")), "failed", "Id", [])
            ledger.close()
        Ledger(tmp_path, lambda: NOW).close()
        tally = read_tally(tmp_path)
        assert [record["id"] for record in tally.cmdlets] == [0, 1]
        assert tally.requests == {"MBX1": 2}
        assert (tally.shells_open, tally.shells_max) == ({"MBX1": 0}, {"MBX1": 1})

    def test_is_readable_while_a_line_is_being_written(self, tmp_path: Path) -> None:
        ledger = Ledger(tmp_path, lambda: NOW)
        ledger.note_request("MBX1")
        ledger.close()
        with (tmp_path / FILE).open("ab") as file:
            file.write(b'{"type": "request", "ser')
        assert read_tally(tmp_path).requests == {"MBX1": 1}

    @pytest.mark.parametrize(
        ("cmdlet", "mutating"),
        [
            ("Get-SendConnector", False),
            ("get-sendconnector", False),
            ("Export-ExchangeCertificate", False),
            ("Add-PSSnapin", False),
            ("New-SendConnector", True),
            ("Enable-ExchangeCertificate", True),
            ("Whatever", True),
        ],
    )
    def test_takes_for_mutating_what_is_not_known_to_read(self, cmdlet: str, mutating: bool) -> None:
        assert is_mutating(call(cmdlet)) is mutating

    def test_takes_a_script_for_mutating(self) -> None:
        assert is_mutating(call("Get-X", is_script=True))


class TestATranscript:
    def test_holds_what_was_sent_decoded(self, exchange: Any, connect: Connect, tmp_path: Path) -> None:
        with ThreadedLab(exchange, tmp_path / "lab", transcript=True) as lab:
            with connect(lab) as wsman, RunspacePool(wsman, configuration_name="Microsoft.Exchange") as pool:
                shell = PowerShell(pool)
                shell.add_cmdlet("Get-Large").add_parameter("Count", 1)
                shell.invoke()
            folder = lab.directory / FOLDER
        assert any(b"z" * 40_000 in path.read_bytes() for path in folder.glob("MBX1-*.clixml"))
        assert b"ReceiveResponse" in (folder / "MBX1.http").read_bytes()

    def test_is_kept_only_on_demand(self, lab: ThreadedLab) -> None:
        assert not (lab.directory / FOLDER).exists()


class TestConnections:
    def test_name_every_server_and_the_issuer(self, lab: ThreadedLab) -> None:
        for role, credential in ((Role.ADMIN, "admin.credential"), (Role.READER, "viewer.credential")):
            content = json.loads(lab.connections(role).read_text())
            assert content["servers"]["MBX1"] == {
                "url": lab.url("MBX1"),
                "endpoint": "exchange",
                "auth": "basic",
                "credential": f"file:{credential}",
                "ca": "ca.pem",
                "smtp": "{}:{}".format(*lab.smtp("MBX1")),
            }
            assert content["servers"]["EDGE1"]["endpoint"] == "winrm"
            assert content["servers"]["EDGE1"]["url"].endswith("/wsman")
            assert content["issuers"] == {
                "*": {"type": "local", "certificate": "issuer.pem", "key": "issuer.key"}
            }

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes")
    def test_keep_secrets_to_their_owner(self, lab: ThreadedLab) -> None:
        for name in ("admin.credential", "viewer.credential", "issuer.key", "listener.key"):
            assert stat.S_IMODE((lab.directory / name).stat().st_mode) == 0o600
        assert stat.S_IMODE(lab.directory.stat().st_mode) == 0o700


class TestAuthorities:
    def test_are_made_once(self, tmp_path: Path) -> None:
        open_authorities(tmp_path, NOW)
        first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        open_authorities(tmp_path, NOW + timedelta(days=1))
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == first

    def test_vouch_for_loopback(self, tmp_path: Path) -> None:
        open_authorities(tmp_path, NOW)
        ca = x509.load_pem_x509_certificate((tmp_path / "ca.pem").read_bytes())
        listener = x509.load_pem_x509_certificate((tmp_path / "listener.pem").read_bytes())
        listener.verify_directly_issued_by(ca)
        names = listener.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == ["localhost"]
        assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]


class TestSigningIn:
    def test_needs_the_whole_pair(self, tmp_path: Path) -> None:
        accounts = open_accounts(tmp_path)
        admin = accounts[0]

        def header(text: str) -> str:
            return "Basic " + base64.b64encode(text.encode()).decode()

        assert authenticate(header(f"{admin.name}:{admin.password}"), accounts) == admin
        for wrong in (f"{admin.name}:", f"viewer:{admin.password}", admin.password, ""):
            assert authenticate(header(wrong), accounts) is None
        for other in (None, "", "Basic", "Basic ???", "Bearer x", f"Negotiate {admin.password}"):
            assert authenticate(other, accounts) is None

    def test_is_as_before_when_the_lab_starts_again(self, tmp_path: Path) -> None:
        assert open_accounts(tmp_path) == open_accounts(tmp_path)
