"""How servers are reached, from the desired state or from a connections file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from reconciler.diagnostics import SourceRange
from state.errors import InvalidValue
from state.values import Name

from .desired import Connection, KnownServers
from .draft import DeclaredServer, Draft
from .models.base import given
from .models.connection import ConnectionDefaults, ConnectionsFile, DnsModel, ReadAndWrite
from .models.issuer import IssuerModel
from .models.network import parse_host
from .tree import MappingNode, Node, key_at, node_at, plain

_OFFERED_OVER_HTTP: Final = ("kerberos", "negotiate", "ntlm")
"""Ways that Exchange and WinRM offer without further ado at http [5-2], and that encrypt every message."""
NAME_IT: Final = "name it in the connections file, or leave --connections out"


class ConnectionsSource:
    """A connections file that was read: the model, its positions, and the folder its paths count from."""

    def __init__(self, model: ConnectionsFile, root: Node, base: Path) -> None:
        self.root = root
        self.base = base
        self.servers: Mapping[Name, tuple[str, ConnectionDefaults]] = {
            Name(name): (name, connection) for name, connection in model.servers.items()
        }
        self.published: Mapping[str, str] = {
            name.casefold().removesuffix("."): address for name, address in model.published.items()
        }
        self.resolver = model.dns.resolver if isinstance(model.dns, DnsModel) else None
        self.issuers: Mapping[str, IssuerModel] = model.issuers

    def is_broken(self, section: str, *names: str) -> bool:
        """True when one of these is written there but did not fit, or its section did not: that is told."""
        node = node_at(self.root, (section,))
        if node is None:  # perhaps it stands there under a name that is not quite its own
            return not plain(self.root).keys() <= ConnectionsFile.model_fields.keys()
        if not isinstance(node, MappingNode):
            return True
        written = {key.casefold() for key in node.entries}
        return any(name.casefold() in written for name in names)


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


class Told(Protocol):
    """Takes errors in: a draft, or who has none."""

    def error(self, summary: str, detail: str, where: SourceRange, hint: str) -> None: ...


@dataclass(frozen=True, slots=True)
class _Target:
    """A server that is to be reached.

    Attributes:
        host: Where; its name where none is declared.
        where: Where it is declared.
        is_host_declared: A host stands there, even if it was wrong, which is told.
        is_role_known: False where the role is missing or wrong, which is told.
    """

    name: Name
    is_edge: bool
    host: str
    where: SourceRange
    is_host_declared: bool = False
    is_role_known: bool = True

    @classmethod
    def of(cls, draft: Draft, server: DeclaredServer) -> _Target:
        host = server.model.host if isinstance(server.model.host, str) else str(server.name)
        is_host_declared = node_at(draft.root, (*server.path, "host")) is not None
        return cls(
            server.name,
            server.is_edge,
            host,
            draft.key(*server.path),
            is_host_declared,
            draft.has_role(server),
        )


def connections_of(draft: Draft, base: Path, file: ConnectionsSource | None) -> Mapping[Name, Connection]:
    """One connection for each declared server.

    With a connections file every server is reached as the file says, and only so: a credential of the
    desired state is never sent to an address from another file, and a rehearsal never reaches the
    production that the desired state tells of. A server that the file does not name is an error.
    """
    defaults = given(draft.state.connection)
    found: dict[Name, Connection] = {}
    for server in draft.servers.values():
        if file is not None:
            if server.name in file.servers:
                key, model = file.servers[server.name]
                block = _Block(file.root, ("servers", key))
                found[server.name] = _connection(
                    draft, _Target.of(draft, server), given(model), file.base, (block,)
                )
            elif not file.is_broken("servers", str(server.name)):
                draft.error(
                    "Not in the connections file",
                    f'"{server.name}" is not among the servers of "{file.root.where.file}", and where a '
                    "connections file is given no server is reached as the YAML says.",
                    draft.key(*server.path),
                    NAME_IT,
                )
        else:
            own = given(server.model.connection)
            shared = {
                key: value for key, value in defaults.items() if key != "endpoint" or not server.is_edge
            }
            blocks = _Block(draft.root, (*server.path, "connection")), _Block(draft.root, ("connection",))
            found[server.name] = _connection(
                draft, _Target.of(draft, server), {**shared, **own}, base, blocks
            )
    return found


def connections_alone(file: ConnectionsSource, told: Told) -> KnownServers:
    """The servers of a connections file, with nothing declared: a winrm endpoint is an Edge server's."""
    found: dict[Name, Connection] = {}
    edges: set[Name] = set()
    for name, (key, model) in file.servers.items():
        block = _Block(file.root, ("servers", key))
        values = given(model)
        if not key.strip():  # asked for without a name, Exchange answers for all [1-8]
            where = key_at(file.root, block.path)
            told.error("Name missing", "A server has an empty name.", where, "name it as Exchange does")
            continue
        if values.get("endpoint") == "winrm":
            edges.add(name)
        target = _Target(name, name in edges, key, key_at(file.root, block.path))
        found[name] = _connection(told, target, values, file.base, (block,))
    return KnownServers(connections=found, edges=frozenset(edges))


