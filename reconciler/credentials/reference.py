"""From a reference in a file to the secret it leads to.

A reference is ``env:NAME``, ``file:PATH``, ``keyring:SERVICE`` or ``command:PROGRAM ARGUMENTS``. Each
yields ``user:password``, split at the first colon; a password may hold colons, a user may not. Where a client
certificate signs on, it yields the certificate and its key, PEM.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

from reconciler.credentials.command import CommandFailed, CommandMissing, read_command
from reconciler.credentials.errors import CredentialError, CredentialMissing, CredentialRefused
from reconciler.credentials.private_file import PrivateFileRefused, read_private
from reconciler.credentials.secret import ClientCertificate, Secret

_Found = TypeVar("_Found")
_SCHEMES: Final = ("env", "file", "keyring", "command")
_CERTIFICATE: Final = re.compile(r"^-----BEGIN CERTIFICATE-----", re.MULTILINE)
_KEY: Final = re.compile(r"^-----BEGIN [A-Z ]*PRIVATE KEY-----", re.MULTILINE)


def resolve(reference: str, base: Path) -> Secret:
    """Fetch the secret behind a reference.

    Args:
        reference: Such as ``file:admin.credential``.
        base: Folder that a relative path counts from, and in which a command runs: that of the file in
            which the reference stands.

    Raises:
        CredentialMissing: the variable, the file, the entry or the program does not exist.
        CredentialRefused: it exists and cannot be used.
    """
    return _forgetful(_resolved, reference, base)


def resolve_key(reference: str, base: Path) -> str:
    """Fetch a secret that belongs to no user, such as a key in base64, from behind a reference.

    Raises:
        CredentialMissing: the variable, the file, the entry or the program does not exist.
        CredentialRefused: it exists and cannot be used.
    """
    return _forgetful(_resolved_key, reference, base)


def resolve_password(reference: str, base: Path) -> str:
    """Fetch a password that belongs to no user, as it stands but for the end of its line.

    Raises:
        CredentialMissing: the variable, the file, the entry or the program does not exist.
        CredentialRefused: it exists and cannot be used.
    """
    return _forgetful(_resolved_password, reference, base)


def resolve_certificate(reference: str, base: Path) -> ClientCertificate:
    """Fetch the client certificate behind a reference; see `resolve`.

    Raises:
        CredentialMissing: the variable, the file, the entry or the program does not exist.
        CredentialRefused: it exists and cannot be used.
    """
    return _forgetful(_resolved_certificate, reference, base)


def _forgetful(look: Callable[[str, Path], _Found], reference: str, base: Path) -> _Found:
    """Look, and forget on failure what was looked at: whoever prints a traceback may print variables, too."""
    try:
        return look(reference, base)
    except CredentialError as error:
        raise error.with_traceback(None) from None


def _resolved(reference: str, base: Path) -> Secret:
    text, shown = _fetched(reference, base)
    return text if isinstance(text, Secret) else _split(text, shown)


def _resolved_key(reference: str, base: Path) -> str:
    found, shown = _fetched(reference, base)
    text = found.password if isinstance(found, Secret) else found
    line = text.removeprefix("\ufeff").strip()
    if not line or len(line.splitlines()) > 1:
        raise CredentialRefused(shown, "it is not one line of text", "write the key alone, on one line")
    return line


def _resolved_password(reference: str, base: Path) -> str:
    found, shown = _fetched(reference, base)
    text = found.password if isinstance(found, Secret) else found.removeprefix("\ufeff")
    line = text.removesuffix("\n").removesuffix("\r")
    if not line or "\n" in line or "\r" in line:
        raise CredentialRefused(shown, "it is not one line of text", "write the password alone, on one line")
    return line


def _resolved_certificate(reference: str, base: Path) -> ClientCertificate:
    found, shown = _fetched(reference, base)
    pem = found.password if isinstance(found, Secret) else found.removeprefix("\ufeff")
    if not _CERTIFICATE.search(pem) or not _KEY.search(pem):
        hint = "write both, PEM, one after the other: BEGIN CERTIFICATE, then BEGIN PRIVATE KEY"
        raise CredentialRefused(shown, "it is not a certificate and its private key", hint)
    if "ENCRYPTED" in pem:
        hint = "openssl pkey -in KEY takes the passphrase off; keep the file readable by its owner alone"
        raise CredentialRefused(
            shown, "its private key is behind a passphrase that nobody here can type", hint
        )
    return ClientCertificate(pem)


def _fetched(reference: str, base: Path) -> tuple[str | Secret, str]:
    """What stands where a reference leads, and the reference as it may be shown."""
    scheme, colon, place = reference.partition(":")
    if not colon or scheme not in _SCHEMES:
        # Not echoed: where somebody wrote the password itself, this is it.
        raise CredentialRefused(
            "(not shown)",
            "it is no reference",
            "write env:NAME, file:PATH, keyring:SERVICE or command:PROGRAM, never the secret itself",
        )
    shown = shown_reference(reference)
    if not place.strip():
        raise CredentialRefused(shown, "nothing stands after the colon")
    return _SOURCES[scheme](place, base, shown), shown


def shown_reference(reference: str) -> str:
    """The reference as messages may show it: of a command, the program alone."""
    scheme, _, place = reference.partition(":")
    if scheme == "command":
        program = place.split(maxsplit=1)[:1]
        return f"command:{program[0] if program else ''}"
    return reference if scheme in _SCHEMES else "(not shown)"


def _split(text: str, shown: str) -> Secret:
    line = text.removeprefix("\ufeff").removesuffix("\n").removesuffix("\r")
    user, colon, password = line.partition(":")
    if "\n" in line or "\r" in line:
        raise CredentialRefused(shown, "it has more than one line", "write user:password on one line")
    if not colon or not user or not password:
        raise CredentialRefused(shown, "it is not user:password")
    return Secret(user, password)


def _decode(data: bytes, shown: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        # Without its cause: the error holds the bytes.
        hint = "write it as UTF-8; Windows PowerShell makes UTF-16 with > and Out-File"
        raise CredentialRefused(shown, "it is not UTF-8", hint) from None


def _from_environment(name: str, base: Path, shown: str) -> str:
    try:
        value = os.environ.get(name.strip())
    except ValueError:  # half a character, which no name of a variable holds
        value = None
    if value is None:
        hint = f"set {name.strip()} to user:password"
        raise CredentialMissing(shown, "the environment has no such variable", hint)
    if any("\ud800" <= character <= "\udfff" for character in value):  # bytes that Python could not decode
        raise CredentialRefused(shown, "it is not text in the encoding of this system")
    return value


def _from_file(place: str, base: Path, shown: str) -> str:
    try:
        return _decode(read_private(base / place.strip()), shown)
    except PrivateFileRefused as refused:
        kind = CredentialMissing if refused.missing else CredentialRefused
        raise kind(shown, str(refused), refused.remedy) from refused


def _from_keyring(service: str, base: Path, shown: str) -> Secret:
    try:
        # Here and not above: it is an optional dependency, and looks for desktop services when imported.
        keyring = importlib.import_module("keyring")
    except ImportError:
        raise CredentialRefused(
            shown, "the library keyring is not installed", "pip install keyring"
        ) from None
    failures: type[Exception] = importlib.import_module("keyring.errors").KeyringError
    try:
        found = keyring.get_credential(service.strip(), None)
    except failures as error:
        raise CredentialRefused(shown, f"the keyring is not available ({type(error).__name__})") from None
    if found is None:
        raise CredentialMissing(shown, "the keyring has no such entry", f"keyring set {service.strip()} USER")
    if not found.username or not found.password:
        raise CredentialRefused(shown, "its entry in the keyring lacks a user or a password")
    return Secret(found.username, found.password)


def _from_command(command: str, base: Path, shown: str) -> str:
    try:
        return _decode(read_command(command, base), shown)
    except CommandMissing:
        raise CredentialMissing(shown, "there is no such program") from None
    except CommandFailed as failed:
        raise CredentialRefused(shown, failed.reason, "run it by hand; it must print user:password") from None


_SOURCES: Final[Mapping[str, Callable[[str, Path, str], str | Secret]]] = {
    "env": _from_environment,
    "file": _from_file,
    "keyring": _from_keyring,
    "command": _from_command,
}
