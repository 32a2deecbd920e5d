"""Where to connect and as whom: in the desired state, and in a connections file of its own."""

from __future__ import annotations

from typing import Literal

from .base import Credential, Model, key, section
from .certificate import LocalIssuer
from .network import HostAndPort, Url


class ConnectionDefaults(Model):
    """What holds for every server that does not say otherwise."""

    endpoint: Literal["exchange", "winrm"] = key(
        "exchange: the server's own /PowerShell/; winrm: WinRM with the snap-in, for Edge servers (which "
        "have no other)."
    )
    auth: Literal["basic", "ntlm", "negotiate", "kerberos"] = key(
        "How to sign on. basic, or nothing: over https only; ntlm, kerberos, negotiate (either): also over "
        "http, where every message is then encrypted."
    )
    credential: Credential = key(
        "Reference to user and password: env:NAME, file:PATH, keyring:SERVICE, command:COMMAND."
    )
    ca: str = section(
        str,
        "Certificates, PEM, that server certificates are checked against; counts from this file.",
        min_length=1,
    )


class ConnectionModel(ConnectionDefaults):
    """One server's connection."""

    url: Url = key(
        "Where to connect; made from host where it is left out. http:// needs another auth than basic.",
        json_schema_extra={"pattern": r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s/@]+(/\S*)?$"},
    )
    smtp: HostAndPort = key(
        "host:port where verify finds its SMTP service.",
        json_schema_extra={"pattern": r"^(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]]+):[0-9]{1,5}$"},
    )


class ConnectionsFile(Model):
    """Connections and issuers of one environment; replaces what the desired state says of them."""

    servers: dict[str, ConnectionModel] = section(dict, "Connections by the servers' names.")
    issuers: dict[str, LocalIssuer] = section(
        dict, 'Issuers by name; "*" stands for every name that is not here.'
    )
