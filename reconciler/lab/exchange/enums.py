"""Exchange's enumerations: members and numbers.

Numbers that the exports show: [6.4-5], [6.4-6]. The others are inferred from the order on the
cmdlet pages or from the flag that is left, and marked so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.lab.exchange.clixml import Obj
from reconciler.lab.exchange.values import BadValue, enum, flags_text

_CONFIGURATION = "Microsoft.Exchange.Data.Directory.SystemConfiguration."
_DATA = "Microsoft.Exchange.Data."


@dataclass(frozen=True, slots=True)
class Enumeration:
    """One enum type.

    Attributes:
        name: Its .NET name.
        members: Member to number, as printed.
        is_flags: Members combine.
    """

    name: str
    members: Mapping[str, int]
    is_flags: bool = False

    def number(self, text: str) -> int:
        """Read ``Tls, Integrated``: member names in any casing, or a number.

        Raises:
            BadValue: an unknown member, or several where only one is allowed.
        """
        by_name = {name.lower(): number for name, number in self.members.items()}
        parts = [part.strip() for part in text.split(",")]
        if len(parts) > 1 and not self.is_flags:
            raise BadValue(f'Unable to match the identifier name "{text}" to one enumerator name.')
        bits = 0
        for part in parts:
            if part.lower() in by_name:
                bits |= by_name[part.lower()]
            elif part.isdigit():
                bits |= int(part)
            else:
                names = ", ".join(self.members)
                raise BadValue(
                    f'Unable to match the identifier name "{part}" to a valid enumerator name. Specify one '
                    f"of the following enumerator names and try again: {names}"
                )
        return bits

    def text(self, number: int) -> str:
        if self.is_flags:
            none = next((name for name, bit in self.members.items() if bit == 0), "0")
            return flags_text(number, self.members, none)
        return next((name for name, value in self.members.items() if value == number), str(number))

    def of(self, number: int) -> Obj:
        return enum(self.name, self.text(number), number)

    def named(self, text: str) -> Obj:
        return self.of(self.number(text))


_NO_YES = {"None": 0, "Verbose": 1}

ERROR_POLICIES = Enumeration(
    f"{_DATA}ErrorPolicies",
    # Only Default (0) is in the exports; the bits follow the page's order
    # [inf: enumerations]. The last is of 2010 [3-19].
    {
        "Default": 0,
        "DowngradeDnsFailures": 1,
        "DowngradeCustomFailures": 2,
        "UpgradeCustomFailures": 4,
        "DowngradeAuthFailures": 8,
    },
    is_flags=True,
)
PROTOCOL_LOGGING = Enumeration(f"{_DATA}ProtocolLoggingLevel", _NO_YES)
SMART_HOST_AUTH = Enumeration(
    f"{_CONFIGURATION}SmtpSendConnectorConfig+AuthMechanisms",
    # Only None (0) is in the exports [inf: enumerations].
    {"None": 0, "BasicAuth": 2, "BasicAuthRequireTLS": 4, "ExchangeServer": 8, "ExternalAuthoritative": 16},
)
CONNECTOR_TYPE = Enumeration(f"{_DATA}SendConnectorType", {"Default": 0, "XPremises": 1})
CONNECTOR_REGION = Enumeration(f"{_DATA}SendConnectorRegion", {"NotSpecified": 0})
TLS_AUTH_LEVEL = Enumeration(
    f"{_DATA}TlsAuthLevel",
    # CertificateValidation (2) is in the exports, its neighbours are inferred [6.4-6].
    {"EncryptionOnly": 1, "CertificateValidation": 2, "DomainValidation": 3},
)
AUTH_MECHANISM = Enumeration(
    f"{_CONFIGURATION}AuthMechanisms",
    {
        "None": 0,
        "Tls": 1,
        "Integrated": 2,
        "BasicAuth": 4,
        "BasicAuthRequireTLS": 8,
        "ExchangeServer": 16,
        "ExternalAuthoritative": 32,  # [inf: enumerations]
    },
    is_flags=True,
)
PERMISSION_GROUPS = Enumeration(
    f"{_DATA}PermissionGroups",
    {
        "None": 0,
        "AnonymousUsers": 1,
        "ExchangeUsers": 2,
        "ExchangeServers": 4,
        "ExchangeLegacyServers": 8,
        "Partners": 16,  # [inf: enumerations]
        "Custom": 32,  # [inf: enumerations]
    },
    is_flags=True,
)
MESSAGE_RATE_SOURCE = Enumeration(
    f"{_CONFIGURATION}MessageRateSourceFlags", {"None": 0, "IPAddress": 1, "User": 2, "All": 3}
)
EXTENDED_PROTECTION = Enumeration(
    f"{_CONFIGURATION}ExtendedProtectionPolicySetting", {"None": 0, "Allow": 1, "Require": 2}
)
SIZE_MODE = Enumeration(f"{_DATA}SizeMode", {"Disabled": 0, "Enabled": 1, "EnabledWithoutValue": 2})
SERVER_ROLE = Enumeration(
    f"{_CONFIGURATION}ServerRole",
    {
        "None": 0,
        "Mailbox": 2,
        "ClientAccess": 4,
        "UnifiedMessaging": 16,
        "HubTransport": 32,
        "Edge": 64,
        "FrontendTransport": 16384,
    },
    is_flags=True,
)
SERVER_EDITION = Enumeration(
    f"{_DATA}ServerEditionType",
    # StandardEvaluation (2) is in the exports.
    {"Unknown": -1, "Standard": 0, "Enterprise": 1, "StandardEvaluation": 2},
)
ACCEPTED_DOMAIN_TYPE = Enumeration(
    f"{_CONFIGURATION}AcceptedDomainType", {"Authoritative": 0, "ExternalRelay": 1, "InternalRelay": 2}
)
OBJECT_STATE = Enumeration(f"{_DATA}ObjectState", {"New": 0, "Unchanged": 1, "Changed": 2, "Deleted": 3})

SERVICES = Enumeration(
    "Microsoft.Exchange.Management.SystemConfigurationTasks.AllowedServices",
    # IMAP and POP are jointly verified, which is which is inferred; the bits of the last three are
    # recollections, no sample has them [6.4-1].
    {
        "None": 0,
        "IMAP": 1,
        "POP": 2,
        "UM": 4,
        "IIS": 8,
        "SMTP": 16,
        "Federation": 32,
        "UMCallRouter": 64,
    },
    is_flags=True,
)
IMAP, POP, IIS, SMTP, UM = 1, 2, 8, 16, 4
