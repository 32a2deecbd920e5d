"""Subscriptions of Edge servers to the organization."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..values import Maybe, Name
from .attribute import NAME, TEXT, observed
from .resource import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeSubscription(Resource):
    """One Edge server that takes its configuration from the organization [1-5]; read, never changed."""

    kind: ClassVar[str] = "edge_subscription"

    name: Maybe[Name] = observed("Name", NAME)
    """The Edge server's."""
    site: Maybe[str] = observed("Site", TEXT)
    """The Active Directory site whose Mailbox servers it exchanges mail with."""
