"""The whole desired state."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, WithJsonSchema

from state.resources.attribute import Choice

from .base import As, Domain, Mode, Model, key, mode, required, section
from .certificate import CertificateModel, SharedCertificate
from .connection import ConnectionDefaults, ConnectionModel, DnsModel
from .issuer import IssuerModel
from .maintenance import MaintenanceModel
from .network import HOST_AND_PORT, Host, HostAndPort
from .receive_connector import ReceiveConnectorModel
from .send_connector import PartnerEntry, Set, SetOrOther
from .waiting import Wait


def _year(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


_VERSIONS = ("SE", "2019", "2016", "2013", "2010")
Version: TypeAlias = Annotated[
    Any,
    As(Choice(*_VERSIONS)),
    BeforeValidator(_year),
    WithJsonSchema({"enum": [*_VERSIONS, *(int(year) for year in _VERSIONS if year.isdigit())]}),
]


class EndpointModel(Model):
    """A name that the world connects to."""

    name: Domain = required("The name, as MX records and partners know it.")
    servers: list[str] = required("The servers that answer under it.", min_length=1)
    port: int = Field(25, description="TCP port.", ge=1, le=65535)
    published: HostAndPort = key(
        "host:port that the world connects to where that is none of the servers: a load balancer. It is "
        "checked beside each server's own address, and may present the certificate of any of them.",
        json_schema_extra={"pattern": HOST_AND_PORT},
    )
    terminates_at: Literal["gateway"] = key(
        "gateway: TLS ends at something in front of Exchange, whose certificate is no concern of this file. "
        "What it presents is told, and never wrong."
    )
    serve_within: Wait = key(
        "How long apply waits for the servers to present what it bound: 15m is assumed.",
        json_schema_extra={"pattern": r"^\s*[0-9]{1,5}\s*[smhSMH]\s*$"},
    )


class ServerModel(Model):
    """Everything of one server."""

    role: Literal["mailbox", "edge"] = required("mailbox (or Hub Transport), or edge, subscribed or not.")
    mode: Mode = mode("what is declared for it")
    version: Version = key("Exchange's version, for the offline checks: SE, 2019, 2016, 2013 or 2010.")
    host: Host = key(
        "Where to connect, not what the world sees; the server's name where it is left out.",
        json_schema_extra={"pattern": r"^[^\s/:\[\]@]+$|^[0-9A-Fa-f:.]+$"},
    )
    connection: ConnectionModel = section(ConnectionModel, "What differs from the connection of all servers.")
    maintenance: MaintenanceModel = key("Its own maintenance windows, instead of those of all servers.")
    certificates: dict[str, CertificateModel] = section(dict, "Its certificates, by names of your own.")
    send_connectors: Set = section(Set, "Its three outbound connectors.")
    receive_connectors: dict[str, ReceiveConnectorModel] = section(
        dict, "Inbound connectors that exist, by their names in Exchange."
    )


class DesiredState(Model):
    """Public SMTP TLS of one Exchange organization."""

    version: Literal[1] = required("Version of this format.")
    organization: str = required(
        "Names the record of what was applied.", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
    )
    organization_id: str = section(
        str,
        "GUID of the organization, as Get-OrganizationConfig shows it: another one is neither planned nor "
        "changed.",
        pattern=r"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$",
    )
    legal_name: str = section(
        str, "The organization's name as it must stand in the O= of every subject.", min_length=1
    )
    connection: ConnectionDefaults = section(
        ConnectionDefaults, "How to connect to servers that do not say otherwise."
    )
    issuers: dict[str, IssuerModel] = section(dict, "Who signs certificates, by names of your own.")
    maintenance: MaintenanceModel = key(
        "When renewed certificates may be enabled and bound; at any time where it is left out. They are "
        "requested and imported at any time, and everything else is changed at any time."
    )
    dns: DnsModel = key("Who is asked for TLSA records; the resolver of this machine where it is left out.")
    partners: dict[str, list[PartnerEntry]] = section(dict, "Lists of domains, by names of your own.")
    endpoints: list[EndpointModel] = section(
        list, "The names that the world connects to: what verify checks."
    )
    servers: dict[str, ServerModel] = required("The servers, by their names in Exchange.", min_length=1)
    certificates: dict[str, SharedCertificate] = section(dict, "Certificates that several servers get.")
    send_connectors: dict[str, SetOrOther] = section(
        dict, "Sets for several source servers, and other connectors by their names in Exchange."
    )
