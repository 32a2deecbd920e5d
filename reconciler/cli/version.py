"""The version of the installed distribution."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def tool_version() -> str:
    """As the distribution says; ``0+unknown`` where the source runs without being installed."""
    try:
        return version("exchange-tls-reconciler")
    except PackageNotFoundError:
        return "0+unknown"
