"""What the builds of servers make of what is declared: who runs a connector's commands, and who lacks what.

In a set of several source servers, the parameters are those of the server that runs the commands, the
effects those of each source server.
"""

from __future__ import annotations

from reconciler.cmdlets.capabilities import lacking, lacks
from reconciler.cmdlets.releases import is_newer_than_known, is_older_than_known
from reconciler.diagnostics import Diagnostic
from state.address import Address
from state.resources import Build, Kind, ReceiveConnector, SendConnector
from state.values import Name

from . import problems
from .change import Change
from .situation import Situation, home_of


def executor(desired: SendConnector, situation: Situation) -> Name:
    """The source server that runs the commands: the first, or the newest that has what the first lacks.

    Where none has all of it, that is the first, and :func:`not_known` says what it lacks.
    """
    first = home_of(desired)
    if not _lacked(desired, first, situation):
        return first
    home = desired.home if isinstance(desired.home, tuple) else ()
    able = [name for name in home if not _lacked(desired, name, situation)]
    if not able:
        return first
    known = [(build, name) for name in able if (build := situation.build(name)) is not None]
    newest = max((build for build, _ in known), default=None)
    return next((name for build, name in known if build == newest), able[0])


def not_known(
    address: Address, desired: SendConnector | ReceiveConnector, server: Name, situation: Situation
) -> tuple[Diagnostic, ...]:
    """What is declared and the server that would run the commands does not know."""
    return tuple(
        problems.lacks_parameter(
            address, str(server), situation.build(server), parameter, edge=situation.is_edge(server)
        )
        for parameter in _lacked(desired, server, situation)
    )


def without_effect(
    address: Address, desired: SendConnector, server: Name, situation: Situation
) -> tuple[Diagnostic, ...]:
    """What is set for all source servers, and some of them do not know."""
    told = []
    of_builds: dict[tuple[Build | None, bool], tuple[str, ...]] = {}
    for name in desired.home if isinstance(desired.home, tuple) else ():
        of = build, _ = situation.build(name), situation.is_edge(name)
        if of not in of_builds:
            of_builds[of] = _lacked(desired, name, situation, in_effect=True)
        if name != server and (lacked := of_builds[of]):
            told.append(problems.not_on_every_source(address, str(name), build, str(server), lacked))
    return tuple(told)


def refused(change: Change, situation: Situation) -> tuple[Diagnostic, ...]:
    """What the invocations of a change hold that their servers do not know."""
    told: list[Diagnostic] = []
    for invocation in change.invocations:
        name = Name(invocation.server)
        build, edge = situation.build(name), situation.is_edge(name)
        told += (
            problems.lacks_parameter(change.address, invocation.server, build, what, edge=edge)
            for what in lacking(invocation.cmdlet, invocation.parameters, build, edge=edge)
        )
    return tuple(told)


def unknown_build(name: Name, situation: Situation) -> tuple[Diagnostic, ...]:
    """A server whose build is beyond what is known, on either side."""
    build = situation.build(name)
    if build is not None and is_newer_than_known(build):
        return (problems.build_newer(str(name), build),)
    if build is not None and is_older_than_known(build):
        return (problems.build_older(str(name), build),)
    return ()


def _lacked(
    desired: SendConnector | ReceiveConnector, server: Name, situation: Situation, *, in_effect: bool = False
) -> tuple[str, ...]:
    """Parameters of what is declared that a server has not; only those that would do something there."""
    build, edge = situation.build(server), situation.is_edge(server)
    return tuple(
        attribute.exchange
        for attribute, value in desired.declared(Kind.WRITABLE)
        if lacks(type(desired), attribute.exchange, build, edge=edge)
        and not (in_effect and value in (None, False))
    )
