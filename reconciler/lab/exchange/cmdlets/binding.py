"""Parameter binding: from the arguments of a command to typed values, as PowerShell does it.

Source: about_Parameters, about_Parameter_Sets, and the error ids of System.Management.Automation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.lab.call import Argument, Credential, Field, Secret, Terminated
from reconciler.lab.exchange.builds import Build
from reconciler.lab.exchange.cmdlets.catalogue import Cmdlet, Parameter
from reconciler.lab.exchange.cmdlets.errors import INVALID_DATA, not_bound, not_transformed
from reconciler.lab.exchange.values import BadValue

COMMON = (
    "Debug",
    "ErrorAction",
    "ErrorVariable",
    "InformationAction",
    "InformationVariable",
    "OutBuffer",
    "OutVariable",
    "PipelineVariable",
    "Verbose",
    "WarningAction",
    "WarningVariable",
)
COMMON_ALIASES = {"ea": "ErrorAction", "ev": "ErrorVariable", "wa": "WarningAction", "vb": "Verbose"}
COMMON_ALIASES |= {"db": "Debug", "ov": "OutVariable", "ob": "OutBuffer", "wv": "WarningVariable"}


@dataclass(frozen=True, slots=True)
class Edit:
    """A multi-valued parameter given as ``@{Add=..; Remove=..}`` [3-22]."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bound:
    """The parameters of one invocation.

    Attributes:
        values: By the parameter's full name: bool, int, str, list of str, bytes, Edit, Secret,
            Credential or None.
        parameter_set: The set that fits.
        common: Common parameters, by full name.
    """

    values: Mapping[str, Any]
    parameter_set: str
    common: Mapping[str, Any]

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def get(self, name: str, default: Any = None) -> Any:
        return self.values.get(name, default)

    def text(self, name: str) -> str | None:
        value = self.values.get(name)
        return None if value is None else str(value)

    def is_on(self, name: str) -> bool:
        """Tell whether a switch or Boolean was given and is true."""
        return self.values.get(name) is True


def bind(cmdlet: Cmdlet, build: Build, arguments: Sequence[Argument]) -> Bound:
    """Bind the arguments of one command.

    Raises:
        Terminated: unknown, ambiguous, doubled or missing parameters, sets that exclude each
            other, values that the type does not accept.
    """
    available = {name: p for name, p in cmdlet.parameters.items() if p.is_in(build)}
    given: dict[str, Any] = {}
    common: dict[str, Any] = {}
    positional: list[Any] = []
    for argument in arguments:
        if argument.name is None:
            positional.append(argument.value)
            continue
        name = _full_name(cmdlet, available, argument.name)
        target = given if name in available else common
        if name in target:
            raise not_bound(
                cmdlet,
                "ParameterAlreadyBound",
                f"Cannot bind parameter because parameter '{name}' is specified more than once.",
                target=name,
            )
        # On the wire `-Switch` and `-Parameter $null` are alike; only the parameter's type tells them apart.
        is_switch = argument.is_switch and (target is common or available[name].is_switch)
        target[name] = True if is_switch else argument.value
    _bind_positional(cmdlet, available, given, positional)
    chosen = _parameter_set(cmdlet, available, given.keys())
    _check_mandatory(cmdlet, available, given, chosen)
    values = {name: _converted(cmdlet, available[name], value) for name, value in given.items()}
    return Bound(values, chosen, common)


def _full_name(cmdlet: Cmdlet, available: Mapping[str, Parameter], given: str) -> str:
    """Resolve a name, an alias or an unambiguous prefix."""
    wanted = given.lower()
    names = {name.lower(): name for name in (*available, *COMMON)}
    aliases = {alias.lower(): name for name, p in available.items() for alias in p.aliases}
    aliases |= COMMON_ALIASES
    if exact := names.get(wanted) or aliases.get(wanted):
        return exact
    matches = sorted({name for key, name in (names | aliases).items() if key.startswith(wanted)})
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise not_bound(
            cmdlet,
            "AmbiguousParameter",
            f"Parameter cannot be processed because the parameter name '{given}' is ambiguous. "
            f"Possible matches include: {' '.join('-' + name for name in matches)}.",
            target=given,
        )
    raise not_bound(
        cmdlet,
        "NamedParameterNotFound",
        f"A parameter cannot be found that matches parameter name '{given}'.",
        target=given,
    )


