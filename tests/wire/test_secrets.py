"""No private key and no password leaves its place, in any encoding."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from reconciler.cli import main
from tests.contoso import Contoso, contoso


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contoso]:
    """A lab after a whole run that saved its plan, with everything that was sent kept."""
    with contoso(tmp_path_factory.mktemp("secrets"), transcript=True) as made:
        plan = made.state.parent / "tls.plan"
        assert main(["plan", str(made.path), "--out", str(plan), *made.options()]) == 0
        assert main(["apply", str(plan), "--auto-approve"]) == 0
        yield made


def private_keys(made: Contoso) -> list[list[int]]:
    """The secret numbers of every key in the lab's folder: servers' keys (RSA) and authorities' (EC)."""
    found = []
    for path in made.lab.directory.rglob("*"):
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


def traces(key: list[int]) -> list[bytes]:
    """What would betray a key: its secret numbers as bytes, hexadecimal, and base64 at three offsets."""
    found = []
    for number in key:
        raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
        found += [raw, raw.hex().encode()]
        found += [base64.b64encode(b"\0" * shift + raw)[4:-4] for shift in range(3)]
    return found


class TestPrivateKeys:
    def test_are_made_by_the_lab(self, applied: Contoso) -> None:
        """Three requests, each with a key of its own, beside those that setup made."""
        requests = [one for one in applied.cmdlets() if one["cmdlet"] == "New-ExchangeCertificate"]
        assert len(requests) == 3
        assert len(private_keys(applied)) >= 3

    def test_are_found_by_this_search_where_they_are(self, applied: Contoso) -> None:
        """The search itself works: in the lab's own folder it finds every one."""
        files = [path for path in applied.lab.directory.rglob("*") if path.is_file()]
        everything = b"".join(path.read_bytes() for path in files)
        unfolded = everything.replace(b"\n", b"")
        for key in private_keys(applied):
            assert any(trace in unfolded for trace in traces(key))

    def test_are_in_no_file_outside_the_labs_folder(self, applied: Contoso) -> None:
        folder = applied.state.parent
        inside = applied.lab.directory
        written = [path for path in folder.rglob("*") if path.is_file() and not path.is_relative_to(inside)]
        assert {path.name for path in written} >= {"record.json", "tls.plan"}
        everything = b"".join(path.read_bytes() for path in written)
        assert not any(trace in everything for key in private_keys(applied) for trace in traces(key))

    def test_are_in_no_byte_that_the_client_received(self, applied: Contoso) -> None:
        sent = [path for path in (applied.lab.directory / "transcript").rglob("*") if path.is_file()]
        everything = b"".join(path.read_bytes() for path in sent)
        assert len(everything) > 100_000
        assert b"CERTIFICATE REQUEST" in everything
        assert not any(trace in everything for key in private_keys(applied) for trace in traces(key))


class TestThePassword:
    def test_is_in_no_file_that_the_run_wrote(self, applied: Contoso) -> None:
        password = applied.lab.account().password.encode()
        inside = applied.lab.directory
        for path in applied.state.parent.rglob("*"):
            if path.is_file() and not path.is_relative_to(inside):
                assert password not in path.read_bytes()
                assert base64.b64encode(password) not in path.read_bytes()
