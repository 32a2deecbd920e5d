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


def write_connections(directory: Path, addresses: Sequence[Address]) -> tuple[str, ...]:
    """Write a file for each account, and one for Negotiate, as JSON, which is YAML.

    In a file that is there only how the lab's servers are reached is written anew: issuers and what else
    somebody wrote into it since are theirs. One that is no longer JSON is left as it is.

    Returns:
        A remark for each file that was left.
    """
    ways: list[tuple[str, Role, Literal["basic", "negotiate"]]] = [
        (name, role, "basic") for role, name in FILES.items()
    ]
    ways.append((NEGOTIATE, Role.ADMIN, "negotiate"))
    remarks = []
    for name, role, auth in ways:
        path = directory / name
        content = _content(path)
        if content is None:
            remarks.append(
                f"{name} is not as the lab writes it, and is left: see that its addresses are these"
            )
            continue
        known = content["servers"]
        ours = {one.name: {**known.get(one.name, {}), **_server(one, role, auth)} for one in addresses}
        written = {**content, "servers": {**known, **ours}}
        write_private(path, (json.dumps(written, indent=2, ensure_ascii=False) + "\n").encode())
    return tuple(remarks)


def _content(path: Path) -> dict[str, Any] | None:
    """What a file says, or would say if it were new; None where it is not of the form that the lab writes."""
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        signed = {"type": "local", "certificate": authority.ISSUER, "key": authority.ISSUER_KEY}
        return {"servers": {}, "issuers": {"*": signed}}
    except ValueError:
        return None
    servers = found.get("servers") if isinstance(found, dict) else None
    is_ours = isinstance(servers, dict) and all(isinstance(one, dict) for one in servers.values())
    return found if is_ours else None


def _server(address: Address, role: Role, auth: Literal["basic", "negotiate"]) -> dict[str, Any]:
    reached = {"url": address.url, "ca": authority.CA} if auth == "basic" else {"url": address.http}
    return {
        **reached,
        "endpoint": address.endpoint,
        "auth": auth,
        "credential": f"file:{credential_file(role)}",
        "smtp": address.smtp,
    }
