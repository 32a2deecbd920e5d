"""Where servers are reached: from the desired state, or from a connections file."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from reconciler.config import Connection, Loaded, load
from state.values import Name
from tests.rules import rule

TODAY = date(2026, 7, 1)
DESIRED = """
version: 1
organization: contoso
connection: {credential: "file:admin.secret", ca: corporate.pem, auth: basic, endpoint: exchange}
issuers: {house: {type: local, certificate: ca.pem, key: ca.key}}
servers:
  EX1: {role: mailbox, host: ex1.corp.contoso.local}
  EX2: {role: mailbox, connection: {credential: "env:EX2", smtp: "mail.contoso.com:25"}}
  EDGE1: {role: edge, host: "2001:db8::25"}
"""

LAB: dict[str, Any] = {
    "servers": {
        "ex1": {
            "url": "https://127.0.0.1:40001/PowerShell/",
            "endpoint": "exchange",
            "auth": "basic",
            "credential": "file:admin.credential",
            "ca": "tls.pem",
            "smtp": "127.0.0.1:40002",
        },
        "EX2": {"url": "https://127.0.0.1:40004/PowerShell/"},
        "EDGE1": {"url": "https://127.0.0.1:40005/wsman"},
        "MBX9": {"url": "https://127.0.0.1:40003/PowerShell/"},
    },
    "issuers": {"*": {"type": "local", "certificate": "lab.pem", "key": "lab.key"}},
}


def written(folder: Path, connections: Any = None, desired: str = DESIRED) -> Loaded:
    """Write both files, each in a folder of its own, and load."""
    for name in ("desired", "lab"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "desired" / "tls.yaml").write_text(desired)
    file = None
    if connections is not None:
        file = folder / "lab" / "connections.yaml"
        file.write_text(connections if isinstance(connections, str) else json.dumps(connections))
    return load(folder / "desired" / "tls.yaml", connections=file, today=TODAY)


def others(server: str) -> str:
    """What a connections file names besides one server: the others, and who signs."""
    servers = "".join(f"  {name}: {{}}\n" for name in ("EX1", "EX2", "EDGE1") if name != server)
    return servers + 'issuers: {"*": {type: local, certificate: lab.pem, key: lab.key}}\n'


def with_server(values: Any, server: str = "ex1") -> dict[str, Any]:
    """The connections file with another entry for one of its servers."""
    return {**LAB, "servers": {**LAB["servers"], server: values}}


def connection(outcome: Loaded, server: str) -> Connection:
    assert outcome.desired is not None, outcome.diagnostics
    return outcome.desired.connections[Name(server)]


class TestADesiredStateAlone:
    @rule("5-1")
    def test_makes_the_address_from_host_and_endpoint(self, tmp_path: Path) -> None:
        """An Edge server has no Exchange endpoint [5-1], whatever holds for the others."""
        outcome = written(tmp_path)
        assert connection(outcome, "EX1").url == "https://ex1.corp.contoso.local/PowerShell/"
        assert connection(outcome, "EX2").url == "https://EX2/PowerShell/"
        assert connection(outcome, "EDGE1").url == "https://[2001:db8::25]:5986/wsman"
        assert connection(outcome, "EDGE1").endpoint == "winrm"

    def test_has_defaults_that_a_server_may_replace_key_by_key(self, tmp_path: Path) -> None:
        """One credential for all, but for one."""
        outcome = written(tmp_path)
        assert connection(outcome, "EX1").credential == "file:admin.secret"
        assert connection(outcome, "EX2").credential == "env:EX2"
        assert connection(outcome, "EX2").ca == tmp_path / "desired" / "corporate.pem"
        assert connection(outcome, "EX2").smtp == "mail.contoso.com:25"

    def test_counts_relative_paths_from_its_own_folder(self, tmp_path: Path) -> None:
        """Not from where the command happens to run."""
        outcome = written(tmp_path)
        assert connection(outcome, "EX1").base == tmp_path / "desired"
        assert outcome.desired is not None
        assert outcome.desired.issuers["house"].authority == tmp_path / "desired" / "ca.pem"

    @pytest.mark.parametrize(
        ("auth", "mailbox", "edge"),
        [
            ("basic", "https://ex1.corp.contoso.local/PowerShell/", "https://[2001:db8::25]:5986/wsman"),
            (
                "certificate",
                "https://ex1.corp.contoso.local/PowerShell/",
                "https://[2001:db8::25]:5986/wsman",
            ),
            ("credssp", "https://ex1.corp.contoso.local/PowerShell/", "https://[2001:db8::25]:5986/wsman"),
            ("kerberos", "http://ex1.corp.contoso.local/PowerShell/", "http://[2001:db8::25]:5985/wsman"),
            ("negotiate", "http://ex1.corp.contoso.local/PowerShell/", "http://[2001:db8::25]:5985/wsman"),
            ("ntlm", "http://ex1.corp.contoso.local/PowerShell/", "http://[2001:db8::25]:5985/wsman"),
        ],
    )
    @rule("5-1", "5-2")
    def test_reaches_a_server_where_setup_lets_one_sign_on_so(
        self, tmp_path: Path, auth: str, mailbox: str, edge: str
    ) -> None:
        """Exchange offers http and encrypts messages; what leaves no key to encrypt with goes over TLS."""
        outcome = written(tmp_path, desired=DESIRED.replace("auth: basic", f"auth: {auth}"))
        assert connection(outcome, "EX1").url == mailbox
        assert connection(outcome, "EDGE1").url == edge

    @rule("5-1")
    @pytest.mark.parametrize("column", [42, 17])
    def test_has_no_snap_in_for_a_mailbox_server(self, tmp_path: Path, column: int) -> None:
        """There it is unsupported and passes by the roles [5-1]; said of one server or of all."""
        if column == 42:
            desired = DESIRED.replace("mailbox, connection: {", "mailbox, connection: {endpoint: winrm, ")
        else:
            desired = DESIRED.replace("endpoint: exchange", "endpoint: winrm").replace("EX2: {", "EX3: {")
        told = written(tmp_path, desired=desired).diagnostics
        assert {d.summary for d in told} == {"Endpoint not on a Mailbox server"}
        assert "roles" in told[0].detail

    def test_may_name_the_service_that_tickets_are_for(self, tmp_path: Path) -> None:
        """Behind a load balancer it is an account of the farm, not the host's."""
        desired = DESIRED.replace("auth: basic", "auth: kerberos, service: HTTP/mail.contoso.com")
        assert connection(written(tmp_path, desired=desired), "EX1").service == "HTTP/mail.contoso.com"
        for wrong in ("HTTP", "HTTP/", "/mail.contoso.com", "HTTP/a:80", "HTTP/a/b", "HTTP/a@REALM"):
            outcome = written(tmp_path, desired=desired.replace("HTTP/mail.contoso.com", f'"{wrong}"'))
            assert [d.summary for d in outcome.diagnostics] == ["Value not allowed"]

    def test_needs_no_credential(self, tmp_path: Path) -> None:
        """Offline checks connect to nothing."""
        outcome = written(tmp_path, desired="version: 1\norganization: c\nservers: {EX1: {role: mailbox}}")
        assert connection(outcome, "EX1").credential is None


