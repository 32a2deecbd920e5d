"""The facts of Microsoft's cmdlet pages, as far as tests ask for them: which build has what.

They are read from the file beside the folder that EXCHANGE_CORPUS names; where there is none, from the lab's
own table, which another test holds against that file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

VERSIONS = ("SE", "2019", "2016", "2013", "2010")
BUILDS = (
    *("SE-rtm", "2019-cu15", "2019-cu14", "2019-cu13", "2019-cu12", "2019-cu11"),
    *("2016-cu23", "2016-cu22", "2013-cu23", "2010-sp3"),
)
"""The builds that are promised, as the lab calls them."""
NO_FILES = frozenset({"SE-rtm", "2019-cu15", "2019-cu14", "2019-cu13", "2019-cu12", "2016-cu23"})
"""Builds after the cumulative updates of 2022 H1 [2.1-3], [2.2-1]."""
FILES = frozenset({("New-ExchangeCertificate", "RequestFile"), ("Import-ExchangeCertificate", "FileName")})


@dataclass(frozen=True)
class Page:
    """One cmdlet.

    Attributes:
        sets: Parameters of each parameter set, and which of them are mandatory.
        parameters: Versions that have each; None among the roles for both.
    """

    versions: frozenset[str]
    sets: Mapping[str, tuple[frozenset[str], frozenset[str]]]
    parameters: Mapping[str, frozenset[str]]
    edge_only: frozenset[str]
    not_on_edge: frozenset[str]

    def objections(self, cmdlet: str, given: Iterable[str], build: str, *, edge: bool) -> Iterator[str]:
        """Why a server would not take a command line; nothing where it would."""
        names, version = frozenset(given), build.partition("-")[0]
        if version not in self.versions:
            yield f"{version} has no {cmdlet}"
        for name in sorted(names):
            if name not in self.parameters:
                yield f"{cmdlet} has no {name}"
            elif not self.has(cmdlet, name, build, edge=edge):
                yield f"{cmdlet} has no {name} on {build}, {'Edge' if edge else 'Mailbox'}"
        if not any(names <= all_of_it and needed <= names for all_of_it, needed in self.sets.values()):
            yield f"{sorted(names)} fits no parameter set of {cmdlet}"

    def has(self, cmdlet: str, name: str, build: str, *, edge: bool) -> bool:
        if name in (self.not_on_edge if edge else self.edge_only):
            return False
        if edge and name in ("DomainController", "TransportRole"):  # on every cmdlet [1-4]; [4-10]
            return False
        if (cmdlet, name) in FILES:  # the page says 2013 only; it went with these updates
            return build not in NO_FILES and build != "2010-sp3"
        return build.partition("-")[0] in self.parameters[name]


def pages() -> Mapping[str, Page]:
    """Every cmdlet by name."""
    path = Path(os.environ.get("EXCHANGE_CORPUS", ".")).parent / "cmdlets.json"
    if path.is_file():
        return {name: _page(facts) for name, facts in json.loads(path.read_text("utf-8"))["cmdlets"].items()}
    text = resources.files("reconciler.lab.exchange").joinpath("cmdlets.json").read_text("utf-8")
    return {name: _of_the_lab(facts) for name, facts in json.loads(text)["cmdlets"].items()}


def _page(facts: Mapping[str, Any]) -> Page:
    parameters = facts["parameters"]
    return Page(
        frozenset(facts["applicable"]),
        {
            name: (frozenset(one["parameters"]), frozenset(one["required"]))
            for name, one in facts["parameter_sets"].items()
        },
        {name: frozenset(one["applicable"]) for name, one in parameters.items()},
        frozenset(name for name, one in parameters.items() if one.get("edge_only")),
        frozenset(name for name, one in parameters.items() if one.get("not_on_edge")),
    )


def _of_the_lab(facts: Mapping[str, Any]) -> Page:
    parameters: Mapping[str, Any] = facts["parameters"]
    in_set = {
        each: frozenset(name for name, one in parameters.items() if each in one.get("sets", facts["sets"]))
        for each in facts["sets"]
    }

    def is_needed(name: str, each: str) -> bool:
        required = parameters[name].get("required", [])
        return required is True or each in required

    return Page(
        frozenset(facts.get("applicable", VERSIONS)),
        {
            each: (names, frozenset(name for name in names if is_needed(name, each)))
            for each, names in in_set.items()
        },
        {name: frozenset(one.get("applicable", VERSIONS)) for name, one in parameters.items()},
        frozenset(name for name, one in parameters.items() if one.get("edge_only")),
        frozenset(name for name, one in parameters.items() if one.get("not_on_edge")),
    )