def _connection(
    told: Told, server: _Target, values: Mapping[str, Any], base: Path, written: tuple[_Block, ...]
) -> Connection:
    """Make a connection of its values.

    Args:
        written: Where they stand, the server's own place first.
    """
    endpoint = values.get("endpoint", "winrm" if server.is_edge else "exchange")
    _check_endpoint(told, server, endpoint, written)
    auth = values.get("auth", "basic")
    is_auth_known = "auth" in values or not any(block.holds("auth") for block in written)
    if is_auth_known and values.get("url", "").casefold().startswith("http:"):
        _check_encrypts(told, server, auth, written[0].place("url"))
    if not any(block.holds("url") for block in written):
        _check_name_is_host(told, server)
    ca = values.get("ca")
    read, write = _references(values.get("credential"))
    return Connection(
        name=server.name,
        url=values.get("url") or _url(server.host, endpoint, auth),
        endpoint=endpoint,
        auth=auth,
        credential=read,
        write_credential=write,
        base=base,
        ca=None if ca is None else base / ca,
        smtp=values.get("smtp"),
        service=values.get("service", ""),
    )


def _references(credential: Any) -> tuple[str | None, str | None]:
    """The references for reading and for writing."""
    match credential:
        case None:
            return None, None
        case ReadAndWrite():
            return str(credential.read), str(credential.write)
        case _:
            return str(credential), str(credential)


def _check_endpoint(told: Told, server: _Target, endpoint: str, written: tuple[_Block, ...]) -> None:
    """Each role has one way in [5-1]."""
    if server.is_edge and endpoint == "exchange":
        told.error(
            "Endpoint not on an Edge server",
            f'"{server.name}" is an Edge server and has no Exchange endpoint.',
            written[0].place("endpoint"),
            "write endpoint: winrm",
        )
    if not server.is_edge and endpoint == "winrm" and server.is_role_known:
        block = next((block for block in written if block.holds("endpoint")), written[0])
        told.error(
            "Endpoint not on a Mailbox server",
            f"\"{server.name}\" is a Mailbox server. There Exchange's snap-in in Windows' own PowerShell is "
            "not supported, and passes by the roles that say who may do what.",
            block.place("endpoint"),
            "write endpoint: exchange, or leave it out",
        )


def _check_encrypts(told: Told, server: _Target, auth: str, where: SourceRange) -> None:
    """Over http, what is sent is hidden by the sign-on or by nothing."""
    if auth == "basic":
        told.error(
            "Password in clear text",
            f'Basic sends the password of "{server.name}" as it is, and http hides nothing.',
            where,
            "write https://, or auth: negotiate, which encrypts every message",
        )
    elif auth == "certificate":
        told.error(
            "Client certificate without TLS",
            f'A client certificate is shown in a TLS handshake, and "{server.name}" is reached over http.',
            where,
            "write https://",
        )


def _check_name_is_host(told: Told, server: _Target) -> None:
    """A server whose host is not given is reached under its name."""
    if server.is_host_declared:
        return  # it is right, or told
    try:
        parse_host(str(server.name))
    except InvalidValue:
        told.error(
            "Host missing",
            f'"{server.name}" is no name that can be connected to, and neither host nor url is given.',
            server.where,
            "add host: with a host name or an IP address",
        )


def _url(host: str, endpoint: str, auth: str) -> str:
    """Where the endpoint is by default: what setup opens, for every way to sign on that it serves there."""
    literal = f"[{host}]" if ":" in host else host
    scheme, port = ("http", 5985) if auth in _OFFERED_OVER_HTTP else ("https", 5986)
    return (
        f"{scheme}://{literal}:{port}/wsman" if endpoint == "winrm" else f"{scheme}://{literal}/PowerShell/"
    )
