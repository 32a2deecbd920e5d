"""With a real ACME server: from nothing to a served certificate in one apply."""

from __future__ import annotations

import json
import smtplib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from reconciler.cli import main
from reconciler.lab.control import ThreadedLab, open_threaded
from tests.pebble import NEEDS, is_missing, pebble
from tests.wire.test_secrets import traces

# Only a real authority says whether an order is one.
pytestmark = pytest.mark.skipif(is_missing, reason=NEEDS)

DECLARED = """
version: 1
organization: contoso
issuers: {public: {type: acme, directory: "https://acme.example/directory", agree_to_terms: true,
                   http01: {webroot: /var/www}}}
endpoints: [{name: mail.contoso.com, servers: [MBX1], serve_within: 20s}]
partners: {trusted: [fabrikam.com]}
servers:
  MBX1:
    role: mailbox
    host: mbx1.contoso.com
    certificates:
      public: {subject: "CN=mail.contoso.com", domains: [mail.contoso.com, mail2.contoso.com],
               services: [SMTP], issuer: public}
    send_connectors:
      tls_required: {to: trusted, certificate: public}
    receive_connectors:
      "Default Frontend MBX1": {certificate: public}
"""


@dataclass(frozen=True)
class Done:
    """After the run.

    Attributes:
        folder: The test's own, with everything that was written.
        codes: What apply, the plan after it and verify ended with.
    """

    lab: ThreadedLab
    folder: Path
    codes: tuple[int, ...]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Done]:
    folder = tmp_path_factory.mktemp("acme")
    (folder / "pebble").mkdir()
    with (
        pebble(folder / "pebble") as server,
        open_threaded(folder / "lab", servers=1, edges=0, transcript=True) as lab,
    ):
        issuer = {
            "type": "acme",
            "directory": server.directory,
            "contact": ["tls@contoso.com"],
            "agree_to_terms": True,
            "account": str(folder / "account.pem"),
            "ca": str(server.ca),
            "http01": {"listen": f"127.0.0.1:{server.http}"},
        }
        connections = {**json.loads(lab.connections().read_text()), "issuers": {"*": issuer}}
        path = lab.connections().with_name("acme.yaml")
        path.write_text(json.dumps(connections))
        (folder / "tls.yaml").write_text(DECLARED)
        options = ["--connections", str(path), "--state", str(folder / "state")]
        apply = main(["apply", str(folder / "tls.yaml"), "--auto-approve", *options])
        plan = main(["plan", str(folder / "tls.yaml"), "--detailed-exitcode", *options])
        verify = main(["verify", str(folder / "tls.yaml"), *options])
        yield Done(lab, folder, (apply, plan, verify))


def private_keys(folder: Path) -> list[list[int]]:
    """The secret numbers of every RSA key in a folder: servers' keys, and nobody else's."""
    found = []
    for path in folder.rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        if b"PRIVATE KEY-----" not in data:
            continue
        key = load_pem_private_key(data, None)
        if isinstance(key, RSAPrivateKey):
            numbers = key.private_numbers()
            found.append([numbers.p, numbers.q, numbers.d])
        elif isinstance(key, EllipticCurvePrivateKey):
            found.append([key.private_numbers().private_value])
    return found


def test_one_apply_is_all_it_takes(done: Done) -> None:
    """Exit 0, a plan that follows has nothing to do, and port 25 presents the certificate."""
    assert done.codes == (0, 0, 0)


def test_what_is_served_is_the_authoritys(done: Done) -> None:
    """As another client sees it."""
    smtp = json.loads(done.lab.connections().read_text())["servers"]["MBX1"]["smtp"]
    host, _, port = smtp.rpartition(":")
    context = ssl.create_default_context(cafile=str(done.folder / "pebble" / "trusted.pem"))
    with smtplib.SMTP(host, int(port), timeout=10) as client:
        client._host = "mail.contoso.com"  # the name that is looked for
        client.starttls(context=context)
        assert isinstance(client.sock, ssl.SSLSocket)
        seen = client.sock.getpeercert()
    assert seen is not None
    assert {name for _, name in seen["subjectAltName"]} == {"mail.contoso.com", "mail2.contoso.com"}


def test_no_private_key_is_in_any_byte_that_the_client_received(done: Done) -> None:
    sent = [path for path in (done.lab.directory / "transcript").rglob("*") if path.is_file()]
    everything = b"".join(path.read_bytes() for path in sent)
    assert b"CERTIFICATE REQUEST" in everything
    keys = private_keys(done.lab.directory)
    assert keys
    assert not any(trace in everything for key in keys for trace in traces(key))


def test_no_private_key_of_a_server_is_in_any_file_that_the_client_wrote(done: Done) -> None:
    others = (done.lab.directory, done.folder / "pebble")
    outside = [
        path
        for path in done.folder.rglob("*")
        if path.is_file() and not any(path.is_relative_to(folder) for folder in others)
    ]
    assert "account.pem" in {path.name for path in outside}
    assert any(path.is_relative_to(done.folder / "state") for path in outside)
    everything = b"".join(path.read_bytes() for path in outside)
    keys = private_keys(done.lab.directory)
    assert not any(trace in everything for key in keys for trace in traces(key))
