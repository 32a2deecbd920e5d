"""A certificate that was bought with its key, over the wire: its key is in no file and in nothing printed."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from reconciler.cli import main
from reconciler.lab.control import open_threaded
from reconciler.pki.certificate import certificate_facts
from tests.authority import Authority, common_name, der, make_certificate, rsa_key
from tests.contoso import Contoso
from tests.wire.test_no_secret_leaves import traces as traces_of_text
from tests.wire.test_secrets import private_keys, traces

DECLARED = """
version: 1
organization: contoso
issuers: {house: {type: local, certificate: ca.pem, key: ca.key}}
servers:
  MBX1: {role: mailbox}
  MBX2: {role: mailbox}
certificates:
  internet:
    servers: [MBX1, MBX2]
    key: shared
    exportable: true
    subject: CN=mail.contoso.com
    domains: [mail.contoso.com]
    issuer: house
send_connectors:
  internet: {servers: [MBX1, MBX2], opportunistic: {to: ["*"], certificate: internet}}
"""
KEY = rsa_key(23)
PASSWORD = "Kauf-Passwort 7 zu 3"
ADDRESS = "certificate.MBX1.internet"


@dataclass
class Ran:
    """A run, and what was printed."""

    made: Contoso
    file: Path
    leaf: bytes
    said: dict[str, bytes] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)

    def run(self, name: str, *words: str) -> None:
        said = io.StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            self.codes[name] = main(list(words))
        self.said[name] = said.getvalue().encode()

    def secrets(self) -> list[bytes]:
        """What betrays the key, its file or its password, and every other key of the lab."""
        data = self.file.read_bytes()
        keys = [trace for key in private_keys(self.made) for trace in traces(key)]
        return [data, base64.b64encode(data)[:60], *traces_of_text(PASSWORD.encode()), *keys]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """Set up, buy, plan, and give it once more."""
    folder = tmp_path_factory.mktemp("bought")
    tls, file = folder / "tls.yaml", folder / "bought.p12"
    tls.write_text(DECLARED)
    seller, now = Authority.make("Contoso Bought CA"), datetime.now(UTC)
    leaf = make_certificate(
        common_name("mail.contoso.com"),
        ("mail.contoso.com",),
        KEY,
        seller,
        not_before=now - timedelta(hours=1),
        not_after=now + timedelta(days=200),
    )
    encryption = BestAvailableEncryption(PASSWORD.encode())
    file.write_bytes(pkcs12.serialize_key_and_certificates(None, KEY, leaf, [seller.certificate], encryption))
    with (
        pytest.MonkeyPatch.context() as patch,
        open_threaded(folder / "lab", servers=2, edges=0, transcript=True) as lab,
    ):
        patch.setenv("PFX", PASSWORD)
        ran = Ran(Contoso(lab, tls, folder / "state"), file, der(leaf))
        how = ran.made.options()
        buying = ("certificates", str(tls), *how, "--answer", ADDRESS, str(file), "--auto-approve")
        ran.run("apply", "apply", str(tls), *how, "--auto-approve")
        ran.run("another password", *buying, "--password", "env:PATH")
        ran.run("buy", *buying, "--password", "env:PFX")
        ran.run("plan", "plan", str(tls), *how, "--detailed-exitcode")
        ran.run("show", "certificates", str(tls), *how)
        ran.run("buy again", *buying, "--password", "env:PFX")
        yield ran


class TestTheRun:
    def test_went_as_meant(self, ran: Ran) -> None:
        assert ran.codes.pop("another password") == 1, ran.said
        assert b"PKCS#12 not opened" in ran.said["another password"]
        assert set(ran.codes.values()) == {0}, ran.said
        assert b"No changes" in ran.said["plan"]
        assert b"No changes" in ran.said["buy again"]

    def test_shows_that_it_was_bought(self, ran: Ran) -> None:
        assert b"was bought with its key" in ran.said["buy"]
        assert b"-FileData (the file that was bought)" in ran.said["buy"]
        assert b"-Password (secret)" in ran.said["buy"]

    def test_imported_it_once_on_each_server(self, ran: Ran) -> None:
        thumbprint = str(certificate_facts(ran.leaf).thumbprint)
        assert thumbprint.encode() in ran.said["buy"]
        imports = [one for one in ran.made.cmdlets() if one["cmdlet"] == "Import-ExchangeCertificate"]
        assert [one["server"] for one in imports] == ["MBX1", "MBX2"] * 2
        assert all(one["result"] == "completed" for one in imports)


class TestTheSecrets:
    def test_are_in_no_file(self, ran: Ran) -> None:
        """The record, its history, the journal: all but what the lab keeps, and the file that was given."""
        inside = ran.made.lab.directory
        written = [
            path
            for path in ran.made.state.parent.rglob("*")
            if path.is_file() and not path.is_relative_to(inside) and path != ran.file
        ]
        assert "record.json" in {path.name for path in written}
        secrets = ran.secrets()
        assert not [path for path in written if any(one in path.read_bytes() for one in secrets)]

    def test_are_in_nothing_that_was_printed(self, ran: Ran) -> None:
        secrets = ran.secrets()
        assert not [name for name, said in ran.said.items() if any(one in said for one in secrets)]

    def test_are_in_no_byte_that_was_received(self, ran: Ran) -> None:
        """The key comes back once, encrypted, for the second server."""
        sent = [path for path in (ran.made.lab.directory / "transcript").rglob("*") if path.is_file()]
        everything = b"".join(path.read_bytes() for path in sent)
        assert len(everything) > 100_000
        assert not any(trace in everything for key in private_keys(ran.made) for trace in traces(key))
        assert not any(trace in everything for trace in traces_of_text(PASSWORD.encode()))

    def test_are_found_by_this_search_where_they_are(self, ran: Ran) -> None:
        """The servers of the lab have the key now."""
        numbers = KEY.private_numbers()
        assert [numbers.p, numbers.q, numbers.d] in private_keys(ran.made)
