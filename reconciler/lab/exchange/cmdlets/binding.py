"""Parameter binding: from the arguments of a command to typed values, as PowerShell does it.

Source: about_Parameters, about_Parameter_Sets, and the error ids of System.Management.Automation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.lab.call import Argument, Field, Terminated
from reconciler.lab.exchange.builds import Build
from reconciler.lab.exchange.cmdlets.catalogue import Cmdlet, Parameter
from reconciler.lab.exchange.cmdlets.conversion import checked_for_build, converted
from reconciler.lab.exchange.cmdlets.errors import not_bound, not_valid

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
COMMON_ALIASES |= {"infa": "InformationAction", "iv": "InformationVariable", "pv": "PipelineVariable"}


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

    As PowerShell does it: names are resolved first, then values are bound and converted in the order
    given, then what is left over is looked at, and last the parameter set.

    Raises:
        Terminated: unknown, ambiguous, doubled or missing parameters, sets that exclude each
            other, values that the type does not accept.
    """
    available = {name: p for name, p in cmdlet.parameters.items() if p.is_in(build)}
    named = [(each, _full_name(cmdlet, available, each.name)) for each in arguments if each.name is not None]
    given: dict[str, Any] = {}
    common: dict[str, Any] = {}
    for argument, name in named:
        if name is None:
            continue
        target = given if name in available else common
        if name in target:
            raise not_bound(
                cmdlet,
                "ParameterAlreadyBound",
                f"Cannot bind parameter because parameter '{name}' is specified more than once.",
            )
        # On the wire `-Switch` and `-Parameter $null` are alike; only the parameter's type tells them apart.
        is_switch = argument.is_switch and (target is common or available[name].is_switch)
        value = True if is_switch else argument.value
        target[name] = value if target is common else _bound(cmdlet, build, available[name], value)
    positional = [argument.value for argument in arguments if argument.name is None]
    _bind_positional(cmdlet, build, available, given, positional)
    for argument, name in named:
        if name is None:
            raise not_bound(
                cmdlet,
                "NamedParameterNotFound",
                f"A parameter cannot be found that matches parameter name '{argument.name}'.",
            )
    chosen = _parameter_set(cmdlet, available, given.keys())
    _check_mandatory(cmdlet, available, given, chosen)
    return Bound(given, chosen, common)


def _bound(cmdlet: Cmdlet, build: Build, parameter: Parameter, value: Any) -> Any:
    """Convert a value; a parameter that is mandatory in some set takes neither null nor nothing."""
    if parameter.required_in and (reason := _emptiness(parameter, value)):
        identity, what = reason
        raise not_valid(
            cmdlet, identity, f"Cannot bind argument to parameter '{parameter.name}' because it is {what}."
        )
    return checked_for_build(cmdlet, build, parameter, converted(cmdlet, parameter, value))


def _emptiness(parameter: Parameter, value: Any) -> tuple[str, str] | None:
    prefix = "ParameterArgumentValidationError"
    if value is None:
        return f"{prefix}NullNotAllowed", "null"
    if value in ([], b""):
        return f"{prefix}EmptyCollectionNotAllowed", "an empty collection"
    if value == "" and parameter.type == "String":
        return f"{prefix}EmptyStringNotAllowed", "an empty string"
    return None


def _full_name(cmdlet: Cmdlet, available: Mapping[str, Parameter], given: str) -> str | None:
    """Resolve a name, an alias or an unambiguous prefix; None: there is none."""
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
        )
    return None


def _bind_positional(
    cmdlet: Cmdlet,
    build: Build,
    available: Mapping[str, Parameter],
    given: dict[str, Any],
    values: Sequence[Any],
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
        given[place.name] = _bound(cmdlet, build, place, value)
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
        )
        raise Terminated(refused.error, tuple(Field(name, available[name].type) for name in missing))
