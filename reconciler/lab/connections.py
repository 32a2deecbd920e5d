"""The connections files of a lab: how the tool under test reaches its servers, and its issuer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from reconciler.lab import authority
from reconciler.lab.accounts import credential_file
from reconciler.lab.call import Endpoint, Role
from reconciler.lab.process import write_private

FILES: Final = {Role.ADMIN: "connections.yaml", Role.READER: "connections-viewer.yaml"}
NEGOTIATE: Final = "connections-negotiate.yaml"
"""The administrator's, with Negotiate and encrypted messages over http instead of Basic over https."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where one server answers; ``http`` is its address without TLS."""

    name: str
    endpoint: Endpoint
    url: str
    http: str
    smtp: str


def write_connections(directory: Path, addresses: Sequence[Address]) -> None:
    """Write a file for each account, and one for Negotiate, as JSON, which is YAML."""
    for role, name in FILES.items():
        _write(directory / name, addresses, role, "basic")
    _write(directory / NEGOTIATE, addresses, Role.ADMIN, "negotiate")


def _write(path: Path, addresses: Sequence[Address], role: Role, auth: Literal["basic", "negotiate"]) -> None:
    content = {
        "servers": {address.name: _server(address, role, auth) for address in addresses},
        "issuers": {"*": {"type": "local", "certificate": authority.ISSUER, "key": authority.ISSUER_KEY}},
    }
    write_private(path, (json.dumps(content, indent=2) + "\n").encode())


def _server(address: Address, role: Role, auth: Literal["basic", "negotiate"]) -> dict[str, Any]:
    reached = {"url": address.url, "ca": authority.CA} if auth == "basic" else {"url": address.http}
    return {
        **reached,
        "endpoint": address.endpoint,
        "auth": auth,
        "credential": f"file:{credential_file(role)}",
        "smtp": address.smtp,
    }
