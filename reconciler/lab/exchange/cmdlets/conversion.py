"""From an argument as it came to a value of its parameter's type.

Conversion is the binder's: a value that a type does not accept fails before the cmdlet looks at
anything. Ranges, lengths and what goes with what are the cmdlet's own and come later.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from reconciler.lab.call import Credential, Secret
from reconciler.lab.exchange import addresses, enums, values
from reconciler.lab.exchange.builds import Build
from reconciler.lab.exchange.cmdlets.catalogue import Cmdlet, Parameter
from reconciler.lab.exchange.cmdlets.errors import not_transformed
from reconciler.lab.exchange.values import BadValue
from reconciler.lab.exchange.x500 import BadName, name_of_text


@dataclass(frozen=True, slots=True)
class Edit:
    """A multi-valued parameter given as ``@{Add=..; Remove=..}`` [3-22]."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


ENUMERATIONS: Mapping[str, enums.Enumeration] = {
    "AllowedServices": enums.SERVICES,
    "AuthMechanisms": enums.AUTH_MECHANISM,
    "ErrorPolicies": enums.ERROR_POLICIES,
    "ExtendedProtectionPolicySetting": enums.EXTENDED_PROTECTION,
    "MessageRateSourceFlags": enums.MESSAGE_RATE_SOURCE,
    "PermissionGroups": enums.PERMISSION_GROUPS,
    "ProtocolLoggingLevel": enums.PROTOCOL_LOGGING,
    "ServerRole": enums.SERVER_ROLE,
    "SizeMode": enums.SIZE_MODE,
    "TenantConnectorType": enums.CONNECTOR_TYPE,
    "TlsAuthLevel": enums.TLS_AUTH_LEVEL,
}
"""Enumerations by parameter type."""

CHOICES: Mapping[str, tuple[str, ...]] = {
    "DetailsLevel": ("None", "Normal", "Verbose"),
    "ProtocolOption": ("Any", "UseUdpOnly", "UseTcpOnly"),
    "QueueDigestGroupBy": (
        *("NextHopDomain", "NextHopCategory", "NextHopKey", "DeliveryType", "Status", "RiskLevel"),
        *("LastError", "ServerName", "OutboundIPPool"),
    ),
    # A recollection: the page names none.
    "SyncLogLoggingLevel": ("None", "Error", "Information", "Verbose", "RawData", "Debugging"),
    "UsageType": ("Custom", "Internet", "Internal", "Client", "Partner"),
}
"""Members of enumerations that no property shows, from the cmdlet pages."""


def enumeration(parameter: Parameter) -> enums.Enumeration | None:
    """The enumeration of a parameter; two types of the name AuthMechanisms exist [3-10], [4-5]."""
    if parameter.name == "SmartHostAuthMechanism":
        return enums.SMART_HOST_AUTH
    return ENUMERATIONS.get(parameter.type)


def converted(cmdlet: Cmdlet, parameter: Parameter, value: Any) -> Any:
    """Convert one argument: bool, int, str, list of str, bytes, Edit, Secret, Credential or None.

    Raises:
        Terminated: the type does not accept it.
    """
    try:
        result = _conversion(parameter.type)(value)
        if isinstance(result, str):
            _check(parameter, result)
        elif isinstance(result, Edit):
            _check_items(parameter, (*result.add, *result.remove))
        elif isinstance(result, list):
            _check_items(parameter, result)
    except BadValue as reason:
        shown = "***" if isinstance(value, Secret | Credential) else str(value)[:200]
        raise not_transformed(
            cmdlet,
            parameter.name,
            f'Cannot convert value "{shown}" to type "{parameter.type}". Error: "{reason}"',
        ) from None
    return result


def checked_for_build(cmdlet: Cmdlet, build: Build, parameter: Parameter, value: Any) -> Any:
    """The same value, if the build knows every name in it.

    Raises:
        Terminated: it holds one that other builds know.
    """
    for name, is_known in _OF_SOME_BUILDS.get(parameter.name, {}).items():
        texts = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        words = {word.strip().lower() for text in texts for word in re.split("[:,]", text)}
        if name.lower() in words and not is_known(build):
            raise not_transformed(
                cmdlet, parameter.name, f'Cannot convert value "{name}" to type "{parameter.type}".'
            )
    return value


