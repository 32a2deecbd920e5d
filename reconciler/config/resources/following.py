"""Connectors that somebody else looks after, and that only follow a declared certificate."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from reconciler.config.draft import Draft
from reconciler.config.models.receive_connector import ReceiveConnectorModel
from reconciler.config.models.send_connector import OtherConnector
from reconciler.config.tree import Path, node_at

_BESIDE: Final = frozenset({"kind", "follow", "certificate", "source_servers", "acknowledge"})
"""Keys that say which connector follows what."""


def check_follow(draft: Draft, model: OtherConnector | ReceiveConnectorModel, path: Path) -> None:
    """What follows names its certificate, and nothing that would be for nothing."""
    if not model.follow:
        return
    name = path[-1]
    if node_at(draft.root, (*path, "certificate")) is None:
        draft.error(
            "Nothing to follow",
            f'"{name}" follows its certificate, and names none.',
            draft.key(*path, "follow"),
            "add certificate: and the name of a declared certificate",
        )
    if more := _in_order(model.model_fields_set - _BESIDE, draft, path):
        draft.error(
            "More than it follows",
            f'"{name}" only follows its certificate, and declares {" and ".join(more)}, which would be '
            "neither compared nor set.",
            draft.key(*path, more[0]),
            "take that away, or take follow away to have the connector managed",
        )


def _in_order(keys: Collection[str], draft: Draft, path: Path) -> list[str]:
    """Keys as they stand in the YAML."""
    return sorted(keys, key=lambda one: (draft.key(*path, one).line, draft.key(*path, one).column))