def _bind_positional(
    cmdlet: Cmdlet, available: Mapping[str, Parameter], given: dict[str, Any], values: Sequence[Any]
) -> None:
    """Give values without a name to positional parameters, those of the default set first."""
    places = sorted(
        (p for p in available.values() if p.position is not None and p.name not in given),
        key=lambda p: (p.position or 0, cmdlet.default_set not in p.sets),
    )
    taken: set[int] = set()
    for value in values:
        place = next((p for p in places if p.position not in taken), None)
        if place is None:
            raise not_bound(
                cmdlet,
                "PositionalParameterNotFound",
                f"A positional parameter cannot be found that accepts argument '{value}'.",
            )
        given[place.name] = value
        taken.add(place.position or 0)


def _parameter_set(cmdlet: Cmdlet, available: Mapping[str, Parameter], given: Sequence[str] | Any) -> str:
    sets = [name for name in cmdlet.sets if _exists(cmdlet, available, name)]
    fitting = [name for name in sets if all(name in available[each].sets for each in given)]
    if cmdlet.default_set in fitting:
        # The default set wins unless a mandatory parameter of its own is missing and another has all.
        complete = [name for name in fitting if not _missing(available, given, name)]
        if cmdlet.default_set in complete or len(complete) != 1:
            return cmdlet.default_set
        return complete[0]
    complete = [name for name in fitting if not _missing(available, given, name)]
    if len(fitting) == 1 or len(complete) == 1:
        return complete[0] if complete else fitting[0]
    raise not_bound(
        cmdlet,
        "AmbiguousParameterSet",
        "Parameter set cannot be resolved using the specified named parameters.",
    )


def _exists(cmdlet: Cmdlet, available: Mapping[str, Parameter], parameter_set: str) -> bool:
    """A set whose own parameters are all gone in this build is gone with them."""
    own = {name for name, p in cmdlet.parameters.items() if p.sets == {parameter_set}}
    return not own or not own.isdisjoint(available)


def _missing(available: Mapping[str, Parameter], given: Any, parameter_set: str) -> list[str]:
    return [name for name, p in available.items() if parameter_set in p.required_in and name not in given]


def _check_mandatory(
    cmdlet: Cmdlet, available: Mapping[str, Parameter], given: Mapping[str, Any], chosen: str
) -> None:
    if missing := _missing(available, given, chosen):
        refused = not_bound(
            cmdlet,
            "MissingMandatoryParameter",
            "Cannot process command because of one or more missing mandatory parameters: "
            f"{' '.join(missing)}.",
            target=missing[0],
        )
        raise Terminated(refused.error, tuple(Field(name, available[name].type) for name in missing))
    for name, value in given.items():
        if value is None and chosen in available[name].required_in:
            raise not_bound(
                cmdlet,
                "ParameterArgumentValidationErrorNullNotAllowed",
                f"Cannot bind argument to parameter '{name}' because it is null.",
                category=INVALID_DATA,
                target=name,
            )


# --- conversion to the parameter's type ---------------------------------------------------------


def _converted(cmdlet: Cmdlet, parameter: Parameter, value: Any) -> Any:
    convert: Callable[[Any], Any] = _CONVERSIONS.get(parameter.type, _text)
    try:
        return convert(value)
    except BadValue as reason:
        shown = "***" if isinstance(value, Secret | Credential) else str(value)[:200]
        raise not_transformed(
            cmdlet,
            parameter.name,
            f'Cannot convert value "{shown}" to type "{parameter.type}". {reason}',
        ) from None


def _boolean(value: Any) -> bool:
    if isinstance(value, bool | int | float):
        return bool(value)
    raise BadValue(
        "Boolean parameters accept only Boolean values and numbers, such as $True, $False, 1 or 0."
    )


def _integer(value: Any) -> int:
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
    "AllowedServices": _flags,
    "ErrorPolicies": _flags,
    "AuthMechanisms": _flags,
    "PermissionGroups": _flags,
    "ServerIdParameter": _identity,
    "SendConnectorIdParameter": _identity,
    "ReceiveConnectorIdParameter": _identity,
    "ExchangeCertificateIdParameter": _identity,
    "TransportServerIdParameter": _identity,
    "AcceptedDomainIdParameter": _identity,
}
