"""The key of an account with an authority: apart from the state, readable by its owner alone."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from reconciler.credentials.private_file import PrivateFileRefused, make_private, read_private
from reconciler.issuers.port import IssuerUnusable

_UNSAFE: Final = re.compile(r"[^a-z0-9.@-]+")


def default_path(issuer: str, directory: str, contact: tuple[str, ...]) -> Path:
    """Where an account's key is kept that the settings name no file for.

    It is named by whose it is: the directory's host and the first contact for people, and all of both as a
    checksum, so that no two accounts have one name.

    Raises:
        IssuerUnusable: who runs this has no folder of their own.
    """
    whole = "\n".join((directory, *sorted(contact)))
    host = urlsplit(directory).hostname or ""
    told = "-".join((host, *contact[:1])).lower()
    name = f"{_UNSAFE.sub('_', told)[:80]}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}.pem"
    return _configuration(issuer) / "reconciler" / "acme" / name


def _configuration(issuer: str) -> Path:
    variable = "APPDATA" if sys.platform == "win32" else "XDG_CONFIG_HOME"
    if (found := os.environ.get(variable, "")) and Path(found).is_absolute():
        return Path(found)
    try:
        return Path.home() / ("AppData/Roaming" if sys.platform == "win32" else ".config")
    except RuntimeError as error:
        raise IssuerUnusable(
            issuer, "the account that runs this has no folder for its key", "write account: PATH"
        ) from error


def account_key(issuer: str, path: Path) -> ec.EllipticCurvePrivateKey:
    """Read the key, or make it where there is none.

    Raises:
        IssuerUnusable: it cannot be read or made, is no key that ACME accounts have, or others can read it.
    """
    try:
        data = read_private(path)
    except PrivateFileRefused as refused:
        if not refused.missing:
            raise IssuerUnusable(issuer, str(refused), refused.remedy) from refused
        data = _made(issuer, path)
    try:
        key = serialization.load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Without its cause: a parser's words about a key file are no business of a log.
        raise IssuerUnusable(issuer, f"{path} is no private key in PEM without a passphrase") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise IssuerUnusable(issuer, f"{path} is no key on the curve P-256, as accounts have here")
    return key


def _made(issuer: str, path: Path) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    data = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        make_private(path, data)
        return read_private(path)  # another run may have been first, and then its key counts
    except OSError as error:
        raise IssuerUnusable(
            issuer, f"{path} cannot be made: {error.strerror}", "write account: PATH"
        ) from error
    except PrivateFileRefused as refused:
        raise IssuerUnusable(issuer, str(refused), refused.remedy) from refused
