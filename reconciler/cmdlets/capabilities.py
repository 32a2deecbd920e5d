"""What each build and role of Exchange has: cmdlets, their parameters, some values. Data; it decides nothing.

Source: the "Applicable" line of each parameter on the cmdlets' pages, and the rules that are named here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from state.resources import Build, ReceiveConnector, Resource, SendConnector

Numbers: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Scope:
    """Where something is.

    Attributes:
        spans: First build that has it, and the first that has it no more; None where it is still there.
        edge: On Edge servers.
        mailbox: On all others.
    """

    spans: tuple[tuple[Numbers, Numbers | None], ...]
    edge: bool = True
    mailbox: bool = True

    def holds(self, build: Build | None, *, edge: bool) -> bool:
        """True where a server has it. One whose build is not known has what some build has."""
        if not (self.edge if edge else self.mailbox):
            return False
        if build is None:
            return True
        numbers = (build.major, build.minor, build.build)
        return any(first <= numbers and (end is None or numbers < end) for first, end in self.spans)


_2010: Final = (14, 0, 0)
_2013: Final = (15, 0, 0)
_2016: Final = (15, 1, 0)
_2019: Final = (15, 2, 0)

EVERYWHERE: Final = Scope(((_2010, None),))
SINCE_2013: Final = Scope(((_2013, None),))
SINCE_2016: Final = Scope(((_2016, None),))
ONLY_2010: Final = Scope(((_2010, _2013),))
MAILBOX: Final = Scope(((_2010, None),), edge=False)
EDGE: Final = Scope(((_2010, None),), mailbox=False)
FILE_PARAMETERS: Final = Scope(((_2013, (15, 1, 2507)), (_2019, (15, 2, 1118))))
"""Gone with the cumulative updates of 2022 H1: 2016 CU23, 2019 CU12 [2.1-3], [2.2-1]. Never sent."""


def _have(parameters: str, scope: Scope = EVERYWHERE) -> dict[str, Scope]:
    return dict.fromkeys(parameters.split(), scope)


_DIRECTORY: Final = _have("DomainController", MAILBOX)  # [1-4]
_CERTIFICATE: Final = {**_DIRECTORY, **_have("Server")}
_SEND: Final = {
    **_have(
        "AddressSpaces AuthenticationCredential Comment ConnectionInactivityTimeOut DNSRoutingEnabled "
        "DomainSecureEnabled Enabled ErrorPolicies ForceHELO Fqdn IgnoreSTARTTLS IsScopedConnector "
        "MaxMessageSize Name Port ProtocolLoggingLevel RequireTLS SmartHostAuthMechanism SmartHosts "
        "SmtpMaxMessagesPerConnection TlsAuthLevel TlsDomain UseExternalDNSServersEnabled"
    ),
    **_have("CloudServicesMailEnabled FrontendProxyEnabled TlsCertificateName", SINCE_2013),  # [3-15], [3-21]
    **_have("ConnectorType", SINCE_2016),
    **_have("SourceTransportServers", MAILBOX),  # [1-4]
    **_have("SourceIPAddress", EDGE),
    **_DIRECTORY,
}
_RECEIVE: Final = {
    **_have(
        "AdvertiseClientSettings AuthMechanism Banner BinaryMimeEnabled Bindings ChunkingEnabled Comment "
        "ConnectionInactivityTimeout ConnectionTimeout DefaultDomain DeliveryStatusNotificationEnabled "
        "DomainSecureEnabled EightBitMimeEnabled EnableAuthGSSAPI Enabled EnhancedStatusCodesEnabled "
        "ExtendedProtectionPolicy Fqdn LongAddressesEnabled MaxAcknowledgementDelay MaxHeaderSize "
        "MaxHopCount MaxInboundConnection MaxInboundConnectionPerSource "
        "MaxInboundConnectionPercentagePerSource MaxLocalHopCount MaxLogonFailures MaxMessageSize "
        "MaxProtocolErrors MaxRecipientsPerMessage MessageRateLimit MessageRateSource Name OrarEnabled "
        "PermissionGroups PipeliningEnabled ProtocolLoggingLevel RemoteIPRanges RequireEHLODomain "
        "RequireTLS SizeEnabled SuppressXAnonymousTls TarpitInterval TlsDomainCapabilities"
    ),
    **_have("ServiceDiscoveryFqdn TlsCertificateName", SINCE_2013),
    **_have("TransportRole", Scope(((_2013, None),), edge=False)),  # [4-10]
    **_have(
        "AuthTarpitInterval RejectReservedSecondLevelRecipientDomains "
        "RejectReservedTopLevelRecipientDomains RejectSingleLabelRecipientDomains",
        SINCE_2016,
    ),
    **_DIRECTORY,
}

PARAMETERS: Final[Mapping[str, Mapping[str, Scope]]] = {
    "Get-ExchangeServer": {**_have("Identity"), **_DIRECTORY},
    "Get-ExchangeCertificate": {**_have("Thumbprint"), **_CERTIFICATE},
    "Get-SendConnector": {**_have("Identity"), **_DIRECTORY},
    "Get-ReceiveConnector": {**_have("Identity Server"), **_DIRECTORY},
    "Get-AcceptedDomain": {**_have("Identity"), **_DIRECTORY},
    "Get-OrganizationConfig": _DIRECTORY,
    "Get-AuthConfig": _have("DomainController", Scope(((_2013, None),), edge=False)),
    "Get-FederationTrust": {**_have("Identity"), **_DIRECTORY},
    "Get-HybridConfiguration": _DIRECTORY,
    "Get-PopSettings": {**_have("Server"), **_DIRECTORY},
    "Get-ImapSettings": {**_have("Server"), **_DIRECTORY},
    "Get-EdgeSubscription": {**_have("Identity"), **_DIRECTORY},
    "New-ExchangeCertificate": {
        **_have(
            "DomainName Force FriendlyName GenerateRequest KeySize PrivateKeyExportable Services SubjectName"
        ),
        **_have("RequestFile", FILE_PARAMETERS),
        **_CERTIFICATE,
    },
    "Export-ExchangeCertificate": {**_have("BinaryEncoded Password Thumbprint"), **_CERTIFICATE},
    "Import-ExchangeCertificate": {
        **_have("FileData FriendlyName Password PrivateKeyExportable"),
        **_have("FileName", FILE_PARAMETERS),
        **_CERTIFICATE,
    },
    "Enable-ExchangeCertificate": {
        **_have("Force Services Thumbprint"),
        **_CERTIFICATE,
    },  # no Identity: [1-2]
    "Remove-ExchangeCertificate": {**_have("Confirm Thumbprint"), **_CERTIFICATE},
    "New-SendConnector": _SEND,
    "Set-SendConnector": {**_have("Identity"), **_SEND},
    "Remove-SendConnector": {**_have("Confirm Identity"), **_DIRECTORY},
    "New-ReceiveConnector": {**_have("Server"), **_RECEIVE},
    "Set-ReceiveConnector": {
        **_have("BareLinefeedRejectionEnabled Identity"),
        **_have("SmtpUtf8Enabled", SINCE_2013),
        **_RECEIVE,
    },
    "Remove-ReceiveConnector": {**_have("Confirm Identity"), **_DIRECTORY},
    "Start-EdgeSynchronization": {**_have("Server TargetServer")},
}
"""The cmdlets that this tool sends, with the parameters that it can give them and the file parameters."""

VALUES: Final[Mapping[str, Mapping[str, Scope]]] = {
    "ErrorPolicies": {"DowngradeAuthFailures": ONLY_2010},  # [3-19]
    "TlsDomainCapabilities": {"AcceptCloudServicesMail": SINCE_2013},  # [4-9]
}
"""Values that not every build takes, by their parameter."""

_SETTERS: Final[Mapping[type[Resource], str]] = {
    SendConnector: "Set-SendConnector",
    ReceiveConnector: "Set-ReceiveConnector",
}


def lacks(kind: type[Resource], parameter: str, build: Build | None, *, edge: bool) -> bool:
    """True when connectors of this kind have no such setting on a server."""
    return not PARAMETERS[_SETTERS[kind]][parameter].holds(build, edge=edge)


def lacking(
    cmdlet: str, parameters: Mapping[str, Any], build: Build | None, *, edge: bool
) -> tuple[str, ...]:
    """What a server does not know of one invocation: parameters, or values as ``Parameter value``.

    Args:
        parameters: As they would be sent; deferred values are of no interest here.
    """
    known = PARAMETERS[cmdlet]
    found = [name for name in parameters if name not in known or not known[name].holds(build, edge=edge)]
    for name, value in parameters.items():
        for word, scope in VALUES.get(name, {}).items():
            if not scope.holds(build, edge=edge) and word in _words(value):
                found.append(f"{name} {word}")
    return tuple(found)


def _words(value: Any) -> set[str]:
    """The names in a value: flags come as ``A, B``, capabilities as ``domain:A,B``."""
    texts: Iterable[Any] = value if isinstance(value, tuple) else (value,)
    joined = ",".join(text.rpartition(":")[2] for text in texts if isinstance(text, str))
    return {word.strip() for word in joined.split(",")}