_OF_SOME_BUILDS: Mapping[str, Mapping[str, Callable[[Build], bool]]] = {
    "ErrorPolicies": {"DowngradeAuthFailures": lambda build: not build.is_modern},  # [3-19]
    "TlsDomainCapabilities": {"AcceptCloudServicesMail": lambda build: build.is_modern},  # [4-9]
}
"""Names that are among the values of a parameter in some builds only; others have been seen in all."""


def _check(parameter: Parameter, text: str) -> None:
    """Refuse a text that the type can't be made from; the empty text stands for no value."""
    known = enumeration(parameter)
    if known is not None:
        known.number(text)
    elif choices := CHOICES.get(parameter.type):
        if text.lower() not in {choice.lower() for choice in choices} and not text.isdigit():
            raise BadValue(f"Specify one of the following enumerator names: {', '.join(choices)}")
    elif parameter.type == "Unlimited":
        _check_unlimited(parameter, text)
    elif text and (check := _CHECKS.get(parameter.type)):
        check(text)


def _check_items(parameter: Parameter, items: Any) -> None:
    if check := _ITEM_CHECKS.get(parameter.name):
        for item in items:
            check(item)


def is_byte_size(parameter: Parameter) -> bool:
    """Tell whether a parameter of the type Unlimited holds bytes; the pages name the type alike for both."""
    return "Size" in parameter.name and parameter.name not in ("ResultSize", "MaxReportSize")


def _check_unlimited(parameter: Parameter, text: str) -> None:
    if text.lower() == "unlimited":
        return
    if is_byte_size(parameter):
        values.bytes_of(text)
    elif not text.isdigit():
        raise BadValue("A number or 'unlimited' is needed.")


def _guid(text: str) -> object:
    try:
        return UUID(text)
    except ValueError:
        raise BadValue("Guid should contain 32 digits with 4 dashes.") from None


def _distinguished_name(text: str) -> object:
    try:
        return name_of_text(text)
    except BadName:
        raise BadValue("The string contains an invalid X500 name.") from None


def _matches(pattern: str, what: str) -> Callable[[str], object]:
    def check(text: str) -> object:
        if not re.fullmatch(pattern, text):
            raise BadValue(f'"{text}" isn\'t {what}.')
        return text

    return check


_CHECKS: Mapping[str, Callable[[str], object]] = {
    "ByteQuantifiedSize": values.bytes_of,
    "EnhancedTimeSpan": values.ticks_of,
    "Fqdn": values.checked_domain,
    "Guid": _guid,
    "IPAddress": addresses.checked_address,
    "LocalLongFullPath": _matches(r"[A-Za-z]:\\[^<>\"|?*]*", "a full path on a local drive"),
    "ProxyAddress": _matches(r"(?:[A-Za-z0-9]+:)?\S+", "a valid proxy address"),
    "SmtpAddress": _matches(r"[^@\s]+@[^@\s]+", "a valid SMTP address"),
    "SmtpDomainWithSubdomains": values.domain_with_subdomains,
    "SmtpX509Identifier": values.certificate_name,
    "X500DistinguishedName": _distinguished_name,
}

_ITEM_CHECKS: Mapping[str, Callable[[str], object]] = {
    "AddressSpaces": values.address_space,
    "Bindings": addresses.ip_binding,
    "DomainName": values.domain_with_subdomains,
    "ExternalDNSServers": addresses.checked_address,
    "InternalDNSServers": addresses.checked_address,
    "RemoteIPRanges": addresses.range_of,
    "SmartHosts": addresses.checked_smart_host,
    "SortOrder": _matches(r"[+-]?\w+", "a property to sort by"),
    "TlsDomainCapabilities": lambda text: values.domain_capabilities([text]),
}
"""By parameter: the pages name the type of all of them MultiValuedProperty, not that of its items."""


