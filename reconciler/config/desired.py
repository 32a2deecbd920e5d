"""What loading the YAML yields: desired resources, how to reach their servers, and where all of it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel

from reconciler.diagnostics import Diagnostic, SourceRange
from reconciler.plan.maintenance import Maintenance
from state.address import Address
from state.resources import Server
from state.snapshot import Snapshot
from state.values import Fqdn, Name

from .models.issuer import AcmeIssuer, CommandIssuer, LocalIssuer, ManualIssuer
from .plug_ins import PlugIn


@dataclass(frozen=True, slots=True)
class Connection:
    """How one server is reached.

    Attributes:
        url: Complete; ``https``, or ``http`` where ``auth`` leaves a key to encrypt with.
        credential: A reference, for everything that reads; None where none is declared: then the tickets of
            who runs this are used with Kerberos, and otherwise the server cannot be signed on to.
        write_credential: The same for what changes something; mostly the same one.
        base: Folder that a relative path in a reference counts from: where the file that holds it is.
        service: Kerberos name of the service; "" for HTTP and the host of ``url``.
        ca: Certificates, PEM, that the server's is checked against; None for the public roots.
        smtp: ``host:port`` where verify finds its SMTP service; None for the host of ``url`` and the
            endpoint's port.
    """

    name: Name
    url: str
    endpoint: Literal["exchange", "winrm"]
    auth: Literal["basic", "ntlm", "negotiate", "kerberos", "certificate", "credssp"]
    credential: str | None
    write_credential: str | None
    base: Path
    ca: Path | None
    smtp: str | None
    service: str = ""


@dataclass(frozen=True, slots=True)
class KnownServers:
    """Servers of which it is only known how they are reached: nothing is declared of them.

    Attributes:
        edges: Those that are Edge servers.
    """

    connections: Mapping[Name, Connection]
    edges: frozenset[Name] = frozenset()

    def is_edge(self, name: Name) -> bool:
        return name in self.edges


@dataclass(frozen=True, slots=True)
class IssuerSettings:
    """An issuer as it is declared.

    Attributes:
        name: Of its own, under ``issuers``.
        type: What kind of issuer it is.
        base: Folder that a relative path in its settings counts from, and in which a command runs: where the
            file that holds them is.
        settings: The model of its type, such as :class:`reconciler.config.models.issuer.LocalIssuer`.
        plug_in: What opens it where its type is not built in.
    """

    name: str
    type: str
    base: Path
    settings: BaseModel
    plug_in: PlugIn | None = None

    @property
    def authority(self) -> Path | None:
        """The certificate of an authority of one's own, PEM: nobody else trusts what it signs."""
        match self.settings:
            case LocalIssuer(certificate=file):
                return self.base / file
            case AcmeIssuer(ca=file) | ManualIssuer(ca=file) | CommandIssuer(ca=file) if file:
                return self.base / file
            case _:
                return None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A name that the world connects to, and the servers that answer under it.

    Attributes:
        published: ``host:port`` that the world connects to where that is none of the servers; None where it
            is, or where it is not to be reached.
        is_out_of_reach: One is declared, but the connections file that was given names none.
        is_gateways: TLS ends at something in front of the servers.
        serve_within: How long an apply waits for what it bound.
    """

    name: Fqdn
    servers: tuple[Name, ...]
    port: int
    published: str | None = None
    is_out_of_reach: bool = False
    is_gateways: bool = False
    serve_within: timedelta = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Desired:
    """One organization as its YAML asks for it.

    Attributes:
        organization: Names the record.
        organization_id: GUID of the one organization that this may be done to; None where none is named.
        path: The file or folder it was read from.
        snapshot: Servers, certificates, send connectors, receive connectors, in this order.
        servers: In the order they are declared.
        credentials: Folder that the path in each credential reference of a connector counts from.
        sources: Where an attribute is declared; "" for the resource itself. What follows from its
            kind or its set stands at the key it follows from.
        acknowledged: Rules whose warnings are accepted for a resource.
        partners: Where each domain that a connector is for is first named.
        maintenance: The windows of each server that has some.
        resolver: Who is asked for TLSA records; None for this machine's.
        is_dns_out_of_reach: A connections file was given and names none: nobody is asked.
    """

    organization: str
    path: Path
    snapshot: Snapshot
    servers: tuple[Name, ...]
    connections: Mapping[Name, Connection]
    issuers: Mapping[str, IssuerSettings]
    endpoints: tuple[Endpoint, ...]
    credentials: Mapping[str, Path]
    sources: Mapping[tuple[Address, str], SourceRange]
    acknowledged: Mapping[Address, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    partners: Mapping[str, SourceRange] = field(default_factory=lambda: MappingProxyType({}))
    organization_id: str | None = None
    resolver: tuple[str, int] | None = None
    is_dns_out_of_reach: bool = False
    maintenance: Mapping[Name, Maintenance] = field(default_factory=lambda: MappingProxyType({}))

    def is_edge(self, name: Name) -> bool:
        """True for a server that is declared as an Edge server."""
        declared = self.snapshot.resources.get(Address.of("server", str(name)))
        return isinstance(declared, Server) and declared.role == "edge"

    def where(self, address: Address, attribute: str = "") -> SourceRange | None:
        """Where an attribute is declared, else its resource; None for what is not declared."""
        return self.sources.get((address, attribute)) or self.sources.get((address, ""))


@dataclass(frozen=True, slots=True)
class Loaded:
    """The outcome of loading.

    Attributes:
        desired: None when there is an error among the diagnostics.
        diagnostics: All of them, in the order of the files.
    """

    desired: Desired | None
    diagnostics: tuple[Diagnostic, ...]
