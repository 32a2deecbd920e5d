"""Every door, by name."""

from __future__ import annotations

from tests.fuzz.target import Target
from tests.fuzz.targets import acme, certificates, exchange, files, lab

TARGETS: dict[str, Target] = {
    target.name: target
    for target in (*acme.TARGETS, *files.TARGETS, *exchange.TARGETS, *certificates.TARGETS, *lab.TARGETS)
}
