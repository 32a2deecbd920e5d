"""A renewal with the same key, over the wire: the key leaves its server encrypted, and is in no file."""

from __future__ import annotations

import base64
import io
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12

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
  EDGE1:
    role: edge
    certificates:
      public:
        subject: CN=mail.contoso.com
        domains: [mail.contoso.com]
        exportable: true
        tlsa: reuse_key
        issuer: house
    receive_connectors: {"Default internal receive connector EDGE1": {certificate: public}}
"""
MORE = DECLARED.replace("domains: [", "domains: [smtp.contoso.com, ")


@dataclass
class Ran:
    """A run, what was printed, and what was carried."""

    made: Contoso
    said: dict[str, bytes] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)
    passwords: list[str] = field(default_factory=list)
    carried: list[bytes] = field(default_factory=list)

    def run(self, name: str, *words: str) -> None:
        said = io.StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            self.codes[name] = main([*words, *self.made.options()])
        self.said[name] = said.getvalue().encode()


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """Set up, declare one more name, and plan again."""
    folder = tmp_path_factory.mktemp("again")
    tls = folder / "tls.yaml"
    tls.write_text(DECLARED)
    with (
        pytest.MonkeyPatch.context() as patch,
        open_threaded(folder / "lab", servers=1, edges=1, transcript=True) as lab,
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
        ran.run("first", "apply", str(tls), "--auto-approve")
        tls.write_text(MORE)
        # An answer begins later than the certificate that it renews, and certificates know whole seconds.
        time.sleep(1 - time.time() % 1)
        ran.run("again", "apply", str(tls), "--auto-approve", "--json")
        ran.run("plan", "plan", str(tls))
        yield ran


def test_it_went_as_meant(ran: Ran) -> None:
    """One key is made, and two certificates for it."""
    assert set(ran.codes.values()) == {0}, ran.said
    assert b"No changes" in ran.said["plan"]
    counted = Counter(one["cmdlet"] for one in ran.made.cmdlets())
    assert counted["New-ExchangeCertificate"] == counted["Export-ExchangeCertificate"] == 1
    assert counted["Import-ExchangeCertificate"] == 2


def test_the_key_reaches_this_machine_encrypted(ran: Ran) -> None:
    (data,), (password,) = ran.carried, ran.passwords
    assert pkcs12.load_key_and_certificates(data, password.encode())[0] is not None
    sent = [path for path in (ran.made.lab.directory / "transcript").rglob("*") if path.is_file()]
    everything = b"".join(path.read_bytes() for path in sent)
    assert base64.b64encode(data) in everything
    assert not any(trace in everything for key in private_keys(ran.made) for trace in traces(key))
    assert not any(trace in everything for trace in traces_of_text(password.encode()))


def test_the_key_and_its_password_are_in_no_file_and_in_nothing_printed(ran: Ran) -> None:
    inside = ran.made.lab.directory
    written: list[Path] = [
        path
        for path in ran.made.state.parent.rglob("*")
        if path.is_file() and not path.is_relative_to(inside)
    ]
    assert "record.json" in {path.name for path in written}
    found = [*ran.said.values(), *(path.read_bytes() for path in written)]
    (data,), (password,) = ran.carried, ran.passwords
    secrets = [data, base64.b64encode(data)[:60], data.hex().encode(), *traces_of_text(password.encode())]
    secrets += [trace for key in private_keys(ran.made) for trace in traces(key)]
    assert not any(one in content for content in found for one in secrets)
