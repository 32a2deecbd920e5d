"""``import --generate``: the YAML of a live organization. Reads; writes and records nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.config.desired import Desired, Loaded
from reconciler.config.generation import Choices, Document, Found, Thing, compose
from reconciler.config.loading import load_text
from reconciler.diagnostics import Diagnostic, Severity
from reconciler.plan import problems
from reconciler.plan.change import Action
from reconciler.plan.planner import plan
from reconciler.plan.situation import Situation
from state.record import StateRecord
from state.resources import Certificate
from state.snapshot import LiveState, Unreadable
from state.values import Name

from .discovery import discover
from .failed import OperationFailed
from .inputs import Surroundings

_NAME: Final = Path("generated.yaml")
_ATTEMPTS: Final = 50
"""Each leaves out, or says in another way, all that the one before was told of."""


@dataclass(frozen=True, slots=True)
class Generated:
    """What was made of an organization.

    Attributes:
        text: YAML; loads without an error, and its plan is empty.
        diagnostics: What could not be read or said.
    """

    text: str
    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True)
class _Trouble:
    """Something that cannot stay in the YAML as it is.

    Attributes:
        key: Of its attribute; "" for the thing as a whole.
    """

    thing: Thing
    key: str
    why: str


def run_generate(connections: Path, surroundings: Surroundings) -> Generated:
    """Declare all that the servers of a connections file hold.

    What it makes is loaded and planned before anybody sees it: what Exchange holds and the offline checks do
    not take is said in another way, or left out and told.

    Raises:
        OperationFailed: the file has an error, or a server could not be read: what it holds is unknown, and a
            YAML without it would look as if there were none.
    """
    discovered = discover(connections, surroundings)
    if unread := _not_read(discovered.live):
        raise OperationFailed((*discovered.diagnostics, *unread))
    servers, now = discovered.servers, surroundings.now()
    found = Found(discovered.live, servers.connections, servers.edges, now)
    choices = Choices()
    for _ in range(_ATTEMPTS):
        document = compose(found, choices)
        loaded = load_text(document.text, _NAME, today=now.date())
        troubles = tuple(_troubles(document, loaded, found))
        if not troubles:
            return Generated(document.text, (*discovered.diagnostics, *_told(document, choices, found)))
        choices = _adapted(choices, troubles)
    raise AssertionError(f"what was left out of the YAML is still in it: {troubles[:3]}")


def _troubles(document: Document, loaded: Loaded, found: Found) -> Iterator[_Trouble]:
    """What keeps the YAML from being loaded, or its plan from being empty.

    Raises:
        OperationFailed: it has to do with none of the objects.
    """
    if loaded.desired is not None:
        yield from _differences(document, loaded.desired, found)
        return
    for problem in loaded.diagnostics:
        if problem.severity is not Severity.ERROR:
            continue
        line = problem.where.line if problem.where else 0
        why = f"{problem.summary}: {problem.detail}"
        if line in document.places:
            thing, key = document.places[line]
            yield _Trouble(thing, key, why)
        elif (thing_or_none := _thing(problem.subject, document)) is not None:
            yield _Trouble(thing_or_none, "", why)
        else:
            raise OperationFailed((problem,))


def _differences(document: Document, desired: Desired, found: Found) -> Iterator[_Trouble]:
    """What the first plan would change, adopt wrongly, or call an error."""
    record = StateRecord(organization=desired.organization, lineage="")
    made = plan(Situation(desired.snapshot, found.live, record, found.now))
    for problem in made.diagnostics:
        if problem.severity is Severity.ERROR:
            thing = _thing(problem.subject, document)
            if thing is None:
                raise OperationFailed((problem,))
            yield _Trouble(thing, "", f"{problem.summary}: {problem.detail}")
    for drift in made.drift:
        yield _Trouble(document.addresses[drift.address], "", "it would not be as declared")
    for change in made.changes:
        thing = document.addresses.get(change.address)
        if thing is None:
            continue  # an Edge server that would take over what changes elsewhere
        if change.action not in (Action.ADOPT, Action.NONE):
            yield _Trouble(thing, "", f"apply would {change.action.value} it")
        recorded = change.learned.recorded.resource if change.learned and change.learned.recorded else None
        if isinstance(recorded, Certificate) and Name(str(recorded.thumbprint)) != thing.name:
            yield _Trouble(thing, "", "another certificate would be meant")


def _thing(subject: str, document: Document) -> Thing | None:
    return next((thing for address, thing in document.addresses.items() if str(address) == subject), None)


def _adapted(choices: Choices, troubles: tuple[_Trouble, ...]) -> Choices:
    """The next thing to try: apart from its set or by its thumbprint, without the attribute, not at all."""
    apart = {
        trouble.thing
        for trouble in troubles
        if trouble.thing.kind in ("send_connector", "certificate") and trouble.thing not in choices.apart
    }
    for trouble in troubles:
        if trouble.thing in apart:
            choices = choices.set_apart(trouble.thing)
        elif trouble.key and (trouble.thing, trouble.key) not in choices.without:
            choices = choices.leave_out(trouble.thing, trouble.key, trouble.why)
        else:
            choices = choices.omit(trouble.thing, trouble.why)
    return choices


def _not_read(live: LiveState) -> tuple[Diagnostic, ...]:
    return tuple(
        problems.server_unreadable(str(name), server.unreachable)
        for name, server in live.servers.items()
        if server.unreachable is not None
    )


def _told(document: Document, choices: Choices, found: Found) -> Iterator[Diagnostic]:
    for what, why in _lists(found):
        yield Diagnostic(
            summary="List not read",
            detail=f"The {what} could not be read: {why.reason}. Nothing of it is declared.",
            hint=why.remedy or "let the account read it, and generate again",
            severity=Severity.WARNING,
        )
    left = [*document.unread, *(f"{thing}: {why}" for thing, why in choices.omitted.items())]
    for text in left:
        yield Diagnostic(
            summary="Not declared",
            detail=f"{text.rstrip('.')}.",
            hint="it is told in a comment of the YAML; what is not declared is neither compared nor touched",
            severity=Severity.WARNING,
        )


def _lists(found: Found) -> Iterator[tuple[str, Unreadable]]:
    listings: list[tuple[str, Unreadable | None]] = []
    if found.mailbox:
        organization = found.live.organization
        listings.append(("send connectors of the organization", organization.send_connectors.unreadable))
    for name, server in found.servers():
        listings.append((f"certificates of {name}", server.certificates.unreadable))
        if name in found.edges and not found.is_subscribed(name):
            listings.append((f"send connectors of {name}", server.send_connectors.unreadable))
        listings.append((f"receive connectors of {name}", server.receive_connectors.unreadable))
    yield from ((what, why) for what, why in listings if why is not None)
