"""Files of this tool's that stand where another belongs: told as what they are, not key by key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from reconciler.diagnostics import Diagnostic

from .tree import Entry, MappingNode, Node, ScalarNode

_PLAN: Final = "exchange-tls-reconciler plan"
_DESIRED: Final = ("organization", "partners", "endpoints", "send_connectors")
"""Keys that only a desired state has."""
_CONNECTION: Final = frozenset({"url", "smtp", "ca", "credential", "auth", "endpoint"})


def not_a_desired_state(root: Node) -> Diagnostic | None:
    """What is wrong with naming this file as PATH; None when it may be a desired state."""
    entries = root.entries if isinstance(root, MappingNode) else {}
    if _kind(entries) == _PLAN:
        return _other(
            root,
            "This is a saved plan, not the YAML that it was made from.",
            "a saved plan is for show and apply; name the YAML here",
        )
    if not {"version", *_DESIRED} & entries.keys() and _holds_connections(entries):
        return _other(
            root,
            "This is a connections file: it says how servers are reached, and declares nothing.",
            "give it with --connections, and name the YAML here",
        )
    return None


def not_connections(root: Node) -> Diagnostic | None:
    """What is wrong with naming this file with ``--connections``; None when it may be one."""
    entries = root.entries if isinstance(root, MappingNode) else {}
    if _kind(entries) == _PLAN or any(key in entries for key in _DESIRED):
        return _other(
            root,
            "This file says what is declared; a connections file holds servers and issuers alone.",
            "name a connections file, or leave --connections out: the YAML then says how servers are reached",
        )
    return None


def _other(root: Node, detail: str, hint: str) -> Diagnostic:
    return Diagnostic(summary="Another kind of file", detail=detail, where=root.where, hint=hint)


def _kind(entries: Mapping[str, Entry]) -> object:
    node = entries["kind"].node if "kind" in entries else None
    return node.value if isinstance(node, ScalarNode) else None


def _holds_connections(entries: Mapping[str, Entry]) -> bool:
    servers = entries["servers"].node if "servers" in entries else None
    if not isinstance(servers, MappingNode) or not servers.entries:
        return False
    return all(
        isinstance(entry.node, MappingNode) and entry.node.entries.keys() <= _CONNECTION
        for entry in servers.entries.values()
    )
