"""The connections files of a lab: how the tool under test reaches its servers, and its issuer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from reconciler.lab import authority
from reconciler.lab.accounts import credential_file
from reconciler.lab.call import Endpoint, Role
from reconciler.lab.process import write_private

FILES: Final = {Role.ADMIN: "connections.yaml", Role.READER: "connections-viewer.yaml"}


@dataclass(frozen=True, slots=True)
class Address:
    """Where one server answers."""

    name: str
    endpoint: Endpoint
    url: str
    smtp: str


def write_connections(directory: Path, addresses: Sequence[Address]) -> None:
    """Write a file for each account, as JSON, which is YAML."""
    for role, name in FILES.items():
        text = json.dumps(_content(addresses, role), indent=2)
        write_private(directory / name, (text + "\n").encode())


def _content(addresses: Sequence[Address], role: Role) -> dict[str, Any]:
    return {
        "servers": {
            address.name: {
                "url": address.url,
                "endpoint": address.endpoint,
                "auth": "basic",
                "credential": f"file:{credential_file(role)}",
                "ca": authority.CA,
                "smtp": address.smtp,
            }
            for address in addresses
        },
        "issuers": {"*": {"type": "local", "certificate": authority.ISSUER, "key": authority.ISSUER_KEY}},
    }
