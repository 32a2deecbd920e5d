"""Who may sign in to a lab, and as what."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.lab.call import Role
from reconciler.lab.process import write_private

_NAMES = {Role.ADMIN: "admin", Role.READER: "viewer"}


@dataclass(frozen=True, slots=True)
class Account:
    """One account; the same on every server."""

    name: str
    role: Role
    password: str = field(repr=False)


def credential_file(role: Role) -> str:
    """File name, inside the lab's directory, of an account's ``user:password``."""
    return f"{_NAMES[role]}.credential"


def open_accounts(directory: Path) -> tuple[Account, ...]:
    """Read the accounts of a lab, making those it does not have yet. Passwords are drawn at random."""
    accounts = []
    for role, name in _NAMES.items():
        path = directory / credential_file(role)
        if not path.exists():
            write_private(path, f"{name}:{secrets.token_urlsafe(18)}".encode())
        user, _, password = path.read_text(encoding="utf-8").strip().partition(":")
        accounts.append(Account(user, role, password))
    return tuple(accounts)


def authenticate(header: str | None, accounts: tuple[Account, ...]) -> Account | None:
    """Check an Authorization header of the Basic scheme (RFC 7617), as slowly for a near miss as for any."""
    scheme, _, encoded = (header or "").partition(" ")
    if scheme.casefold() != "basic":
        return None
    try:
        given = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    matching = [
        account
        for account in accounts
        if hmac.compare_digest(given, f"{account.name}:{account.password}".encode())
    ]
    return matching[0] if matching else None
