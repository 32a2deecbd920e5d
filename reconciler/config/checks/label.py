"""How a connector is called in a message."""

from __future__ import annotations

from state.address import Address


def label(address: Address) -> str:
    """``Send connector "tls_required" of "EDGE1"``, ``Receive connector "Default EX1" of "EX1"``."""
    kind = address.type.replace("_", " ").capitalize()
    first, *rest = address.parts
    return f'{kind} "{" ".join(rest)}" of "{first}"' if rest else f'{kind} "{first}"'
