"""The example organization on a lab in this process, and its operations as a person would call them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.events import Event
from reconciler.lab.call import Role
from reconciler.lab.control import ThreadedLab, open_threaded
from reconciler.operations.applying import ApplyOutcome, run_apply
from reconciler.operations.inputs import Inputs, Surroundings
from reconciler.operations.planning import Planned, run_plan

EXAMPLE = Path(__file__).parent.parent / "examples" / "contoso"
ONE_SERVER = """\
version: 1
organization: contoso
issuers:
  house: {type: local, certificate: ca.pem, key: ca.key}
servers:
  MBX1:
    role: mailbox
    host: mbx1.contoso.com
    certificates:
      public:
        subject: "O=Contoso Ltd, CN=mail.contoso.com"
        domains: [mail.contoso.com]
        issuer: house
    receive_connectors:
      "Default Frontend MBX1": {certificate: public}
"""
"""Another organization: one server, and one certificate that it answers with."""


@dataclass(frozen=True)
class Contoso:
    """A lab, and what is declared for it.

    Attributes:
        path: The YAML.
        state: The folder of the record.
    """

    lab: ThreadedLab
    path: Path
    state: Path

    def inputs(self, role: Role = Role.ADMIN) -> Inputs:
        return Inputs(self.path, connections=self.lab.connections(role), state=self.state)

    def plan(self, role: Role = Role.ADMIN, **options: Any) -> Planned:
        return run_plan(self.inputs(role), Surroundings(unheard), **options)

    def apply(self) -> ApplyOutcome:
        return run_apply(self.inputs(), Surroundings(unheard), lambda planned: True)

    def options(self, role: Role = Role.ADMIN) -> list[str]:
        """What the command line needs to be told."""
        return ["--connections", str(self.lab.connections(role)), "--state", str(self.state)]

    def cmdlets(self, *, mutating: bool | None = None) -> list[dict[str, Any]]:
        """What the lab received, oldest first."""
        received: list[dict[str, Any]] = self.lab.status()["cmdlets"]
        return [one for one in received if mutating is None or one["mutating"] is mutating]


@contextmanager
def contoso(directory: Path, path: Path = EXAMPLE, **options: Any) -> Iterator[Contoso]:
    """Start a lab for a while.

    Args:
        directory: The test's own.
        path: The YAML, if not the example's.
        options: Of :func:`reconciler.lab.control.open_threaded`.
    """
    with open_threaded(directory / "lab", **options) as lab:
        yield Contoso(lab, path, directory / "state")


def unheard(event: Event) -> None:
    """A listener that nobody looks at."""
