"""Whom sessions trust: what one process shares, and what it must not."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from reconciler.exchange.errors import BadConnection
from reconciler.exchange.port import Connection, Endpoint
from reconciler.exchange.session.trust import trust
from tests.authority import Authority, ec_key


def connection(ca: Path | None) -> Connection:
    return Connection("EX1", "https://ex1.example/PowerShell/", Endpoint.EXCHANGE, "u", "p", ca)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_bytes(pem("One"))
    return path


def pem(name: str) -> bytes:
    return Authority.make(name, key=ec_key()).pem.encode()


def trusted(context: ssl.SSLContext) -> list[object]:
    return [each["subject"] for each in context.get_ca_certs()]


class TestTrust:
    def test_is_read_once_for_all_sessions(self, bundle: Path) -> None:
        assert trust(connection(bundle)) is trust(connection(bundle))

    def test_is_nobody_s_but_the_bundle_s(self, bundle: Path, tmp_path: Path) -> None:
        """A context that is shared must not learn of another server's authority, nor of the public ones."""
        other = tmp_path / "other.pem"
        other.write_bytes(pem("Other"))
        trust(connection(other))
        trust(connection(None))
        assert trusted(trust(connection(bundle))) == [((("commonName", "One"),),)]
        assert trusted(trust(connection(other))) == [((("commonName", "Other"),),)]

    def test_is_read_again_when_the_bundle_has_changed(self, bundle: Path) -> None:
        before = trust(connection(bundle))
        bundle.write_bytes(pem("Two"))
        assert trust(connection(bundle)) is not before
        assert trusted(trust(connection(bundle))) == [((("commonName", "Two"),),)]

    def test_of_no_bundle_is_the_public_roots(self) -> None:
        assert len(trusted(trust(connection(None)))) > 50

    @pytest.mark.parametrize("ca", ["ca.pem", None])
    def test_asks_for_a_certificate_of_the_server_s_name(self, bundle: Path, ca: str | None) -> None:
        made = trust(connection(bundle if ca else None))
        assert (made.verify_mode, made.check_hostname) == (ssl.CERT_REQUIRED, True)

    @pytest.mark.parametrize("holds", [None, b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\n"])
    def test_of_a_bundle_that_is_none_is_told(self, tmp_path: Path, holds: bytes | None) -> None:
        path = tmp_path / "bad.pem"
        if holds is not None:
            path.write_bytes(holds)
        with pytest.raises(BadConnection, match="CA file"):
            trust(connection(path))
        with pytest.raises(BadConnection, match="CA file"):
            trust(connection(tmp_path))
