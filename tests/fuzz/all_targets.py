"""Every door, by name."""

from __future__ import annotations

from tests.fuzz.target import Target
from tests.fuzz.targets import certificates, exchange, files, lab

TARGETS: dict[str, Target] = {
    target.name: target for target in (*files.TARGETS, *exchange.TARGETS, *certificates.TARGETS, *lab.TARGETS)
}
