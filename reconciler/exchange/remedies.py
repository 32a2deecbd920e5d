"""What to try next when a server does not answer as it should."""

from __future__ import annotations

from .errors import (
    AccessDenied,
    AuthenticationFailed,
    BadConnection,
    CmdletFailed,
    CmdletMissing,
    ExchangeError,
    Garbage,
    Redirected,
    Refused,
    TimedOut,
    Unreachable,
    UntrustedCertificate,
    WrongEndpoint,
)

_REMEDIES: dict[type[ExchangeError], str] = {
    BadConnection: "correct the connection of this server, in the YAML or in the connections file",
    Unreachable: (
        "check host or url, that the server is up, and that its port is open from here: 443 or, over http, "
        "80; on an Edge server 5986 or 5985"
    ),
    UntrustedCertificate: (
        "name the authority's certificate, PEM, with ca, and reach the server by a name that its own holds"
    ),
    WrongEndpoint: (
        "check url and endpoint: exchange is at /PowerShell/; on an Edge server winrm is at /wsman, port "
        "5986 or 5985"
    ),
    Redirected: "if that is the server, write its address as url, and https:// where it offers that",
    AccessDenied: (
        "allow the account remote PowerShell and give it a role group; on an Edge server it must be a local "
        "administrator"
    ),
    AuthenticationFailed: (
        "check user and password behind credential, and that auth is a way to sign on that the server offers"
    ),
    Refused: "try again in some minutes: sessions that were left open end by themselves",
    Garbage: (
        "something else may answer there, such as a proxy or a load balancer: name the server itself in host"
    ),
    TimedOut: "look at the load of the server, and try again",
}


def remedy(error: ExchangeError) -> str:
    """The next thing to try; "" where it depends on what the cmdlet said."""
    if isinstance(error, CmdletMissing):
        group = (
            "View-Only Organization Management" if _only_reads(error.cmdlet) else "Organization Management"
        )
        return f"let the account run {error.cmdlet}: on a Mailbox server the role group {group} may"
    if isinstance(error, CmdletFailed) and "Transient" in error.record.fully_qualified_id:  # [2.4-4]
        return "Exchange calls this temporary: try again in some minutes"
    return _REMEDIES.get(type(error), "")


def _only_reads(cmdlet: str) -> bool:
    return cmdlet.casefold().startswith("get-")
