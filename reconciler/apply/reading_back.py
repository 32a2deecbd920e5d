"""Whether a change shows in what is read afterwards. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.plan.change import Action, Change
from reconciler.plan.compare import live_value
from state.resources import ReceiveConnector, SendConnector
from state.values import UNKNOWN, UNSET, Deferred


def reads_back(change: Change, found: Iterable[SendConnector | ReceiveConnector]) -> bool:
    """Whether the connectors are those after a change, as far as they tell.

    What still has its old value was not done yet. A value that Exchange writes in another way than it was
    sent is not asked for: the next plan judges that.
    """
    same = _behind(change, found)
    if change.action is Action.DELETE:
        return same is None
    if same is None:
        return False
    return not any(
        difference.before not in (UNSET, UNKNOWN)
        and not isinstance(difference.after, Deferred)
        and difference.after != difference.before
        and live_value(same, name) == difference.before
        for name, difference in change.attributes.items()
    )


def _behind(
    change: Change, found: Iterable[SendConnector | ReceiveConnector]
) -> SendConnector | ReceiveConnector | None:
    """The connector that a change is about: by its guid, else by the name it has before or after."""
    recorded = change.learned.recorded.resource if change.learned and change.learned.recorded else None
    guid = getattr(recorded, "guid", UNSET)
    named = change.attributes.get("name")
    names = {getattr(recorded, "name", UNSET), *((named.before, named.after) if named else ())} - {UNSET}
    for one in found:
        if (one.guid == guid) if isinstance(guid, str) else (one.name in names):
            return one
    return None
