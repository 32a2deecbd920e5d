"""How servers are reached and who signs, from the desired state or from a connections file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.diagnostics import SourceRange
from state.values import Name

from .desired import Connection, IssuerSettings
from .draft import DeclaredServer, Draft
from .models.base import given
from .models.certificate import LocalIssuer
from .models.connection import ConnectionDefaults, ConnectionsFile
from .tree import Node, key_at, node_at

ANY_ISSUER = "*"


class ConnectionsSource:
    """A connections file that was read: the model, its positions, and the folder its paths count from."""

    def __init__(self, model: ConnectionsFile, root: Node, base: Path) -> None:
        self.root = root
        self.base = base
        self.servers: Mapping[Name, tuple[str, ConnectionDefaults]] = {
            Name(name): (name, connection) for name, connection in model.servers.items()
        }
        self.issuers: Mapping[str, LocalIssuer] = model.issuers


@dataclass(frozen=True, slots=True)
class _Block:
    """Where a connection is written."""

    root: Node
    path: tuple[str, ...]

    def place(self, name: str) -> SourceRange:
        return key_at(self.root, (*self.path, name))

    def holds(self, name: str) -> bool:
        """True when a key stands there, even if its value was wrong, which is told."""
        return node_at(self.root, (*self.path, name)) is not None


def connections_of(draft: Draft, base: Path, file: ConnectionsSource | None) -> Mapping[Name, Connection]:
    """One connection for each declared server.

    A server that the connections file names is reached as the file says, and only so: a credential
    of the desired state is never sent to an address from another file.
    """
    defaults = given(draft.state.connection)
    found: dict[Name, Connection] = {}
    for server in draft.servers.values():
        if file is not None and server.name in file.servers:
            key, model = file.servers[server.name]
            block = _Block(file.root, ("servers", key))
            found[server.name] = _connection(draft, server, given(model), file.base, (block,))
        else:
            own = given(server.model.connection)
            shared = {
                key: value for key, value in defaults.items() if key != "endpoint" or not server.is_edge
            }
            blocks = _Block(draft.root, (*server.path, "connection")), _Block(draft.root, ("connection",))
            found[server.name] = _connection(draft, server, {**shared, **own}, base, blocks)
    return found


def _connection(
    draft: Draft, server: DeclaredServer, values: Mapping[str, Any], base: Path, written: tuple[_Block, ...]
) -> Connection:
    """Make a connection of its values.

    Args:
        written: Where they stand, the server's own place first.
    """
    endpoint = values.get("endpoint", "winrm" if server.is_edge else "exchange")
    if server.is_edge and endpoint == "exchange":
        draft.error(
            "Endpoint not on an Edge server",
            f'"{server.name}" is an Edge server and has no Exchange endpoint.',
            written[0].place("endpoint"),
            "write endpoint: winrm",
        )
    auth = values.get("auth", "basic")
    is_auth_known = "auth" in values or not any(block.holds("auth") for block in written)
    if auth == "basic" and is_auth_known and values.get("url", "").casefold().startswith("http:"):
        draft.error(
            "Password in clear text",
            f'Basic sends the password of "{server.name}" as it is, and http hides nothing.',
            written[0].place("url"),
            "write https://, or auth: negotiate, which encrypts every message",
        )
    host = server.model.host or str(server.name)
    ca = values.get("ca")
    credential = values.get("credential")
    return Connection(
        name=server.name,
        url=values.get("url") or _url(host, endpoint),
        endpoint=endpoint,
        auth=auth,
        credential=None if credential is None else str(credential),
        base=base,
        ca=None if ca is None else base / ca,
        smtp=values.get("smtp"),
    )


def _url(host: str, endpoint: str) -> str:
    literal = f"[{host}]" if ":" in host else host
    return f"https://{literal}:5986/wsman" if endpoint == "winrm" else f"https://{literal}/PowerShell/"


def issuers_of(draft: Draft, base: Path, file: ConnectionsSource | None) -> Mapping[str, IssuerSettings]:
    """The issuers by name; those of a connections file win, and its ``*`` stands for any other."""
    declared = {name: (model, base) for name, model in draft.state.issuers.items()}
    if file is not None:
        anyone = file.issuers.get(ANY_ISSUER)
        if anyone is not None:
            declared = dict.fromkeys(declared, (anyone, file.base))
        declared |= {name: (model, file.base) for name, model in file.issuers.items() if name != ANY_ISSUER}
    return {
        name: IssuerSettings(name, model.type, folder / model.certificate, folder / model.key)
        for name, (model, folder) in declared.items()
    }
