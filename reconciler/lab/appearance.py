"""What a server shows otherwise than it is, and what a role hides: rules of ``lab up --faults FILE``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from reconciler.lab.call import Look, View

EVERYTHING: Final = View()


class ShowsRule(BaseModel):
    """A server that shows its objects otherwise than a full session of today's build does.

    Attributes:
        server: Which; any server when not given.
        shows: How, see :class:`reconciler.lab.call.Look`.
        cmdlet: In whose output; in that of each when not given.
        properties: Which properties, for ``missing`` and ``mistyped``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    server: str | None = None
    shows: Look
    cmdlet: str | None = None
    properties: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _named(self) -> ShowsRule:
        if (self.shows in (Look.MISSING, Look.MISTYPED)) != bool(self.properties):
            raise ValueError("properties go with missing and mistyped, and these with properties")
        return self


class HidesRule(BaseModel):
    """A role that lacks a cmdlet, or a parameter of it [5-4]. Edge servers know no roles [5-1].

    Attributes:
        server: Where; on each Mailbox server when not given.
        account: Whose role; everybody's when not given.
        hides: ``Get-SendConnector``, or ``Set-SendConnector -TlsCertificateName``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    server: str | None = None
    account: Literal["admin", "viewer"] | None = None
    hides: Annotated[str, Field(pattern=r"^[A-Za-z]+-[A-Za-z]+( -[A-Za-z]+)?$")]


def view_of(
    rules: Iterable[ShowsRule | HidesRule], server: str, account: str, cmdlet: str, *, has_roles: bool
) -> View:
    """What an account is shown of one cmdlet on one server.

    Args:
        has_roles: False on an Edge server, where nothing is hidden.
    """
    looks: set[Look] = set()
    properties: dict[Look, set[str]] = {Look.MISSING: set(), Look.MISTYPED: set()}
    hidden: set[str] = set()
    is_hidden = False
    for rule in rules:
        if not _is(rule.server, server):
            continue
        if isinstance(rule, ShowsRule):
            if _is(rule.cmdlet, cmdlet):
                looks.add(rule.shows)
                properties.get(rule.shows, set()).update(name.casefold() for name in rule.properties)
        elif has_roles and _is(rule.account, account):
            name, _, parameter = rule.hides.partition(" -")
            if _is(name, cmdlet):
                is_hidden = is_hidden or not parameter
                hidden |= {parameter} - {""}
    if not looks and not hidden and not is_hidden:
        return EVERYTHING
    return View(
        looks=frozenset(looks),
        missing=frozenset(properties[Look.MISSING]),
        mistyped=frozenset(properties[Look.MISTYPED]),
        hidden=frozenset(hidden),
        is_hidden=is_hidden,
    )


def _is(wanted: str | None, name: str) -> bool:
    return wanted is None or wanted.casefold() == name.casefold()
