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
    NotReplicated,
    ParameterMissing,
    QuotaExceeded,
    Redirected,
    Refused,
    ServerBusy,
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
    QuotaExceeded: (
        "close sessions that this account has open on the server, or wait 15 minutes: one that nobody uses "
        "ends by itself; with many people at work, raise PowerShellMaxConcurrency in a throttling policy"
    ),
    ServerBusy: (
        "look at the load of the server and at its application pool MSExchangePowerShellAppPool, and try "
        "again"
    ),
    Garbage: (
        "something else may answer there, such as a proxy or a load balancer: name the server itself in host"
    ),
    NotReplicated: "wait for Active Directory to replicate, or look at repadmin /showrepl",
    TimedOut: "look at the load of the server, and try again",
}


_SIGN_ON: tuple[tuple[str, str], ...] = (
    ("clock skew", "set the clocks of both sides: Kerberos takes no more than five minutes between them"),
    (
        "server not found in kerberos database",
        "reach the server by the name that its service principal HTTP/name has, or name it with service; "
        "setspn -L lists what a server has",
    ),
    ("cannot contact any kdc", "let this machine reach the domain controllers on port 88, and see krb5.conf"),
    ("cannot find kdc", "name the realm and its domain controllers in krb5.conf"),
    ("not found in kerberos database", "write the user as user@REALM, as Active Directory has it"),
    ("preauthentication failed", "correct the password behind credential"),
    ("no kerberos credentials available", "get tickets with kinit, or declare a credential"),
    ("ticket expired", "get new tickets with kinit"),
    ("no module named", "install what this auth needs: pip install '.[kerberos]'"),
)
"""What MIT's library says, in lower case and always in English, and what helps."""


def remedy(error: ExchangeError) -> str:
    """The next thing to try; "" where it depends on what the cmdlet said."""
    if isinstance(error, CmdletMissing):
        return f"let the account run {error.cmdlet}: on a Mailbox server the role group {_group(error)} may"
    if isinstance(error, ParameterMissing):
        named = " or ".join(f"-{name}" for name in error.parameters)
        return (
            f"let the account use {named} of {error.cmdlet}: on a Mailbox server the role group "
            f"{_group(error)} may; the roles that have it are told by Get-ManagementRole -Cmdlet "
            f"{error.cmdlet} -CmdletParameters {', '.join(error.parameters)}"
        )
    if isinstance(error, CmdletFailed) and error.is_transient:  # [2.4-4]
        return "Exchange calls this temporary: try again in some minutes"
    if isinstance(error, AuthenticationFailed) and error.reason:
        said = error.reason.casefold()
        return next((known for word, known in _SIGN_ON if word in said), _REMEDIES[AuthenticationFailed])
    return _REMEDIES.get(type(error), "")


def _group(error: CmdletMissing | ParameterMissing) -> str:
    """The role group that setup makes for it."""
    only_reads = error.cmdlet.casefold().startswith("get-")
    return "View-Only Organization Management" if only_reads else "Organization Management"
