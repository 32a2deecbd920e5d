"""The releases of Exchange that this tool knows, by their build numbers.

Source: Microsoft's page "Exchange Server build numbers and release dates". Security updates count in the last
number, which ``AdminDisplayVersion`` does not show: three numbers make a release.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from state.resources import Build


@dataclass(frozen=True, slots=True)
class Release:
    """One release.

    Attributes:
        version: ``2010`` to ``SE``, as it is declared.
        update: ``RTM``, a cumulative update or a service pack.
        first: Its build number when it came out.
    """

    version: str
    update: str
    first: Build

    def __str__(self) -> str:
        return f"Exchange {self.version} {self.update}"


RELEASES: Final = (
    Release("SE", "RTM", Build(15, 2, 2562, 17)),
    Release("2019", "CU15", Build(15, 2, 1748, 10)),
    Release("2019", "CU14", Build(15, 2, 1544, 4)),
    Release("2019", "CU13", Build(15, 2, 1258, 12)),
    Release("2019", "CU12", Build(15, 2, 1118, 7)),
    Release("2019", "CU11", Build(15, 2, 986, 5)),
    Release("2016", "CU23", Build(15, 1, 2507, 6)),
    Release("2016", "CU22", Build(15, 1, 2375, 7)),
    Release("2013", "CU23", Build(15, 0, 1497, 2)),
    Release("2010", "SP3", Build(14, 3, 123, 4)),
)
"""Newest first. A build between two of them is judged by its numbers alone."""

NEWEST: Final = RELEASES[0]
OLDEST: Final = RELEASES[-1]

_BY_NUMBERS: Final[Mapping[tuple[int, int, int], Release]] = {
    (release.first.major, release.first.minor, release.first.build): release for release in RELEASES
}


def release_of(build: Build) -> Release | None:
    """The release that a build number belongs to; None for one that is not in the list."""
    return _BY_NUMBERS.get((build.major, build.minor, build.build))


def newest_of(version: str) -> Release:
    """The newest release of a declared version.

    Raises:
        StopIteration: there is no such version; config never asks for one.
    """
    return next(release for release in RELEASES if release.version == version)


def is_newer_than_known(build: Build) -> bool:
    """True beyond the newest release: what it has is taken to be what that one has."""
    return build > NEWEST.first and release_of(build) is not NEWEST


def is_older_than_known(build: Build) -> bool:
    """True before the oldest release, which is the oldest that this tool was made for."""
    return build < OLDEST.first


def build_text(build: Build) -> str:
    """``Exchange 2019 CU15 (15.2.1748.10)``, or the number alone."""
    release = release_of(build)
    return f"{release} ({build})" if release else str(build)
