"""Which ways in are run: every one on the newest build, every build by one, and every pair of the rest.

``python -m tests.matrix`` prints the table that the README shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Final, Literal

from tests.published import BUILDS

Endpoint = Literal["exchange", "winrm"]
Scheme = Literal["https", "http"]
ENDPOINTS: Final[tuple[Endpoint, ...]] = ("exchange", "winrm")
SCHEMES: Final[tuple[Scheme, ...]] = ("https", "http")
SIGN_ONS: Final = ("basic", "certificate", "ntlm", "negotiate", "kerberos", "kerberos, tickets")
NEED_TLS: Final = ("basic", "certificate")
NEWEST: Final = BUILDS[0]


@dataclass(frozen=True)
class Run:
    """One combination; a Mailbox server is reached through ``exchange``, an Edge server through ``winrm``."""

    build: str
    endpoint: Endpoint
    scheme: Scheme
    sign_on: str

    def __str__(self) -> str:
        return f"{self.build} {self.endpoint} {self.scheme} {self.sign_on}"

    @property
    def is_valid(self) -> bool:
        return self.scheme == "https" or self.sign_on not in NEED_TLS

    @property
    def pairs(self) -> frozenset[tuple[str, str]]:
        return frozenset(combinations((self.build, self.endpoint, self.scheme, self.sign_on), 2))


def runs() -> tuple[Run, ...]:
    """All that are run."""
    return tuple(dict.fromkeys((*_every_way(), *_every_build(), *_pairs())))


def every(build: str) -> Iterator[Run]:
    """Every valid combination with a build."""
    for endpoint in ENDPOINTS:
        for scheme in SCHEMES:
            for sign_on in SIGN_ONS:
                run = Run(build, endpoint, scheme, sign_on)
                if run.is_valid:
                    yield run


def _every_way() -> Iterator[Run]:
    yield from every(NEWEST)


def _every_build() -> Iterator[Run]:
    for build in BUILDS:
        yield Run(build, "exchange", "https", "basic")


def _pairs() -> Iterator[Run]:
    """Each build with each sign-on; endpoints and schemes take turns."""
    for row, build in enumerate(BUILDS[1:]):
        for column, sign_on in enumerate(SIGN_ONS[1:]):
            endpoint = ENDPOINTS[(row + column) % 2]
            scheme = "https" if sign_on in NEED_TLS else SCHEMES[(row + column // 2) % 2]
            yield Run(build, endpoint, scheme, sign_on)


def table() -> str:
    """What is run, for people: the builds by sign-on and way in."""
    ways = [(endpoint, scheme) for endpoint in ENDPOINTS for scheme in SCHEMES]
    lines = [
        "| `auth` | " + " | ".join(f"`{endpoint}`, {scheme}" for endpoint, scheme in ways) + " |",
        "|---" * (len(ways) + 1) + "|",
    ]
    for sign_on in SIGN_ONS:
        name, _, with_what = sign_on.partition(", ")
        cells = [_cell(endpoint, scheme, sign_on) for endpoint, scheme in ways]
        lines.append(f"| {name}{f' ({with_what})' if with_what else ''} | {' | '.join(cells)} |")
    lines.append("| credssp | " + " | ".join(["not run"] * len(ways)) + " |")
    return "\n".join(lines) + "\n"


def _cell(endpoint: str, scheme: str, sign_on: str) -> str:
    found = [
        run.build for run in runs() if (run.endpoint, run.scheme, run.sign_on) == (endpoint, scheme, sign_on)
    ]
    return "every build" if len(found) == len(BUILDS) else ", ".join(sorted(found, key=BUILDS.index)) or "-"


if __name__ == "__main__":
    print(table(), end="")