class TestTwoAccounts:
    def test_are_kept_apart(self, tmp_path: Path) -> None:
        """One may read, the other is for apply."""
        two = "{read: env:READER, write: env:WRITER}"
        outcome = written(tmp_path, desired=DESIRED.replace('"env:EX2"', two))
        assert connection(outcome, "EX2").credential == "env:READER"
        assert connection(outcome, "EX2").write_credential == "env:WRITER"
        assert connection(outcome, "EX1").write_credential == "file:admin.secret"
        outcome = written(tmp_path, with_server({"credential": {"read": "env:A", "write": "env:B"}}))
        assert connection(outcome, "EX1").write_credential == "env:B"

    def test_are_two(self, tmp_path: Path) -> None:
        """Who leaves one out means something that is not said."""
        outcome = written(tmp_path, desired=DESIRED.replace('"env:EX2"', "{read: env:READER}"))
        assert [d.summary for d in outcome.diagnostics] == ["Key missing"]

    @pytest.mark.parametrize(
        "wrong",
        [
            "{read: hunter2, write: env:W}",
            "{read: env:R, write: hunter2}",
            "{read: env:R,\n    write: 'admin:hunter2'}",
            "{read: env:R, password: hunter2}",
        ],
    )
    def test_show_nobody_a_password_in_the_place_of_a_reference(self, tmp_path: Path, wrong: str) -> None:
        outcome = written(tmp_path, desired=DESIRED.replace('"env:EX2"', wrong))
        assert outcome.desired is None
        assert "hunter2" not in repr(outcome.diagnostics)


