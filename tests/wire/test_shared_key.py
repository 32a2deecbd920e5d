"""A key that goes from server to server over the wire: encrypted, under the session key, and nowhere else."""

from __future__ import annotations

import base64
import io
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12

from reconciler.apply import journey
from reconciler.cli import main
from reconciler.lab.control import open_threaded
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
  EDGE1:
    role: edge
    receive_connectors: {"Default internal receive connector EDGE1": {certificate: internet}}
certificates:
  internet:
    servers: [MBX1, MBX2, EDGE1]
    key: shared
    exportable: true
    subject: CN=mail.contoso.com
    domains: [mail.contoso.com]
    issuer: house
send_connectors:
  internet: {servers: [MBX1, MBX2], opportunistic: {to: ["*"], certificate: internet}}
"""


@dataclass
class Ran:
    """A run, what was printed, and what was carried.

    Attributes:
        passwords: As they were drawn.
        carried: The PKCS#12 of each journey.
    """

    made: Contoso
    said: dict[str, bytes] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)
    passwords: list[str] = field(default_factory=list)
    carried: list[bytes] = field(default_factory=list)

    def run(self, name: str, *words: str) -> None:
        said = io.StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            self.codes[name] = main(list(words))
        self.said[name] = said.getvalue().encode()

    def written(self) -> Iterator[Path]:
        """Every file that is not the lab's own."""
        inside = self.made.lab.directory
        for path in self.made.state.parent.rglob("*"):
            if path.is_file() and not path.is_relative_to(inside):
                yield path


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """Plan, save, show in every form, apply, plan again."""
    folder = tmp_path_factory.mktemp("shared")
    tls, plan = folder / "tls.yaml", str(folder / "tls.plan")
    tls.write_text(DECLARED)
    with (
        pytest.MonkeyPatch.context() as patch,
        open_threaded(folder / "lab", servers=2, edges=1, transcript=True) as lab,
    ):
        ran = Ran(Contoso(lab, tls, folder / "state"))
        draw, look = journey.secrets.token_urlsafe, journey.why_not_pkcs12

        def drawn(size: int) -> str:
            ran.passwords.append(draw(size))
            return ran.passwords[-1]

        def looked(data: bytes) -> str:
            ran.carried.append(bytes(data))
            return look(data)

        patch.setattr(journey.secrets, "token_urlsafe", drawn)
        patch.setattr(journey, "why_not_pkcs12", looked)
        how = ran.made.options()
        ran.run("plan", "plan", str(tls), *how, "--out", plan)
        for form in ("text", "json", "powershell"):
            ran.run(f"show {form}", "show", plan, "--as", form)
        ran.run("apply", "apply", plan, "--auto-approve", "--json")
        ran.run("plan again", "plan", str(tls), *how)
        yield ran


class TestTheRun:
    def test_went_as_meant(self, ran: Ran) -> None:
        assert set(ran.codes.values()) == {0}, ran.said
        assert b"No changes" in ran.said["plan again"]
        counted = Counter(one["cmdlet"] for one in ran.made.cmdlets())
        assert counted["New-ExchangeCertificate"] == 1
        assert counted["Import-ExchangeCertificate"] == 3
        assert counted["Export-ExchangeCertificate"] == 2

    def test_carried_two_keys_each_under_its_own_password(self, ran: Ran) -> None:
        assert len(ran.carried) == len(set(ran.passwords)) == 2
        for data, password in zip(ran.carried, ran.passwords, strict=True):
            assert pkcs12.load_key_and_certificates(data, password.encode())[0] is not None

    def test_shows_that_a_key_leaves_its_server(self, ran: Ran) -> None:
        assert b"Export-ExchangeCertificate" in ran.said["plan"]
        assert b"-Password (secret)" in ran.said["plan"]
        shown = json.loads(ran.said["show json"])
        invocations = [one for change in shown["changes"] for one in change["invocations"]]
        given = [one["parameters"]["Password"] for one in invocations if "Password" in one["parameters"]]
        assert given == [{"secret": True}] * 4


class TestTheSecrets:
    def test_reach_this_machine_encrypted(self, ran: Ran) -> None:
        """What came over the wire holds each PKCS#12, and no key that could be used without a password."""
        sent = [path for path in (ran.made.lab.directory / "transcript").rglob("*") if path.is_file()]
        everything = b"".join(path.read_bytes() for path in sent)
        for data in ran.carried:
            assert base64.b64encode(data) in everything
        assert not any(trace in everything for key in private_keys(ran.made) for trace in traces(key))
        words = [trace for text in ran.passwords for trace in traces_of_text(text.encode())]
        assert not any(word in everything for word in words)

    def test_are_found_by_this_search_where_they_are(self, ran: Ran) -> None:
        """A key that is unpacked would be seen."""
        key = pkcs12.load_key_and_certificates(ran.carried[0], ran.passwords[0].encode())[0]
        assert key is not None
        clear = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        found = [one for one in private_keys(ran.made) if any(trace in clear for trace in traces(one))]
        assert len(found) == 1

    def test_are_in_no_file(self, ran: Ran) -> None:
        written = {path.name: path.read_bytes() for path in ran.written()}
        assert {"tls.plan", "record.json"} <= written.keys()
        assert not [name for name, content in written.items() if self._betrays(ran, content)]

    def test_are_in_nothing_that_was_printed(self, ran: Ran) -> None:
        """Plans in every form, and every event of the apply."""
        assert ran.said["apply"].count(b"\n") > 20
        assert not [name for name, said in ran.said.items() if self._betrays(ran, said)]

    @staticmethod
    def _betrays(ran: Ran, content: bytes) -> bool:
        carried = [
            form for data in ran.carried for form in (data, base64.b64encode(data)[:60], data.hex().encode())
        ]
        texts = [trace for text in ran.passwords for trace in traces_of_text(text.encode())]
        keys = [trace for key in private_keys(ran.made) for trace in traces(key)]
        return any(trace in content for trace in (*carried, *texts, *keys))
