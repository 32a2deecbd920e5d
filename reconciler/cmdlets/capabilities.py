"""What a build lacks. Source: the "Applicable" line of each parameter on the cmdlets' pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from state.resources import Build

VERSIONS: Final[Mapping[str, tuple[int, int]]] = {
    "2010": (14, 0),
    "2013": (15, 0),
    "2016": (15, 1),
    "2019": (15, 2),
    "SE": (15, 2),
}
"""First build number of each version; SE continues the numbers of 2019."""

_SINCE: Final[Mapping[str, tuple[int, int]]] = {
    # Send connectors [3-15], [3-21]
    "TlsCertificateName": (15, 0),
    "FrontendProxyEnabled": (15, 0),
    "CloudServicesMailEnabled": (15, 0),
    "ConnectorType": (15, 1),
}


def lacks(version: tuple[int, int], parameter: str) -> bool:
    """True when connectors of a version do not have this parameter."""
    return version < _SINCE.get(parameter, (0, 0))


def lacking(version: tuple[int, int]) -> frozenset[str]:
    """Every parameter that connectors of a version do not have."""
    return frozenset(parameter for parameter in _SINCE if lacks(version, parameter))


def version_of(build: Build) -> tuple[int, int]:
    return build.major, build.minor
