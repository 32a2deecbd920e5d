"""From declared issuers to open ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final, Protocol, cast

from reconciler.cmdlets.certificate import brings_answer
from reconciler.config.desired import Desired, IssuerSettings
from reconciler.config.models.issuer import CommandIssuer as CommandModel
from reconciler.config.models.issuer import LocalIssuer as LocalModel
from reconciler.config.models.issuer import ManualIssuer as ManualModel
from reconciler.issuers.command import TIMEOUT, CommandIssuer
from reconciler.issuers.guarded import open_guarded
from reconciler.issuers.kind import IssuerKind, Opening
from reconciler.issuers.local import LocalIssuer
from reconciler.issuers.manual.issuer import ManualIssuer
from reconciler.issuers.port import (
    CertificateRequest,
    Issued,
    Issuer,
    IssuerFailed,
    IssuerUnusable,
    Waiting,
)
from reconciler.plan.change import Plan
from state.resources import Certificate

from .acme import open_acme

_SETTINGS_OF_ISSUER: Final = "correct the settings of the issuer, in the YAML or in the connections file"


class IssuerOpener(Protocol):
    """Makes an issuer of its settings."""

    def __call__(self, settings: IssuerSettings, clock: Callable[[], datetime]) -> Issuer:
        """Open an issuer.

        Raises:
            IssuerUnusable: its settings or its files are not in order.
        """
        ...


def open_issuer(settings: IssuerSettings, clock: Callable[[], datetime]) -> Issuer:
    """Open an issuer of a type that is built in, or plugged in.

    Raises:
        IssuerUnusable: its settings or its files are not in order.
    """
    opening = Opening(settings.name, settings.settings, settings.base, clock)
    if settings.plug_in is not None:
        return open_guarded(cast(IssuerKind, settings.plug_in), opening)
    return _BUILT_IN[settings.type](opening)


def _open_local(opening: Opening) -> Issuer:
    files: LocalModel = opening.settings
    return LocalIssuer.open(
        opening.name, opening.base / files.certificate, opening.base / files.key, clock=opening.clock
    )


def _open_manual(opening: Opening) -> Issuer:
    declared: ManualModel = opening.settings
    return ManualIssuer(
        opening.name,
        opening.base / declared.folder,
        is_text=declared.encoding != "der",
        note=declared.note if isinstance(declared.note, str) else "",
        clock=opening.clock,
    )


def _open_command(opening: Opening) -> Issuer:
    declared: CommandModel = opening.settings
    timeout = declared.timeout if isinstance(declared.timeout, timedelta) else TIMEOUT
    return CommandIssuer.open(opening.name, declared.command, opening.base, timeout)


_BUILT_IN: Final[Mapping[str, Callable[[Opening], Issuer]]] = {
    "local": _open_local,
    "acme": open_acme,
    "manual": _open_manual,
    "command": _open_command,
}
"""By type; the same types as :data:`reconciler.config.models.issuer.BUILT_IN`."""


def issuers_asked(plan: Plan) -> frozenset[str]:
    """The names of the issuers that a plan asks."""
    return frozenset(
        str(change.learned.recorded.resource.issuer)
        for change in plan.changes
        if change.action.is_run
        and change.learned
        and change.learned.recorded
        and isinstance(change.learned.recorded.resource, Certificate)
        and any(map(brings_answer, change.invocations))
    )


def open_issuers(
    names: Iterable[str], desired: Desired, opener: IssuerOpener, clock: Callable[[], datetime]
) -> Mapping[str, Issuer]:
    """Open the issuers of a plan.

    One that cannot be used is there as well, and says so when it is asked: its certificates wait, and those
    of the others do not.
    """
    opened: dict[str, Issuer] = {}
    for name in sorted(names):
        try:
            opened[name] = opener(desired.issuers[name], clock)
        except IssuerFailed as error:
            opened[name] = _Unusable(name, error)
    return opened


class _Unusable:
    """Stands for an issuer that cannot be opened."""

    def __init__(self, name: str, error: IssuerFailed) -> None:
        self._name = name
        self._error = error

    def issue(self, request: CertificateRequest) -> Issued | Waiting:
        """Say why.

        Raises:
            IssuerUnusable: always.
        """
        reason, hint = self._error.reason, self._error.hint or _SETTINGS_OF_ISSUER
        raise IssuerUnusable(self._name, reason, hint) from self._error
