"""What cmdlets there are, with which parameters, in which builds: facts from cmdlets.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any

from reconciler.lab.exchange.builds import Build

EVERY_VERSION = ("2010", "2013", "2016", "2019", "SE")
TASKS = "Microsoft.Exchange.Management.SystemConfigurationTasks."


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter.

    Attributes:
        name: Its name.
        type: Its type, as the page gives it.
        position: Place among positional arguments; None when it is named only.
        aliases: Other names.
        sets: The parameter sets it is in.
        required_in: Those in which it is mandatory.
        applicable: Versions that have it.
        was_removed: It went with the cumulative updates of 2022 H1.
        limits: Smallest and largest value; None when the page states none.
        max_length: Longest text; None when the page states none.
        edge_only: Valid on Edge servers only.
        not_on_edge: Not valid on Edge servers.
    """

    name: str
    type: str
    position: int | None
    aliases: tuple[str, ...]
    sets: frozenset[str]
    required_in: frozenset[str]
    applicable: frozenset[str]
    was_removed: bool
    limits: tuple[str, str] | None
    max_length: int | None
    edge_only: bool
    not_on_edge: bool

    @property
    def is_switch(self) -> bool:
        return self.type == "SwitchParameter"

    def is_in(self, build: Build) -> bool:
        if self.was_removed and not build.has_file_parameters:
            return False
        return build.product in self.applicable


@dataclass(frozen=True, slots=True)
class Cmdlet:
    """One cmdlet.

    Attributes:
        name: ``Verb-Noun``.
        sets: Its parameter sets.
        default_set: The set that wins when several fit.
        applicable: Versions that have it.
        parameters: By name.
        class_name: The .NET class, as error ids end with it [2.4-4].
        is_function: A remote session reaches it through a function of its name; a session with the
            snap-in calls the class itself.
    """

    name: str
    sets: tuple[str, ...]
    default_set: str
    applicable: frozenset[str]
    parameters: Mapping[str, Parameter]
    class_name: str
    is_function: bool = False

    @property
    def bound_name(self) -> str:
        """What ids of binding errors end with.

        Public reports from remote Exchange sessions end with the cmdlet's name
        (``NamedParameterNotFound,Get-InboxRule``: O365-InvestigationTooling issue 36;
        ``ParameterArgumentTransformationError,New-ReceiveConnector``: Apoc70/PowerShell-Scripts issue 3),
        those from a shell with the snap-in end with the class
        (``...,Microsoft.Exchange.Management.SystemConfigurationTasks.NewReceiveConnector``:
        Apoc70/Copy-ReceiveConnector issue 4).
        """
        return self.name if self.is_function else self.class_name

    def without(self, hidden: frozenset[str]) -> Cmdlet:
        """The same, as a role that lacks some parameters sees it [5-4]."""
        lacking = {name.casefold() for name in hidden}
        shown = {name: each for name, each in self.parameters.items() if name.casefold() not in lacking}
        return self if len(shown) == len(self.parameters) else replace(self, parameters=shown)

    def as_function(self) -> Cmdlet:
        """The same, as a remote session sees it."""
        return replace(self, is_function=True)


@cache
def catalogue() -> Mapping[str, Cmdlet]:
    """Every cmdlet that the lab knows, by name in lower case."""
    text = resources.files("reconciler.lab.exchange").joinpath("cmdlets.json").read_text("utf-8")
    return {name.lower(): _cmdlet(name, facts) for name, facts in json.loads(text)["cmdlets"].items()}


def find(name: str, build: Build) -> Cmdlet | None:
    """Find a cmdlet that a build has."""
    cmdlet = catalogue().get(name.lower())
    return cmdlet if cmdlet and build.product in cmdlet.applicable else None


def _cmdlet(name: str, facts: Mapping[str, Any]) -> Cmdlet:
    sets = tuple(facts["sets"])
    return Cmdlet(
        name=name,
        sets=sets,
        default_set=facts["default_set"],
        applicable=frozenset(facts.get("applicable", EVERY_VERSION)),
        parameters={key: _parameter(key, each, sets) for key, each in facts["parameters"].items()},
        class_name=facts.get("class", TASKS + name.replace("-", "")),
    )


def _parameter(name: str, facts: Mapping[str, Any], every_set: tuple[str, ...]) -> Parameter:
    sets = frozenset(facts.get("sets", every_set))
    required = facts.get("required", [])
    limits = facts.get("range")
    return Parameter(
        name=name,
        type=facts["type"],
        position=facts.get("position"),
        aliases=tuple(facts.get("aliases", ())),
        sets=sets,
        required_in=sets if required is True else frozenset(required),
        applicable=frozenset(facts.get("applicable", EVERY_VERSION)),
        was_removed="removed" in facts,
        limits=(str(limits[0]), str(limits[1])) if limits else None,
        max_length=facts.get("max_length"),
        edge_only=facts.get("edge_only", False),
        not_on_edge=facts.get("not_on_edge", False),
    )
