"""The one name below Python's public ones that a handshake stands on. When it moves, this says which."""

from __future__ import annotations

import ssl
import sys
from typing import Any

import pytest

from reconciler.verify.starttls import chain_sent
from tests.authority import Authority, der, make_certificate, pem, private_pem, rsa_key


@pytest.fixture(scope="module")
def connected(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLObject, list[bytes]]:
    """A client that has shaken hands in memory, and what the server sent."""
    folder = tmp_path_factory.mktemp("tls")
    root = Authority.make("Root", key=rsa_key(8))
    issuing = Authority.make("Issuing", issuer=root)
    leaf = make_certificate(issuer=issuing)
    (folder / "chain.pem").write_text(pem(leaf, issuing.certificate))
    (folder / "key.pem").write_bytes(private_pem(rsa_key()))
    presents = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    presents.load_cert_chain(folder / "chain.pem", folder / "key.pem")
    asks = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    asks.check_hostname = False
    asks.verify_mode = ssl.CERT_NONE
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = presents.wrap_bio(to_server, to_client, server_side=True)
    client = asks.wrap_bio(to_client, to_server)
    for end in (client, server, client, server):
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return client, [der(leaf), der(issuing.certificate)]


def test_a_connection_tells_the_whole_chain_as_it_was_sent(
    connected: tuple[ssl.SSLObject, list[bytes]],
) -> None:
    """Unverified: with OpenSSL's verification on there would be no handshake to look at."""
    client: Any = connected[0]
    assert list(chain_sent(client)) == connected[1]


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="there it has a public name")
def test_before_python_3_13_it_is_found_one_floor_below(
    connected: tuple[ssl.SSLObject, list[bytes]],
) -> None:
    """`ssl.SSLSocket._sslobj.get_unverified_chain`, whose items give PEM by `public_bytes()`."""
    below: Any = connected[0]
    first = below._sslobj.get_unverified_chain()[0].public_bytes()
    assert isinstance(first, str)
    assert ssl.PEM_cert_to_DER_cert(first) == connected[1][0]
