"""The changes of a saved plan as JSON, with their exact invocations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.cmdlets.invocation import Answer, Invocation, ParameterValue
from state.address import Address
from state.codec.resource import value_from_json, value_to_json
from state.codec.shape import Malformed, Shape
from state.codec.v2 import entry_from_json, entry_to_json
from state.record import Learned
from state.resources import KINDS, Json
from state.values import UNSET, CredentialReference, Deferred

from .change import Action, Change, Difference


def change_to_json(change: Change) -> dict[str, Json]:
    return {
        "address": str(change.address),
        "action": change.action.value,
        "attributes": differences_to_json(change.address, change.attributes),
        "invocations": [_invocation_to_json(invocation) for invocation in change.invocations],
        "requires": [*sorted(map(str, change.requires))],
        "reason": change.reason,
        "on_failure": [_invocation_to_json(invocation) for invocation in change.on_failure],
        "no_step_back": change.no_step_back,
        "closing": change.closing,
        "presented_by": [str(address) for address in change.presented_by],
        "learned": entry_to_json(change.learned) if change.learned else None,
    }


def change_from_json(shape: Shape) -> Change:
    address = Address.parse(shape.text("address"))
    try:
        action = Action(shape.text("action"))
    except ValueError:
        raise Malformed(shape.path("action"), "there is no such action") from None
    learned = None if shape.take("learned") is None else entry_from_json(shape.take("learned"))
    if not isinstance(learned, Learned | None):
        raise Malformed(shape.path("learned"), "it is something else")
    # An earlier program did not work it out.
    presenters = shape.texts("presented_by") if "presented_by" in shape.members else ()
    closing = shape.whole_number("closing") if "closing" in shape.members else 0
    change = Change(
        address=address,
        action=action,
        attributes=differences_from_json(address, shape.shape("attributes")),
        invocations=_invocations_from_json(shape, "invocations"),
        requires=frozenset(map(Address.parse, shape.texts("requires"))),
        reason=shape.text("reason"),
        on_failure=_invocations_from_json(shape, "on_failure"),
        no_step_back=shape.text("no_step_back"),
        presented_by=tuple(map(Address.parse, presenters)),
        closing=closing,
        learned=learned,
    )
    shape.done()
    if not 0 <= change.closing < max(len(change.invocations), 1):
        raise Malformed(shape.path("closing"), "it is more than what there is to send")
    if change.action.is_mutating and not change.invocations:
        raise Malformed(shape.path("invocations"), "it changes something without a cmdlet")
    return change


def differences_to_json(address: Address, differences: Mapping[str, Difference]) -> dict[str, Json]:
    attributes = KINDS[address.type].attributes()
    found: dict[str, Json] = {}
    for name, difference in differences.items():
        sides = {"before": difference.before, "after": difference.after}
        found[name] = {
            side: value_to_json(attributes[name], value)
            for side, value in sides.items()
            if value is not UNSET
        }
    return found


def differences_from_json(address: Address, shape: Shape) -> dict[str, Difference]:
    if address.type not in KINDS:
        raise Malformed(shape.where, f"there is no resource type {address.type}")
    attributes = KINDS[address.type].attributes()
    found: dict[str, Difference] = {}
    for name in shape.members:
        if name not in attributes:
            raise Malformed(shape.path(name), "there is no such attribute")
        sides = shape.object(name)
        values: list[Any] = [
            value_from_json(attributes[name], sides[side], shape.path(name)) if side in sides else UNSET
            for side in ("before", "after")
        ]
        found[name] = Difference(*values)
    return found


def _invocation_to_json(invocation: Invocation) -> dict[str, Json]:
    return {
        "server": invocation.server,
        "cmdlet": invocation.cmdlet,
        "parameters": {name: _parameter_to_json(value) for name, value in invocation.parameters.items()},
        "answers": [{"prompt": answer.prompt, "answer": answer.answer} for answer in invocation.answers],
    }


def _invocations_from_json(shape: Shape, key: str) -> tuple[Invocation, ...]:
    return tuple(
        _invocation_from_json(Shape.of(item, f"{shape.path(key)}.{at}"))
        for at, item in enumerate(Shape.list_of(shape.take(key), shape.path(key)))
    )


def _invocation_from_json(shape: Shape) -> Invocation:
    parameters = shape.shape("parameters")
    invocation = Invocation(
        server=shape.text("server"),
        cmdlet=shape.text("cmdlet"),
        parameters={
            name: _parameter_from_json(value, parameters.path(name))
            for name, value in parameters.members.items()
        },
        answers=tuple(_answers(Shape.list_of(shape.take("answers"), shape.path("answers")), shape)),
    )
    shape.done()
    return invocation


def _answers(items: Iterable[Json], shape: Shape) -> Iterable[Answer]:
    for item in items:
        answer = Shape.of(item, shape.path("answers"))
        yield Answer(answer.text("prompt"), answer.text("answer"))
        answer.done()


def _parameter_to_json(value: ParameterValue) -> Json:
    match value:
        case Deferred():
            return {"deferred": str(value)}
        case CredentialReference():
            return {"credential": str(value)}
        case tuple():
            return list(value)
        case _:
            return value


def _parameter_from_json(json: Json, where: str) -> ParameterValue:
    match json:
        case None | bool() | int() | str():
            return json
        case {"deferred": str(text), **rest} if not rest:
            return Deferred.parse(text)
        case {"credential": str(text), **rest} if not rest:
            return CredentialReference.parse(text)
        case list():
            items = [item for item in json if isinstance(item, str)]
            if len(items) == len(json):
                return tuple(items)
    raise Malformed(where, "it is no value of a parameter")
