"""From a reference in a file to the secret it leads to.

A reference is ``env:NAME``, ``file:PATH``, ``keyring:SERVICE`` or ``command:PROGRAM ARGUMENTS``. Each
yields ``user:password``, split at the first colon; a password may hold colons, a user may not.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from reconciler.credentials.command import CommandFailed, CommandMissing, read_command
from reconciler.credentials.errors import CredentialMissing, CredentialRefused
from reconciler.credentials.private_file import PrivateFileRefused, read_private
from reconciler.credentials.secret import Secret

_SCHEMES: Final = ("env", "file", "keyring", "command")


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
    text = _SOURCES[scheme](place, base, shown)
    if isinstance(text, Secret):
        return text
    return _split(text, shown)


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
