"""What a person finds in the folder of requests."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from reconciler.issuers.manual.answers import File
from reconciler.issuers.manual.folder import _read
from reconciler.issuers.manual.issuer import ManualIssuer
from reconciler.issuers.port import CertificateRequest, Issued, RequestRefused, Waiting
from state.address import Address
from state.values import DomainPattern
from tests.authority import NOW, make_certificate, make_request, pem, rsa_key

CSR = make_request()
REQUEST = CertificateRequest(
    Address.of("certificate", "EX1", "internet"), pem(CSR), frozenset({DomainPattern("mail1.contoso.com")})
)


def desk(folder: Path, *, is_text: bool = True, note: str = "") -> ManualIssuer:
    return ManualIssuer("desk", folder, is_text=is_text, note=note, clock=lambda: NOW)


@pytest.mark.parametrize("is_text", [True, False], ids=["text", "der"])
def test_the_request_is_written_as_its_authority_wants_it_and_found_again(
    tmp_path: Path, is_text: bool
) -> None:
    for _ in range(2):
        said = desk(tmp_path, is_text=is_text).issue(REQUEST)
        assert isinstance(said, Waiting)
    [request] = [path for path in tmp_path.iterdir() if path.suffix != ".txt"]
    assert said.reference == request.name
    assert request.suffix == (".csr" if is_text else ".der")
    read = x509.load_pem_x509_csr if is_text else x509.load_der_x509_csr
    assert read(request.read_bytes()).public_bytes(Encoding.DER) == CSR.public_bytes(Encoding.DER)
    told = request.with_suffix(".txt").read_text(encoding="utf-8")
    assert ("PKCS#10 in PEM" if is_text else "PKCS#10 in DER") in told


def test_what_lies_under_its_name_is_not_overwritten(tmp_path: Path) -> None:
    desk(tmp_path, is_text=False).issue(REQUEST)
    [request] = tmp_path.glob("*.der")
    request.write_bytes(b"mine")
    with pytest.raises(RequestRefused, match="is not this request"):
        desk(tmp_path, is_text=False).issue(REQUEST)
    assert request.read_bytes() == b"mine"


def test_the_note_says_what_to_order_since_when_and_what_the_file_says(tmp_path: Path) -> None:
    desk(tmp_path, note="Account 4711,\nask Ann.").issue(REQUEST)
    [note] = tmp_path.glob("*.txt")
    told = note.read_text(encoding="utf-8")
    for part in ("2026-11-24 12:00 UTC", "2048 bits", "mail1.contoso.com", "  Account 4711,\n  ask Ann.\n"):
        assert part in told
    assert max(map(len, told.splitlines())) <= 96


def test_a_renewal_with_the_same_key_is_a_request_of_its_own_and_no_earlier_answer_is_its(
    tmp_path: Path,
) -> None:
    """What answered the first request lies there still, and is for the same key."""
    desk(tmp_path).issue(REQUEST)
    first, second = make_certificate(), make_certificate(not_before=NOW + timedelta(days=60))
    (tmp_path / "answer.cer").write_text(pem(first))
    assert isinstance(desk(tmp_path).issue(REQUEST), Issued)
    again = replace(REQUEST, renews=first.not_valid_before_utc)
    assert isinstance(desk(tmp_path).issue(again), Waiting)
    assert len([*tmp_path.glob("*.csr")]) == 2
    (tmp_path / "answer-2.cer").write_text(pem(second))
    said = desk(tmp_path).issue(again)
    assert isinstance(said, Issued)
    assert said.chain == pem(second)


class TestAFolderWithMoreFilesThanAreLookedAt:
    @pytest.fixture(autouse=True)
    def few(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("reconciler.issuers.manual.folder.MOST_FILES", 3)

    def fill(self, folder: Path, *names: str) -> None:
        """Answers to others, each newer than the one before."""
        other = pem(make_certificate(key=rsa_key(5)))
        for name in names:
            (folder / name).write_text(other)
            self.is_younger(folder / name)

    def is_younger(self, path: Path) -> None:
        """Than all that is there, whatever the clock of the file system resolves."""
        newest = max(max(one.stat().st_mtime_ns, one.stat().st_ctime_ns) for one in path.parent.iterdir())
        os.utime(path, ns=(newest + 10**9, newest + 10**9))

    def test_stops_nothing_and_is_told(self, tmp_path: Path) -> None:
        self.fill(tmp_path, "a.cer", "b.cer", "c.cer", "d.cer", "e.cer")
        said = desk(tmp_path).issue(REQUEST)
        assert isinstance(said, Waiting)
        assert said.reason.endswith("; its oldest files, 2, were not looked at")

    def test_has_its_newest_looked_at_whatever_they_are_called(self, tmp_path: Path) -> None:
        self.fill(tmp_path, "z.cer", "y.cer", "x.cer", "w.cer")
        (tmp_path / "m.cer").write_text(pem(make_certificate()))
        self.is_younger(tmp_path / "m.cer")
        assert isinstance(desk(tmp_path).issue(REQUEST), Issued)


def test_a_file_is_read_once_while_it_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many requests wait for one folder, and each looks for its answer."""
    read: list[str] = []

    def counted(folder: Path, name: str) -> File:
        read.append(name)
        return _read(folder, name)

    monkeypatch.setattr("reconciler.issuers.manual.folder._read", counted)
    (tmp_path / "other.cer").write_text(pem(make_certificate(key=rsa_key(5))))
    person = desk(tmp_path)
    for _ in range(3):
        assert isinstance(person.issue(REQUEST), Waiting)
    assert read == ["other.cer"]
    (tmp_path / "other.cer").write_text(pem(make_certificate()) + "\n")
    assert isinstance(person.issue(REQUEST), Issued)