class TestAWayToSignOn:
    def test_is_shared_by_servers_that_say_nothing(self, tmp_path: Path) -> None:
        """And is no excuse for a server that goes back to Basic."""
        desired = DESIRED.replace("auth: basic", "auth: ntlm").replace(
            "smtp: ", "url: 'http://ex2/PowerShell/', smtp: "
        )
        outcome = written(tmp_path, desired=desired)
        assert connection(outcome, "EX1").auth == connection(outcome, "EX2").auth == "ntlm"
        outcome = written(tmp_path, desired=desired.replace("url: ", "auth: basic, url: "))
        assert [d.summary for d in outcome.diagnostics] == ["Password in clear text"]


class TestAConnectionsFile:
    def test_replaces_what_the_desired_state_says(self, tmp_path: Path) -> None:
        """Names are compared as Active Directory does; servers that are not declared are left alone."""
        outcome = written(tmp_path, LAB)
        assert connection(outcome, "EX1") == Connection(
            name=Name("EX1"),
            url="https://127.0.0.1:40001/PowerShell/",
            endpoint="exchange",
            auth="basic",
            credential="file:admin.credential",
            write_credential="file:admin.credential",
            base=tmp_path / "lab",
            ca=tmp_path / "lab" / "tls.pem",
            smtp="127.0.0.1:40002",
        )
        assert outcome.desired is not None
        assert Name("MBX9") not in outcome.desired.connections

    def test_that_lacks_a_server_is_told(self, tmp_path: Path) -> None:
        """A rehearsal that fell back to the desired state would write to production."""
        lacking = {**LAB, "servers": {"EX1": LAB["servers"]["ex1"], "EDGE1": {}}}
        outcome = written(tmp_path, lacking)
        assert outcome.desired is None
        (found,) = outcome.diagnostics
        assert (found.summary, str(found.where)) == (
            "Not in the connections file",
            f"{tmp_path}/desired/tls.yaml:8:3",
        )
        assert found.hint == "name it in the connections file, or leave --connections out"

    def test_that_lacks_an_issuer_is_told(self, tmp_path: Path) -> None:
        """A rehearsal that fell back would sign with the authority of production."""
        outcome = written(tmp_path, {"servers": LAB["servers"]})
        assert outcome.desired is None
        assert [(d.summary, str(d.where)) for d in outcome.diagnostics] == [
            ("Not in the connections file", f"{tmp_path}/desired/tls.yaml:5:11")
        ]

    def test_with_a_wrong_entry_does_not_lack_it(self, tmp_path: Path) -> None:
        """One problem, told once."""
        wrong = {"servers": {**LAB["servers"], "EX2": 5}, "issuers": {"*": 5}}
        assert [d.summary for d in written(tmp_path, wrong).diagnostics] == ["Value not allowed"] * 2
        for section, told in (("servers", "Value not allowed"), ("server", "Unknown key")):
            file = {section: 5, "issuers": LAB["issuers"]}
            assert [d.summary for d in written(tmp_path, file).diagnostics] == [told]

    def test_replaces_a_connection_as_a_whole(self, tmp_path: Path) -> None:
        """A credential of production is never sent to an address from another file."""
        outcome = written(tmp_path, with_server({"url": "https://copy.example/PowerShell/"}))
        assert connection(outcome, "EX1").credential is None
        assert connection(outcome, "EX1").ca is None

    def test_stands_for_every_issuer_by_an_asterisk(self, tmp_path: Path) -> None:
        """And for one by its name, which wins."""
        outcome = written(tmp_path, LAB)
        assert outcome.desired is not None
        assert outcome.desired.issuers["house"].authority == tmp_path / "lab" / "lab.pem"
        own = {"type": "local", "certificate": "own.pem", "key": "own.key"}
        outcome = written(tmp_path, {**LAB, "issuers": {**LAB["issuers"], "house": own}})
        assert outcome.desired is not None
        assert outcome.desired.issuers["house"].authority == tmp_path / "lab" / "own.pem"

    @pytest.mark.parametrize(
        "issuer",
        [
            {"type": "manual", "folder": "requests"},
            {"type": "command", "command": ["./issue.sh"]},
            {"type": "acme", "directory": "https://ca.example/directory", "http01": {"webroot": "www"}},
        ],
        ids=lambda issuer: issuer["type"],
    )
    def test_may_name_an_authority_that_is_not_public(self, tmp_path: Path, issuer: dict[str, Any]) -> None:
        for more, expected in (({}, None), ({"ca": "root.pem"}, tmp_path / "lab" / "root.pem")):
            outcome = written(tmp_path, {**LAB, "issuers": {"*": {**issuer, **more}}})
            assert outcome.desired is not None, outcome.diagnostics
            assert outcome.desired.issuers["house"].authority == expected

    def test_is_checked_like_everything_else(self, tmp_path: Path) -> None:
        """Its problems stand in its own lines; together with those of the desired state."""
        text = (
            "servers:\n"
            "  EX1: {url: ftp://ex1/PowerShell/, credentials: env:A}\n"
            "  EDGE1: {endpoint: exchange, smtp: nowhere}\n"
            "  EX2: {}\n"
            "issuers: {house: {type: locale}}\n"
        )
        outcome = written(tmp_path, text, DESIRED.replace("role: edge", "role: egde"))
        told = [(Path(d.where.file).name, d.where.line, d.summary) for d in outcome.diagnostics if d.where]
        assert told == [
            ("tls.yaml", 9, "Value not allowed"),
            ("connections.yaml", 2, "Value not allowed"),
            ("connections.yaml", 2, "Unknown key"),
            ("connections.yaml", 3, "Value not allowed"),
            ("connections.yaml", 5, "Unknown type of issuer"),
        ]

    @rule("5-1")
    def test_cannot_give_an_edge_server_an_exchange_endpoint(self, tmp_path: Path) -> None:
        """[5-1], told where it is written."""
        outcome = written(tmp_path, "servers:\n  EDGE1: {endpoint: exchange}\n" + others("EDGE1"))
        assert [(str(d.where), d.summary) for d in outcome.diagnostics] == [
            (f"{tmp_path}/lab/connections.yaml:2:11", "Endpoint not on an Edge server")
        ]

    def test_may_sign_on_without_tls_where_every_message_is_encrypted(self, tmp_path: Path) -> None:
        """NTLM and Negotiate leave a key; Basic would send the password itself."""
        for auth in ("ntlm", "negotiate", "kerberos"):
            file = with_server({"url": "HTTP://ex1/PowerShell/", "auth": auth})
            assert connection(written(tmp_path, file), "EX1").auth == auth

    def test_never_sends_a_password_in_clear_text(self, tmp_path: Path) -> None:
        """Refused before anything is sent, whether Basic is written or is what holds where nothing is."""
        for auth in ("", "auth: basic, "):
            text = f"servers:\n  EX1: {{{auth}url: http://ex1/PowerShell/}}\n" + others("EX1")
            (found,) = written(tmp_path, text).diagnostics
            assert found.summary == "Password in clear text"
            assert str(found.where) == f"{tmp_path}/lab/connections.yaml:2:{9 + len(auth)}"
            assert "auth: negotiate" in found.hint

    def test_shows_a_client_certificate_in_tls_alone(self, tmp_path: Path) -> None:
        """Over http there is no handshake to show it in."""
        file = with_server(
            {"url": "http://ex1/PowerShell/", "auth": "certificate", "credential": "file:a.pem"}
        )
        assert [d.summary for d in written(tmp_path, file).diagnostics] == ["Client certificate without TLS"]

    @rule("5-1")
    def test_cannot_give_a_mailbox_server_the_snap_in(self, tmp_path: Path) -> None:
        outcome = written(tmp_path, with_server({"url": "https://ex1:5986/wsman", "endpoint": "winrm"}))
        assert [d.summary for d in outcome.diagnostics] == ["Endpoint not on a Mailbox server"]

    def test_with_an_unknown_way_to_sign_on_has_that_problem_alone(self, tmp_path: Path) -> None:
        """Nobody meant Basic."""
        text = "servers:\n  EX1: {auth: negotiat, url: http://ex1/PowerShell/}\n" + others("EX1")
        (found,) = written(tmp_path, text).diagnostics
        assert (found.summary, found.hint) == ("Value not allowed", 'did you mean "negotiate"?')

    def test_that_is_missing_is_told_beside_everything_else(self, tmp_path: Path) -> None:
        """The desired state is checked all the same."""
        written(tmp_path, desired=DESIRED.replace("EX2:", "EX2: &a"))
        outcome = load(tmp_path / "desired" / "tls.yaml", connections=tmp_path / "none.yaml", today=TODAY)
        assert [d.summary for d in outcome.diagnostics] == ["File not found"]
        assert outcome.desired is None


class TestAPasswordInThePlaceOfAReference:
    def test_is_shown_to_nobody(self, tmp_path: Path) -> None:
        """Neither in the message nor in the line that it shows."""
        outcome = written(tmp_path, desired=DESIRED.replace("env:EX2", "admin:Pa55w0rd"))
        assert [d.summary for d in outcome.diagnostics] == ["Value not allowed"]
        assert "Pa55w0rd" not in repr(outcome.diagnostics)
