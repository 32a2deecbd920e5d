"""From a reference to a secret."""

from __future__ import annotations

import os
import shlex
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.credentials.errors import CredentialError, CredentialMissing, CredentialRefused
from reconciler.credentials.reference import (
    resolve,
    resolve_certificate,
    resolve_password,
    shown_reference,
)
from reconciler.credentials.secret import ClientCertificate, Secret

PASSWORD = "hunter2:with:colons and blanks "


def write(path: Path, data: str | bytes, mode: int = 0o600) -> Path:
    path.touch(0o600)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    path.chmod(mode)
    return path


def printing(text: str) -> str:
    """A reference to a command that prints ``text``."""
    program = f"import sys; sys.stdout.write({text!r})"
    return f"command:{shlex.join([sys.executable, '-c', program])}"


class TestASecret:
    def test_shows_its_user_and_never_its_password(self) -> None:
        secret = Secret("admin", PASSWORD)
        shown = f"{secret} {secret!r} {[secret]}"
        assert "admin" in shown
        assert "hunter2" not in shown


class TestAReference:
    def test_to_the_environment_is_split_at_the_first_colon(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("EXCHANGE", f"CONTOSO\\admin:{PASSWORD}")
        assert resolve("env:EXCHANGE", tmp_path) == Secret("CONTOSO\\admin", PASSWORD)

    @pytest.mark.parametrize("end", ["", "\n", "\r\n"])
    def test_to_a_file_counts_from_the_folder_of_what_names_it(self, tmp_path: Path, end: str) -> None:
        """Editors end files with a line; the password does not."""
        write(tmp_path / "admin.credential", f"admin:{PASSWORD}{end}")
        assert resolve("file:admin.credential", tmp_path) == Secret("admin", PASSWORD)

    def test_to_a_file_may_have_a_name_that_is_not_ascii(self, tmp_path: Path) -> None:
        folder = tmp_path / "Büro 東京"
        folder.mkdir()
        write(folder / "Zugang-ß.txt", "jörg:geheim-ü")
        assert resolve("file:Zugang-ß.txt", folder) == Secret("jörg", "geheim-ü")

    def test_to_a_file_may_be_absolute(self, tmp_path: Path) -> None:
        path = write(tmp_path / "admin.credential", "\ufeffadmin:secret")
        assert resolve(f"file:{path}", tmp_path / "elsewhere") == Secret("admin", "secret")

    def test_to_a_command_is_what_it_prints(self, tmp_path: Path) -> None:
        assert resolve(printing(f"admin:{PASSWORD}\n"), tmp_path) == Secret("admin", PASSWORD)

    def test_to_a_command_runs_in_the_folder_of_what_names_it(self, tmp_path: Path) -> None:
        program = shlex.quote("import os; print('admin:' + os.getcwd())")
        found = resolve(f"command:{shlex.quote(sys.executable)} -c {program}", tmp_path)
        assert found.password == os.path.realpath(tmp_path)

    def test_to_a_command_knows_no_shell(self, tmp_path: Path) -> None:
        """``$(...)``, ``;`` and ``|`` are arguments like any other."""
        program = shlex.quote("import sys; print('admin:' + ' '.join(sys.argv[1:]))")
        found = resolve(f"command:{shlex.quote(sys.executable)} -c {program} '$(id)' ; x", tmp_path)
        assert found.password == "$(id) ; x"

    def test_to_the_keyring_needs_its_library(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setitem(sys.modules, "keyring", None)  # Python's own way to say: not installed
        with pytest.raises(CredentialRefused, match="not installed") as caught:
            resolve("keyring:exchange", tmp_path)
        assert caught.value.hint == "pip install keyring"


class TestAPassword:
    """One that belongs to no user, such as that of a file."""

    @pytest.mark.parametrize("end", ["", "\n", "\r\n"])
    def test_is_everything_on_its_line(self, tmp_path: Path, end: str) -> None:
        """Blanks and colons are part of it; the end of the line is not."""
        write(tmp_path / "pfx.password", f" {PASSWORD}{end}")
        assert resolve_password("file:pfx.password", tmp_path) == f" {PASSWORD}"

    @pytest.mark.parametrize("text", ["", "\n", "one\ntwo\n"])
    def test_is_one_line(self, tmp_path: Path, text: str) -> None:
        write(tmp_path / "pfx.password", text)
        with pytest.raises(CredentialRefused) as caught:
            resolve_password("file:pfx.password", tmp_path)
        assert caught.value.reason == "it is not one line of text"

    def test_is_never_taken_from_the_command_line(self, tmp_path: Path) -> None:
        with pytest.raises(CredentialRefused) as caught:
            resolve_password(PASSWORD, tmp_path)
        assert "hunter2" not in str(caught.value)


class TestTheKeyring:
    """A stand-in for the library: a real keyring needs a desktop session or writes passwords in clear."""

    @pytest.fixture(autouse=True)
    def library(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        package = tmp_path / "keyring"
        package.mkdir()
        (package / "errors.py").write_text("class KeyringError(Exception): pass\n")
        (package / "__init__.py").write_text(
            "from types import SimpleNamespace\n"
            "from keyring.errors import KeyringError\n"
            "def get_credential(service, username):\n"
            "    if service == 'locked':\n"
            "        raise KeyringError('hunter2')\n"
            "    entries = {'exchange': ('admin', 'secret'), 'half': ('admin', '')}\n"
            "    return SimpleNamespace(**dict(zip(('username', 'password'), entries[service])))"
            " if service in entries else None\n"
        )
        for name in ("keyring", "keyring.errors"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        monkeypatch.syspath_prepend(tmp_path)

    def test_gives_the_user_and_the_password_of_its_entry(self, tmp_path: Path) -> None:
        assert resolve("keyring:exchange", tmp_path) == Secret("admin", "secret")

    @pytest.mark.parametrize(
        ("service", "error", "reason"),
        [
            ("other", CredentialMissing, "no such entry"),
            ("locked", CredentialRefused, "not available"),
            ("half", CredentialRefused, "lacks"),
        ],
    )
    def test_says_why_it_gives_nothing(
        self, tmp_path: Path, service: str, error: type[CredentialError], reason: str
    ) -> None:
        with pytest.raises(error, match=reason) as caught:
            resolve(f"keyring:{service}", tmp_path)
        assert "hunter2" not in str(caught.value)


class TestWhatLeadsToNothing:
    @pytest.mark.parametrize(
        ("reference", "reason"),
        [
            ("env:NO_SUCH_VARIABLE", "no such variable"),
            ("file:no.credential", "no such file"),
            ("command:no-such-program-anywhere", "no such program"),
            ("command:./no-such-script", "no such program"),
        ],
    )
    def test_is_missing(self, tmp_path: Path, reference: str, reason: str) -> None:
        with pytest.raises(CredentialMissing, match=reason) as caught:
            resolve(reference, tmp_path)
        assert caught.value.reference == reference

    @pytest.mark.parametrize("reference", ["env:", "file: ", "keyring:", "command:"])
    def test_names_nothing(self, tmp_path: Path, reference: str) -> None:
        with pytest.raises(CredentialRefused, match="nothing stands after the colon"):
            resolve(reference, tmp_path)

    def test_in_utf_16_is_told_with_what_wrote_it(self, tmp_path: Path) -> None:
        """``"user:password" > file`` in Windows PowerShell."""
        write(tmp_path / "bad", "admin:secret\r\n".encode("utf-16"))
        with pytest.raises(CredentialRefused, match="not UTF-8") as caught:
            resolve("file:bad", tmp_path)
        assert "Out-File" in caught.value.hint

    def test_to_a_variable_of_bytes_that_are_no_text_is_refused(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """Half characters would fail in the middle of signing on, with the password in the error."""
        monkeypatch.setenv("EXCHANGE", "admin:gehe\udcfcim")
        with pytest.raises(CredentialRefused, match="not text") as caught:
            resolve("env:EXCHANGE", tmp_path)
        assert "gehe" not in str(caught.value)

    def test_to_a_variable_that_no_system_could_name_is_missing(self, tmp_path: Path) -> None:
        with pytest.raises(CredentialMissing):
            resolve("env:\ud800", tmp_path)

    @pytest.mark.parametrize(
        "data",
        ["", "admin", ":secret", "admin:", "admin:a\nadmin:b", "admin:a\n\n", b"admin:\xff\xfe"],
        ids=["empty", "no colon", "no user", "no password", "two lines", "empty line", "not UTF-8"],
    )
    def test_is_not_user_and_password(self, tmp_path: Path, data: str | bytes) -> None:
        write(tmp_path / "bad", data)
        with pytest.raises(CredentialRefused):
            resolve("file:bad", tmp_path)

    @pytest.mark.skipif(sys.platform == "win32", reason="no mode bits there; see private_file.py")
    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644])
    def test_is_a_file_that_others_may_read_or_change(self, tmp_path: Path, mode: int) -> None:
        write(tmp_path / "open", "admin:secret", mode)
        with pytest.raises(CredentialRefused, match=f"{mode:04o}") as caught:
            resolve("file:open", tmp_path)
        assert caught.value.hint == f"chmod 600 {tmp_path / 'open'}"

    def test_is_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(CredentialRefused, match="no regular file"):
            resolve("file:.", tmp_path)

    @pytest.mark.skipif(sys.platform == "win32", reason="no such pipes there")
    def test_is_a_pipe_that_nobody_writes_to(self, tmp_path: Path) -> None:
        """Opening it would wait for ever."""
        os.mkfifo(tmp_path / "pipe", 0o600)
        with pytest.raises(CredentialRefused, match="no regular file"):
            resolve("file:pipe", tmp_path)

    def test_is_huge(self, tmp_path: Path) -> None:
        write(tmp_path / "huge", "admin:" + "x" * 100_000)
        with pytest.raises(CredentialRefused, match="over"):
            resolve("file:huge", tmp_path)

    def test_has_a_name_that_no_file_can_have(self, tmp_path: Path) -> None:
        with pytest.raises(CredentialRefused):
            resolve("file:a\0b", tmp_path)


class TestAnError:
    @pytest.mark.parametrize(
        "text", ["admin:hunter2", "hunter2", "", "ENV:hunter2", "file", "https://u:hunter2@h"]
    )
    def test_never_repeats_a_secret_that_stands_where_a_reference_belongs(
        self, tmp_path: Path, text: str
    ) -> None:
        with pytest.raises(CredentialRefused) as caught:
            resolve(text, tmp_path)
        assert "hunter2" not in f"{caught.value} {caught.value!r} {shown_reference(text)}"

    @pytest.mark.parametrize(
        "reference",
        [
            "command:no-such-program --password hunter2",
            printing("hunter2"),
            printing("a:hunter2\nb:hunter2"),
            f"command:{shlex.quote(sys.executable)} -c 'import sys; sys.exit(\"hunter2\")'",
            "command:x 'hunter2",
        ],
        ids=["missing", "no colon", "two lines", "failed", "quotes"],
    )
    def test_never_repeats_the_arguments_or_the_output_of_a_command(
        self, tmp_path: Path, reference: str, capfd: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(CredentialError) as caught:
            resolve(reference, tmp_path)
        error: BaseException | None = caught.value
        while error:
            assert "hunter2" not in f"{error} {error!r}"
            error = error.__cause__
        assert "hunter2" not in "".join(capfd.readouterr())

    @given(st.text(max_size=30))
    def test_is_the_only_thing_that_any_other_text_leads_to(self, text: str) -> None:
        if text.partition(":")[0] not in ("env", "file", "keyring", "command"):
            with pytest.raises(CredentialRefused):
                resolve(text, Path())


PEM = (
    "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n"
    "-----BEGIN PRIVATE KEY-----\naHVudGVyMg==\n-----END PRIVATE KEY-----\n"
)


class TestAClientCertificate:
    def test_is_in_no_text(self) -> None:
        assert "aHVudGVyMg" not in f"{ClientCertificate(PEM)} {ClientCertificate(PEM)!r}"

    @pytest.mark.parametrize("key", ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"])
    def test_comes_with_its_key_from_a_file(self, tmp_path: Path, key: str) -> None:
        pem = PEM.replace("PRIVATE KEY", key)
        write(tmp_path / "client.pem", pem)
        assert resolve_certificate("file:client.pem", tmp_path) == ClientCertificate(pem)

    def test_comes_from_wherever_a_password_does(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("CLIENT", PEM)
        for reference in ("env:CLIENT", printing(PEM)):
            assert resolve_certificate(reference, tmp_path) == ClientCertificate(PEM)

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            (PEM.partition("-----BEGIN PRIVATE")[0], "not a certificate and its private key"),
            ("admin:hunter2", "not a certificate and its private key"),
            (PEM.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"), "behind a passphrase"),
            (PEM.replace("aHVu", "Proc-Type: 4,ENCRYPTED\n\naHVu"), "behind a passphrase"),
        ],
    )
    def test_that_cannot_be_used_is_refused(self, tmp_path: Path, text: str, reason: str) -> None:
        write(tmp_path / "client.pem", text)
        with pytest.raises(CredentialRefused) as caught:
            resolve_certificate("file:client.pem", tmp_path)
        assert reason in str(caught.value)

    def test_that_others_may_read_is_refused(self, tmp_path: Path) -> None:
        """It holds a private key."""
        write(tmp_path / "client.pem", PEM, mode=0o644)
        with pytest.raises(CredentialRefused):
            resolve_certificate("file:client.pem", tmp_path)


@pytest.mark.parametrize("text", ["hunter2", "admin:hunter2\nmore", "x" * 70_000 + "hunter2"])
@pytest.mark.parametrize("look", [resolve, resolve_certificate])
def test_what_was_read_is_in_no_variable_of_a_traceback(
    tmp_path: Path, text: str, look: Callable[[str, Path], object]
) -> None:
    """Some tools print them."""
    write(tmp_path / "admin.credential", text)
    with pytest.raises(CredentialError) as caught:
        look("file:admin.credential", tmp_path)
    told = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "_forgetful" in told  # it has frames
    assert "hunter2" not in told.replace(repr(text), "")  # but for those of this test
    assert "x" * 100 not in told.replace(repr(text), "")
