"""Where to connect and as whom: in the desired state, and in a connections file of its own."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Tag

from .base import Credential, Model, key, required, section
from .issuer import IssuerModel
from .network import HOST_AND_PORT, HostAndPort, ServiceName, Url


class ReadAndWrite(Model):
    """Two accounts: one that may only read, and one that may change."""

    read: Credential = required(
        "Reference for everything that reads: plan, import, and apply before it sends."
    )
    write: Credential = required("Reference for apply when it changes something; nothing else opens it.")


def _accounts(value: Any) -> str:
    return "<two accounts>" if isinstance(value, dict) else "<one account>"


Accounts: TypeAlias = Annotated[
    Annotated[Credential, Tag("<one account>")] | Annotated[ReadAndWrite, Tag("<two accounts>")],
    Discriminator(_accounts),
]


class ConnectionDefaults(Model):
    """What holds for every server that does not say otherwise."""

    endpoint: Literal["exchange", "winrm"] = key(
        "exchange: the server's own /PowerShell/; winrm: WinRM with the snap-in, for Edge servers (which "
        "have no other)."
    )
    auth: Literal["basic", "ntlm", "negotiate", "kerberos", "certificate", "credssp"] = key(
        "How to sign on. basic, or nothing: over https only; certificate: with a client certificate, over "
        "https only; kerberos, ntlm, negotiate (either), credssp (either, and the server gets the password): "
        "also over http, where every message is then encrypted."
    )
    credential: Accounts = key(
        "Reference to user and password: env:NAME, file:PATH, keyring:SERVICE, command:COMMAND; with "
        "auth: certificate to a PEM text of certificate and key. Or two of them: {read: ..., write: ...}. "
        "Left out with auth: kerberos, the tickets of who runs this are used."
    )
    service: ServiceName = key(
        "Kerberos name of the service, such as HTTP/mail.contoso.com, where it is not HTTP/ and the host.",
        json_schema_extra={"pattern": r"^[A-Za-z][A-Za-z0-9_-]*/[^\s/:\[\]@?#\\%]+$"},
    )
    ca: str = section(
        str,
        "Certificates, PEM, that server certificates are checked against; counts from this file.",
        min_length=1,
    )


class ConnectionModel(ConnectionDefaults):
    """One server's connection."""

    url: Url = key(
        "Where to connect; made from host where it is left out, with https for basic, certificate and "
        "credssp, else http. http:// needs an auth that encrypts.",
        json_schema_extra={"pattern": r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s/@]+(/\S*)?$"},
    )
    smtp: HostAndPort = key(
        "host:port where verify finds its SMTP service.",
        json_schema_extra={"pattern": HOST_AND_PORT},
    )


class DnsModel(Model):
    """Who is asked for what is in DNS."""

    resolver: HostAndPort = required(
        "host:port of the resolver.", json_schema_extra={"pattern": HOST_AND_PORT}
    )


class ConnectionsFile(Model):
    """Connections and issuers of one environment; replaces what the desired state says of them."""

    servers: dict[str, ConnectionModel] = section(dict, "Connections by the servers' names.")
    dns: DnsModel = key("Who is asked for TLSA records; nobody where it is left out here.")
    published: dict[str, HostAndPort] = section(
        dict, "host:port where the world finds an endpoint, by the endpoint's name."
    )
    issuers: dict[str, IssuerModel] = section(
        dict, 'Issuers by name; "*" stands for every name that is not here.'
    )