def _boolean(value: Any) -> bool:
    if isinstance(value, bool | int | float):
        return bool(value)
    raise BadValue(
        "Boolean parameters accept only Boolean values and numbers, such as $True, $False, 1 or 0."
    )


def _integer(value: Any) -> int:
    if value is None:  # PowerShell's null is 0 where a number is wanted
        return 0
    try:
        number = round(float(value)) if isinstance(value, float) else int(value)
    except (TypeError, ValueError, OverflowError):
        raise BadValue("Input string was not in a correct format.") from None
    if not -(1 << 31) <= number < 1 << 31:
        raise BadValue("Value was either too large or too small for an Int32.")
    return number


def _text(value: Any) -> str | None:
    match value:
        case None:
            return None
        case str():
            return value
        case bool():
            return str(value)
        case int() | float():
            return str(value)
        case list():
            if len(value) == 1:
                return _text(value[0])
            raise BadValue("Specified method is not supported.")
        case _:
            raise BadValue("This type of value is not accepted.")


def _identity(value: Any) -> str | None:
    text = _text(value)
    if text == "":
        raise BadValue("Parameter values of type 'IdParameter' can't be empty.")
    return text


def _flags(value: Any) -> str | None:
    """An enum: a name, several joined by commas, a number, or a list of them."""
    return ", ".join(str(item) for item in value) if isinstance(value, list) else _text(value)


def _many(value: Any) -> list[str] | Edit | None:
    if value is None:
        return None
    if isinstance(value, dict):
        keys = {str(key).lower(): item for key, item in value.items()}
        if not keys or keys.keys() - {"add", "remove", "@odata.type"}:
            raise BadValue("A hashtable may hold the keys Add and Remove only.")
        return Edit(tuple(_items(keys.get("add"))), tuple(_items(keys.get("remove"))))
    return _items(value)


def _items(value: Any) -> list[str]:
    if value is None:
        return []
    items = value if isinstance(value, list) else [value]
    texts = [_text(item) for item in items]
    return [text for text in texts if text is not None]


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, list) and all(isinstance(item, int) and 0 <= item < 256 for item in value):
        return bytes(value)
    raise BadValue("A byte array is needed.")


def _certificate(value: Any) -> bytes | None:
    """X509Certificate2 can be made from bytes; a text would be the name of a file on the server."""
    if value is None or isinstance(value, bytes):
        return value
    raise BadValue("The system cannot find the file specified.")


def _nothing_else(value: Any) -> None:
    """ExtensibleQueueInfo: what a session sends of one is a text, and Exchange refuses it.

    Source: Microsoft's support article on the queue viewer of Exchange 2013 CU11.
    """
    if value is not None:
        raise BadValue("Only an object of that type is accepted.")


def _secret(value: Any) -> Secret | None:
    if value is None or isinstance(value, Secret):
        return value
    raise BadValue("A SecureString is needed.")


def _credential(value: Any) -> Credential | None:
    if value is None or isinstance(value, Credential):
        return value
    raise BadValue("A PSCredential is needed.")


_CONVERSIONS: Mapping[str, Callable[[Any], Any]] = {
    "SwitchParameter": _boolean,
    "Boolean": _boolean,
    "Int32": _integer,
    "MultiValuedProperty": _many,
    "String[]": _items,
    "Byte[]": _bytes,
    "SecureString": _secret,
    "PSCredential": _credential,
    "QueueViewerSortOrderEntry[]": _items,
    "X509Certificate2": _certificate,
    "ExtensibleQueueInfo": _nothing_else,
    **{name: _flags for name, known in ENUMERATIONS.items() if known.is_flags},
}


def _conversion(parameter_type: str) -> Callable[[Any], Any]:
    if parameter_type.endswith("IdParameter") or parameter_type == "QueueIdentity":
        return _identity
    return _CONVERSIONS.get(parameter_type, _text)
