"""Exchange builds: the token a person writes, and what follows from it.

Source: Microsoft's list "Exchange Server build numbers and release dates".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Version = tuple[int, int, int, int]

VERSIONS: dict[str, dict[str, Version]] = {
    "2010": {"sp1": (14, 1, 218, 15), "sp2": (14, 2, 247, 5), "sp3": (14, 3, 123, 4)},
    "2013": {
        "rtm": (15, 0, 516, 32),
        "cu1": (15, 0, 620, 29),
        "cu10": (15, 0, 1130, 7),
        "cu20": (15, 0, 1367, 3),
        "cu21": (15, 0, 1395, 4),
        "cu22": (15, 0, 1473, 3),
        "cu23": (15, 0, 1497, 2),
    },
    "2016": {
        "rtm": (15, 1, 225, 42),
        "cu1": (15, 1, 396, 30),
        "cu10": (15, 1, 1531, 3),
        "cu18": (15, 1, 2106, 2),
        "cu19": (15, 1, 2176, 2),
        "cu20": (15, 1, 2242, 4),
        "cu21": (15, 1, 2308, 8),
        "cu22": (15, 1, 2375, 7),
        "cu23": (15, 1, 2507, 6),
    },
    "2019": {
        "rtm": (15, 2, 221, 12),
        "cu1": (15, 2, 330, 5),
        "cu8": (15, 2, 792, 3),
        "cu9": (15, 2, 858, 5),
        "cu10": (15, 2, 922, 7),
        "cu11": (15, 2, 986, 5),
        "cu12": (15, 2, 1118, 7),
        "cu13": (15, 2, 1258, 12),
        "cu14": (15, 2, 1544, 4),
        "cu15": (15, 2, 1748, 10),
    },
    "SE": {"rtm": (15, 2, 2562, 17)},
}

SIGNS_SINCE: dict[str, Version] = {"2016": (15, 1, 2507, 0), "2019": (15, 2, 1258, 0), "SE": (15, 2, 0, 0)}
"""Builds that sign serialization data by default [6.2-2], taken to have their newest security update
(that of November 2023 or later); AdminDisplayVersion does not show security updates."""

FILES_UNTIL: dict[str, Version] = {"2016": (15, 1, 2507, 0), "2019": (15, 2, 1118, 0), "SE": (15, 2, 0, 0)}
"""First builds without RequestFile and FileName [2.1-3], [2.2-1]."""


class UnknownBuild(ValueError):
    """The builds that are asked for cannot be had; the message says why."""

    @classmethod
    def of(cls, token: str) -> UnknownBuild:
        known = ", ".join(build.token for build in every_build())
        return cls(f"unknown Exchange build {token!r}; known: {known}, or a version for its newest")


@dataclass(frozen=True, slots=True)
class Build:
    """One build.

    Attributes:
        product: ``2010``, ``2013``, ``2016``, ``2019`` or ``SE``, as the cmdlet pages name them.
        update: Cumulative update or service pack in lower case, such as ``cu15``; may be empty
            where a version belongs to none that is listed.
        version: Major, minor, build, revision.
    """

    product: str
    update: str
    version: Version

    @property
    def token(self) -> str:
        return f"{self.product}-{self.update}" if self.update else self.product

    @property
    def display(self) -> str:
        """AdminDisplayVersion's text [6.5]."""
        major, minor, build, revision = self.version
        return f"Version {major}.{minor} (Build {build}.{revision})"

    @property
    def assembly(self) -> str:
        """Version of the assemblies that are versioned with the build."""
        major, minor, build, _ = self.version
        return f"{major}.{minor}.{build}.0"

    @property
    def signs(self) -> bool:
        since = SIGNS_SINCE.get(self.product)
        return since is not None and self.version >= since

    @property
    def has_file_parameters(self) -> bool:
        """RequestFile and FileName are still there."""
        until = FILES_UNTIL.get(self.product)
        return until is None or self.version < until

    @property
    def is_modern(self) -> bool:
        """2013 or newer: one Mailbox role with a front end, not separate role servers."""
        return self.version >= (15,)


def every_build() -> list[Build]:
    """Newest first."""
    return [Build(p, u, v) for p, updates in reversed(VERSIONS.items()) for u, v in reversed(updates.items())]


def newest(product: str = "SE") -> Build:
    update, version = list(VERSIONS[product].items())[-1]
    return Build(product, update, version)


def build_of_token(token: str) -> Build:
    """Read a token such as ``2019-cu15``; a bare year is its newest build.

    Raises:
        UnknownBuild: there is none of that name.
    """
    product, _, update = token.partition("-")
    product = product.upper()
    updates = VERSIONS.get(product, {})
    if updates and not update:
        return newest(product)
    if update.lower() not in updates:
        raise UnknownBuild.of(token)
    return Build(product, update.lower(), updates[update.lower()])


@dataclass(frozen=True, slots=True)
class Builds:
    """Which server gets which build.

    Attributes:
        default: Of the servers that are not named.
        of_servers: By name in lower case.
    """

    default: Build
    of_servers: Mapping[str, Build]

    def of(self, server: str) -> Build:
        return self.of_servers.get(server.lower(), self.default)

    def check(self, servers: Iterable[str]) -> None:
        """Refuse names that no server has.

        Raises:
            UnknownBuild: with the first of them.
        """
        known = {server.lower(): server for server in servers}
        for name, build in self.of_servers.items():
            if name not in known:
                there = ", ".join(known.values()) or "none"
                raise UnknownBuild(f"{build.token} is for a server {name!r}, and the servers are: {there}")


def builds_of_texts(texts: Iterable[str]) -> Builds:
    """Read ``BUILD`` for all servers and ``NAME=BUILD`` for one; the newest where nothing is said.

    Raises:
        UnknownBuild: there is no such build, or two are meant for one server.
    """
    default: Build | None = None
    of_servers: dict[str, Build] = {}
    for text in texts:
        name, is_for_one, token = text.rpartition("=")
        build = build_of_token(token.strip())
        name = name.strip().lower()
        if is_for_one and name not in of_servers:
            of_servers[name] = build
        elif not is_for_one and default is None:
            default = build
        else:
            raise UnknownBuild(f"{text!r} is a second build for {name if is_for_one else 'all servers'}")
    return Builds(default or newest(), of_servers)


def build_of_display(text: str) -> Build | None:
    """Read AdminDisplayVersion; None when it is no version of Exchange 2010 or later."""
    match = re.fullmatch(r"Version (\d+)\.(\d+) \(Build (\d+)\.(\d+)\)", text)
    if match is None:
        return None
    version: Version = (int(match[1]), int(match[2]), int(match[3]), int(match[4]))
    for build in every_build():
        if build.version[:3] == version[:3]:
            return Build(build.product, build.update, version)
    for product in reversed(VERSIONS):
        if min(VERSIONS[product].values())[:2] == version[:2] and version >= min(VERSIONS[product].values()):
            return Build(product, "", version)
    return None
